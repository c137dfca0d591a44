# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The values of a definition: how to recognise a sender, what to take from its mails, which problem it reports.

`docs/read-a-new-reporter.md` is the reference of all that a definition may say; `schema.py` makes these values from YAML.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import re
    from datetime import tzinfo
    from pathlib import Path

#: The IntelMQ fields that a definition may take from a mail, and the kind of value each holds. `problem` is no field of an
#: event: it holds the reporter's own word for the problem (a column `category`), which the rules of `problem` then judge.
FIELDS: dict[str, str] = {
    "source.ip": "address",
    "source.port": "port",
    "source.fqdn": "host",
    "source.url": "url",
    "source.account": "account",
    "source.network": "network",
    "time.source": "time",
    "destination.ip": "address",
    "destination.port": "port",
    "destination.fqdn": "host",
    "destination.url": "url",
    "malware.name": "text",
    "protocol.transport": "word",
    "protocol.application": "word",
    "event_description.text": "text",
    "extra.case_id": "text",
    "extra.user_agent": "text",
    "extra.work_title": "text",
    "problem": "text",
}
#: what a ticket can be about; an event without any of these is none
RESOURCES = ("source.ip", "source.url", "source.fqdn", "source.network", "source.account")

StepKind = Literal["labels", "find", "table", "json", "xml", "every"]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to recognise a sender: all that it says must hold.

    `senders`: domains (`example.net`, matches names below it too) or whole addresses. `dkim`: domains, one of which
    must have a verified DKIM signature. `subject`: searched in the subject without `Fwd:` and the like. `body`: words that must
    all stand in the text (case and runs of blanks ignored). `headers`: name and pattern of header fields. `reply`: false where
    a subject with `Re:` means that somebody answers such a mail, and is no such mail itself.
    """

    senders: tuple[str, ...] = ()
    dkim: tuple[str, ...] = ()
    subject: re.Pattern[str] | None = None
    body: tuple[str, ...] = ()
    headers: tuple[tuple[str, re.Pattern[str]], ...] = ()
    reply: bool = True
    line: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule for the problem: the first whose `when` is found in `place` says type and identifier."""

    type: str
    identifier: str = ""
    when: re.Pattern[str] | None = None
    place: Literal["subject", "body", "all"] = "all"
    line: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """One step of taking: where to look, and one way of reading what stands there.

    `place`: `subject`, `body`, `header:NAME`, `attached-header:NAME`, or `attachment:GLOB` (of the file name or the content
    type). `start`/`end` cut the text before it is read. `names` maps a field to labels, columns or paths, in order of liking.
    `pattern` belongs to `find`, `each` to `json` and `xml`, `field` to `every`.
    """

    kind: StepKind
    place: str = "body"
    start: re.Pattern[str] | None = None
    end: re.Pattern[str] | None = None
    names: tuple[tuple[str, tuple[str, ...]], ...] = ()
    pattern: re.Pattern[str] | None = None
    each: str = ""
    field: str = ""
    first: bool = False
    separator: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Inside:
    """Where a relay (a hoster's ticket system, a web form) put the report it passes on.

    `start` is found before it and may have the groups `inner_subject` and `inner_from`; `end` stands after it.
    """

    start: re.Pattern[str]
    end: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """One known sender.

    `spoofable` is true where nothing proves the sender (no DKIM that could be demanded). `ignore`: domains (with the names
    below them) and addresses that its mails name and that are never complained about, beside the sender's own.
    """

    name: str
    about: str
    documented: tuple[str, ...]
    recognise: tuple[Alternative, ...]
    spoofable: bool = True
    verdict: Literal["report", "not-a-report"] = "report"
    kind: str = ""
    machine: Literal["keep", "correct"] = "keep"
    inside: Inside | None = None
    take: tuple[Step, ...] = ()
    problem: tuple[Problem, ...] = ()
    ignore: tuple[str, ...] = ()
    zone: tzinfo | None = None
    zone_name: str = ""
    confidence: float = 0.9
    path: Path | None = None
