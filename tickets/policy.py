# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""When a customer is told: a policy's word becomes the time of the first notice and the pause before the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable

NEVER = "never"
UTC = ZoneInfo("UTC")


@dataclass(frozen=True, slots=True)
class Due:
    """`first`: when the first notice about a ticket is due (aware), None for never. `again`: pause until an update."""

    first: datetime | None
    again: timedelta


@dataclass(frozen=True)
class NoticeSchedule:
    """What abusehandler.yaml says about notices; `policy` other than `catalogue` overrules every problem's own."""

    settle: timedelta = timedelta(seconds=60)
    again: timedelta = timedelta(hours=24)
    digest_hour: int = 8
    zone: ZoneInfo = UTC
    policy: str = "catalogue"

    def due(self, policy: str, now: datetime) -> Due:
        """The times for a problem's policy (`at-once`, `daily`, `weekly`, `never`), counted from `now` (aware).

        A word that is not known counts as `daily`: a customer is told late rather than never.
        """
        word = policy if self.policy == "catalogue" else self.policy
        if word == NEVER:
            return Due(None, self.again)
        if word == "at-once":
            return Due(now + self.settle, self.again)
        if word == "weekly":
            return Due(self._next_digest(now, lambda day: day.weekday() == 0), timedelta(days=7))
        return Due(self._next_digest(now, lambda day: True), max(self.again, timedelta(days=1)))

    def _next_digest(self, now: datetime, fits: Callable[[datetime], bool]) -> datetime:
        local = now.astimezone(self.zone)
        moment = local.replace(hour=self.digest_hour, minute=0, second=0, microsecond=0)
        while moment <= local or not fits(moment):
            moment += timedelta(days=1)
        return moment
