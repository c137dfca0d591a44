# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""IntelMQ bots: receive, call the core, send, acknowledge."""
