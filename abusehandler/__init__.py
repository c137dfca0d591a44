# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""abusehandler: an abuse desk in a box, made of IntelMQ bots and an installer."""

__version__ = "0.1.0"
