# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What was read from a mail that may be an answer to one of ours: plain values, tied to nothing yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `bounce`: a mail of ours was lost. `delivery-news`: it is late, or has arrived. `receipt`: somebody opened it (RFC 8098).
#: `complaint`: somebody pressed the spam button on it (RFC 5965). `reply`: a person wrote.
AnswerKind = Literal["reply", "bounce", "delivery-news", "auto-reply", "receipt", "complaint"]
#: RFC 3464, 2.3.3
Action = Literal["failed", "delayed", "delivered", "relayed", "expanded"]
#: What a failure means for the address: `hard` ends it, `soft` counts, `none` says nothing about it.
Weight = Literal["hard", "soft", "none"]


@dataclass(frozen=True, slots=True)
class RecipientNews:
    """What a mail system says about one recipient.

    `final` is the address that it tried, `original` the one that the sender had named (both lower case, empty if not
    told). `status` is an RFC 3463 code such as `5.1.1`, or empty. `diagnostic` is its own words, cut.
    """

    action: Action
    final: str = ""
    original: str = ""
    status: str = ""
    diagnostic: str = ""

    @property
    def weight(self) -> Weight:
        """What it means for the address."""
        from abusehandler.reports.answers.status import weight_of

        return weight_of(self.action, self.status, self.diagnostic)


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that came with a reply."""

    name: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A mail read as an answer.

    `returned_ids` are Message-IDs (with angle brackets) of mails that it holds or quotes the headers of, `thread_ids` those
    of In-Reply-To and References, the nearest first. `addressed_to` are the header values that name its recipients.
    `said` is what the sender wrote himself, `whole_text` that with all quotes.
    """

    kind: AnswerKind
    reason: str
    news: tuple[RecipientNews, ...] = ()
    returned_ids: tuple[str, ...] = ()
    thread_ids: tuple[str, ...] = ()
    addressed_to: tuple[str, ...] = ()
    said: str = ""
    whole_text: str = ""
    files: tuple[AttachedFile, ...] = ()
    warning: str = ""
