# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What comes back by mail after we have written: bounces, replies, automatic answers; and what reporters are told."""
