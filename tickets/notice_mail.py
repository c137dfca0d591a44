# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A notice becomes a mail: text and HTML from templates, the events beside it as CSV."""

from __future__ import annotations

import csv
import io
import traceback
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from abusehandler.errors import ConfigurationError
from abusehandler.tickets.incoming import SEVERITY_NAMES, now_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.tickets.outbox import Delivery, Notice, NoticeEvent

UTC = ZoneInfo("UTC")
#: So many events of a ticket stand in the text; the CSV holds more.
EVENTS_IN_TEXT = 10
MAX_CSV_BYTES = 2_000_000
CSV_COLUMNS = (
    "time", "ticket", "problem", "severity", "source.ip", "source.port", "source.fqdn", "source.url", "protocol.transport",
    "protocol.application", "destination.ip", "destination.port", "malware.name", "event_description.text", "feed.name",
)  # fmt: skip
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
    """Fills the templates `<language>/notice.{subject,txt,html}.j2`.

    `folders` are searched in order, so that an operator's own template wins. Templates run in Jinja2's sandbox; a name
    that does not exist is an error. Raises ConfigurationError with file and line for a template that is wrong.
    """

    def __init__(self, letterhead: Letterhead, catalogue: Catalogue, folders: Sequence[Path] = ()) -> None:
        self._letterhead = letterhead
        self._catalogue = catalogue
        shipped = Path(__file__).resolve().parent.parent / "templates" / "mail"
        if not shipped.is_dir():
            from importlib import resources

            shipped = Path(str(resources.files("abusehandler.templates"))) / "mail"
        self._environment = ImmutableSandboxedEnvironment(
            loader=jinja2.FileSystemLoader([*folders, shipped]),
            undefined=jinja2.StrictUndefined,
            autoescape=lambda name: bool(name and name.endswith(".html.j2")),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters["moment"] = self._moment

    def write(self, notice: Notice, delivery: Delivery, customer_name: str = "") -> EmailMessage:
        """The mail for one contact. It holds nothing that is not in `notice`."""
        language = self._language(delivery.language)
        values = {
            "organisation": self._letterhead,
            "customer": {"id": notice.customer_id, "name": _one_line(customer_name)},
            "notice": notice.id,
            "tickets": [self._ticket_values(ticket) for ticket in notice.tickets],
            "updates_only": all(ticket.update for ticket in notice.tickets),
        }
        mail = EmailMessage(policy=SMTP)
        mail["From"] = formataddr(
            (self._letterhead.sender_name or self._letterhead.organisation, self._letterhead.sender)
        )
        mail["To"] = delivery.recipient
        mail["Subject"] = " ".join(self._fill(f"{language}/notice.subject.j2", values).split())[:200]
        mail["Date"] = format_datetime(now_utc())
        mail["Message-ID"] = delivery.message_id
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
        if notice.references:
            mail["In-Reply-To"] = notice.references[-1]
            mail["References"] = " ".join(notice.references)
        mail["Content-Language"] = language
        mail.set_content(self._fill(f"{language}/notice.txt.j2", values), cte="quoted-printable")
        mail.add_alternative(self._fill(f"{language}/notice.html.j2", values), subtype="html", cte="quoted-printable")
        table = events_as_csv(notice)
        mail.add_attachment(table, maintype="text", subtype="csv", filename=f"notice-{notice.id}.csv", cte="base64")
        return mail

    def _ticket_values(self, ticket: Any) -> dict[str, Any]:
        problem = self._catalogue.problems.get(ticket.problem)
        return {
            "number": ticket.id,
            "resource": _one_line(ticket.resource),
            "problem": problem.name if problem else _one_line(ticket.problem),
            "problem_id": ticket.problem,
            "severity": SEVERITY_NAMES[ticket.severity],
            "first_seen": ticket.first_seen,
            "last_seen": ticket.last_seen,
            "count": ticket.event_count,
            "is_update": ticket.update,
            "events": [_event_values(event) for event in ticket.events[:EVENTS_IN_TEXT]],
            "more": max(0, len(ticket.events) - EVENTS_IN_TEXT),
        }

    def _fill(self, name: str, values: Mapping[str, Any]) -> str:
        try:
            return self._environment.get_template(name).render(values)
        except jinja2.TemplateSyntaxError as error:
            raise ConfigurationError(
                f"{error.filename or name}, line {error.lineno}: {error.message}; mend the template"
            ) from error
        except jinja2.TemplateNotFound as error:
            if error.name == name:
                raise ConfigurationError(f"template {name} is missing; write it beside the others") from error
            raise ConfigurationError(f"{_place(error, name)}: there is no template {error.name!r}") from error
        except Exception as error:
            # whatever an operator's template does (divides by zero, wants what the sandbox refuses) is mended in it
            raise ConfigurationError(f"{_place(error, name)}: {error}; mend the template") from error

    def _language(self, wanted: str) -> str:
        for language in (wanted[:2].lower(), self._letterhead.language, "en"):
            if language.isalpha():
                try:
                    self._environment.get_template(f"{language}/notice.txt.j2")
                except jinja2.TemplateNotFound:
                    continue
                except jinja2.TemplateError:
                    pass
                return language
        return "en"

    def _moment(self, value: datetime) -> str:
        """A time as people of the organisation's zone read it, with the zone's offset."""
        local = value.astimezone(self._letterhead.zone)
        offset = local.strftime("%z")
        return local.strftime("%Y-%m-%d %H:%M ") + ("UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:]}")


def _place(error: BaseException, name: str) -> str:
    """File and line of the innermost template in the traceback; Jinja2 writes templates' own lines into it."""
    place = f"template {name}"
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.endswith(".j2"):
            place = f"{frame.filename}, line {frame.lineno}"
    return place


def _one_line(value: Any) -> str:
    """What a stranger wrote, without line ends, control characters and changes of direction: it cannot pose as our text."""
    return " ".join("".join(c if c.isprintable() else " " for c in str(value)).split())


def _event_values(event: NoticeEvent) -> dict[str, Any]:
    data = event.data
    details = [_one_line(str(data[key])[:500])[:120] for key in _DETAILS if data.get(key)]
    return {
        "at": event.at,
        "ip": _one_line(data.get("source.ip", "")),
        "port": _one_line(data.get("source.port", "")),
        "details": ", ".join(details[:3]),
    }


def events_as_csv(notice: Notice) -> bytes:
    """The events of a notice as CSV (RFC 4180, UTF-8 with BOM so that office programs read it right).

    A cell that such a program would take for a formula is made text.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(CSV_COLUMNS)
    size = 0
    for row in _csv_rows(notice):
        size += writer.writerow([_harmless(cell) for cell in row])
        if size > MAX_CSV_BYTES:
            writer.writerow(["... more events are not shown"])
            break
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _csv_rows(notice: Notice) -> Iterator[list[Any]]:
    for ticket in notice.tickets:
        for event in ticket.events:
            first = [event.at.isoformat(), ticket.id, ticket.problem, SEVERITY_NAMES[ticket.severity]]
            yield [*first, *(event.data.get(column, "") for column in CSV_COLUMNS[4:])]


def _harmless(cell: Any) -> Any:
    """OWASP, CSV injection: a leading = + - @, tab, return or line feed starts a formula in spreadsheet programs."""
    return "'" + cell if isinstance(cell, str) and cell[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else cell
