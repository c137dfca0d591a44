# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Pages from templates: everything is escaped, a name that does not exist is an error, times are in the local zone."""

from __future__ import annotations

import functools
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import jinja2
from starlette.responses import HTMLResponse, RedirectResponse

from abusehandler import __version__
from abusehandler.portal.security import csrf
from abusehandler.portal.settings import portal_of
from abusehandler.tickets.incoming import SEVERITY_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import Request
    from starlette.responses import Response

HTML = Path(__file__).resolve().parent / "html"
FLASH = "abusehandler-said"


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HTML),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters.update(
        {"number": number, "ago": ago, "severity": severity, "bytes": byte_count, "duration": duration}
    )
    environment.globals.update({"version": __version__, "query": query})
    return environment


def render(request: Request, name: str, status: int = 200, /, **values: Any) -> HTMLResponse:
    """The page from `html/<name>.html.j2`. `values` are what it shows; viewer, form token and times come by themselves."""
    portal = portal_of(request)
    viewer = getattr(request.state, "viewer", None)

    def moment(value: datetime | None, form: str = "%Y-%m-%d %H:%M") -> str:
        return (
            "" if value is None or value.year > 9000 or value.year < 2 else value.astimezone(portal.zone).strftime(form)
        )

    said = _FLASHES.get(request.query_params.get("done", ""), "")
    text = (
        _environment()
        .get_template(f"{name}.html.j2")
        .render(
            {
                "request": request,
                "viewer": viewer,
                "may": viewer.may if viewer is not None else (lambda permission: False),
                "organisation": portal.configuration.organisation,
                "catalogue": portal.catalogue,
                "csrf_token": csrf.token(request.state.cookie_secret)
                if getattr(request.state, "cookie_secret", "")
                else "",
                "path": request.url.path,
                "here": request.url.path + (f"?{request.url.query}" if request.url.query else ""),
                "moment": moment,
                "zone": portal.zone.key,
                "now": datetime.now(timezone.utc),
                "said": said,
                **values,
            }
        )
    )
    answer = HTMLResponse(text, status)
    new_visit = getattr(request.state, "new_visit", "")
    if new_visit:
        answer.set_cookie(
            portal.visit_cookie, new_visit, max_age=86_400, httponly=True, samesite="lax", secure=portal.https, path="/"
        )
    return answer


#: What a page says after a redirect; words of ours only, so that a link cannot make a page say something.
_FLASHES = {
    "saved": "Saved.",
    "done": "Done.",
    "nothing": "Nothing had to be changed.",
    "undone": "Undone.",
    "decided": "Noted. Here is the next report.",
    "queued": "The report is on its way to the readers.",
    "sent": "The notice is on its way.",
    "revoked": "Revoked.",
}


def done(path: str, word: str = "", *, undo: str = "") -> Response:
    """After a change: on to a page by GET, so that loading it again repeats nothing. `path` is one of ours."""
    if not path.startswith("/") or path.startswith(("//", "/\\")):
        path = "/"
    base, _, fragment = path.partition("#")
    extra = urlencode({key: value for key, value in (("done", word), ("undo", undo)) if value})
    target = base + (("&" if "?" in base else "?") + extra if extra else "") + (f"#{fragment}" if fragment else "")
    return RedirectResponse(target, 303)


def query(values: Mapping[str, Any], **changes: Any) -> str:
    """The part after the question mark, with these changes; empty values are left out."""
    merged = {**values, **changes}
    return urlencode([(key, value) for key, value in merged.items() if value not in (None, "", [], ())], doseq=True)


def severity(value: int) -> str:
    """The word for a severity's number."""
    return SEVERITY_NAMES[value]


def number(value: float | None) -> str:
    """1234567 as 1 234 567, with narrow spaces."""
    return "" if value is None else f"{value:,}".replace(",", "\u202f")


def byte_count(value: int) -> str:
    """A size as people say it."""
    size = float(value)
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"


def ago(value: datetime | date | None, now: datetime | None = None) -> str:
    """How long ago, in one word: 3 min, 5 h, 12 d."""
    if not isinstance(value, datetime) or value.year < 2 or value.year > 9000:
        return ""
    seconds = ((now or datetime.now(timezone.utc)) - value).total_seconds()
    text = duration(abs(seconds))
    return text if seconds >= 0 else f"in {text}"


def duration(seconds: float | None) -> str:
    """A length of time in its largest unit."""
    if seconds is None:
        return ""
    for unit, size in (("y", 31_557_600), ("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size * (2 if unit == "d" else 1):
            return f"{int(seconds // size)} {unit}"
    return "under 1 min" if seconds < 60 else f"{int(seconds // 60)} min"
