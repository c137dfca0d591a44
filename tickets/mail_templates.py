# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mail templates: `<language>/<kind>.{subject,txt,html}.j2`, the operator's own before ours, filled in Jinja2's sandbox."""

from __future__ import annotations

import traceback
from dataclasses import dataclass
from datetime import date, datetime, timezone
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup, escape

from abusehandler.errors import ConfigurationError
from abusehandler.templates.help_texts import plain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from jinja2.runtime import Context

    from abusehandler.templates.help_texts import HelpText, Prose

UTC = ZoneInfo("UTC")
SHIPPED = Path(__file__).resolve().parent.parent / "templates" / "mail"
#: Kinds of mails to customers, and to those who reported something.
NOTICE_KINDS = ("new", "update", "reminder", "escalation", "answer")
REPORTER_KINDS = ("acknowledgement", "outcome")
KINDS = (*NOTICE_KINDS, *REPORTER_KINDS)
FORMS = ("subject", "txt", "html")
#: Longer subjects are cut; mail programs show some 60 characters.
LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Filled:
    """A mail's words. `language` is that of the templates that were found."""

    subject: str
    text: str
    html: str
    language: str


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way for what the values are made of.

    `a.b` on a plain dict that has the key is the key's value, which the sandbox's own `a["b"]` gives unchecked, too. By
    its usual way a mail with help takes 1.6 ms, by this one 0.6.
    """

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


class MailTemplates:
    """Fills templates. `folders` are searched in order, then the shipped ones.

    Templates run in Jinja2's sandbox; a name that does not exist is an error. `language` and `zone` are the
    organisation's, for recipients without their own. Safe for threads. Filters: `moment` (a time with its zone's
    offset), `day`, `number`, each as people of the recipient's language read it; `help_text` and `help_html` for what
    stands under `help`.
    """

    def __init__(self, folders: Sequence[Path] = (), *, language: str = "en", zone: ZoneInfo = UTC) -> None:
        self._language = language
        self._zone = zone
        self._environment = _Environment(
            loader=jinja2.FileSystemLoader([*folders, _shipped()]),
            undefined=jinja2.StrictUndefined,
            autoescape=lambda name: bool(name and name.endswith(".html.j2")),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self._environment.filters.update(
            moment=_moment, day=_day, number=_number, help_text=_help_text, help_html=_help_html
        )
        self._found: dict[tuple[str, str], str] = {}

    def fill(self, kind: str, values: Mapping[str, Any], language: str = "", time_zone: str = "") -> Filled:
        """The words of a mail. `language` is a BCP 47 tag, `time_zone` an IANA name; both may be empty or unknown.

        Raises ConfigurationError with file and line for a template that is wrong.
        """
        found = self.language_for(kind, language)
        context = {**values, "_locale": _locale(language, found), "_zone": self._zone_of(time_zone)}
        subject = " ".join(self._one(f"{found}/{kind}.subject.j2", context).split())
        return Filled(
            "".join(c for c in subject if c.isprintable())[:LONGEST_SUBJECT],
            self._one(f"{found}/{kind}.txt.j2", context),
            self._one(f"{found}/{kind}.html.j2", context),
            found,
        )

    def language_for(self, kind: str, wanted: str) -> str:
        """The language in which there are templates: the wanted one, else the organisation's, else English."""
        key = (kind, wanted)
        if key not in self._found:
            if len(self._found) > 1000:
                self._found.clear()
            self._found[key] = self._look_for(kind, wanted)
        return self._found[key]

    def _look_for(self, kind: str, wanted: str) -> str:
        for language in (wanted.lower().replace("_", "-").partition("-")[0], self._language, "en"):
            if language.isascii() and language.isalpha() and len(language) <= 3:
                try:
                    self._environment.get_template(f"{language}/{kind}.txt.j2")
                except jinja2.TemplateNotFound:
                    continue
                except jinja2.TemplateError:
                    pass
                return language
        return "en"

    def _one(self, name: str, values: Mapping[str, Any]) -> str:
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

    def _zone_of(self, name: str) -> ZoneInfo:
        if name:
            try:
                return ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                return self._zone
        return self._zone


def _shipped() -> Path:
    if SHIPPED.is_dir():
        return SHIPPED
    from importlib import resources

    return Path(str(resources.files("abusehandler.templates"))) / "mail"


def _place(error: BaseException, name: str) -> str:
    """File and line of the innermost template in the traceback; Jinja2 writes templates' own lines into it."""
    place = f"template {name}"
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.endswith(".j2"):
            place = f"{frame.filename}, line {frame.lineno}"
    return place


@lru_cache(maxsize=1000)
def _locale(wanted: str, found: str) -> Locale:
    """How numbers and dates are written: as the contact's own tag says (`de-AT`), if it is of the template's language."""
    if wanted.lower().startswith(found):
        try:
            return Locale.parse(wanted.replace("_", "-"), sep="-")
        except (UnknownLocaleError, ValueError, TypeError):
            pass
    try:
        return Locale(found)
    except UnknownLocaleError:
        return Locale("en")


@jinja2.pass_context
def _moment(context: Context, value: datetime) -> str:
    return _written_moment(value, context["_zone"], context["_locale"])


@lru_cache(maxsize=10_000)
def _written_moment(value: datetime, zone: ZoneInfo, locale: Locale) -> str:
    """Date as the language writes it, time to the second, and the offset: without it nobody finds it in his logs."""
    local = value.astimezone(zone)
    offset = local.strftime("%z")
    named = "UTC" if offset == "+0000" else f"UTC{offset[:3]}:{offset[3:5]}"
    return f"{_written_date(local.date(), locale)} {local:%H:%M:%S} {named}"


@lru_cache(maxsize=10_000)
def _written_date(value: date, locale: Locale) -> str:
    return format_date(value, "medium", locale=locale).replace("\u202f", " ")


@jinja2.pass_context
def _day(context: Context, value: datetime) -> str:
    return format_date(value.astimezone(context["_zone"]), "long", locale=context["_locale"])


@jinja2.pass_context
def _number(context: Context, value: int) -> str:
    if -1000 < value < 1000:
        return str(value)
    return format_decimal(value, locale=context["_locale"]).replace("\u202f", "\u00a0")


def _help_text(text: HelpText) -> str:
    """Summary and steps with their commands, for a plain text."""
    lines = [plain(text.summary)]
    for number, step in enumerate(text.steps, 1):
        lines.append(f"{number}. {plain(step.text)}")
        for command in step.commands:
            if command.label:
                lines.append(f"   {command.label}:")
            lines += [f"     {line}" for line in command.text.splitlines()]
    return "\n".join(lines)


def _help_html(text: HelpText) -> Markup:
    """The same as HTML; everything in it is escaped."""
    steps = "".join(
        f"<li>{_spans(step.text)}"
        + "".join(
            (f"<br>{escape(command.label)}:" if command.label else "")
            + f'<pre style="background: #f4f4f4; padding: .5em; overflow: auto">{escape(command.text)}</pre>'
            for command in step.commands
        )
        + "</li>\n"
        for step in text.steps
    )
    return Markup(f"<p>{_spans(text.summary)}</p>\n<ol>\n{steps}</ol>")  # noqa: S704 - escaped piece by piece above


def _spans(prose: Prose) -> str:
    return "".join(f"<code>{escape(span.text)}</code>" if span.code else str(escape(span.text)) for span in prose)


def example_values() -> dict[str, Any]:
    """Values as every template may get them, for trying templates; documentation addresses only."""
    at = datetime(2026, 11, 20, 10, 30, tzinfo=timezone.utc)
    event = {"at": at, "ip": "192.0.2.1", "port": "22", "details": "example"}
    ticket = {
        "number": 12, "resource": "192.0.2.1", "problem": "Password guessing", "problem_id": "brute-force", "severity": "high",
        "first_seen": at, "last_seen": at, "count": 1234, "kind": "new", "is_update": False, "events": [event], "more": 3,
        "help": None,
    }  # fmt: skip
    organisation = {
        "organisation": "Example Networks",
        "sender": "abuse@example.net",
        "sender_name": "",
        "website": "",
        "phone": "",
    }
    return {
        "organisation": organisation, "customer": {"id": "C1", "name": "Customer One"}, "notice": 7, "tickets": [ticket],
        "more_tickets": 0, "updates_only": False, "link": "", "body": "Text", "cut": False,
        "reporter": {"name": "", "reference": "R1", "subject": "Report", "received": at, "outcome": "resolved"},
    }  # fmt: skip
