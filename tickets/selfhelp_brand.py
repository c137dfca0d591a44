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
from abusehandler.tickets.logo import checked_logo
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.tickets.database import Database

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
    stored, kind = checked_logo(logo) if logo else (None, "")

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
            "set_logo": logo is not None, "logo": stored, "logo_type": kind,
        }  # fmt: skip
        cursor.execute(sql["set_brand"], values)
        note(cursor, author, "account", account, "looks of the self-help pages changed")

    database.retrying(work)
