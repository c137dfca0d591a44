# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mails that our own notices brought about: the notice itself come back, complaints about it, answers to it.

They are filed, never answered and never become tickets. What tells them is the Message-ID that each notice carries,
`<notice.NUMBER.RANDOM@our domain>` (tickets/outbox.py); nobody else has a reason to write one.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.reading import Reading

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail

READER = "loops"
_NOTICE = re.compile(r"<?notice\.\d{1,18}\.[0-9a-f]{8,64}@([^\s<>@]{1,255})>?", re.IGNORECASE)
#: Mails to reporters (tickets/answers/reporter_mails.py): they come back where a reporter's address leads to us. Answers to
#: them are reports like any other.
_TO_REPORTER = re.compile(r"<?(?:acknowledgement|outcome)\.\d{1,18}\.[0-9a-f]{8,64}@([^\s<>@]{1,255})>?", re.IGNORECASE)
#: Headers beyond this length are no list of Message-IDs.
_LONGEST = 20_000
_BOUNCES = frozenset({"message/delivery-status", "message/disposition-notification"})


def came_back(mail: Mail, context: ReadContext) -> Reading | None:
    """A reading with verdict `not-a-report` if the mail belongs to one of our notices, else None."""
    domain = context.own_message_domain.lower()
    if not domain:
        return None
    if is_own_mail(mail, context):
        return _filed("own-mail", "it is one of our own mails")
    types = {part.content_type for part in mail.own_parts()}
    inside = any(part.nested is not None and _is_ours(part.nested.message_id, domain) for part in mail.own_parts())
    if types & _BOUNCES:
        # told apart, and filed, by the rules for bounces and receipts; those of our notices are no different
        return None
    if inside and "message/feedback-report" in types:
        return _filed("own-mail", "a complaint about one of our own notices")
    if _is_ours(mail.header("in-reply-to"), domain) or _is_ours(mail.header("references"), domain):
        automatic = mail.header("auto-submitted").strip().lower() not in ("", "no")
        if automatic or mail.header("x-autoreply") or mail.header("x-autorespond"):
            return _filed("auto-reply", "an automatic answer to one of our notices")
        return _filed("ticket-answer", "an answer to one of our notices")
    return None


def is_own_mail(mail: Mail, context: ReadContext) -> bool:
    """Whether the mail has the Message-ID of a mail of ours."""
    domain = context.own_message_domain.lower()
    return bool(domain) and (_is_ours(mail.message_id, domain) or _to_reporter(mail.message_id, domain))


def _is_ours(text: str, domain: str) -> bool:
    return any(match[1].lower() == domain for match in _NOTICE.finditer(text[:_LONGEST]))


def _to_reporter(text: str, domain: str) -> bool:
    match = _TO_REPORTER.fullmatch(text.strip()[:_LONGEST])
    return match is not None and match[1].lower() == domain


def _filed(kind: str, reason: str) -> Reading:
    return Reading("not-a-report", READER, reason, kind=kind)
