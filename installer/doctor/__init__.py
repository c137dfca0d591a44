# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What can be wrong with an installation, each with the mend: one small function for each check, see `checks.py`."""
