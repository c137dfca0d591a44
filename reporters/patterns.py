# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Regular expressions of definitions: placeholders for fields, and the proof that a pattern cannot be slow.

A pattern works on hostile mail, so it must not have a repeat without an end (`*`, `+`) and no repeat inside a repeat that
multiplies to more than `MOST_STEPS`. Both are read from Python's own parse tree, not guessed from the text.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from abusehandler.reporters.definition import FIELDS

try:
    from re import _constants as _c  # type: ignore[attr-defined]
    from re import _parser  # type: ignore[attr-defined]
except ImportError:  # Python 3.10 has them under their old names
    import sre_constants as _c
    import sre_parse as _parser

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_STEPS = 20_000
LONGEST_PATTERN = 2_000

_DOT = r"(?:\.|\[\.\]|\(\.\)|\{\.\}|\[dot\]|\(dot\)|\[\.|\.\])"
#: what a placeholder such as `<source.ip>` stands for, by kind of value; tolerant, because the value is checked afterwards
PLACEHOLDERS = {
    "address": rf"(?:\d{{1,3}}(?:{_DOT}\d{{1,3}}){{3}}|[0-9A-Fa-f]{{0,4}}:[0-9A-Fa-f:.]{{2,41}})",
    "port": r"\d{1,5}",
    "host": r"[\w\-]{1,63}(?:(?:\.|\[\.\]|\(\.\)|\[dot\])[\w\-]{1,63}){1,10}",
    "url": r"(?:[A-Za-z*\[\]]{3,8}:/{1,2}|[A-Za-z*\[\]]{3,7}\[:(?://)?\](?://)?)?[^\s<>\"|]{4,2000}",
    "account": r"[^\s<>\"|]{1,200}",
    "network": r"[0-9A-Fa-f:.]{2,41}/\d{1,3}",
    "time": r"[^\n|<>]{6,60}",
    "word": r"[\w\-]{1,40}",
    "text": r"[^\n|]{1,200}",
}
_PLACEHOLDER = re.compile(r"<([a-z]{3,20}(?:[._][a-z_]{2,20})?)>")


class UnsafePattern(ValueError):
    """A pattern that might be slow, or is no regular expression at all; the text says why and what to write."""


def group_name(field: str) -> str:
    """The name of the group that holds a field (`source.ip` → `source_ip`, as groups cannot have dots)."""
    return field.replace(".", "_")


#: groups of `inside: start:`
INNER = ("inner_subject", "inner_from")
GROUPS = {group_name(field): field for field in FIELDS}


def expand(text: str) -> str:
    """The pattern with each `<field>` written out as a named group."""

    def replace(match: re.Match[str]) -> str:
        before = text[max(0, match.start() - 3) : match.start()]
        if before.endswith(("?P", "(?", "\\")):
            return match.group()
        field = match.group(1)
        if field not in FIELDS:
            return match.group()
        return f"(?P<{group_name(field)}>{PLACEHOLDERS[FIELDS[field]]})"

    return _PLACEHOLDER.sub(replace, text)


@lru_cache(maxsize=4096)
def compile_pattern(text: str) -> re.Pattern[str]:
    """Compile a definition's pattern: case ignored, `^` and `$` at each line; raises UnsafePattern."""
    if len(text) > LONGEST_PATTERN:
        raise UnsafePattern(f"is longer than {LONGEST_PATTERN} characters; split it into several rules")
    for name in _PLACEHOLDER.findall(text):
        if ("." in name or name in FIELDS) and name not in FIELDS:
            raise UnsafePattern(f"<{name}> is no field that can be taken; one of: {', '.join(FIELDS)}")
    full = expand(text)
    try:
        compiled = re.compile(full, re.IGNORECASE | re.MULTILINE)
        tree = _parser.parse(full, re.IGNORECASE | re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise UnsafePattern(f"is not a regular expression: {error}") from error
    for name in compiled.groupindex:
        if name not in GROUPS and name not in INNER:
            raise UnsafePattern(f"group {name!r} is no field; one of: {', '.join(GROUPS)}")
    if _steps(tree) > MOST_STEPS:
        raise UnsafePattern("has repeats that multiply; give the inner or the outer one a smaller bound")
    return compiled


def _steps(tree: Any) -> int:
    """An upper bound for the ways in which repeats of a pattern can be combined at one place of the text."""
    total = 1
    for operator, argument in tree:
        if operator in (_c.MAX_REPEAT, _c.MIN_REPEAT) or str(operator) == "POSSESSIVE_REPEAT":
            least, most, inner = argument
            if most == _c.MAXREPEAT:
                raise UnsafePattern("has a repeat without an end (`*` or `+`); write a bound, as {0,80}")
            inside = _steps(inner)
            spread = int(most) - int(least)
            total += (spread or 1) * inside if inside > 1 or spread else 0
            if inside > 1 and spread > 1 and inside**2 * spread > MOST_STEPS * 50:
                raise UnsafePattern("has a repeat inside a repeat; give both smaller bounds")
        elif operator is _c.SUBPATTERN:
            total += _steps(argument[-1]) - 1
        elif operator is _c.BRANCH:
            total += sum(_steps(branch) - 1 for branch in argument[1])
        elif operator in (_c.ASSERT, _c.ASSERT_NOT):
            total += _steps(argument[1]) - 1
        elif operator is _c.GROUPREF:
            raise UnsafePattern("refers back to a group; a definition may not")
    return total


def evil_texts(pattern: re.Pattern[str], size: int = 100_000) -> Iterator[str]:
    """Texts of this size that make a bad pattern slow: what each repeat likes best, again and again, and then a stop."""
    likes: set[str] = {" ", "a", "1", ".", "1.", "a.", "\n", ":", "-", " a", "1:"}
    _collect(_parser.parse(pattern.pattern, re.IGNORECASE | re.MULTILINE), "", likes)
    for text in sorted(likes, key=len)[:60]:
        yield (text * (size // len(text) + 1))[:size] + "\x00"


def _collect(tree: Any, before: str, likes: set[str]) -> str:
    """Add to `likes` a text for each prefix of the tree that ends in a repeat; returns a text that the tree matches."""
    text = before
    for operator, argument in tree:
        if operator is _c.LITERAL:
            text += chr(argument)
        elif operator is _c.ANY:
            text += "x"
        elif operator is _c.IN:
            text += _member(argument)
        elif operator in (_c.MAX_REPEAT, _c.MIN_REPEAT) or str(operator) == "POSSESSIVE_REPEAT":
            once = _collect(argument[2], "", likes)
            if once:
                likes.add(once[:200])
                likes.add((text + once * min(int(argument[1]), 40))[-400:] or once)
            text += once * min(max(int(argument[0]), 1), 40)
        elif operator is _c.SUBPATTERN:
            text = _collect(argument[-1], text, likes)
        elif operator is _c.BRANCH:
            for branch in argument[1][1:]:
                _collect(branch, text, likes)
            text = _collect(argument[1][0], text, likes)
    return text[:1000]


def _member(choices: Any) -> str:
    """One character of a character class."""
    negated = bool(choices) and choices[0][0] is _c.NEGATE
    classes = {"CATEGORY_DIGIT": "1", "CATEGORY_SPACE": " ", "CATEGORY_WORD": "a", "CATEGORY_NOT_SPACE": "a"}
    for operator, argument in choices:
        if negated:
            return "a"
        if operator is _c.LITERAL:
            return chr(argument)
        if operator is _c.RANGE:
            return chr(argument[0])
        if operator is _c.CATEGORY:
            return classes.get(str(argument), "a")
    return "a"
