# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which links to reports a mail holds, and what that means for how it was read."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from abusehandler.reports.links.prefix import LinkPrefix, matching

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import ReadEvent, Reading

MOST_LINKS = 50
_MOST_CANDIDATES = 5000
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]{1,2000}")
_TRAILING = ".,;:!?'*)]&"


def links_in(mail: Mail, prefixes: tuple[LinkPrefix, ...]) -> tuple[str, ...]:
    """The links below one of the prefixes in the texts of a mail and the mails inside it, each once, in order."""
    if not prefixes:
        return ()
    found: dict[str, None] = {}
    candidates = 0
    for part in mail.parts:
        if part.kind not in ("text", "html"):
            continue
        for match in _URL.finditer(part.text):
            candidates += 1
            allowed = matching(match[0].rstrip(_TRAILING), prefixes)
            if allowed is not None:
                found[allowed[0]] = None
            if len(found) >= MOST_LINKS or candidates >= _MOST_CANDIDATES:
                return tuple(found)
    return tuple(found)


def with_links(reading: Reading, mail: Mail, context: ReadContext) -> Reading:
    """The reading with the mail's links. A mail that holds nothing but links is read: what it says is behind them."""
    prefixes = tuple(LinkPrefix.of(prefix) for prefix in context.link_prefixes)
    if not prefixes or reading.verdict == "not-a-report":
        return reading
    links = links_in(mail, prefixes)
    if not links:
        return reading
    hosts = frozenset(urlsplit(link).hostname or "" for link in links)
    events = tuple(read for read in reading.events if not _is_about(read, hosts))
    if not events and not reading.bad:
        return replace(
            reading, verdict="report", reader="links", reason=f"links: {len(links)}", events=(), links=links,
            confidence=1.0,
        )  # fmt: skip
    reason = f"{reading.reason}; links: {len(links)}" if reading.reason else f"links: {len(links)}"
    return replace(reading, reason=reason, events=events, links=links)


def _is_about(read: ReadEvent, hosts: frozenset[str]) -> bool:
    """Whether the reader took the place of the download for what is reported."""
    event = read.event
    named = str(event.get("source.fqdn") or urlsplit(str(event.get("source.url") or "")).hostname or "").lower()
    return named in hosts
