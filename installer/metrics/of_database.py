# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers of the database. Each question is one that an index answers: a million tickets cost no more than a hundred."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from abusehandler.installer.metrics.exposition import Metric, by_label, gauge
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database


def database_metrics(database: Database) -> list[Metric]:
    """Raises Unavailable."""
    sql = statements("metrics")
    with database.transaction() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '5s'")
        # a page that Prometheus asks for each quarter of a minute is not worth a second process
        cursor.execute("SET LOCAL max_parallel_workers_per_gather = 0")

        def row(name: str) -> dict[str, Any]:
            cursor.execute(sql[name])
            names = [column.name for column in cursor.description or ()]
            return dict(zip(names, cursor.fetchone() or (), strict=False))

        def rows(name: str) -> dict[str, float]:
            cursor.execute(sql[name])
            return {str(key): float(value) for key, value in cursor.fetchall()}

        waits, marks, drawn = row("waits"), row("marks"), row("drawn")
        sources, tickets = rows("sources"), row("tickets")
    return [
        by_label("tickets", "Tickets by state; open and closed are estimates where there are very many.", "state", tickets),
        *_drawn(drawn),
        by_label("reports", "Reports by state that need somebody or something.", "state", _some(waits, "reports_")),
        by_label("mails", "Mails to customers that are not sent, by state.", "state", _some(waits, "mails_")),
        by_label("notices", "Notices that need a person, by state.", "state", _some(waits, "notices_")),
        by_label("webhooks", "Messages to webhooks, by state.", "state", _some(waits, "webhooks_")),
        gauge("answers_unread", "Tickets with an answer that nobody has read.", waits["answers_unread"]),
        gauge("alerts_unseen", "Alerts of the desk that nobody has seen.", waits["alerts_unseen"]),
        gauge("mail_addresses_bad", "Addresses that bounce or are blocked.", waits["addresses_bad"]),
        gauge("oldest_report_waiting_timestamp_seconds", "Since when the oldest report waits for its reader.", marks["oldest_report"]),
        gauge("timers_timestamp_seconds", "When the timers bot did something last.", marks["timers"]),
        gauge("statistics_timestamp_seconds", "When statistics were made last.", marks["statistics"]),
        by_label("source_last_report_timestamp_seconds", "When a source reported last, of the newest 5000 reports.", "source", sources),
        gauge("database_bytes", "Size of the database.", marks["bytes"]),
        gauge("schema", "Number of the database's schema.", marks["schema"]),
    ]  # fmt: skip


def _some(row: dict[str, Any], prefix: str) -> dict[str, float]:
    return {
        name.removeprefix(prefix).replace("_", "-"): float(value)
        for name, value in row.items()
        if name.startswith(prefix)
    }


def _drawn(drawn: dict[str, Any]) -> list[Metric]:
    about = "Numbers drawn since the installation; a few more than there are."
    return [
        Metric(f"{name}_total", "counter", f"{name.capitalize()}: {about}", (({}, float(value or 0)),))
        for name, value in drawn.items()
    ]
