# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What an account's own pages look like: colour, logo, own words, as an administrator sets them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import note
from abusehandler.tickets.incoming import storable
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.tickets.database import Database

LARGEST_LOGO = 500_000
PLACES = ("greeting", "contact", "footer")
LONGEST_TEXT = 2000
_COLOUR = re.compile(r"(#[0-9a-f]{6})?")
_LANGUAGE = re.compile(r"[a-z]{2}")


def set_brand(
    database: Database, account: str, *, author: str, colour: str | None = None, logo: bytes | None = None,
    texts: Mapping[tuple[str, str], str] | None = None,
) -> None:  # fmt: skip
    """Changes what is given. `logo` empty: none. `texts` by place and language, an empty text takes the words away.

    Raises AbusehandlerError for an account that is not there, and for what a page could not show.
    """
    if colour is not None and not _COLOUR.fullmatch(colour):
        raise AbusehandlerError(f"{colour!r:.20} is not a colour; write for example '#1d5fd1'")
    for (place, language), text in (texts or {}).items():
        if place not in PLACES or not _LANGUAGE.fullmatch(language):
            raise AbusehandlerError(
                f"{place}:{language} is no place for words; write one of {', '.join(PLACES)} and a language, as footer:en"
            )
        if len(text) > LONGEST_TEXT:
            raise AbusehandlerError(f"the words for {place} are longer than {LONGEST_TEXT} characters")
    kind = "" if not logo else media_type(logo)

    def work(cursor: Any) -> None:
        sql = statements("selfhelp")
        cursor.execute(sql["account_texts"], {"account": account})
        row = cursor.fetchone()
        if row is None:
            raise AbusehandlerError(f"there is no account {account!r:.60}")
        merged = {place: words if isinstance(words, dict) else {"en": words} for place, words in (row[0] or {}).items()}
        for (place, language), text in (texts or {}).items():
            merged.setdefault(place, {})[language] = storable(text)
        kept = {place: {tag: text for tag, text in words.items() if text} for place, words in merged.items()}
        values = {
            "account": account, "colour": colour, "texts": json.dumps({place: words for place, words in kept.items() if words}),
            "set_logo": logo is not None, "logo": logo or None, "logo_type": kind,
        }  # fmt: skip
        cursor.execute(sql["set_brand"], values)
        note(cursor, author, "account", account, "looks of the self-help pages changed")

    database.retrying(work)


def media_type(logo: bytes) -> str:
    """PNG, JPEG, WebP or SVG, by what the file begins with. Raises AbusehandlerError for anything else, or too much."""
    if len(logo) > LARGEST_LOGO:
        raise AbusehandlerError(f"the logo has {len(logo)} bytes; at most {LARGEST_LOGO} are taken")
    if logo.startswith(b"\x89PNG\r\n"):
        return "image/png"
    if logo.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if logo.startswith(b"RIFF") and logo[8:12] == b"WEBP":
        return "image/webp"
    if _is_svg(logo[:4000]):
        return "image/svg+xml"
    raise AbusehandlerError("the logo is neither PNG, JPEG, WebP nor SVG")


def _is_svg(head: bytes) -> bool:
    """Whether the first element is `svg`, after declaration, comments and document type."""
    for _ in range(20):
        head = head.lstrip()
        end = next(
            (end for begin, end in ((b"<?", b"?>"), (b"<!--", b"-->"), (b"<!", b">")) if head.startswith(begin)), None
        )
        if end is None:
            break
        head = head.partition(end)[2]
    return head.startswith(b"<svg") and head[4:5] in (b" ", b">", b"/", b"\n", b"\r", b"\t")
