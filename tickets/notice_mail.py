# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A notice becomes a mail: text and HTML from templates, the events beside it as files."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, fields
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from abusehandler.tickets.attachments import event_files
from abusehandler.tickets.incoming import SEVERITY_NAMES, now_utc
from abusehandler.tickets.mail_templates import MailTemplates
from abusehandler.tickets.mime import ascii_address, mailbox, make_mail
from abusehandler.tickets.notice import Delivery
from abusehandler.tickets.xarf_report import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from abusehandler.harmonization.catalogue import Catalogue, Problem
    from abusehandler.templates.help_texts import HelpText, HelpTexts
    from abusehandler.tickets.notice import Notice, NoticeEvent, NoticeTicket
    from abusehandler.tickets.signing import Signer

    #: For a customer's id, ticket numbers and the recipient's time zone (IANA name, may be empty): the address of his page about
    #: them; None when there is no such page.
    SelfHelpLink = Callable[[str, Sequence[int], str], str | None]
    #: For a notice's number: the address to which an answer goes.
    ReplyAddress = Callable[[int], str]

UTC = ZoneInfo("UTC")
#: So many events of a ticket stand in the text, and fewer when there are many tickets; the files hold more.
EVENTS_IN_TEXT = 10
TICKETS_IN_TEXT = 100
#: Help for so many problems stands in one mail.
HELP_IN_TEXT = 3
#: Reporter and third parties stay out of what a customer is shown.
_DETAILS = (
    "malware.name",
    "product.name",
    "protocol.application",
    "source.url",
    "source.fqdn",
    "event_description.text",
    "extra.tag",
)


@dataclass(frozen=True)
class Letterhead:
    """Who writes, as abusehandler.yaml says it."""

    organisation: str
    sender: str
    sender_name: str
    website: str = ""
    phone: str = ""
    language: str = "en"
    zone: ZoneInfo = UTC


class NoticeWriter:
    """Writes mails. `folders` hold the operator's own templates, see `mail_templates.MailTemplates`.

    `signer` signs each mail; `reply_address` gives Reply-To where answers have an address of their own; `selfhelp_link`
    the customer's page; `help_texts` what a problem is and how to mend it. Safe for threads.
    """

    def __init__(
        self,
        letterhead: Letterhead,
        catalogue: Catalogue,
        folders: Sequence[Path] = (),
        *,
        signer: Signer | None = None,
        reply_address: ReplyAddress | None = None,
        selfhelp_link: SelfHelpLink | None = None,
        help_texts: HelpTexts | None = None,
    ) -> None:
        self._letterhead = letterhead
        self._catalogue = catalogue
        self._templates = MailTemplates(folders, language=letterhead.language, zone=letterhead.zone)
        self._signer = signer
        self._reply_address = reply_address
        self._selfhelp_link = selfhelp_link
        self._help_texts = help_texts
        self._reporter = Reporter(letterhead.organisation, letterhead.sender)
        self._organisation = {each.name: getattr(letterhead, each.name) for each in fields(letterhead)}
        self._from = mailbox(letterhead.sender_name or letterhead.organisation, letterhead.sender)

    def write(self, notice: Notice, delivery: Delivery, customer_name: str = "") -> bytes:
        """The mail for one contact, as it goes to the mail server. It holds nothing that is not in `notice`.

        Raises ConfigurationError for a template that is wrong, ValueError for an address that no mail can have.
        """
        letterhead = self._letterhead
        recipient = ascii_address(delivery.recipient)
        if recipient is None:
            raise ValueError(f"{delivery.recipient!r} is no mail address")
        found = event_files(notice, self._reporter)
        numbers = [ticket.id for ticket in notice.tickets]
        link = self._selfhelp_link(notice.customer_id, numbers, delivery.time_zone) if self._selfhelp_link else None
        language = self._templates.language_for(notice.kind, delivery.language)
        values = {
            "organisation": self._organisation,
            "customer": {"id": notice.customer_id, "name": _one_line(customer_name)},
            "notice": notice.id,
            "tickets": self._tickets(notice, language),
            "more_tickets": max(0, len(notice.tickets) - TICKETS_IN_TEXT),
            "updates_only": all(ticket.kind in ("update", "reminder") for ticket in notice.tickets),
            "link": link or "",
            "body": notice.body,
            "cut": found.cut,
        }
        words = self._templates.fill(notice.kind, values, delivery.language, delivery.time_zone)
        reply_to = self._reply_address(notice.id) if self._reply_address is not None else ""
        headers = [
            ("From", self._from),
            ("To", recipient),
            ("Subject", words.subject),
            ("Date", format_datetime(now_utc())),
            ("Message-ID", delivery.message_id),
        ]
        if reply_to and reply_to != letterhead.sender:
            headers.append(("Reply-To", reply_to))
        if notice.references:
            headers.append(("In-Reply-To", notice.references[-1]))
            headers.append(("References", " ".join(notice.references)))
        if notice.kind != "answer":
            # RFC 3834, 5; an answer of the desk was written by a person
            headers.append(("Auto-Submitted", "auto-generated"))
            headers.append(("X-Auto-Response-Suppress", "OOF, AutoReply"))
        if notice.digest or notice.kind == "reminder":
            # RFC 2369, 3.2: only where it is true that less may be asked for; the desk reads the answer
            headers.append(("List-Unsubscribe", f"<mailto:{reply_to or letterhead.sender}?subject=unsubscribe>"))
        headers.append(("Content-Language", words.language))
        return make_mail(headers, words.text, words.html, found.files, self._signer)

    def _tickets(self, notice: Notice, language: str) -> list[dict[str, Any]]:
        shown = notice.tickets[:TICKETS_IN_TEXT]
        events = EVENTS_IN_TEXT if len(shown) <= 5 else 3 if len(shown) <= 30 else 1
        helped: set[str] = set()
        return [self._ticket_values(ticket, language, events, helped) for ticket in shown]

    def _ticket_values(self, ticket: NoticeTicket, language: str, events: int, helped: set[str]) -> dict[str, Any]:
        problem = self._catalogue.problems.get(ticket.problem)
        name = problem.name if problem else _one_line(ticket.problem)
        if problem is not None and self._help_texts is not None:
            name = self._help_texts.title(problem, language)
        return {
            "number": ticket.id,
            "resource": _one_line(ticket.resource),
            "problem": name,
            "problem_id": ticket.problem,
            "severity": SEVERITY_NAMES[ticket.severity],
            "first_seen": ticket.first_seen,
            "last_seen": ticket.last_seen,
            "count": ticket.event_count,
            "kind": ticket.kind,
            "is_update": ticket.kind == "update",
            "events": [_event_values(event) for event in ticket.events[:events]],
            "more": max(0, len(ticket.events) - events),
            "help": self._help(problem, ticket, language, helped),
        }

    def _help(self, problem: Problem | None, ticket: NoticeTicket, language: str, helped: set[str]) -> HelpText | None:
        """What to do about it, once for each problem, and not again in updates."""
        if self._help_texts is None or problem is None or ticket.kind == "update":
            return None
        if problem.id in helped or len(helped) >= HELP_IN_TEXT:
            return None
        helped.add(problem.id)
        port = ticket.events[0].data.get("source.port") if ticket.events else None
        address = ticket.events[0].data.get("source.ip") if ticket.events else None
        return self._help_texts.of(
            problem, language, address=str(address or ticket.resource), port=port if isinstance(port, int) else None
        )


def preview_delivery(notice: int, recipient: str, language: str, time_zone: str, domain: str) -> Delivery:
    """A delivery that is none: for looking at a mail that is not sent."""
    message_id = f"<preview.{notice}.{secrets.token_hex(8)}@{domain}>"
    return Delivery(0, notice, recipient, language, message_id, 0, time_zone)


def _one_line(value: Any) -> str:
    """What a stranger wrote, without line ends, control characters and changes of direction: it cannot pose as our text."""
    text = str(value)
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _event_values(event: NoticeEvent) -> dict[str, Any]:
    data = event.data
    details = [_one_line(str(data[key])[:500])[:120] for key in _DETAILS if data.get(key)]
    return {
        "at": event.at,
        "ip": _one_line(data.get("source.ip", "")),
        "port": _one_line(data.get("source.port", "")),
        "details": ", ".join(details[:3]),
    }
