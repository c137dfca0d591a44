# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Undo defanging (`hxxp://host[.]example`) and still know where each character stood in the original text.

There is no standard of defanging; these are the habits of CERTs, brand protectors and ticket systems.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

# Every alternative begins with a bracket, a backslash, a colon or "hxxp", so that the scan over ordinary text is cheap.
_DEFANGED = re.compile(
    r"""
      (?P<dot> [ \t]? [\[({<] [ \t]{0,2} (?: \.|,|dot|punto|punkt) [ \t]{0,2} [\])}>] (?:[ \t](?=[A-Za-z0-9-]{1,63}\b))? | \\\. )
    | (?P<colon> [\[({] : (?: //)? [\])}] (?: [\[({]? // [\])}]? )? )
    | (?P<slash> [\[({] //? [\])}] )
    | (?P<at> [\[({] [ \t]? (?:@|at) [ \t]? [\])}] )
    | (?P<gap> :// [ \t]{1,2} (?= [\w-]{1,63} \. [\w-] ) )
    | (?P<http> \b h(?:xx|XX|\*\*|tt|TT|ttx|\+\+)p (?P<s>s?) (?= [ \t]{0,2} [:\[({] ) )
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BREAKING_SPACE = re.compile(r"(?i)\b(?:hxxps?|https?)[ \t]?://[^\n]{1,400}")
_SPACED = re.compile(r"[ \t](?=\.[A-Za-z]{2,24}\b)|(?<=[A-Za-z0-9])[ \t](?=/)|(?<=:)[ \t](?=//)")


@dataclass(frozen=True, slots=True)
class Refanged:
    """A text without defanging.

    `original(offset)` maps an offset of `text` to one of the text it was made of; `defanged(start, end)` tells
    whether anything between had to be undone: nobody defangs an address that is not the bad one, or nearly so.
    """

    text: str
    _new: tuple[int, ...] = ()
    _old: tuple[int, ...] = ()

    def original(self, offset: int) -> int:
        index = bisect_right(self._new, offset) - 1
        return offset if index < 0 else self._old[index] + offset - self._new[index]

    def defanged(self, start: int, end: int) -> bool:
        index = bisect_right(self._new, end) - 1
        return index >= 0 and self._new[index] > start


def refang(text: str) -> Refanged:
    """Write `http://host.example` for `hxxp[:]//host[.]example` and its relatives. Linear in the text, never raises."""
    pieces: list[str] = []
    new: list[int] = []
    old: list[int] = []
    last = length = 0
    for start, end, instead in _replacements(text):
        if start < last:
            continue
        pieces += (text[last:start], instead)
        length += start - last + len(instead)
        new.append(length)
        old.append(end)
        last = end
    if not pieces:
        return Refanged(text)
    pieces.append(text[last:])
    return Refanged("".join(pieces), tuple(new), tuple(old))


def _replacements(text: str) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for match in _DEFANGED.finditer(text):
        kind = match.lastgroup if match.lastgroup != "s" else "http"
        instead = {
            "dot": ".",
            "colon": "://" if "//" in match[0] else ":",
            "slash": match[0].strip("[](){}"),
            "at": "@",
            "gap": "://",
        }
        if kind == "http":
            if match[0].lower() in ("http", "https"):
                continue
            found.append((match.start(), match.end(), "http" + match["s"].lower()))
        elif kind == "dot":
            before = text[match.start() - 1 : match.start()]
            after = text[match.end() : match.end() + 1]
            if before.isalnum() and after.isalnum():
                found.append((match.start(), match.end(), "."))
        elif kind is not None:
            found.append((match.start(), match.end(), instead[kind]))
    for line in _BREAKING_SPACE.finditer(text) if "hxxp" in text.lower() else ():
        if line[0][:4].lower() != "hxxp":
            continue
        found += [(line.start() + gap.start(), line.start() + gap.end(), "") for gap in _SPACED.finditer(line[0])]
    return sorted(found)
