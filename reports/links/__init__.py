# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports that a mail only links to: which links may be followed, which a mail holds, and fetching them."""
