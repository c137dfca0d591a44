# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What every answer and every request of the portal has to bear: headers, tokens, size."""
