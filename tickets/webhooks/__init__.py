# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Webhooks: other programs are told of tickets, notices and answers as they happen."""
