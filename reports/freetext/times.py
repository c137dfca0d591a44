# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find points in time in running text: ISO 8601, RFC 2822, logs, ctime, and what people type.

The clock (`10:00:00`) is searched for, then the date before or after it and the zone behind: dates have many shapes, clocks
nearly one, and the neighbourhood is short, so the work stays linear.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone, tzinfo
from itertools import islice
from operator import itemgetter
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.zones import zone_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar enero ene janvier janv janeiro gennaio gen januari styczeń stycznia sty leden ledna января янв",
            "feb february februar febrero février fevrier févr fevereiro fev febbraio februari luty lutego lut únor února февраля фев",
            "mar march märz maerz mär mrz marzo mars março maart marzec marca březen března марта мар",
            "apr april abril abr avril avr aprile kwiecień kwietnia kwi duben dubna апреля апр",
            "may mai mayo maio maggio mag mei maj maja květen května мая май",
            "jun june juni junio juin junho jun giugno giu czerwiec czerwca cze červen června июня июн",
            "jul july juli julio juillet juil julho jul luglio lug lipiec lipca lip červenec července июля июл",
            "aug august agosto ago août aout augustus sierpień sierpnia sie srpen srpna августа авг",
            "sep sept september septiembre septembre setembro settembre set wrzesień września wrz září сентября сен",
            "oct october okt oktober octubre octobre outubro out ottobre ott październik października paź říjen října октября окт",
            "nov november noviembre novembre novembro listopad listopada listopadu lis ноября ноя",
            (
                "dec december dez dezember diciembre dic décembre decembre déc dezembro dicembre grudzień grudnia gru prosinec "
                "prosince декабря дек"
            ),
        ),
        1,
    )
    for name in names.split()
}
_CLOCK = re.compile(
    r"(?:(?<![\d.])(?<!\d:)(?<![A-Fa-f]:)|(?<=\d\d\d\d:))(?P<h>[01]?\d|2[0-4])[:](?P<m>[0-5]\d)"
    r"(?::(?P<s>[0-5]\d|60)(?:[.,](?P<f>\d{1,9}))?|:\*\*)?(?![\d])(?!:\d)"
    r"(?P<ap>[ \t]?(?:[ap]\.?m\b\.?|[AP]\.?M\b\.?))?|(?<=T)(?P<ch>\d{2})(?P<cm>\d{2})(?P<cs>\d{2})(?=Z)"
)
_CLOCK_SIGN = re.compile(r"\d:[0-5]|T\d{6}Z")
#: "23h47", "9時05分", "10시 20분"; "kl. 10.15", "klo 2.10"
_WORD_CLOCK = re.compile(
    r"(?<![\d.:])(?P<wh>[01]?\d|2[0-4])(?:[hH]|[ \t]?[時时點点시][ \t]?)(?P<wm>[0-5]\d|(?<=[時时點点시 ])\d)"
    r"(?:[ \t]?(?:分|분|min|mn|m)(?:[ \t]?(?P<ws>[0-5]?\d)[ \t]?(?:秒|초|s\b))?)?(?![A-Za-z0-9_])"
    r"|(?:(?<=\bkl )|(?<=\bkl\. )|(?<=\bklo )|(?<=\bum )|(?<=\bgegen )|(?<=\bore )|(?<=\balle )|(?<=\bàs )|"
    r"(?<=\bkello )|(?<=\bklockan )|(?<=\bgodz\. )|(?<=\bom ))(?P<dh>[01]?\d|2[0-3])\.(?P<dm>[0-5]\d)(?:\.(?P<ds>[0-5]\d))?(?![.\d])"
)
#: Without one of these there is no such clock, and the text need not be searched again.
_WORD_CLOCK_SIGNS = (re.compile(r"\d[ \t]?[hH時时點点시]"), re.compile(r" \d\d?\.[0-5]\d(?![.\d])"))
_W = r"[^\W\d_]"
#: What stands between a date and its clock: "am 3. 5. 2026 gegen 10:00 Uhr", "18.11.2026 klo 2.10", `date=... time=...`.
_JOIN = (
    "at|on|ob|u|la ora|la|ora|um|gegen|circa|ca|about|around|approx|approximately|à|a las?|las|às|alle ore|alle|ore|ora|"
    "ora locale|or[aă]|klo|klockan|kl|"
    "om|omstreeks|rond|vers|environ|o|o godzinie|o godz|godz|godzina|około|v|ve|okolo|kolem|в|около|о|saat|órakor|the time|"
    "de|des|dal|desde|desde las|das|kell|between|from|zwischen|von|ab|seit|since|entre|entre les|entre as|tra le|tra|"
    "fra le|dalle|tussen|vanaf|od|mezi|między|między godziną|между|с|"
    "time|zeit|uhrzeit|hora|heure|tijd|čas|czas|время|時刻|时间|eventtime"
)
_GAP = (
    r"(?:[ \t]{0,4}[,@|;\])_\"'T/-]?[ \t]{0,4}(?:[-–|/][ \t]{1,4})?(?:(?:"
    + _JOIN
    + r")(?:\.?[ \t]{1,3}|[:=][ \t\"']{0,3})){0,2}"
    r"|:|(?:日|일)[ \t]?(?:\([^\W\d_]{1,3}\)[ \t]?)?(?:[^\W\d_]{1,4}[ \t]?)?)$"
)
_BEFORE = (
    re.compile(rf"(?<!\d)(?P<y>\d{{4}})(?P<sep>[-/.年년])[ ]?(?P<m>\d{{1,2}})[-/.月월][ ]?(?P<d>\d{{1,2}})"
               rf"(?:\.|{_W}{{2,4}})?{_GAP}"),
    re.compile(rf"(?<!\d)(?P<y>(?:19|20)\d{{2}})(?P<m>0[1-9]|1[0-2])(?P<d>[0-3]\d){_GAP}"),
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.|º)?[ \t/.-]{{0,2}}(?:of |de |"
               rf"of the )?(?P<mon>{_W}{{3,11}})\.?,?[ \t/.-]{{0,2}}(?:de |del )?(?P<y>\d{{4}}|\d{{2}})(?:[ ](?:г|р|"
               rf"года|року|r|r\.)\.?)?{_GAP}"),
    re.compile(rf"(?<!{_W})(?P<mon>{_W}{{3,11}})\.?[ \t/-]{{1,2}}(?P<d>\d{{1,2}})(?:st|nd|rd|"
               rf"th)?,?[ \t/-]{{1,2}}(?P<y>\d{{4}}){_GAP}"),
    re.compile(rf"(?<!\d)(?P<a>\d{{1,2}})(?P<sep>[-/.])[ ]?(?P<b>\d{{1,2}})[-/.][ ]?(?P<y>\d{{4}}|\d{{2}})\.?"
               rf"(?:[ ](?:r|г|года|р|do ano)\.?)?{_GAP}"),
    re.compile(rf"(?<!{_W})(?P<mon>{_W}{{3,9}})\.?[ \t]{{1,2}}(?P<d>\d{{1,2}})[ \t]{{1,2}}$"),
    re.compile(rf"(?<!\d)(?P<d>\d{{1,2}})[ \t]{{1,2}}(?P<mon>{_W}{{3,9}})[ \t]{{1,2}}$"),
    re.compile(r"(?<![\d/.-])(?P<m>\d{2})/(?P<d>\d{2})-$"),  # Snort
)  # fmt: skip
_ON = (
    "(?:on the|on|am|vom|dem|den|le|du|el|el d[ií]a|del|del d[ií]a|em|no dia|do dia|de|di|del giorno|il|op|van|"
    r"d\.d\.|dne|dnia|w dniu|of|d\.|от|в)?"
)
_AFTER = (
    re.compile(rf"[ \t,]{{0,3}}{_ON}[ \t,(]{{0,3}}(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})"
               r"[-/.](?P<d>\d{1,2})(?!\d)"),
    re.compile(rf"[ \t,]{{0,3}}{_ON}[ \t,(]{{0,3}}(?:{_W}{{2,9}},?[ \t])?(?P<d>\d{{1,2}})(?:st|nd|rd|th|"
               rf"\.)?[ \t/-](?:of )?(?P<mon>{_W}{{3,11}})\.?,?[ \t/-](?P<y>\d{{4}})"),
    re.compile(rf"[ \t,]{{0,3}}(?:on)?[ \t,(]{{0,3}}(?:{_W}{{2,9}},?[ \t])?(?P<mon>{_W}{{3,11}})"
               rf"\.?[ \t](?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?[ \t](?P<y>\d{{4}})"),
    re.compile(rf"[ \t,]{{0,3}}{_ON}[ \t,(]{{0,3}}(?P<a>\d{{1,2}})(?P<sep>[-/.])[ ]?(?P<b>\d{{1,2}})"
               r"[-/.][ ]?(?P<y>\d{4})(?!\d)"),
)  # fmt: skip
_YEAR_AFTER = re.compile(r"[ \t]{1,2}(?P<y>(?:19|20)\d{2})\b")
#: "01:00 and 01:20 CET": the zone behind the end of a span holds for its beginning too.
_SPAN = re.compile(
    r"[ \t]{0,3}(?:-|–|~|～|〜|至|到|から|\.\.|(?:to|till|until|through|bis|und|and|à|et|a|al?le|y|e|en|i|tot|do|až|по|и|до|"
    r"та|ja|og|och|și|ve)\b(?:[ \t](?:las|as|le|les|the|um|ore))?)"
    r"[ \t]{0,3}(?:\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}[ T,]{1,2})?\d{1,2}[:hH]\d{2}(?::\d{2})?(?![\d:])(?:[ \t]?[apAP]\.?[mM]\b\.?)?"
)
#: A date and its clock on two lines, each with a label or the clock at the front of its line.
_CLOCK_LABEL = re.compile(
    r"(?i)[ \t>*|•-]{0,8}(?:(?:time|uhrzeit|zeit|hora|heure|ora|orario|tijd|tijdstip|godzina|czas|čas|время|klockan|tidspunkt|aika|saat|"
    r"時刻|時間|时间|시간)\b[^\n\d]{0,16}[:=|][ \t\"'|]{0,12})$"
)
_DATE_LINE = re.compile(
    r"(?i)^[ \t>*|•-]{0,8}(?:date|datum|fecha|data|дата|dato|päivä|tarih|dátum|日付|日期|날짜)\b[^\n\d]{0,16}[:=|][ \t\"'|]{0,12}(.{6,40})$"
)
#: A date that has no clock of its own: "On 18 November 2026 ... between 14:05 and 15:20", or above a log that has only clocks.
_LONE_DATE = re.compile(
    rf"(?<![\d./:-])(?:(?P<y>(?:19|20)\d{{2}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}})"
    rf"|(?P<d2>\d{{1,2}})(?:st|nd|rd|th|\.|º)?[ \t/-]{{1,2}}(?:of |de )?(?P<mon>{_W}{{3,11}})\.?,?[ \t/-]{{1,2}}(?:de |"
    rf"del )?(?P<y2>(?:19|20)\d{{2}})"
    rf"|(?P<a>\d{{1,2}})(?P<sep>[-/.])[ ]?(?P<b>\d{{1,2}})[-/.][ ]?(?P<y3>(?:19|20)\d{{2}})"
    rf"|(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?,?[ \t/-]{{1,2}}(?P<y4>(?:19|20)\d{{2}}))(?![\d/-]|:\d|T\d|"
    rf"[ \t,.-]{{1,4}}(?:\w{{1,8}}[ \t])?\d{{1,2}}:\d\d)"
)
_MONTH_BEFORE = re.compile(rf"(?P<mon>{_W}{{3,11}})\.?[ \t/-]{{1,2}}$")
#: Such a date is that of a clock this near (characters), or of one that begins a line of a log further below.
_SAME_SENTENCE, _SAME_LOG = 200, 2500
_LINE_FRONT = re.compile(r"[ \t>*|\[(\"'•-]{0,8}$")
#: "Start (UTC): 2026-..."
_ZONE_IN_LABEL = re.compile(r"[(\[]([^()\[\]\n]{1,24})[)\]][ \t]{0,4}[:=|]?[ \t|]{0,24}$")
_EPOCH = re.compile(
    r"(?:(?<=^)|(?<=[\s\"',;:=|(\[<]))(?P<e>1[0-9]{9})(?:[.,]\d{1,9}|(?P<ms>\d{3}))?(?=$|[\s\"',;|)\]>])"
    r"",
    re.MULTILINE,
)
MOST = 2000
_EARLIEST, _LATEST = 1990, 2100


@dataclass(frozen=True, slots=True)
class FoundTime:
    """A time at `text[start:end]`. `when` is aware (UTC) if a zone stood at it, else naive as written.

    `year_guessed` is true where no year stands at it (syslog): the nearest past one was taken, or a date further above.
    """

    when: datetime
    start: int
    end: int
    year_guessed: bool = False

    def at(self, zone: tzinfo | None) -> datetime | None:
        """The time in UTC; naive ones are read in this zone, and are None without one."""
        if self.when.tzinfo is not None:
            return self.when
        try:
            return self.when.replace(tzinfo=zone).astimezone(timezone.utc) if zone is not None else None
        except (OverflowError, ValueError):
            return None


def find_times(text: str, now: datetime | None = None) -> list[FoundTime]:
    """All times with a date, in order of place. `now` (aware) tells the year of syslog lines and day from month.

    Day and month are told apart by what exceeds 12 anywhere in the text, else `.` means day first, `/` month first when
    the clock has AM/PM, else the order that is not in the future. Linear, never raises.
    """
    now = now or datetime.now(timezone.utc)
    day_first = _day_first(text)
    dates = _LoneDates(text, now, day_first)
    found: list[FoundTime] = []
    clocks = list(islice(_clocks(text), 2 * MOST))
    if any(sign.search(text) for sign in _WORD_CLOCK_SIGNS):
        more = list(islice(_WORD_CLOCK.finditer(text), 2 * MOST))
        clocks = sorted(clocks + more, key=lambda one: one.start()) if more else clocks
    for clock in clocks:
        one = _time_of(text, clock, now, day_first, dates)
        if one is not None:
            found.append(one)
            if len(found) >= MOST:
                break
    if len(found) < MOST:
        found += _epochs(text, now, found)
    return found


def _clocks(text: str) -> Iterator[re.Match[str]]:
    """The clocks in digits: what may be one is found by a simple pattern, the exact one is slow on a whole text."""
    end = 0
    for sign in _CLOCK_SIGN.finditer(text):
        at = sign.start() + (text[sign.start()] == "T")
        # one digit more stands before, or does not belong to it
        for start in (at - 1, at) if at and text[at - 1].isdecimal() and text[at] != "T" else (at,):
            match = _CLOCK.match(text, start) if start >= end else None
            if match is not None:
                yield match
                end = match.end()
                break


def _time_of(
    text: str, clock: re.Match[str], now: datetime, day_first: bool | None, dates: _LoneDates
) -> FoundTime | None:
    spoken = clock.re is _WORD_CLOCK
    ampm = "" if spoken else (clock["ap"] or "").strip()
    if spoken:
        hour, minute = int(clock["wh"] or clock["dh"]), int(clock["wm"] or clock["dm"])
        second, fraction = int(clock["ws"] or clock["ds"] or 0), ""
    elif clock["ch"]:
        hour, minute, second, fraction = int(clock["ch"]), int(clock["cm"]), int(clock["cs"]), ""
    else:
        hour, minute, second, fraction = int(clock["h"]), int(clock["m"]), int(clock["s"] or 0), clock["f"] or ""
    if ampm:
        hour = hour % 12 + (12 if ampm[0] in "pP" else 0)
    if hour > 23:
        return None
    zone, end = zone_at(text, clock.end())
    if zone is not None and not spoken and clock["m"] and not clock["s"] and text[clock.end() : clock.end() + 1] == "-":
        until = _SPAN.match(text, clock.end())  # "02:00-05:30 UTC" is a span, "02:00-05:30" an offset
        if until and zone_at(text, until.end())[0] is not None and int(text[clock.end() + 1 : clock.end() + 3]) >= hour:
            zone, end = None, clock.end()
    span = _SPAN.match(text, end)
    last = end
    if span:
        its_zone, last = zone_at(text, span.end())
        zone = zone or its_zone
    window = max(0, clock.start() - 44)
    before = text[window : clock.start()]
    before = before[before.rfind("\n") + 1 :]
    day, start, guessed = None, clock.start(), False
    for number, pattern in enumerate(_BEFORE):
        match = pattern.search(before)
        if match:
            year = None
            if number >= 5:  # no year
                late = _YEAR_AFTER.match(text, end)
                if late:  # ctime: Mon Nov  9 10:00:00 UTC 2026, date(1) puts the zone before the year
                    year, end = int(late["y"]), late.end()
                    if zone is None:
                        zone, end = zone_at(text, end)
                else:
                    guessed = True
            day = _date(match, now, day_first, bool(ampm), year)
            if day:
                start = clock.start() - len(before) + match.start()
                break
            guessed = False
    if day is None:
        day, behind = _day_behind(text, last, now, day_first, bool(ampm))
        if day is not None:
            end = behind
            if zone is None:
                zone, end = zone_at(text, end)
    if day is None:
        day = _day_above(text, clock.start(), now, day_first)
    if day is None:
        day, guessed = dates.of(clock.start()), True
    if day is None:
        return None
    if zone is None:
        label = _ZONE_IN_LABEL.search(text, max(0, start - 60), start)
        if label:
            zone, last = zone_at(label[1], 0)
            zone = zone if last == len(label[1]) else None
    try:
        when = datetime(  # noqa: DTZ001  (naive as written; the zone, if any, follows)
            day.year, day.month, day.day, hour, minute, min(second, 59), int(fraction[:6].ljust(6, "0") or 0)
        )
        if zone is not None:
            when = when.replace(tzinfo=zone).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None
    return FoundTime(when, start, end, guessed)


def _day_behind(text: str, start: int, now: datetime, day_first: bool | None, ampm: bool) -> tuple[date | None, int]:
    """The date that follows a clock (or its span), and where it ends."""
    after = text[start : start + 40].split("\n", 1)[0]
    for pattern in _AFTER:
        match = pattern.match(after)
        day = _date(match, now, day_first, ampm, None) if match else None
        if match and day:
            return day, start + match.end()
    return None, start


def _day_above(text: str, clock: int, now: datetime, day_first: bool | None) -> date | None:
    """The date on the line above a clock: "Data: 2026-11-18", then "Godzina: 22:03:17"."""
    line = text.rfind("\n", max(0, clock - 60), clock)
    if line < 0 or not _CLOCK_LABEL.match(text, line + 1, clock):
        return None
    above = text[max(0, line - 80) : line].rstrip()
    match = _DATE_LINE.search(above[above.rfind("\n") + 1 :])
    if match is None:
        return None
    for pattern in _BEFORE[:5]:
        found = pattern.search(match[1] + " ")
        day = _date(found, now, day_first, False, None) if found else None
        if day:
            return day
    return None


class _LoneDates:
    """The dates of a text that have no clock, found once and only if a clock without a date asks."""

    def __init__(self, text: str, now: datetime, day_first: bool | None) -> None:
        self._text = text
        self._now = now
        self._day_first = day_first
        self._dates: list[tuple[int, date]] | None = None

    def of(self, clock: int) -> date | None:
        """The date of the clock at this offset: the last one above it, when that is near enough."""
        if self._dates is None:
            self._dates = [one for one in map(self._dated, islice(_LONE_DATE.finditer(self._text), MOST)) if one]
        place = bisect_right(self._dates, clock, key=itemgetter(0)) - 1
        if place < 0:
            return None
        end, day = self._dates[place]
        line = self._text.rfind("\n", max(0, clock - 200), clock) + 1
        in_log = bool(_LINE_FRONT.match(self._text, line, clock)) if line else False
        between = self._text[end:clock] if clock - end <= _SAME_LOG else ""
        near = clock - end <= _SAME_SENTENCE and "\n\n" not in between
        return day if near or (in_log and between) else None

    def _dated(self, match: re.Match[str]) -> tuple[int, date] | None:
        year, month, name = match["y"] or match["y2"] or match["y3"] or match["y4"], match["m"], match["mon"]
        day = match["d"] or match["d2"] or match["d4"]
        if match["a"]:
            numeric = _date(match, self._now, self._day_first, False, int(year))
            return (match.end(), numeric) if numeric else None
        if match["d4"]:
            before = _MONTH_BEFORE.search(self._text, max(0, match.start() - 16), match.start())
            name = before["mon"] if before else ""
        number = int(month) if month else _MONTHS.get((name or "").lower())
        made = _make(int(year), number, int(day)) if number else None
        return (match.end(), made) if made else None


def _date(match: re.Match[str], now: datetime, day_first: bool | None, ampm: bool, year: int | None) -> date | None:
    groups = match.groupdict()
    if groups.get("mon"):
        month = _MONTHS.get(groups["mon"].lower().rstrip("."))
        if month is None:
            return None
        day = int(groups["d"])
    elif groups.get("a"):
        first, second = int(groups["a"]), int(groups["b"])
        is_day = day_first
        if first > 12 or second > 12:
            is_day = first > 12
        elif is_day is None:
            is_day = groups["sep"] == "." or (groups["sep"] == "-" and not ampm) or (groups["sep"] == "/" and not ampm)
            its_year = year if year is not None else _year(groups["y"])
            swapped = _make(its_year, first if is_day else second, second if is_day else first)
            straight = _make(its_year, second if is_day else first, first if is_day else second)
            limit = now.date() + timedelta(days=2)
            if straight and straight > limit and swapped and swapped <= limit:
                is_day = not is_day
        day, month = (first, second) if is_day else (second, first)
    else:
        day, month = int(groups["d"]), int(groups["m"])
    if year is None:
        if groups.get("y"):
            year = _year(groups["y"])
        else:
            year = now.year
            guess = _make(year, month, day)
            if guess and guess > now.date() + timedelta(days=2):
                year -= 1
    return _make(year, month, day)


def _year(text: str) -> int:
    return int(text) if len(text) == 4 else 2000 + int(text)


def _make(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day) if _EARLIEST <= year <= _LATEST else None
    except ValueError:
        return None


_NUMERIC = re.compile(r"(?<![\d./-])(\d{1,2})([/-])(\d{1,2})\2(?:19|20)\d{2}(?!\d)")


def _day_first(text: str) -> bool | None:
    """Whether `03/04/2026` is a day first here, told by a date in the text that can only be one of both."""
    days = months = 0
    for match in _NUMERIC.finditer(text[:100_000]):
        days += int(match[1]) > 12
        months += int(match[3]) > 12
    return None if days == months else days > months


def _epochs(text: str, now: datetime, found: list[FoundTime]) -> list[FoundTime]:
    """Seconds since 1970, believed only within 15 years before the report (and a day after)."""
    latest = now.timestamp() + 86400
    out: list[FoundTime] = []
    for match in _EPOCH.finditer(text):
        seconds = int(match["e"])
        if latest - 15 * 366 * 86400 < seconds < latest:
            out.append(FoundTime(datetime.fromtimestamp(seconds, timezone.utc), match.start(), match.end()))
            if len(out) + len(found) >= MOST:
                break
    return out
