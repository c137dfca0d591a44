# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports as programs hand them in: bytes become evidence and a record, as a collector's do; a reader gets them from there.

The readers read mails. What comes without one, JSON or CSV, is kept as the attachment of a mail made for it, which is
the same for the same bytes of the same token, so that handing in twice counts once.
"""

from __future__ import annotations

import hashlib
import json
from email.message import EmailMessage
from email.policy import SMTP
from tempfile import SpooledTemporaryFile
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from abusehandler.portal.api.problems import ProblemError
from abusehandler.reports.mailbox.mbox import is_mbox, mails
from abusehandler.tickets.desk.scope import note
from abusehandler.tickets.reports import API_CHANNEL, ReportStore

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fastapi import Request
    from psycopg2.extensions import cursor as Cursor

    from abusehandler.portal.api.caller import Caller
    from abusehandler.portal.settings import Portal

#: Reports in one request at most; for more send several.
MOST = 500
IN_MEMORY = 1 << 20
PIECE = 1 << 16
TYPES = ("message/rfc822", "application/mbox", "application/json", "application/xarf+json", "text/csv")
_FILES = {"application/json": "report.json", "application/xarf+json": "xarf.json", "text/csv": "report.csv"}


async def body_of(request: Request) -> BinaryIO:
    """The body, on disk when it is large. The caller closes it."""
    file = cast("BinaryIO", SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115  # whoever gets it closes it
    async for piece in request.stream():
        file.write(piece)
    file.seek(0)
    return file


def take(portal: Portal, caller: Caller, kind: str, body: BinaryIO, *, name: str, feed: str) -> list[dict[str, Any]]:
    """Stores what the body holds; when this returns, all of it is on disk and recorded. Raises ProblemError."""
    largest = portal.configuration.mailbox.max_mail_bytes
    taken: list[dict[str, Any]] = []
    for content in _reports(kind, body, caller, name=name, largest=largest):
        if len(taken) == MOST:
            raise ProblemError(413, f"At most {MOST} reports are taken in one request; the first {MOST} were.")
        taken.append(_keep(portal, caller, content, name=name, feed=feed))
    if not taken:
        raise ProblemError(400, "The body is empty.")
    return taken


def _reports(kind: str, body: BinaryIO, caller: Caller, *, name: str, largest: int) -> Iterator[Iterable[bytes]]:
    """The content of each report."""
    if kind == "application/mbox":
        if not is_mbox(body):
            raise ProblemError(400, "This is no mbox file: its first line does not begin with 'From '.")
        body.seek(0)
        yield from mails(body)
        return
    content = body.read(largest + 1)
    if len(content) > largest:
        raise ProblemError(413, f"A report has at most {largest} bytes (mailbox.max_mail_bytes of abusehandler.yaml).")
    if not content.strip():
        raise ProblemError(400, "The body is empty.")
    if kind == "message/rfc822":
        yield [content]
    elif kind == "text/csv":
        yield [_as_mail(content, kind, caller, name)]
    else:
        for one in _json_reports(content):
            yield [_as_mail(one, kind, caller, name)]


def _json_reports(content: bytes) -> Iterator[bytes]:
    """An object is one report, kept as it came; of an array each object is one. Raises ProblemError."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, f"The body is no JSON: {str(error)[:200]}") from None
    if isinstance(value, dict) and value:
        yield content
        return
    if not isinstance(value, list) or not value or not all(isinstance(one, dict) and one for one in value):
        raise ProblemError(400, "Write one report as an object, or several as an array of objects.")
    if len(value) > MOST:
        raise ProblemError(413, f"At most {MOST} reports are taken in one request.")
    for one in value:
        yield json.dumps(one, ensure_ascii=True, separators=(",", ":")).encode()


def _as_mail(content: bytes, kind: str, caller: Caller, name: str) -> bytes:
    """A mail that carries these bytes; without a date, which would make it another one each time."""
    digest = hashlib.sha256(content).hexdigest()
    mail = EmailMessage(policy=SMTP)
    mail["From"] = f"token-{caller.token.id}@api.invalid"
    mail["Subject"] = "Report by API"
    mail["X-Abusehandler-Token"] = str(caller.token.id)
    main, _, sub = kind.partition("/")
    mail.add_attachment(
        content,
        maintype=main,
        subtype=sub,
        filename=name if name.isascii() and name.isprintable() and name else _FILES[kind],
    )
    mail.set_boundary(f"abusehandler-{digest[:32]}")
    return mail.as_bytes()


def _keep(portal: Portal, caller: Caller, content: Iterable[bytes], *, name: str, feed: str) -> dict[str, Any]:
    kept = portal.evidence.keep(content)

    def noted(cursor: Cursor, number: int) -> None:
        note(cursor, caller.author, "report", number, "handed in by API")

    with portal.pool.database() as database:
        record, new = ReportStore(database).accept(
            kept, kind="mail", channel=API_CHANNEL, name=name or "mail", feed=feed, note=noted
        )
    return {"id": record.id, "evidence": record.evidence, "size": kept.size, "new": new}
