# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Time zones as people write them: `+02:00`, `GMT+2`, `(UTC-5)`, `CEST`, `Europe/Berlin`, "all times are in UTC"."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, available_timezones

from abusehandler.reports.freetext.lines import lines_holding

if TYPE_CHECKING:
    from collections.abc import Iterator

UTC = timezone.utc
#: Abbreviations that mean one offset wherever abuse reports come from, in minutes. CST, IST and BST stand for their most
#: frequent senders (North America, India, the United Kingdom); an offset beside the abbreviation wins, then `_NAMESAKES`.
_ABBREVIATIONS = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "wet": 0, "west": 60, "bst": 60, "cet": 60, "cest": 120, "mez": 60, "mesz": 120,
    "met": 60, "mest": 120, "eet": 120, "eest": 180, "msk": 180, "trt": 180, "ist": 330, "pkt": 300, "wib": 420, "ict": 420,
    "hkt": 480, "sgt": 480, "awst": 480, "jst": 540, "kst": 540, "aest": 600, "aedt": 660, "nzst": 720, "nzdt": 780,
    "nst": -210, "ast": -240, "adt": -180, "est": -300, "edt": -240, "cst": -360, "cdt": -300, "mst": -420, "mdt": -360,
    "pst": -480, "pdt": -420, "akst": -540, "hst": -600, "brt": -180, "brst": -120, "art": -180, "clt": -240,
    "idt": 180, "sast": 120, "wat": 60, "eat": 180, "gst": 240, "pht": 480, "myt": 480, "clst": -180, "pet": -300, "cot": -300,
    "мск": 180, "seč": 60, "selč": 120,
}  # fmt: skip
#: The other zones of the same name, in minutes, and the words of a text that tell them from the one above.
_NAMESAKES: dict[str, tuple[tuple[int, re.Pattern[str]], ...]] = {
    "cst": ((480, re.compile(r"[\u4e00-\u9fff]|(?i:\b(?:china|chinese|beijing|shanghai|taiwan|taipei)\b)")),),
    "ist": (
        (120, re.compile(r"(?i)\bisrael|\bjerusalem\b|\btel[ -]aviv\b")),
        (60, re.compile(r"(?i)\bireland\b|\birish\b|\bdublin\b")),
    ),
    "bst": ((360, re.compile(r"(?i)\bbangladesh\b|\bdhaka\b")),),
    "ast": ((180, re.compile(r"(?i)\bsaudi\b|\briyadh\b|\bkuwait\b|\bqatar\b|\bbahrain\b")),),
    "pst": ((480, re.compile(r"(?i)\bphilippines?\b|\bmanila\b")),),
    "est": ((600, re.compile(r"(?i)\baustralian?\b|\bsydney\b|\bmelbourne\b|\bbrisbane\b")),),
}
#: "UTC+8", "+0800": an offset that a text writes out anywhere.
_WRITTEN_OUT = re.compile(
    r"(?i)(?:(?<=UTC)|(?<=GMT))[ \t]?([+-]\d{1,2}(?::?\d{2})?)(?!\d)|(?<![\w.:/-])([+-]\d{2}:?\d{2})(?![\d.:/-])"
)
_NAMES = "|".join(sorted(_ABBREVIATIONS, key=len, reverse=True))
_ZONE_WORDS = frozenset((*_ABBREVIATIONS, "coordinated"))
_LETTERS = re.compile(r"[^\W\d_]+")
_SIGNED_OR_REGION = re.compile(r"[+-]\d\d|(?i:Europe|America|Asia|Africa|Australia|Pacific)/")
_CLOCK_OR_DATE = re.compile(r"\d{1,2}:\d{2}|\d{4}[-/]\d")
_ZONE = re.compile(
    rf"[ \t]{{0,3}}(?:(?:Uhr|hrs?|h|ore|uur|hod|godz|horas?|heures?|час\w{{0,2}})\b\.?[ \t]{{0,2}})?"
    # "(ora italiana, UTC+1)", "(dansk tid: UTC+1)", "local time (GMT+3)", `" tz="+0100"`
    r"(?:[,;]?[ \t]?(?:[(\[（][^()\[\]（）\d\n,;:/]{1,30}[,;:/=][ \t]?|[\"']?[ \t,;]{1,3}(?:tz|zone|timezone)[=:][ \t]?[\"']?|"
    r"local time[ \t,]{0,3}|[ \t]?(?:по|ch?asu|času)[ \t]|time zone[ \t:]{1,3}))?"
    rf"[(\[（]?[ \t]?(?:timezone[ :=]{{0,3}})?(?:"
    rf"(?P<name>\b(?:{_NAMES}|coordinated universal time)\b|(?<=\d)z\b)[ \t]?(?P<plus>[+-][ \t]?\d{{1,2}}(?::?\d{{2}})?(?!\d|[-:/.]\d))?"
    rf"|(?P<offset>(?:±|[+−-])\d{{2}}:?\d{{2}}(?!\d|[-:/.]\d)|(?<=[\d ])[+]\d{{1,2}}(?![\d:./-]))"
    rf"|(?P<region>(?:Europe|America|Asia|Africa|Australia|Pacific|Atlantic|Indian|Etc)/[A-Za-z_]{{2,30}}(?:/[A-Za-z_]{{2,30}})?)"
    rf"|(?P<bare>(?<=[\d ])00:?00(?![\d:]))"  # a "+" lost in quoted-printable or a web form
    rf")(?:[ \t]?\((?P<beside>[A-Za-z]{{1,5}}|[+-]\d{{1,4}})\))?[)\]）]?",
    re.IGNORECASE,
)
_STATED = re.compile(
    r"(?i)(?:\b|(?<=[^\x00-\x7f]))(?:"
    r"time[ -]?zone|uhrzeit(?:en)?|zeit(?:zone|stempel|angaben)|zona horaria|fuso hor[aá]rio|fuseau horaire|"
    r"fuso orario|tijdzone|strefa czasowa|"
    r"(?:first|last)[ _-]?(?:seen|observed|detected)|detected|observed|occurred|"
    r"časové pásmo|часовой пояс|時刻|タイムゾーン|时区|時區|"
    r"times?(?:[ -]?stamps?)?|dates?|clocks?|seen|beacon|godzin[ay]?|czas|čas|logs?|logfiles?|hours?|horas?|heures?|"
    r"zeiten|tijden|časy|время|время указано|tz|"
    r"(?:all|alle|alles|todos|todas|tous|toutes|tutti|tutte)(?=[ \t](?:in[ \t]|en[ \t]|em[ \t]|są w[ \t])?(?:UTC|GMT|"
    r"CES?T|MES?Z|E[SD]T|P[SD]T)\b)"
    r")\b(?P<gap>[^\n.;]{0,60}?)(?P<zone>"
    rf"\b(?:{_NAMES}|coordinated universal time)\b(?![\w/@.-]*[@.]\w)[ \t]?(?:[+-][ \t]?\d{{1,2}}(?::?\d{{2}})?)?"
    r"|(?<![\w.:/-])[+-]\d{2}:?\d{2}\b|(?:Europe|America|Asia|Africa|Australia|Pacific)/[A-Za-z_]{2,30})"
)
#: A column or label with its zone: "Seen (UTC)", "first_seen_utc", "Timestamp [GMT+1]".
_COLUMN = re.compile(
    rf"(?i)[(\[（](?:(?<=[^\W\d_][(\[（])|(?<=[^\W\d_][ \t_][(\[（]))[ \t]?"
    rf"(?P<paren>(?:{_NAMES})(?:[ \t]?[+-]\d{{1,2}}(?::?\d{{2}})?)?)[ \t]?[)\]）]"
    rf"|_(?<=[a-z]_)(?P<tail>utc|gmt)(?![a-z0-9])|(?<![a-z0-9])(?P<front>utc|gmt)[ _-]?(?:time(?:stamp)?|date(?:time)?)(?![a-z])"
)
#: "(UTC)", "Zeit: MEZ", "Horário em UTC+1": a zone that stands behind no number is said of all times. Only those in capitals
#: that are no word of a language.
_LONE = re.compile(
    r"(?<![\w.@/-])(?P<zone>(?:UTC|GMT|CES?T|MES?Z|EES?T|MSK|МСК|JST|KST|EDT|CDT|PST|PDT|BRT)\b(?![\w/@.-]*[@.]\w)"
    r"(?:[ \t]?[+-][ \t]?\d{1,2}(?::?\d{2})?\b)?)"
)
_NUMBER_BEFORE = re.compile(r"\d[^\n]{0,12}$")
#: "heure de Paris", "hora de Lisboa", "Berlin time", "ora italiana", "czas polski": capitals, and the front of the word for the
#: country, for what follows is the ending of a language.
_PLACE_NAMES_OF = {
    "Europe/Paris": "paris|frança|französisch|frans|francusk|french|francese",
    "Europe/Lisbon": "lisboa|lisbon|portugu",
    "Europe/Madrid": "madrid|español|spanish|peninsular|spanisch|spagnol|hiszpańsk",
    "Europe/Rome": "roma|rome|italian|italienisch|włosk",
    "Europe/Berlin": "berlin|deutsch|german|mitteleuropäisch|niemieck|německ|tedesc|duits|alleman",
    "Europe/London": "london|uk|british",
    "Europe/Dublin": "dublin|irish",
    "Europe/Amsterdam": "amsterdam|nederland|dutch|niederländisch",
    "Europe/Brussels": "brussel|bruxelles|belg",
    "Europe/Vienna": "wien|vienna|österreichisch|austria",
    "Europe/Zurich": "zürich|zurich|schweiz|swiss|suisse",
    "Europe/Prague": "praha|prague|prah|česk|czech|středoevropsk",
    "Europe/Warsaw": "warszaw|warsaw|polsk|polish",
    "Europe/Stockholm": "stockholm|svensk|swedish",
    "Europe/Oslo": "oslo|norsk|norwegian",
    "Europe/Helsinki": "helsinki|suomen|finnish",
    "Europe/Copenhagen": "copenhagen|københavn|dansk|danish",
    "Europe/Budapest": "budapest|magyar|hungarian",
    "Europe/Bucharest": "bucharest|bucurești|românie|romanian",
    "Europe/Athens": "athens|greek",
    "Europe/Istanbul": "istanbul|türkiye|turkish",
    "Europe/Kyiv": "kyiv|kiev|київськ|киевск",
    "Europe/Moscow": "moscow|moskau|московск|моск",
    "Asia/Tokyo": "tokyo|japan|日本",
    "Asia/Seoul": "seoul|korea|한국",
    "Asia/Kolkata": "india",
    "Asia/Singapore": "singapore",
    "Asia/Hong_Kong": "hong kong",
    "Asia/Jerusalem": "israel",
    "Australia/Sydney": "sydney|melbourne",
    "Pacific/Auckland": "new zealand|auckland",
    "Africa/Johannesburg": "johannesburg|south africa",
    "America/New_York": "new york|us eastern",
    "America/Chicago": "chicago|us central",
    "America/Denver": "denver|us mountain",
    "America/Los_Angeles": "los angeles|us pacific",
    "America/Sao_Paulo": "brasília|brasilia|são paulo|brasil",
    "America/Argentina/Buenos_Aires": "buenos aires|argentin",
    "America/Bogota": "bogotá|bogota|colombia",
    "America/Lima": "lima|perú|peru",
    "America/Mexico_City": "méxico|mexico|ciudad de méxico",
    "America/Santiago": "santiago|chile",
    "Asia/Shanghai": "北京|beijing|中国",
    "Asia/Taipei": "台北|台湾",
}
_PLACES = {name: region for region, names in _PLACE_NAMES_OF.items() for name in names.split("|")}
_PLACE_SIGNS = tuple("uk time" if name == "uk" else name for name in _PLACES)
_PLACE_NAMES = "|".join(sorted((re.escape(name) for name in _PLACES), key=len, reverse=True))
_PLACE_TIME = re.compile(
    rf"(?i)\b(?:horas?|hor[aá]rios?|heures?|ora|ore|orario|czasu?|czasie|času?|час\w{{0,2}}|врем\w{{1,4}}|по|за|time in|time of|time at)"
    rf"[ \t](?:local(?:e|es|a)?[ \t]|lokaln\w{{0,3}}[ \t])?(?:de |di |d['’]|del |do |da |in |of |w |v |en |em )?"
    rf"(?:la |the )?(?P<behind>{_PLACE_NAMES})"
    rf"|\b(?P<before>{_PLACE_NAMES})\w{{0,5}}[ \t]?(?:local[ \t]|standard[ \t])?"
    rf"(?:time|zeit|tijd|tid|tiden|aikaa|времени|время|часом|czasu?|času?)\b"
    rf"|(?P<cjk>北京|台北|日本|한국|中国|台湾)[ \t]?(?:标准)?(?:时间|時間|시간|標準時)"
)
_LONG_NAMES = {
    "central european time": "Europe/Berlin", "central european summer time": "Europe/Berlin", "eastern time": "America/New_York",
    "central time": "America/Chicago", "mountain time": "America/Denver", "pacific time": "America/Los_Angeles",
    "moscow time": "Europe/Moscow", "mitteleuropäische zeit": "Europe/Berlin", "heure de paris": "Europe/Paris",
    "brasilia time": "America/Sao_Paulo", "horário de brasília": "America/Sao_Paulo", "japan standard time": "Asia/Tokyo",
    "india standard time": "Asia/Kolkata", "eastern standard time": "America/New_York", "pacific standard time": "America/Los_Angeles",
    "singapore time": "Asia/Singapore", "beijing time": "Asia/Shanghai", "北京时间": "Asia/Shanghai", "日本時間": "Asia/Tokyo",
    "московское время": "Europe/Moscow", "по московскому времени": "Europe/Moscow",
}  # fmt: skip


@lru_cache(maxsize=256)
def offset_zone(text: str) -> timezone | None:
    """`+0200`, `-05:30`, `+2` as a zone; None beyond the 14 hours that exist."""
    digits = re.sub(r"[^\d]", "", text)
    if not digits:
        return None
    hours, minutes = (int(digits[:-2]), int(digits[-2:])) if len(digits) > 2 else (int(digits), 0)
    if hours > 14 or minutes > 59:
        return None
    total = timedelta(hours=hours, minutes=minutes)
    return timezone(-total if text.lstrip()[0] in "-−" else total)


@lru_cache(maxsize=64)
def region_zone(text: str) -> tzinfo | None:
    """`europe/berlin` as a zone of the tz database, whatever the case."""
    names = {name.lower(): name for name in available_timezones()}
    name = names.get(text.strip().lower())
    return ZoneInfo(name) if name else None


def zone_at(text: str, offset: int) -> tuple[tzinfo | None, int]:
    """The zone written right at this place, and where it ends; `(None, offset)` when there is none."""
    match = _ZONE.match(text, offset)
    if not match:
        return None, offset
    zone = _of_match(match)
    if (
        match["name"]
        and match["name"].lower() in _NAMESAKES
        and not match["plus"]
        and not (match["beside"] or "").startswith(("+", "-"))
    ):
        zone = namesake(match["name"].lower(), text[:20000])
    return (zone, match.end()) if zone is not None else (None, offset)


def _of_match(match: re.Match[str]) -> tzinfo | None:
    if match["region"]:
        return region_zone(match["region"])
    if match["bare"]:
        return UTC
    if match["offset"]:
        return offset_zone(match["offset"])
    if match["plus"]:
        return offset_zone(match["plus"].replace(" ", ""))
    beside = match["beside"] or ""
    if beside[:1] in ("+", "-"):
        return offset_zone(beside)
    return abbreviation_zone(match["name"])


@lru_cache(maxsize=16)  # asked for each time of a text
def namesake(name: str, text: str) -> tzinfo | None:
    """Which zone of this name (CST, IST, BST ...) a text means: one whose offset it writes out, or whose country it names."""
    usual = _ABBREVIATIONS[name]
    written = {
        _offset_key(zone) // 60
        for one in islice(_WRITTEN_OUT.finditer(text), 50)
        if (zone := offset_zone(one[1] or one[2]))
    }
    for minutes, words in _NAMESAKES[name]:
        if usual not in written and (minutes in written or (not written and words.search(text))):
            return timezone(timedelta(minutes=minutes))
    return abbreviation_zone(name)


@lru_cache(maxsize=128)
def abbreviation_zone(name: str) -> tzinfo | None:
    if name.lower() == "coordinated universal time":
        return UTC
    minutes = _ABBREVIATIONS.get(name.lower())
    return timezone(timedelta(minutes=minutes)) if minutes is not None else None


def stated_zone(text: str) -> tzinfo | None:
    """The zone that a text says all its times are in ("Timestamps are GMT+2", "Note: Local timezone is +0200").

    None when it says nothing or says different things. Only the first 20,000 characters are looked at.
    """
    return _stated_zone(text[:20000])


@lru_cache(maxsize=8)  # several readers ask about one text
def _stated_zone(text: str) -> tzinfo | None:
    for way in (_in_words, _in_column, _of_place, _by_long_name, _alone):
        seen = {_offset_key(zone): zone for zone in way(text) if zone is not None}
        if seen:
            return next(iter(seen.values())) if len(seen) == 1 else None
    return None


def _in_words(text: str) -> Iterator[tzinfo | None]:
    for start, end in _lines_with_zone(text):
        for match in _STATED.finditer(text, start, end):
            # A zone after a clock belongs to that time; one after a date without clock is no statement either.
            if not _CLOCK_OR_DATE.search(match["gap"]):
                yield zone_at(text, match.start("zone"))[0]


def _lines_with_zone(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for line in text.split("\n"):
        if _SIGNED_OR_REGION.search(line) or not _ZONE_WORDS.isdisjoint(_LETTERS.findall(line.lower())):
            yield start, start + len(line)
        start += len(line) + 1


def _in_column(text: str) -> Iterator[tzinfo | None]:
    for match in islice(_COLUMN.finditer(text), 20):
        yield zone_at(match["paren"] or match["tail"] or match["front"], 0)[0]


def _of_place(text: str) -> Iterator[tzinfo | None]:
    low = text.lower()
    for start, end in lines_holding(text, [name for name in _PLACE_SIGNS if name in low]):
        for match in islice(_PLACE_TIME.finditer(text, start, end), 20):
            yield region_zone(_PLACES.get((match["behind"] or match["before"] or match["cjk"]).lower(), ""))


def _by_long_name(text: str) -> Iterator[tzinfo | None]:
    low = text.lower()
    for words, region in _LONG_NAMES.items():
        if words in low:
            yield region_zone(region)


def _alone(text: str) -> Iterator[tzinfo | None]:
    for match in islice(_LONE.finditer(text), 20):
        zone, _ = zone_at(match["zone"], 0)
        if zone is not None and not _NUMBER_BEFORE.search(text, max(0, match.start() - 13), match.start()):
            yield zone


def _offset_key(zone: tzinfo) -> int:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())
