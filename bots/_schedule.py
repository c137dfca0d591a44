# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The `notices` section of abusehandler.yaml as the store's schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from abusehandler.tickets.policy import NoticeSchedule

if TYPE_CHECKING:
    from abusehandler.configuration import Configuration


def notice_schedule(configuration: Configuration) -> NoticeSchedule:
    """When customers are told, as the operator configured it."""
    notices = configuration.notices
    return NoticeSchedule(
        settle=timedelta(seconds=notices.settle_seconds),
        again=timedelta(hours=notices.repeat_hours),
        digest_hour=notices.digest_hour,
        zone=ZoneInfo(configuration.organisation.time_zone),
        policy=notices.policy,
    )
