# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the page of figures points out by itself: feeds and readers that fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.portal.running import Portal


def test_feeds_that_fell_silent_and_readers_that_make_less_are_marked(desk: Portal) -> None:
    desk.database.fetch(
        "INSERT INTO daily_events (day, problem, severity, feed, customer_match, events) VALUES "
        "('2026-01-10', 'spam', 1, 'Quiet', 'one', 5), ('2026-01-10', 'spam', 1, 'Steady', 'one', 5), ('2026-02-05', 'spam', 1, 'Steady', 'one', 1)"
    )
    desk.database.fetch(
        "INSERT INTO daily_readers (day, reader, reports, read, partly, unread, filed, events, last_at) "
        "SELECT day::date, reader, reports, reports, 0, 0, 0, events, day::timestamptz FROM (VALUES "
        "('2026-01-20', 'fell', 20, 100), ('2026-02-03', 'fell', 20, 40), ('2026-01-20', 'same', 20, 100), ('2026-02-03', 'same', 20, 60), "
        "('2026-01-20', 'gone', 15, 15), ('2026-01-20', 'rare', 3, 30), ('2026-02-03', 'rare', 3, 3), ('2026-02-03', 'new', 30, 0)) "
        "AS v (day, reader, reports, events)"
    )
    text = desk.client("anna").get("/analytics?since=2026-02-01&until=2026-02-28").text
    marks = dict(re.findall(r'<tr class="silent"><td>([^<]+) <span class="state failed">([^<]+)</span>', text))
    assert marks == {"Quiet": "silent", "fell": "yield dropped", "gone": "silent"}
