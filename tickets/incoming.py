# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the store needs to know of an event: when, what exactly, about which resource, whose, how bad."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import orjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.tickets.policy import Due, NoticeSchedule

SEVERITIES = {"info": 0, "low": 1, "medium": 2, "high": 3, "critical": 4}
SEVERITY_NAMES = tuple(SEVERITIES)

#: Not part of what was observed: how, when and by whom it reached us, and what we added ourselves.
_NOT_OBSERVED = frozenset(
    {"raw", "time.observation", "severity", "feed.url", "feed.accuracy", "feed.documentation", "feed.name", "feed.provider",
     "output", "event_hash", "rtir_id", "status", "comment", "classification.taxonomy", "constituency", "__type"}
)  # fmt: skip
_NOT_OBSERVED_BELOW = ("report.", "customer.", "ticket.")
#: Nor what the collector says of the feed, which another may say otherwise of the same report.
_NOT_READ_BELOW = (*_NOT_OBSERVED_BELOW, "feed.")
#: A sender's clock may run ahead by this much; a later time is a mistake and the time of receipt counts.
_FUTURE = timedelta(hours=26)
_COPY_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r", "\0": None})
MAX_RESOURCE = 300
#: How many addresses and keys are remembered between batches.
CACHED = 30_000


class EventRejected(ValueError):
    """The event lacks what every event must have; the message says what."""


class IncomingEvent(NamedTuple):
    """An event as the store takes it. `at` is ISO text in UTC, so that texts compare as times do.

    `key` says to which ticket it belongs, None for no ticket; `line` holds the columns after the ticket's in COPY's
    text format with the empty text as NULL.
    """

    at: str
    fingerprint: str
    key: str | None
    customer: str | None
    resource: str
    network: str | None
    problem: str
    severity: int
    due: Due
    line: str


class Incoming:
    """Turns events into what the store needs, remembering what repeats from event to event."""

    def __init__(self, catalogue: Catalogue, schedule: NoticeSchedule, *, ipv6_prefix: int = 64) -> None:
        self._catalogue = catalogue
        self._schedule = schedule
        self._ipv6_prefix = ipv6_prefix
        self._networks: dict[str, tuple[str, str]] = {}
        self._keys: dict[tuple[str, str, str], str] = {}
        self._due: dict[str, Due] = {}

    def begin(self, now: datetime) -> None:
        """Starts a batch: due times are counted from `now` (aware)."""
        self._now = now
        self._latest = (now + _FUTURE).isoformat()
        self._due.clear()
        for cache in (self._networks, self._keys):
            if len(cache) > CACHED:
                cache.clear()

    def take(self, event: Mapping[str, Any]) -> IncomingEvent:
        """What the store needs of this event. Raises EventRejected for one without time, class or resource."""
        at = self._time(event)
        kind = event.get("classification.type")
        if not kind:
            raise EventRejected("the event has no classification.type")
        problem = self._catalogue.problem_of(kind, event.get("classification.identifier"))
        severity = SEVERITIES.get(event.get("severity") or problem.severity, 2)
        customer = event.get("customer.id")
        match = event.get("customer.match") or ("one" if customer else "none")
        customer = storable(str(customer)) if customer and match == "one" else None
        address = event.get("source.ip")
        resource, network = self._resource(event, address)
        due = self._due.get(problem.notify)
        if due is None:
            due = self._due[problem.notify] = self._schedule.due(problem.notify, self._now)
        mark = fingerprint(event, at)
        feed = storable(str(event.get("feed.code") or event.get("feed.name") or "-")).translate(_COPY_ESCAPES)
        line = (
            f"{at}\t{mark}\t{_blank(event.get('report.id'))}\t{match}\t{address or ''}\t{_blank(event.get('source.port'))}\t"
            f"{problem.id}\t{severity}\t{feed}\t{stored_form(event)}"
        )
        key = None if customer is None else self._key(customer, resource, problem.id)
        return IncomingEvent(at, mark, key, customer, resource, network, problem.id, severity, due, line)

    def _key(self, customer: str, resource: str, problem: str) -> str:
        parts = (customer, resource, problem)
        key = self._keys.get(parts)
        if key is None:
            digest = hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=16)
            key = self._keys[parts] = str(UUID(bytes=digest.digest()))
        return key

    def _time(self, event: Mapping[str, Any]) -> str:
        """The event's own time, or that of its receipt when it has none or one that cannot be (ISO text, UTC)."""
        at = event.get("time.source")
        if at and "1990" < at < self._latest:
            return str(at)
        received = event.get("time.observation")
        if not received:
            raise EventRejected("the event has neither time.source nor time.observation")
        return str(received)

    def _resource(self, event: Mapping[str, Any], address: str | None) -> tuple[str, str | None]:
        if address:
            known = self._networks.get(address)
            if known is None:
                known = self._networks[address] = self._network(address)
            return known
        host = event.get("source.fqdn")
        if not host and event.get("source.url"):
            try:
                host = urlsplit(str(event["source.url"])).hostname
            except ValueError:
                host = None
        resource = host or event.get("source.network") or event.get("source.account") or event.get("source.url")
        if not resource and event.get("source.asn"):
            resource = f"AS{event['source.asn']}"
        if not resource:
            raise EventRejected(
                "the event names no source (source.ip, source.fqdn, source.url, source.network, source.account)"
            )
        return storable(str(resource)[:MAX_RESOURCE]), None

    def _network(self, address: str) -> tuple[str, str]:
        try:
            value = ipaddress.ip_address(address)
        except ValueError:
            raise EventRejected(f"source.ip {address!r:.60} is not an address") from None
        if value.version == 4 or self._ipv6_prefix == 128:
            return str(value), str(value)
        network = str(ipaddress.ip_network((value, self._ipv6_prefix), strict=False))
        return network, network


class _SeenByReader(dict[str, bool]):
    """Whether a field tells what a reader saw; remembers it, because the same names come with every event."""

    def __missing__(self, key: str) -> bool:
        seen = key not in _NOT_OBSERVED and not key.startswith(_NOT_READ_BELOW)
        # names of extra fields come from reports
        if len(self) < 10_000:
            self[key] = seen
        return seen


_seen_by_reader = _SeenByReader()


def observed_json(event: Mapping[str, Any]) -> bytes:
    """What a reader saw, whoever collected the report, as JSON with sorted keys: equal bytes for equal observations."""
    return _dumps({key: value for key, value in event.items() if _seen_by_reader[key]}, orjson.OPT_SORT_KEYS)


def fingerprint(event: Mapping[str, Any], at: str) -> str:
    """128 bits in hex over what was observed: equal for the same observation however often and by whatever way it comes.

    An event without a time of its own is the same only within the same report.
    """
    observed = {
        key: value
        for key, value in event.items()
        if key not in _NOT_OBSERVED and not key.startswith(_NOT_OBSERVED_BELOW)
    }
    if "feed.code" not in observed:
        observed["feed.name"] = event.get("feed.name")
    if event.get("time.source") != at:
        observed["report.evidence"] = event.get("report.evidence") or at
    digest = hashlib.blake2b(_dumps(observed, orjson.OPT_SORT_KEYS), digest_size=16)
    return str(UUID(bytes=digest.digest()))


#: What the event's own columns, its ticket and its report know already.
_NOT_STORED = frozenset(
    {"raw", "__type", "report.id", "report.evidence", "customer.id", "customer.name", "customer.language", "customer.match",
     "feed.documentation"}
)  # fmt: skip


def stored_form(event: Mapping[str, Any]) -> str:
    """The event as JSON for the `data` column in COPY's text format, without NUL, which PostgreSQL does not take."""
    text = stored_json({key: value for key, value in event.items() if key not in _NOT_STORED})
    return text.replace("\\", "\\\\") if "\\" in text else text


def stored_json(value: Any) -> str:
    """JSON as PostgreSQL takes it: without NUL and without half surrogate pairs."""
    text = _dumps(value, 0).decode()
    return _dumps(_without_nul(value), 0).decode() if "\\u0000" in text else text


def storable(text: str) -> str:
    """PostgreSQL's text takes no NUL and no half surrogate pairs."""
    if text.isascii():
        return text.replace("\0", "") if "\0" in text else text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _blank(value: object) -> object:
    return "" if value is None else value


def _dumps(value: Any, option: int) -> bytes:
    try:
        return orjson.dumps(value, option=option)
    except TypeError:
        # half of a surrogate pair, or a number beyond 64 bits
        return orjson.dumps(_without_nul(value), option=option)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {str(_without_nul(key)): _without_nul(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_nul(inner) for inner in value]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return str(value)
    return value


def now_utc() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(timezone.utc)
