# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mail after decoding: plain values, nothing of the `email` package left, so that readers need no care."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

PartKind = Literal["text", "html", "mail", "headers", "data"]


@dataclass(frozen=True, slots=True)
class Authentication:
    """Who really sent it. Domains are lower case; empty where nothing was proven.

    `dkim`: signing domains (d=) whose signature verified. `arc`: domain of a passing ARC chain's last sealer.
    `believed`: `pass`, `fail` or `none` from an Authentication-Results header of our own server, by method.
    """

    dkim: tuple[str, ...] = ()
    arc: str = ""
    believed: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One leaf of a mail.

    `path` is unique in the mail and readable: `1`, `2.1`, `3/rows.csv` for a file in an archive, `2/1` for the first
    part of the mail that part 2 holds. `text` is decoded text for `text`, `headers` and text-like `data` (CSV, JSON,
    XML, YAML), HTML turned into text for `html`, and empty otherwise. `data` is the decoded content as bytes (the
    original HTML for `html`). `depth` counts the mails around it: 0 for the outer mail's own parts.
    `attached` is true when the sender marked it as attachment or gave a file name.
    """

    path: str
    kind: PartKind
    content_type: str
    text: str = ""
    data: bytes = b""
    filename: str = ""
    depth: int = 0
    attached: bool = False
    nested: Mail | None = None


@dataclass(frozen=True, slots=True)
class Mail:
    """A decoded mail. Header names are lower case, values unfolded and decoded (RFC 2047), in order.

    `sender` is the address in From (lower case, empty if none), `sent_at` the Date header as an aware time in UTC.
    `parts` holds all leaves in reading order, those of nested mails and archives included. `limits` lists what was
    left out because a limit on size, depth, count or time was reached, in words.
    """

    headers: tuple[tuple[str, str], ...] = ()
    subject: str = ""
    sender: str = ""
    sender_name: str = ""
    sent_at: datetime | None = None
    message_id: str = ""
    authentication: Authentication = field(default_factory=Authentication)
    parts: tuple[Part, ...] = ()
    limits: tuple[str, ...] = ()

    def header(self, name: str, default: str = "") -> str:
        """The first header of this name, or the default."""
        return next((value for key, value in self.headers if key == name.lower()), default)

    def header_all(self, name: str) -> list[str]:
        """All headers of this name, first to last."""
        return [value for key, value in self.headers if key == name.lower()]

    def own_parts(self) -> Iterator[Part]:
        """The parts of this mail without those of mails inside it."""
        return (part for part in self.parts if part.depth == 0)

    def body(self) -> Part | None:
        """The part a person reads first: plain text if it says anything, else HTML as text."""
        texts = [part for part in self.own_parts() if part.kind in ("text", "html") and not part.attached]
        said = [part for part in texts if part.text.strip()]
        return next((part for part in said if part.kind == "text"), said[0] if said else None)
