# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who comes in: passwords, second factor, single sign-on, sessions, roles."""
