# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shadowserver's reports as attachments of a mail, handed to the reader of their files."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from abusehandler.reports.reading import BadPart, ReadEvent

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Part

_MOST_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class ShadowserverRows:
    """Events and bad rows of one attached report."""

    events: tuple[ReadEvent, ...]
    bad: tuple[BadPart, ...] = ()


def read_shadowserver_part(part: Part, context: ReadContext) -> ShadowserverRows | None:
    """The rows of a report in this part; None if it is none."""
    try:
        from abusehandler.harmonization.catalogue import Catalogue  # large data, and most mails need none of it
        from abusehandler.reports.formats.shadowserver import is_shadowserver, read
    except ImportError:
        return None

    header = [cell.strip().strip('"') for cell in part.text[:20_000].split("\n", 1)[0].split(",")]
    if len(header) < 4 or not is_shadowserver(header):
        return None
    rows = read(
        io.BytesIO(part.data),
        filename=part.filename,
        catalogue=Catalogue.load(),
        received_at=context.received_at,
        max_rows=_MOST_ROWS,
    )
    events: list[ReadEvent] = []
    bad: list[BadPart] = []
    for row in islice(rows, _MOST_ROWS):
        if isinstance(row, BadPart):
            if len(bad) < 200:
                bad.append(row)
        else:
            events.append(ReadEvent(row))
    return ShadowserverRows(tuple(events), tuple(bad)) if events else None
