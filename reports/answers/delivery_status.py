# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Delivery status notifications: the fields of message/delivery-status (RFC 3464, RFC 6533 for addresses beyond ASCII)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, cast, get_args

from abusehandler.reports.answers.status import better_status
from abusehandler.reports.answers.value import Action, RecipientNews

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_RECIPIENTS = 20_000
_MOST_TEXT = 8_000_000
_LONGEST_LINE = 4000
_FIELD = re.compile(r"([A-Za-z][A-Za-z0-9-]{1,60})[ \t]{0,10}:[ \t]*")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UNITEXT = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_ADDRESS = re.compile(r"[^\s<>\"(),;:]{1,128}@[^\s<>\"(),;:]{1,255}")
_BY_CLASS: dict[str, Action] = {"2": "delivered", "4": "delayed", "5": "failed"}
_OF_RECIPIENTS = {"final-recipient", "original-recipient", "action", "status", "diagnostic-code", "remote-mta"}


def recipients_of(text: str) -> tuple[list[RecipientNews], str]:
    """What is said about each recipient, and the envelope id of the mail (RFC 3461 ENVID; empty if not told)."""
    found: list[RecipientNews] = []
    envelope = ""
    for group in _groups(text):
        envelope = envelope or _xtext(group.get("original-envelope-id", ""))[:300]
        if _OF_RECIPIENTS.intersection(group) and len(found) < MOST_RECIPIENTS:
            news = _news(group)
            if news is not None:
                found.append(news)
    return found, envelope


def _groups(text: str) -> Iterator[dict[str, str]]:
    """The groups of fields: divided by empty lines, or where a second Final-Recipient begins (some forget the line)."""
    group: dict[str, str] = {}
    last = ""
    for raw in text[:_MOST_TEXT].splitlines():
        line = raw[:_LONGEST_LINE]
        if not line.strip():
            if group:
                yield group
            group, last = {}, ""
        elif line[0] in " \t":
            if last and len(group[last]) < _LONGEST_LINE:
                group[last] += " " + line.strip()
        elif match := _FIELD.match(line):
            name = match[1].lower()
            if name in ("final-recipient", "original-recipient") and name in group:
                yield group
                group = {}
            last = name
            group.setdefault(name, line[match.end() :].strip())
    if group:
        yield group


def _news(group: dict[str, str]) -> RecipientNews | None:
    diagnostic = group.get("diagnostic-code", "").partition(";")
    words = (diagnostic[2] if diagnostic[1] and len(diagnostic[0]) < 20 else diagnostic[0]).strip()
    status = better_status(group.get("status", ""), words)
    action = group.get("action", "").lower().split(" ")[0].strip(";,.")
    if action not in get_args(Action):
        guessed = _BY_CLASS.get(status[:1])
        if guessed is None:
            return None
        action = guessed
    return RecipientNews(
        cast("Action", action),
        _address(group.get("final-recipient", "")),
        _address(group.get("original-recipient", "")),
        status,
        words[:1000],
    )


def _address(value: str) -> str:
    """`rfc822; user@example.org` without its type; decoded (RFC 3461 xtext, RFC 6533 utf-8-addr-xtext), lower case."""
    kind, divided, rest = value.partition(";")
    text = rest if divided else kind
    text = _unitext(text) if kind.strip().lower().startswith("utf-8") else _xtext(text)
    match = _ADDRESS.search(text[:1000])
    return match[0].lower() if match else ""


def _xtext(text: str) -> str:
    return _XTEXT.sub(lambda match: chr(int(match[1], 16)), text[:2000])


def _unitext(text: str) -> str:
    def letter(match: re.Match[str]) -> str:
        number = int(match[1], 16)
        return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else ""

    return _UNITEXT.sub(letter, text[:2000])
