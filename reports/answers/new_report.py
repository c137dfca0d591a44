# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a reply to one of our notices also reports something new: its own words and attachments read as a report.

A reply never becomes tickets by itself, because what it quotes and what it denies reads like a report too. If it seems to
hold one, a person decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.reports.read import read_decoded

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import Reading

_THREAD = frozenset({"in-reply-to", "references", "thread-index", "thread-topic"})


def new_report(mail: Mail, said: str, context: ReadContext) -> Reading | None:
    """What would be read from the mail without the thread it stands in and without its quotes; None if no report."""
    body = mail.body()
    parts = tuple(
        replace(part, text=said) if part is body else part
        for part in mail.parts
        if part is body or part.attached or part.kind in ("data", "mail", "headers") or part.depth
    )
    headers = tuple((name, value) for name, value in mail.headers if name not in _THREAD)
    reading = read_decoded(replace(mail, headers=headers, parts=parts, subject=""), context)
    return reading if reading.verdict == "report" and reading.events else None
