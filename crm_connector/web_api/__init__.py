# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customer data behind any HTTP/JSON API, by a mapping that is data: see mapping.py for all that one may say."""
