# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A decoded mail read as an answer to one of ours: what kind it is, whom it concerns, what was said.

Whether it belongs to a mail of ours is for the store to find out (tickets/answers/tying.py); nothing here proves anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.answers.automatic import automatic, made_by_a_program
from abusehandler.reports.answers.bounce_text import above_the_copy, read_bounce
from abusehandler.reports.answers.delivery_status import recipients_of
from abusehandler.reports.answers.quoting import written
from abusehandler.reports.answers.value import Answer, AnswerKind, AttachedFile, RecipientNews

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail, Part

MOST_IDS = 50
MOST_FILES = 50
#: Of a reply that holds nothing but quotes, so much is shown.
MOST_QUOTES = 5000
#: So much text of a reply is kept beside the mail itself.
MOST_TEXT = 200_000
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_SIGNATURES = ("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature")
_SEALED = ("application/pgp-encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_RECIPIENT_HEADERS = (
    "to", "cc", "delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-delivered-to", "x-rcpt-to", "resent-to",
    "apparently-to",
)  # fmt: skip
_IDENTITY = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,255}>")
_COPIED_IDENTITY = re.compile(
    r"(?im)^[ \t>|*]{0,20}message-id\*?:\*?[ \t]{0,20}\n?[ \t>]{0,20}(<[^<>\s@]{1,200}@[^<>\s@]{1,255}>)"
)


def addressed_to(mail: Mail) -> tuple[str, ...]:
    """The header values that name who got the mail, at most some hundred."""
    return tuple(value for name, value in mail.headers if name in _RECIPIENT_HEADERS)[:200]


def returned_ids(mail: Mail) -> tuple[str, ...]:
    """Message-IDs of the mails that this one holds, in whole or as headers only (RFC 6522), or copies into its text."""
    return _unique(_returned(mail))


def thread_ids(mail: Mail) -> tuple[str, ...]:
    """The Message-IDs that In-Reply-To and References name, the nearest first."""
    references = _IDENTITY.findall(mail.header("references")[:20_000])
    return _unique([*_IDENTITY.findall(mail.header("in-reply-to")[:5000]), *reversed(references)])


def read_answer(mail: Mail, context: ReadContext, *, own_address: str = "") -> Answer:
    """The mail read as an answer. `own_address` is our sender, which bounces name without meaning it."""
    kind, reason, news, envelope = _kind(mail, context, own_address)
    body = mail.body()
    text = body.text[:MOST_TEXT] if body is not None else ""
    said = written(text) if kind in ("reply", "auto-reply", "complaint") else above_the_copy(text).strip()
    if kind == "reply" and not said:
        # somebody sent back nothing but quotes: better those than an empty note
        said = text[:MOST_QUOTES]
    identities = returned_ids(mail)
    if envelope.count("@") == 1:
        identities = _unique([*identities, f"<{envelope.strip('<>')}>"])
    warnings = []
    if kind == "reply" and made_by_a_program(mail):
        warnings.append("a program sent it")
    if kind == "reply" and any(part.content_type in _SEALED for part in mail.own_parts()):
        warnings.append("it is encrypted")
    return Answer(
        kind=kind,
        reason=reason,
        news=news,
        returned_ids=identities,
        thread_ids=thread_ids(mail),
        addressed_to=addressed_to(mail),
        said=said[:MOST_TEXT],
        whole_text=text,
        files=tuple(_files(mail, body)) if kind == "reply" else (),
        warning="; ".join(warnings),
    )


def _kind(mail: Mail, context: ReadContext, own: str) -> tuple[AnswerKind, str, tuple[RecipientNews, ...], str]:
    parts = list(mail.own_parts())
    types = {part.content_type for part in parts}
    if "message/feedback-report" in types:
        return "complaint", "a complaint about our mail (RFC 5965)", (), ""
    if "message/disposition-notification" in types:
        return "receipt", "a read receipt (RFC 8098)", (), ""
    status = next((part for part in parts if part.content_type in _STATUS_TYPES), None)
    if status is not None:
        found, envelope = recipients_of(status.text or status.data[:2_000_000].decode("utf-8", "replace"))
        news = tuple(found) or read_bounce(mail, own) or ()
        failed = any(each.action == "failed" for each in news)
        return ("bounce" if failed else "delivery-news"), "a delivery status notification (RFC 3464)", news, envelope
    told = read_bounce(mail, own)
    if told is not None:
        failed = any(each.action == "failed" for each in told)
        return ("bounce" if failed else "delivery-news"), "a bounce in words", told, ""
    why = automatic(mail, context)
    if why:
        return "auto-reply", why, (), ""
    return "reply", "somebody wrote", (), ""


def _returned(mail: Mail) -> Iterator[str]:
    for part in mail.own_parts():
        if part.nested is not None:
            yield part.nested.message_id
    for part in mail.own_parts():
        if part.kind in ("text", "html", "headers"):
            yield from _COPIED_IDENTITY.findall(part.text[:MOST_TEXT])


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for value in values:
        match = _IDENTITY.search(value[:500])
        if match:
            found.setdefault(match[0])
        if len(found) >= MOST_IDS:
            break
    return tuple(found)


def _files(mail: Mail, body: Part | None) -> Iterator[AttachedFile]:
    """What was attached: no alternative of the body, no signature, and an archive as the one file that it is."""
    archives: list[str] = []
    count = 0
    for part in mail.own_parts():
        inside = any(part.path.startswith(path) for path in archives)
        if part.kind == "data":
            archives.append(part.path + "/")
        if inside or part is body or not part.data or part.content_type in _SIGNATURES:
            continue
        if part.kind in ("text", "html") and not part.attached:
            continue
        count += 1
        if count > MOST_FILES:
            return
        name = part.filename or (part.nested.subject[:100] if part.nested else "") or f"part {part.path}"
        yield AttachedFile(name, part.content_type, part.data)
