# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who really sent a mail: DKIM (RFC 6376) and ARC (RFC 8617) checked at intake, and what our own server wrote.

Keys are taken out of DNS after a while, so this cannot be done later.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.reports.mail.message import Authentication

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    #: name of a TXT record (`selector._domainkey.example.net.`) → its text, or None. It must bring its own timeout.
    TxtLookup = Callable[[str], bytes | None]

_MOST_SIGNATURES = 5
_LARGEST = 10 * 1024 * 1024
_RESULT = re.compile(r"(?:^|;)\s{0,20}([a-z][a-z0-9-]{0,30})\s{0,5}=\s{0,5}([a-z]{1,12})", re.I)
_COMMENT = re.compile(r"\([^()]{0,1000}\)")


def authenticate(
    raw: bytes,
    headers: Sequence[tuple[str, str]],
    *,
    dns: TxtLookup | None = None,
    own_mail_hosts: Collection[str] = (),
) -> Authentication:
    """The authentication of a mail. Without `dns` no signature is checked; never raises."""
    believed = _believed(headers, own_mail_hosts)
    if dns is None or len(raw) > _LARGEST:
        return Authentication(believed=believed)
    names = {name for name, _ in headers}
    passed: list[str] = []
    if "dkim-signature" in names:
        passed = _dkim(raw, sum(name == "dkim-signature" for name, _ in headers), dns)
    return Authentication(
        dkim=tuple(dict.fromkeys(passed)), arc=_arc(raw, dns) if "arc-seal" in names else "", believed=believed
    )


def with_proven(now: Authentication, proven: Authentication) -> Authentication:
    """The verdict of a later checking together with the signatures that an earlier one of the same bytes verified."""
    return replace(now, dkim=tuple(dict.fromkeys((*now.dkim, *proven.dkim))), arc=now.arc or proven.arc)


def _lookup(dns: TxtLookup) -> Callable[..., bytes | None]:
    def answer(name: bytes | str, timeout: int = 5) -> bytes | None:
        return dns(name.decode("ascii", "replace") if isinstance(name, bytes) else name)

    return answer


def _dkim(raw: bytes, count: int, dns: TxtLookup) -> list[str]:
    checked = (_signing_domain(raw, index, dns) for index in range(min(count, _MOST_SIGNATURES)))
    return [domain for domain in checked if domain]


def _signing_domain(raw: bytes, index: int, dns: TxtLookup) -> str:
    import dkim

    try:
        check = dkim.DKIM(raw)
        if not check.verify(idx=index, dnsfunc=_lookup(dns)) or b"l" in check.signature_fields:
            # l= leaves the end of the body unsigned, where anybody may add a report of his own (RFC 6376 section 8.2)
            return ""
        return str(check.domain.decode("ascii", "replace")).lower()
    except Exception:  # dkimpy raises many types on broken signatures; unproven is the safe answer
        return ""


def _arc(raw: bytes, dns: TxtLookup) -> str:
    import dkim

    try:
        verdict, results, _ = dkim.ARC(raw).verify(dnsfunc=_lookup(dns))
        if verdict == dkim.CV_Pass and results:
            return str(results[0]["as-domain"].decode("ascii", "replace")).lower()
    except Exception:
        return ""
    return ""


def _believed(headers: Sequence[tuple[str, str]], own_mail_hosts: Collection[str]) -> tuple[tuple[str, str], ...]:
    """The verdicts of the topmost Authentication-Results that our own server wrote (RFC 8601 section 5)."""
    own = {host.lower() for host in own_mail_hosts}
    for name, value in headers:
        if name != "authentication-results" or not own:
            continue
        clean = _COMMENT.sub(" ", value[:20_000])
        server, _, results = clean.partition(";")
        if server.split()[:1] and server.split()[0].lower() in own:
            found: dict[str, str] = {}
            for match in _RESULT.finditer(";" + results):
                word = match[2].lower()
                verdict = "pass" if word == "pass" else "none" if word in ("none", "neutral", "temperror") else "fail"
                # Several signatures: one that passes is enough.
                if found.get(match[1].lower()) != "pass":
                    found[match[1].lower()] = verdict
            return tuple(found.items())
    return ()
