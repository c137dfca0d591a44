# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Read a report from a sender nobody has seen: who is complained about, of what, when, and how sure that is."""

from __future__ import annotations

import logging
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.reports.freetext.events import write_events
from abusehandler.reports.freetext.findings import Findings, find
from abusehandler.reports.freetext.labels import words_of
from abusehandler.reports.freetext.problem import Problem, identifier, problems
from abusehandler.reports.freetext.together import NEAR
from abusehandler.reports.reading import ReadEvent, Reading

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.freetext.passages import Passage
    from abusehandler.reports.mail.message import Mail

log = logging.getLogger(__name__)
READER = "free-text"
#: Words for malware that lies somewhere to be fetched.
_SPREAD = re.compile(
    rf"{NEAR}|url|host|distrib|download|serv|site|link|apk|verteil|verbreit|diffus|aloj|hosped|ospit|verspreid|dystryb|rozpows|siri|"
    r"распростран|配布|传播|下载|유포"
)
_FILE_IN_URL = re.compile(
    r"(?i)(?::\d{1,5})?/[^\s\"'<>?]{0,200}\.(?:exe|bin|dll|msi|scr|apk|jar|js|vbs|ps1|hta|lnk|iso|img|zip|rar|7z|docm?|xlsm?|sh|elf|arm\w?|mips|x86)\b"
)
#: The score of two words near each other.
_OUTRIGHT = 3.75
#: Problems that come with a forwarded mail whose Received lines tell the source.
_MAILED = frozenset(("spam", "phishing", "malware-distribution", "masquerade", ""))


def read(mail: Mail, context: ReadContext) -> Reading:
    """Events from prose. Verdict `report` from `context.sure_enough` on, else `unread` with the proposal; never raises."""
    try:
        return _read(mail, context)
    except Exception:  # a report that breaks the reader must still reach a person
        log.exception("free text could not be read")
        return Reading(
            "unread", READER, "the text could not be read because of an error in the program", confidence=0.0
        )


def _read(mail: Mail, context: ReadContext) -> Reading:
    findings = find(mail, context)
    ranking = _ranking(findings, mail)
    inner = _wrapped(mail, ranking)
    if inner is not None:
        return _read(inner, context)
    problem = _malware(ranking, findings, mail.subject)
    events = write_events(findings, problem, mail, context)
    if not events:
        return Reading("unread", READER, "no address, host or URL in it is complained about", confidence=0.0)
    sureness = findings.sureness
    if problem is None:
        sureness *= 0.6
    elif problem.share < 0.4:
        sureness *= 0.9
    name = (
        identifier(problem.type, mail.subject, "\n".join(one.text[:6000] for one in findings.passages[1:]))
        if problem
        else ""
    )
    if name:
        for one in events:
            one.event["classification.identifier"] = name
    events = [ReadEvent(one.event, round(min(one.confidence, sureness), 2), one.spans) for one in events]
    reason = f"{findings.why}; {f'{problem.type} for {problem.phrase!r}' if problem else 'no word tells the problem'}"
    if any(one.cut for one in findings.passages):
        warnings: tuple[str, ...] = ("the text was longer than what is read of it",)
    else:
        warnings = ()
    enough = sureness >= context.sure_enough
    return Reading(
        "report" if enough else "unread",
        READER,
        reason,
        tuple(events),
        confidence=round(sureness, 2),
        warnings=warnings,
    )


def _malware(ranking: list[Problem], findings: Findings, subject: str) -> Problem | None:
    """The likeliest problem; where it is only called malware, machines are infected and sites distribute."""
    if not ranking:
        return None
    first = ranking[0]
    if first.type == "masquerade" and "impersonat" in first.phrase:
        # a site that poses as somebody and asks for what only that one may know is a phishing site
        return next((one for one in ranking[1:4] if one.type == "phishing" and one.score >= _OUTRIGHT), first)
    if first.type == "vulnerable-system" and any(
        place.role == "source" and place.weight >= 3.5 and "attack" in place.why.lower()
        for one in findings.addresses[:20]
        for place in one.places[:20]
    ):
        return next((one for one in ranking[1:] if one.type in ("exploit", "scanner", "brute-force")), first)
    site = any(one.weight >= 4 for one in findings.sites) or bool(
        {"website", "site", "url", "domain", "hosted"} & set(words_of(subject))
    )
    if first.type == "infected-system" and _in_url(findings):
        return next(
            (one for one in ranking if one.type == "malware-distribution"), replace(first, type="malware-distribution")
        )
    machine = bool(findings.addresses or findings.hop)
    hosted = any(place.role == "hosting" for one in findings.addresses[:20] for place in one.places[:20])
    wanted = ""
    if first.type == "infected-system" and (not machine or (first.phrase == "malware" and site and findings.sites)):
        wanted = "malware-distribution"
    elif first.type == "malware-distribution" and (
        (not findings.sites and not hosted and not _SPREAD.search(first.phrase))
        or (first.phrase == "malware" and machine and not site)
    ):
        wanted = "infected-system"
    return next((one for one in ranking if one.type == wanted), first)


def _in_url(findings: Findings) -> bool:
    """Whether the address or host that is complained about serves a file (`http://192.0.2.1/x.bin`)."""
    if any(one.weight >= 3 and _FILE_IN_URL.search(one.url[:500]) for one in findings.sites[:20]):
        return True
    return len(findings.addresses) == 1 and any(
        _FILE_IN_URL.match(place.passage.text, place.found.end)
        and place.passage.text.endswith("://", 0, place.found.start)
        for place in findings.addresses[0].places[:20]
    )


def _ranking(findings: Findings, mail: Mail) -> list[Problem]:
    """The problems by the complainer's own words where he pastes a mail, by the whole text elsewhere."""
    bodies = [one for one in findings.passages if one.kind not in ("subject", "nested")]
    text = "\n".join(_without_header(one) for one in bodies)
    header = next((line.start for one in bodies for line in one.lines if line.kind == "header"), None)
    if header is not None:
        own = problems("" if findings.hop else mail.subject, bodies[0].text[:header])
        if own and own[0].score >= 2:
            return own
        if findings.hop:
            return problems("", "spam")
    ranking = problems(mail.subject, text)
    if not ranking and (findings.hop or header is not None or any(part.nested is not None for part in mail.parts[:20])):
        return problems("", "spam")  # somebody sends a mail on and says no more
    return ranking


def _without_header(one: Passage) -> str:
    return "\n".join(one.text[line.start : line.end] for line in one.lines[:400] if line.kind != "header")[:8000]


def _wrapped(mail: Mail, ranking: list[Problem]) -> Mail | None:
    """The mail inside, where the outer one says nothing itself (certified mail, silent forwards) and the inner one complains."""
    inner = next((part.nested for part in mail.parts[:20] if part.nested is not None and part.depth == 0), None)
    if inner is None:
        return None
    certified = bool(mail.header("x-trasporto")) or _same_subject(
        mail.subject, inner.subject
    )  # Italian PEC: an envelope around the mail that was sent
    if ranking and ranking[0].score >= 4 and not certified:
        return None
    body = inner.body()
    if body is None:
        return None
    inside = problems(inner.subject, body.text)
    return inner if certified or (inside and inside[0].score >= 6) else None


def _same_subject(outer: str, inner: str) -> bool:
    """Whether a mail was sent on under its own subject, and that subject complains."""
    kept = inner.strip().lower()
    return (
        len(kept) > 12
        and outer.strip().lower().endswith(kept)
        and any(one.score >= 4 for one in problems(inner, "")[:1])
    )
