# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which definition a mail belongs to: an index by sender domain, patterns only for the few candidates."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abusehandler.reporters.definition import Alternative, Definition
    from abusehandler.reports.mail.message import Mail

#: how much of a text is searched for words and patterns; the words that tell a sender stand at the top
BODY_READ = 30_000
SUBJECT_READ = 500
HEADER_READ = 1_000
MOST_SENDERS = 12

_MAIL_ADDRESS = re.compile(r"[\w.+=&'-]{1,100}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}")
#: what mail programs, ticket systems and filters put before a subject
_PREFIX = re.compile(
    r"\s{0,3}(?:(?:re|aw|wg|fw|fwd|tr|rv|sv|vs|vb|enc|i|r|odp|pd|ynt|ilt|doorst)(?:\[\d{1,2}\])?\s?:"
    r"|\[(?:external|ext|extern|caution)[^\]]{0,40}\]|\*{2,5}\s?(?:spam|bulk|junk)\s?\*{2,5}|\[(?:spam|bulk|junk)\])",
    re.IGNORECASE,
)
_ANSWER = re.compile(r"(?:^|[\s\]:])(?:re|aw|sv|antw|odp|r)(?:\[\d{1,2}\])?\s?:", re.IGNORECASE)
_FORWARDED = re.compile(
    r"-{3,20}\s?(?:forwarded|original|weitergeleitete|ursprüngliche|mensaje|message|messaggio|messaggio|doorgestuurd)[^\n]{0,40}"
    r"|begin forwarded message|_{20,40}",
    re.IGNORECASE,
)
_FORWARDED_FROM = re.compile(
    r"^[>*\s|]{0,8}(?:from|von|de|da|van|od|от кого|от)\s?:[*\s]{0,4}([^\n]{3,200})", re.I | re.M
)
#: header fields that may name the writer. Google Groups and other lists put themselves into From and keep the writer there.
_SENDER_HEADERS = ("x-original-from", "x-original-sender", "reply-to", "sender", "return-path", "resent-from")


@dataclass(frozen=True, slots=True)
class Look:
    """What recognising needs of a mail, made once. `senders`: addresses that may be the writer's, the best first."""

    senders: tuple[str, ...]
    dkim: tuple[str, ...]
    subject: str
    body: str
    mail: Mail


@dataclass(frozen=True, slots=True)
class Match:
    """A definition that recognised a mail. `proven`: a verified DKIM signature of the sender's domain stands behind it."""

    definition: Definition
    alternative: Alternative
    proven: bool


def plain_subject(subject: str) -> str:
    """The subject without what forwarding and filters put before it."""
    subject = subject[:SUBJECT_READ]
    for _ in range(8):
        found = _PREFIX.match(subject)
        if not found:
            break
        subject = subject[found.end() :]
    return " ".join(subject.split())


def look_at(mail: Mail) -> Look:
    """Collect what the definitions ask about."""
    body = mail.body()
    text = body.text[:BODY_READ] if body else ""
    senders: dict[str, None] = {}
    if mail.sender:
        senders[mail.sender] = None
    for name in _SENDER_HEADERS:
        for value in mail.header_all(name)[:2]:
            for found in _MAIL_ADDRESS.findall(value[:HEADER_READ])[:2]:
                senders.setdefault(found.lower())
    mark = _FORWARDED.search(text, 0, 12_000)
    if mark:
        for line in list(_FORWARDED_FROM.finditer(text, mark.start(), mark.start() + 3_000))[:2]:
            for found in _MAIL_ADDRESS.findall(line.group(1))[:2]:
                senders.setdefault(found.lower())
    subject = plain_subject(mail.subject)
    if subject != " ".join(mail.subject[:SUBJECT_READ].split()):
        for part in mail.parts[:20]:
            if part.nested is not None and part.depth == 0 and part.nested.sender:
                senders.setdefault(part.nested.sender)
    lowered = " ".join(text.lower().split())
    return Look(tuple(senders)[:MOST_SENDERS], mail.authentication.dkim, subject, lowered, mail)


@lru_cache(maxsize=4096)
def domain_and_parents(domain: str) -> tuple[str, ...]:
    """`a.b.example.net` → itself, `b.example.net`, `example.net`, `net`."""
    pieces = domain.split(".")
    return tuple(".".join(pieces[index:]) for index in range(len(pieces)))


class Matcher:
    """Definitions, indexed. `match` asks only those whose sender fits, and those that ask for no sender."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.definitions = tuple(definitions)
        self._by_sender: dict[str, list[tuple[Definition, Alternative]]] = defaultdict(list)
        self._by_dkim: dict[str, list[tuple[Definition, Alternative]]] = defaultdict(list)
        self._anyone: list[tuple[Definition, Alternative]] = []
        for definition in self.definitions:
            for alternative in definition.recognise:
                entry = (definition, alternative)
                for sender in alternative.senders:
                    self._by_sender[sender].append(entry)
                for domain in alternative.dkim:
                    if not alternative.senders:
                        self._by_dkim[domain].append(entry)
                if not alternative.senders and not alternative.dkim:
                    self._anyone.append(entry)

    def match(self, mail: Mail) -> Match | None:
        """The definition that fits best: an address before a domain, a domain before mere words, more marks before fewer."""
        return self.match_look(look_at(mail))

    def match_look(self, look: Look) -> Match | None:
        """As `match`, for a mail that was looked at already."""
        found = self.matches(look)
        return found[0] if found else None

    def matches(self, look: Look) -> list[Match]:
        """All definitions that fit, the best first; each definition once."""
        scored: dict[str, tuple[tuple[int, ...], Match]] = {}
        for definition, alternative, closeness in self._candidates(look):
            if not _holds(alternative, look):
                continue
            proven = any(
                signed in alternative.senders + alternative.dkim
                for name in look.dkim
                for signed in domain_and_parents(name)
            )
            marks = bool(alternative.subject) + len(alternative.body) + len(alternative.headers)
            rank = (closeness, marks)
            known = scored.get(definition.name)
            if known is None or known[0] < rank:
                scored[definition.name] = (rank, Match(definition, alternative, proven))
        return [match for _, match in sorted(scored.values(), key=lambda one: one[0], reverse=True)]

    def _candidates(self, look: Look) -> Iterable[tuple[Definition, Alternative, int]]:
        seen: set[int] = set()
        for place, sender in enumerate(look.senders):
            domain = sender.rsplit("@", 1)[-1]
            for name in (sender, *domain_and_parents(domain)):
                for definition, alternative in self._by_sender.get(name, ()):
                    if id(alternative) not in seen:
                        seen.add(id(alternative))
                        yield definition, alternative, (100 if "@" in name else 50 + name.count(".")) - 10 * place
        for signer in look.dkim:
            for name in domain_and_parents(signer):
                for definition, alternative in self._by_dkim.get(name, ()):
                    if id(alternative) not in seen:
                        seen.add(id(alternative))
                        yield definition, alternative, 60
        for definition, alternative in self._anyone:
            yield definition, alternative, 0


def _holds(alternative: Alternative, look: Look) -> bool:
    if alternative.dkim and not any(
        parent in alternative.dkim for signer in look.dkim for parent in domain_and_parents(signer)
    ):
        return False
    if not alternative.reply and _ANSWER.search(look.mail.subject[:SUBJECT_READ]):
        return False
    if alternative.subject is not None and not alternative.subject.search(look.subject):
        return False
    for name, pattern in alternative.headers:
        if not any(pattern.search(value[:HEADER_READ]) for value in look.mail.header_all(name)[:5]):
            return False
    return all(words in look.body for words in alternative.body)
