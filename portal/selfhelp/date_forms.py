# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times as people of a language write them: Babel's patterns, read once a language.

Babel itself looks up locale, pattern and names anew for each time, which made a third of a page that tells fifty times.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

from babel import Locale
from babel.dates import (
    format_date,
    format_datetime,
    format_time,
    get_date_format,
    get_datetime_format,
    get_time_format,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from babel.dates import DateTimePattern

_FIELD = re.compile(r"%\((\w+)\)s")


class DateForms:
    """The forms of one language. Times given to it are in the zone in which they are to be told."""

    def __init__(self, language: str) -> None:
        # not American order and half days where English is everybody's second language
        self.locale = locale = Locale.parse("en_GB" if language == "en" else language)
        day, hour = _told(get_date_format("full", locale), locale), _told(get_time_format("short", locale), locale)
        self._day = day or (lambda at: format_date(at, "full", locale=locale))
        self._hour = hour or (lambda at: format_time(at, "short", locale=locale))
        self._moment = _moment(locale) or (lambda at: format_datetime(at, "medium", locale=locale))

    def long(self, at: datetime) -> str:
        """Sunday, 22 November 2026, 14:03."""
        return f"{self._day(at)}, {self._hour(at)}"

    def short(self, at: datetime) -> str:
        """22 Nov 2026, 14:03:09."""
        return self._moment(at)


@functools.cache
def date_forms(language: str) -> DateForms:
    """Those of a language that pages come in."""
    return DateForms(language)


def _moment(locale: Locale) -> Callable[[datetime], str] | None:
    day, hour = _told(get_date_format("medium", locale), locale), _told(get_time_format("medium", locale), locale)
    if day is None or hour is None:
        return None
    both = str(get_datetime_format("medium", locale=locale)).replace("'", "")
    return lambda at: both.replace("{0}", hour(at)).replace("{1}", day(at))


def _told(pattern: DateTimePattern, locale: Locale) -> Callable[[datetime], str] | None:
    """What writes a time by this pattern; None where it has a field (Unicode TR 35) that is not among ours."""
    # plain dicts: Babel's own look for an alias each time
    months = {width: dict(locale.months["format"][width]) for width in ("abbreviated", "wide")}
    days = dict(locale.days["format"]["wide"])
    known: dict[str, Callable[[datetime], object]] = {
        "d": lambda at: at.day, "dd": lambda at: f"{at.day:02}", "M": lambda at: at.month, "MM": lambda at: f"{at.month:02}",
        "MMM": lambda at: months["abbreviated"][at.month], "MMMM": lambda at: months["wide"][at.month], "y": lambda at: at.year,
        "EEEE": lambda at: days[at.weekday()], "H": lambda at: at.hour, "HH": lambda at: f"{at.hour:02}",
        "mm": lambda at: f"{at.minute:02}", "ss": lambda at: f"{at.second:02}",
    }  # fmt: skip
    form = str(pattern.format)
    if not all(name in known for name in _FIELD.findall(form)):
        return None
    fields, places = [known[name] for name in _FIELD.findall(form)], _FIELD.sub("%s", form)
    return lambda at: places % tuple([field(at) for field in fields])
