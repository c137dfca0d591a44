# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The IntelMQ fields we add, and the catalogue of problems and feeds."""
