# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The customer's pages as HTML: in the visitor's language, the customer's zone, the owner's looks. No cookie is set."""

from __future__ import annotations

import functools
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jinja2
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse

from abusehandler import __version__
from abusehandler.portal.login.address import client_address
from abusehandler.portal.security import csrf
from abusehandler.portal.selfhelp.date_forms import date_forms
from abusehandler.portal.selfhelp.help_sections import HelpPages
from abusehandler.portal.selfhelp.service import selfhelp_of
from abusehandler.portal.selfhelp.words import accepted, choose, languages, words
from abusehandler.tickets.database import Unavailable
from abusehandler.tickets.selfhelp_links import Link, open_link

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fastapi import Request
    from starlette.responses import Response

    from abusehandler.portal.selfhelp.service import SelfHelp
    from abusehandler.templates.help_texts import HelpTexts
    from abusehandler.tickets.database import Database

HTML = Path(__file__).resolve().parent / "html"
#: The macros that show help texts.
HELP = Path(__file__).resolve().parents[2] / "templates"
#: A wrong link costs as much as so many pages: guessing ends soon.
WRONG_LINK = 10.0


class Refused(Exception):  # no error of the program
    """The request ends with a page that says why; `word` names the phrase."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status = status
        self.word = word


class SelfHelpRoute(APIRoute):
    """Whatever goes wrong is told in the visitor's language, on a page without anybody's data."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def explained(request: Request) -> Response:
            try:
                return await handle(request)
            except Refused as refused:
                return problem_page(request, refused.status, refused.word)
            except Unavailable:
                return problem_page(request, 503, "later")
            except RequestValidationError:
                return problem_page(request, 404, "link")
            except HTTPException as error:
                return problem_page(request, error.status_code, "link" if error.status_code == 404 else "problem")

        return explained


@functools.cache
def _environment() -> jinja2.Environment:
    # only the macros' folder's own files are reached, not those below it
    loader = jinja2.ChoiceLoader([jinja2.FileSystemLoader(HTML), jinja2.FileSystemLoader(HELP)])
    return jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


@functools.lru_cache(maxsize=4)
def help_pages(texts: HelpTexts) -> HelpPages:
    """The help texts as these pages show them."""
    return HelpPages(texts, _environment().get_template("help_sections.html.j2").module.section)  # type: ignore[attr-defined]


def check_visitor(request: Request, cost: float = 1.0) -> None:
    """Raises Refused when this address asked for too much."""
    selfhelp = selfhelp_of(request)
    address = client_address(request, selfhelp.portal.configuration.portal.proxies)
    if not selfhelp.limit.take(address, cost):
        raise Refused(429, "later")


def opened(request: Request, database: Database, token: str) -> Link:
    """The link of this request. Raises Refused for one that is not good, which costs more than a page."""
    link = open_link(database, token, selfhelp_of(request).terms)
    if link is None:
        check_visitor(request, WRONG_LINK)
        raise Refused(404, "link")
    return link


def language_of(request: Request, link: Link | None) -> str:
    """The language asked for in the address, the customer's, the browser's, the operator's."""
    return choose(
        request.query_params.get("lang", ""),
        link.language if link is not None else "",
        *accepted(request.headers.get("accept-language", "")),
        selfhelp_of(request).portal.configuration.organisation.language,
    )


def check_form(request: Request, token: str, said: str) -> None:
    """A form counts when a page behind this link made it, and the browser says nothing else. Raises Refused.

    No cookie opens these pages, so no other site can make a visitor's browser act: it would have to know the link.
    """
    public_url = selfhelp_of(request).portal.public_url
    if not _same(said, form_token(token)) or not csrf.comes_from_us(request, public_url):
        raise Refused(403, "form")


def _same(one: str, other: str) -> bool:
    import hmac

    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode())


def form_token(token: str) -> str:
    """What the forms of a link carry."""
    return csrf.token(f"self-help {token}")


def render(
    request: Request, name: str, status: int = 200, /, *, link: Link | None, token: str = "", **values: Any
) -> HTMLResponse:
    """The page from `html/<name>.html.j2`."""
    selfhelp = selfhelp_of(request)
    language = language_of(request, link)
    zone = zone_of(selfhelp, link)
    asked = request.query_params.get("lang", "")
    text = (
        _environment()
        .get_template(f"{name}.html.j2")
        .render(
            {
                "w": words(language),
                "language": language,
                "languages": [(each, words(each)["language_name"]) for each in languages()],
                "suffix": f"?lang={language}" if asked and asked == language else "",
                "brand": _brand(selfhelp, link),
                "organisation": selfhelp.portal.configuration.organisation,
                "link": link,
                "base": f"/help/{token}",
                "path": request.url.path if token else "",
                "csrf_token": form_token(token) if token else "",
                "version": __version__,
                "zone": zone.key.replace("_", " "),
                "done": request.query_params.get("done", ""),
                "wrong": request.query_params.get("wrong", ""),
                **Times(zone, language).filters(),
                **values,
            }
        )
    )
    return HTMLResponse(text, status, headers={"Content-Language": language})


def zone_of(selfhelp: SelfHelp, link: Link | None) -> ZoneInfo:
    """The customer's zone as his mail had it, else his account's, else the operator's; that, too, where a name is none."""
    if link is not None and link.time_zone:
        try:
            return ZoneInfo(link.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            return selfhelp.portal.zone
    return selfhelp.portal.zone


def _brand(selfhelp: SelfHelp, link: Link | None) -> Any:
    try:
        return selfhelp.brands.of(link.account if link is not None else "")
    except Unavailable:
        return selfhelp.brands.operator()


def problem_page(request: Request, status: int, word: str) -> Response:
    """A page that says why there is no other; `word`: link, later, problem, or why something was not done."""
    answer = render(request, "problem", status, link=None, word=word)
    if status in (429, 503):
        answer.headers["Retry-After"] = "60"
    return answer


class Times:
    """Times as people of a language write them, in one zone."""

    def __init__(self, zone: ZoneInfo, language: str) -> None:
        self._zone = zone
        self._forms = date_forms(language)

    def filters(self) -> dict[str, Any]:
        """For templates: `long(time)`, `short(time)`, `number(value)`."""
        return {"long": self.long, "short": self.short, "number": self.number, "iso": iso}

    def long(self, value: datetime | None) -> str:
        """Sunday, 22 November 2026, 14:03."""
        if value is None or not 2 < value.year < 9000:
            return ""
        return self._forms.long(value.astimezone(self._zone))

    def short(self, value: datetime | None) -> str:
        """22 Nov 2026, 14:03:09."""
        if value is None or not 2 < value.year < 9000:
            return ""
        return self._forms.short(value.astimezone(self._zone))

    def number(self, value: float) -> str:
        """With the language's separators."""
        from babel.numbers import format_decimal

        return format_decimal(value, locale=self._forms.locale)


def iso(value: datetime) -> str:
    """For machines."""
    return value.astimezone(timezone.utc).isoformat(timespec="seconds")
