# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A notice and its mails as values: what a mail says, to whom it goes, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from datetime import datetime

#: new: first heard of; update: more was seen; reminder: no answer so far; escalation: it became urgent; answer: the desk writes.
Kind = Literal["new", "update", "reminder", "escalation", "answer"]
#: The kind of a mail with several tickets is the first of these that one of its tickets has.
KINDS: tuple[Kind, ...] = ("escalation", "new", "update", "reminder", "answer")


@dataclass(frozen=True, slots=True)
class Recipient:
    """A way to reach a customer now: mail address, language (BCP 47) and IANA time zone, both may be empty.

    `rank` 0 are the contacts for abuse; the next rank counts when no address of the ranks before can be written to.
    """

    address: str
    language: str = ""
    time_zone: str = ""
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    """One mail to one contact, in this sender's hand.

    `bad`: its address is known to bounce or is blocked. `made`: it was handed to a mail server before, as it is kept.
    """

    id: int
    notice_id: int
    recipient: str
    language: str
    message_id: str
    attempts: int
    time_zone: str = ""
    bad: bool = False
    made: bool = False

    @property
    def domain(self) -> str:
        """The recipient's domain, lower case."""
        return self.recipient.rpartition("@")[2].lower()


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """One observation as a notice tells it; `data` is the IntelMQ event."""

    at: datetime
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NoticeTicket:
    """A ticket as one notice tells it. `events` are the newest; `more` says that there are others behind them."""

    id: int
    resource: str
    problem: str
    severity: int
    first_seen: datetime
    last_seen: datetime
    event_count: int
    kind: Kind
    events: tuple[NoticeEvent, ...]
    more: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """All that one mail says; everything in it belongs to one customer.

    `references` are the Message-IDs of earlier mails about these tickets to the same contact, oldest first. `body` is
    what the desk wrote, in an answer. `digest`: all of it came by a digest.
    """

    id: int
    customer_id: str
    tickets: tuple[NoticeTicket, ...]
    references: tuple[str, ...] = ()
    kind: Kind = "new"
    digest: bool = False
    body: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a delivery. `answer` holds the mail server's words; `ours`: it is our mail server that does not want
    now, not the recipient's.
    """

    state: Literal["sent", "waiting", "failed", "in-doubt"]
    answer: str
    ours: bool = False
