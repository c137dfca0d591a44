# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What somebody wrote himself in a reply, told apart from what he quotes. Line by line, so that no text takes long."""

from __future__ import annotations

import re

from abusehandler.reports.answers.phrases import phrases

_MOST_LINES = 20_000
_LONGEST = 400
_INDENT = r"[ \t]{0,3}"
_COLON = r"\*?[ \t]?[:：]\*?"
_QUOTED = re.compile(r"[ \t]{0,3}(?:>|\|[ \t]|&gt;)")


def written(text: str) -> str:
    """The text without quotes; empty if somebody only quoted. A signature stays."""
    lines = text.splitlines()[:_MOST_LINES]
    kept: list[str] = []
    number = 0
    while number < len(lines):
        line = lines[number][:_LONGEST]
        if _QUOTED.match(line):
            number += 1
            continue
        length = _attribution(lines, number)
        if length:
            if not _quotes_follow(lines, number + length):
                break
            number += length
            continue
        if phrases("rule", before=_INDENT).match(line) or (
            phrases("from", before=_INDENT + r"\*?", after=_COLON + r"[ \t]").match(line)
            and _header_block(lines, number)
        ):
            break
        kept.append(lines[number])
        number += 1
    return "\n".join(kept).strip()


def _attribution(lines: list[str], number: int) -> int:
    """How many lines the attribution takes that begins here; 0 if none does."""
    if not phrases("wrote-start", before=_INDENT).match(lines[number][:_LONGEST]):
        return 0
    for length in (1, 2, 3):
        end = lines[number + length - 1 : number + length]
        if not end or not end[0].strip():
            return 0
        last = end[0][:_LONGEST].rstrip()
        if phrases("wrote", after=r"[^:：]{0,80}[:：]?[ \t]{0,5}$").search(last[-160:]) and (
            last.endswith((":", "：")) or "@" in last or length > 1
        ):
            return length
    return 0


def _quotes_follow(lines: list[str], number: int) -> bool:
    """Whether the next line that says anything is marked as quoted; else all that follows is the quote."""
    following = next((line for line in lines[number : number + 4] if line.strip()), "")
    return bool(_QUOTED.match(following[:_LONGEST]))


def _header_block(lines: list[str], number: int) -> bool:
    return (
        sum(
            bool(phrases("header", before=_INDENT + r"\*?", after=_COLON).match(line[:_LONGEST]))
            for line in lines[number + 1 : number + 6]
        )
        >= 2
    )
