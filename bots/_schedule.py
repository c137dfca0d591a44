# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""When customers are told, for the bots that store tickets and send notices."""

from __future__ import annotations

from abusehandler.configuration.sending import notice_schedule

__all__ = ["notice_schedule"]
