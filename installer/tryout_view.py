# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the try-out shows: reports, tickets, notices, and where to look on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.tickets.incoming import SEVERITY_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from abusehandler.tickets.database import Database


def show(database: Database, *, mails: Path, root: Path, environment: Mapping[str, str]) -> None:
    """Prints the state of a try-out to standard output."""
    heading("What came in")
    table(
        ("report", "what", "state", "events", "unread", "reader / reason"),
        (
            (
                number,
                (subject or name)[:46],
                state,
                events,
                unread,
                (reason if state in ("unread", "not-a-report") else reader)[:60],
            )
            for number, name, subject, state, events, unread, reader, reason in database.fetch(
                "SELECT id, name, subject, state, events, unread_parts, reader, reason FROM reports ORDER BY id"
            )
        ),
    )
    heading("Tickets")
    table(
        ("ticket", "customer", "resource", "problem", "severity", "events"),
        (
            (number, f"{customer} {name}", resource, problem, SEVERITY_NAMES[severity], events)
            for number, customer, name, resource, problem, severity, events in database.fetch(
                "SELECT t.id, c.id, c.name, t.resource, t.problem, t.severity, t.event_count "
                "FROM tickets t JOIN customers c ON c.id = t.customer_id ORDER BY t.severity DESC, t.id"
            )
        ),
    )
    ((foreign,),) = database.fetch("SELECT count(*) FROM events WHERE ticket_id IS NULL")
    print(f"\n{foreign} event(s) at addresses of ours that no customer has: counted, without a ticket.")
    heading("Notices")
    table(
        ("notice", "to", "state", "mail"),
        (
            (notice, recipient, state, next((str(path) for path in mails.glob(f"{message_id.strip('<>')}*.eml")), "-"))
            for notice, recipient, state, message_id in database.fetch(
                "SELECT notice_id, recipient, state, message_id FROM deliveries ORDER BY id"
            )
        ),
    )
    waiting = database.fetch(
        "SELECT r.id, r.subject, r.reason FROM reports r WHERE state = 'unread' "
        "UNION ALL SELECT r.id, r.name || ', line ' || p.line, p.reason FROM unread_parts p JOIN reports r ON r.id = p.report_id ORDER BY 1"
    )
    heading("Waiting for a person")
    table(("report", "what", "why"), waiting)
    heading("Next")
    venv = environment["PATH"].partition(":")[0]
    print(f"  export INTELMQ_ROOT_DIR={root} PATH={venv}:$PATH")
    print("  intelmqctl status                 the bots; logs are in", root / "var" / "log")
    print("  abusehandler report list          what came in")
    print("  abusehandler ticket list          the tickets")
    print(f"  less {mails}/*.eml     the notices")
    print(f"  cp your.csv {root}/var/lib/feeds/      your own Shadowserver report")


def heading(text: str) -> None:
    print(f"\n{text}\n{'=' * len(text)}")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Columns as wide as their content."""
    lines = [tuple(header), *(tuple("" if cell is None else str(cell) for cell in row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    for position, line in enumerate(lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        if position == 0:
            print("  ".join("-" * width for width in widths))
