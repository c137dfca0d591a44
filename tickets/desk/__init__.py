# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the web desk and the API read and write in the store: users, sessions, lists, pages."""
