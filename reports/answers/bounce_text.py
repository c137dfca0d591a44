# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bounces without machine-readable parts, as Exim, qmail, Exchange, Domino, old sendmail, mail.ru and many others write them.

They have three things in common: a machine sends them, they say so in few and old phrases, and the address that failed
stands in front of what happened to it. So one reading serves all.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.answers.phrases import phrases
from abusehandler.reports.answers.status import enhanced_status
from abusehandler.reports.answers.value import Action, RecipientNews

if TYPE_CHECKING:
    from abusehandler.reports.mail.message import Mail

#: So much of the text above the returned copy is looked at, and so many addresses in it.
MOST_TEXT = 30_000
MOST_ADDRESSES = 500
_LINES_OF_AN_ADDRESS = 14
_MACHINES = re.compile(
    r"(?:mailer[-_.]?d(?:a)?emon|postmaster|mail[-_.]?delivery[\w.-]{0,40}|maildelivery|mdaemon|mail[-_.]?system|bounces?"
    r"|microsoftexchange[0-9a-f]{0,40}|qmail|exim|uucp|null|delivery[\w.-]{0,20})(?:[+=-][\w.=+-]{0,100})?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(
    r"(?<![A-Za-z0-9.!#$%&*+/=?^_`{|}~-])([A-Za-z0-9.!#$%&*+/=?^_`{|}~-]{1,64})@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?)"
)
_ANSWER = re.compile(r"[ \t]{0,5}(?:re|aw|sv|antw|odp)[ \t]?:", re.IGNORECASE)
_SPACES = re.compile(r"\s+")


def is_machine(mail: Mail) -> bool:
    """Whether a mail system certainly sent it: an empty return path (RFC 5321, 4.5.5) or a header that only they write."""
    return mail.header("return-path").strip() == "<>" or bool(mail.header("x-failed-recipients")) or not mail.sender


def read_bounce(mail: Mail, own: str = "") -> tuple[RecipientNews, ...] | None:
    """What an unstructured bounce says about its recipients; None if the mail is none. Never takes long.

    `own` is our own sender address, which such mails name too. Where no address is named, one entry without any is given.
    """
    machine, name = is_machine(mail), _machine_name(mail)
    subject = bool(phrases("bounce-subject").search(mail.subject[:300]))
    # a postmaster is a person too, and answers; his subject line says Re: then
    if not machine and not (name and subject and not _ANSWER.match(mail.subject)):
        return None
    body = mail.body()
    text = above_the_copy(body.text) if body is not None else ""
    failed = bool(phrases("failed").search(text)) or (name and enhanced_status(text).startswith("5"))
    late = bool(phrases("late").search(mail.subject[:300]) or phrases("late").search(text)) and not phrases(
        "final"
    ).search(text)
    header = mail.header("x-failed-recipients")[:20_000].lower()
    if not (failed or late) or not (subject or header or (failed and name)):
        return None
    action: Action = "delayed" if late else "failed"
    named = [match[0].lower() for match in _ADDRESS.finditer(header)][:MOST_ADDRESSES]
    told = _told(text, {own.lower(), mail.sender})
    if named:
        told = {address: told.get(address, "") for address in named}
    words = " ".join(text[:1500].split())
    if not told:
        return (RecipientNews(action, "", "", enhanced_status(text[:5000]), words),)
    return tuple(
        RecipientNews(action, address, "", enhanced_status(said) or enhanced_status(text[:5000]), said or words)
        for address, said in told.items()
    )


def above_the_copy(text: str) -> str:
    """The part of a bounce that its mail system wrote, without the copy of what we sent."""
    text = text[:MOST_TEXT]
    match = phrases("copy", before=r"^[ \t>]{0,10}").search(text)
    return text[: match.start()] if match else text


def _machine_name(mail: Mail) -> bool:
    return bool(_MACHINES.fullmatch(mail.sender.partition("@")[0]))


def _told(text: str, leave_out: set[str]) -> dict[str, str]:
    """Each address of the text with the words that follow it, up to the next one."""
    lines = [line[:1000] for line in text.splitlines()]
    places: list[tuple[int, str]] = []
    seen: set[str] = set(leave_out)
    for number, line in enumerate(lines):
        for match in _ADDRESS.finditer(line):
            address = f"{match[1]}@{match[2]}".lower()
            if address not in seen and "." in match[2] and len(places) < MOST_ADDRESSES:
                seen.add(address)
                places.append((number, address))
    told = {}
    for index, (number, address) in enumerate(places):
        following = [line for line, _ in places[index + 1 :] if line > number]
        end = min(following[0] if following else len(lines), number + _LINES_OF_AN_ADDRESS)
        told[address] = _SPACES.sub(" ", " ".join(lines[number:end])).strip()[:1000]
    return told
