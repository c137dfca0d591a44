# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Check again: one harmless question to an address of ours, whether what a ticket tells can still be seen from outside."""
