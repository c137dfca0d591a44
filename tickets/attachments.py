# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The events of a notice as files beside the mail: a table (CSV) for people, XARF version 4 for programs; both bounded."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from abusehandler.tickets.incoming import SEVERITY_NAMES
from abusehandler.tickets.mime import Attachment
from abusehandler.tickets.spreadsheet_cells import safe_cell
from abusehandler.tickets.xarf_report import xarf_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.tickets.notice import Notice
    from abusehandler.tickets.xarf_report import Reporter

#: Bytes of each file; many mail servers take 10 MB in all, and base64 adds a third.
MAX_CSV_BYTES = 2_000_000
MAX_XARF_BYTES = 2_000_000
CSV_COLUMNS = (
    "time", "ticket", "problem", "severity", "source.ip", "source.port", "source.fqdn", "source.url", "protocol.transport",
    "protocol.application", "destination.ip", "destination.port", "malware.name", "event_description.text", "feed.name",
)  # fmt: skip
CUT = "... more events are not shown"


@dataclass(frozen=True, slots=True)
class EventFiles:
    """The files; `cut` when some events did not fit."""

    files: tuple[Attachment, ...]
    cut: bool


def event_files(notice: Notice, reporter: Reporter) -> EventFiles:
    """CSV and XARF of all events of the notice, the newest of each ticket first."""
    if not any(ticket.events for ticket in notice.tickets):
        return EventFiles((), False)
    table, table_cut = _table(notice)
    reports, reports_cut = _reports(notice, reporter)
    files = [Attachment(f"notice-{notice.id}.csv", 'text/csv; charset="utf-8"', table)]
    if reports:
        files.append(Attachment(f"notice-{notice.id}.xarf.json", "application/json", reports))
    return EventFiles(
        tuple(files), table_cut or reports_cut or any(ticket.more for ticket in notice.tickets)
    )  # fmt: skip


def events_as_csv(notice: Notice) -> bytes:
    """The table alone (RFC 4180, UTF-8 with BOM so that office programs read it right).

    A cell that such a program would take for a formula is made text.
    """
    return _table(notice)[0]


def _table(notice: Notice) -> tuple[bytes, bool]:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    size, cut = 0, False
    for row in _csv_rows(notice):
        size += writer.writerow([safe_cell(cell) for cell in row])
        if size > MAX_CSV_BYTES:
            cut = True
            break
    if cut or any(ticket.more for ticket in notice.tickets):
        writer.writerow([CUT])
    return b"\xef\xbb\xbf" + out.getvalue().encode("utf-8", "replace"), cut


def _csv_rows(notice: Notice) -> Iterator[list[Any]]:
    for ticket in notice.tickets:
        for event in ticket.events:
            first = [event.at.isoformat(), ticket.id, ticket.problem, SEVERITY_NAMES[ticket.severity]]
            yield [*first, *(event.data.get(column, "") for column in CSV_COLUMNS[4:])]


def _reports(notice: Notice, reporter: Reporter) -> tuple[bytes, bool]:
    """A JSON array of XARF reports, one for each event."""
    pieces: list[bytes] = []
    size = 0
    for ticket in notice.tickets:
        for event in ticket.events:
            report = xarf_report(event, ticket, reporter)
            if report is None:
                continue
            piece = orjson.dumps(report)
            size += len(piece) + 2
            if size > MAX_XARF_BYTES:
                return b"[" + b",\n".join(pieces) + b"]\n", True
            pieces.append(piece)
    return (b"[" + b",\n".join(pieces) + b"]\n" if pieces else b""), False
