# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the store needs to know of an event: when, what exactly, about which resource, whose, how bad."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import orjson
from publicsuffixlist import PublicSuffixList

from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.harmonization.catalogue import Catalogue, Problem
    from abusehandler.tickets.policy import Due, NoticeSchedule
    from abusehandler.tickets.rules import KeyRule

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
MAX_FEED = 200
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
    feed: str
    due: Due
    line: str


class KeyParts(NamedTuple):
    """What makes events one ticket. `port` and `feed` are empty unless the rules put them into the key."""

    customer: str
    resource: str
    problem: str
    port: str = ""
    feed: str = ""

    def hashed(self) -> str:
        """The ticket's `key`."""
        parts: tuple[str, ...] = self[:3]
        if self.port or self.feed:
            parts = self
        return _hash("\0".join(parts).encode("utf-8", "replace"))


class Incoming:
    """Turns events into what the store needs, remembering what repeats from event to event.

    `ipv6_prefix` holds for problems whose prefix the rules do not name.
    """

    def __init__(
        self, catalogue: Catalogue, schedule: NoticeSchedule, *, ipv6_prefix: int = 64, rules: Rules | None = None
    ) -> None:
        self.rules = Rules.load(None, catalogue) if rules is None else rules
        self._catalogue = catalogue
        self._schedule = schedule
        self._named_customers = schedule.rules.named_customers
        self._ipv6_prefix = ipv6_prefix
        self._networks: dict[tuple[str, int], tuple[str, str]] = {}
        self._keys: dict[KeyParts, str] = {}
        self._key_rules: dict[str, tuple[KeyRule, int]] = {}
        self._due: dict[tuple[str, int, str], Due] = {}

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
        get = event.get
        at = self._time(event)
        problem = self.problem(event)
        severity = SEVERITIES.get(get("severity") or problem.severity, 2)
        customer, match = whose(event)
        parts, network = self.key_parts(event, problem, customer or "")
        feed = feed_of(event)
        mark = fingerprint(event, at)
        line = (
            f"{at}\t{mark}\t{_blank(get('report.id'))}\t{match}\t{get('source.ip') or ''}\t{_blank(get('source.port'))}\t"
            f"{problem.id}\t{severity}\t{feed if feed.isalnum() else feed.translate(_COPY_ESCAPES)}\t{stored_form(event)}\n"
        )
        key = None
        if customer is not None:
            key = self._keys.get(parts)
            if key is None:
                key = self._keys[parts] = parts.hashed()
        due = self._due_of(problem, severity, customer or "")
        return IncomingEvent(at, mark, key, customer, parts.resource, network, problem.id, severity, feed, due, line)

    def problem(self, event: Mapping[str, Any]) -> Problem:
        """The problem that an event is about. Raises EventRejected for one without class."""
        kind = event.get("classification.type")
        if not kind:
            raise EventRejected("the event has no classification.type")
        return self._catalogue.problem_of(kind, event.get("classification.identifier"))

    def key_rule(self, problem: str) -> tuple[KeyRule, int]:
        """What the rules say of a problem's key, and the IPv6 prefix that holds for it."""
        known = self._key_rules.get(problem)
        if known is None:
            rule = self.rules.key(problem)
            known = self._key_rules[problem] = (rule, rule.ipv6_prefix or self._ipv6_prefix)
        return known

    def key_parts(self, event: Mapping[str, Any], problem: Problem, customer: str) -> tuple[KeyParts, str | None]:
        """What makes this event one ticket with others, and its resource as a network where it is one.

        Raises EventRejected for an event without a resource.
        """
        rule, prefix = self.key_rule(problem.id)
        address = event.get("source.ip")
        resource, network = self._of_address(address, prefix) if address else (self._of_name(event, rule.domain), None)
        if not rule.port and not rule.feed:
            return KeyParts(customer, resource, problem.id), network
        port = event.get("source.port") if rule.port and address else None
        if port is not None:
            resource = f"[{resource}]:{port}" if ":" in resource else f"{resource}:{port}"
        return (
            KeyParts(
                customer, resource, problem.id, "" if port is None else str(port), feed_of(event) if rule.feed else ""
            ),
            network,
        )

    def _due_of(self, problem: Problem, severity: int, customer: str) -> Due:
        key = (problem.id, severity, customer if customer in self._named_customers else "")
        due = self._due.get(key)
        if due is None:
            due = self._due[key] = self._schedule.due_of(problem, SEVERITY_NAMES[severity], customer, self._now)
        return due

    def _time(self, event: Mapping[str, Any]) -> str:
        """The event's own time, or that of its receipt when it has none or one that cannot be (ISO text, UTC)."""
        at = event.get("time.source")
        if at and "1990" < at < self._latest:
            return str(at)
        received = event.get("time.observation")
        if not received:
            raise EventRejected("the event has neither time.source nor time.observation")
        return str(received)

    def _of_name(self, event: Mapping[str, Any], domain: bool) -> str:
        host = event.get("source.fqdn")
        if not host and event.get("source.url"):
            try:
                host = urlsplit(str(event["source.url"])).hostname
            except ValueError:
                host = None
        if host and domain:
            host = registered_domain(str(host)[:MAX_RESOURCE])
        resource = host or event.get("source.network") or event.get("source.account") or event.get("source.url")
        if not resource and event.get("source.asn"):
            resource = f"AS{event['source.asn']}"
        if not resource:
            raise EventRejected(
                "the event names no source (source.ip, source.fqdn, source.url, source.network, source.account)"
            )
        return storable(str(resource)[:MAX_RESOURCE])

    def _of_address(self, address: str, prefix: int) -> tuple[str, str]:
        known = self._networks.get((address, prefix))
        if known is None:
            known = self._networks[address, prefix] = _network(address, prefix)
        return known


def _network(address: str, ipv6_prefix: int) -> tuple[str, str]:
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        raise EventRejected(f"source.ip {address!r:.60} is not an address") from None
    if value.version == 4 or ipv6_prefix == 128:
        return str(value), str(value)
    network = str(ipaddress.ip_network((value, ipv6_prefix), strict=False))
    return network, network


def whose(event: Mapping[str, Any]) -> tuple[str | None, str]:
    """The customer's id, None where there is none or not exactly one, and how the look-up ended."""
    customer = event.get("customer.id")
    match = event.get("customer.match") or ("one" if customer else "none")
    return (storable(str(customer)) if customer and match == "one" else None), str(match)


def feed_of(event: Mapping[str, Any]) -> str:
    """The name by which statistics, keys and mutes know the event's feed."""
    return storable(str(event.get("feed.code") or event.get("feed.name") or "-")[:MAX_FEED])


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=10_000)
def registered_domain(host: str) -> str:
    """`example.com` for `www.example.com` (https://publicsuffix.org/); the name itself where it has none."""
    name = host.lower().rstrip(".")
    return str(_suffixes().privatesuffix(name) or name)


class _Observed(dict[str, bool]):
    """Whether a field tells what was seen; remembers it, because the same names come with every event."""

    def __init__(self, not_below: tuple[str, ...]) -> None:
        self._not_below = not_below

    def __missing__(self, key: str) -> bool:
        seen = key not in _NOT_OBSERVED and not key.startswith(self._not_below)
        # names of extra fields come from reports
        if len(self) < 10_000:
            self[key] = seen
        return seen


_observed = _Observed(_NOT_OBSERVED_BELOW)
_seen_by_reader = _Observed(_NOT_READ_BELOW)


def _hash(content: bytes) -> str:
    """128 bits as PostgreSQL writes a uuid."""
    text = hashlib.blake2b(content, digest_size=16).hexdigest()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def observed_json(event: Mapping[str, Any]) -> bytes:
    """What a reader saw, whoever collected the report, as JSON with sorted keys: equal bytes for equal observations."""
    return _dumps({key: value for key, value in event.items() if _seen_by_reader[key]}, orjson.OPT_SORT_KEYS)


def observed_fields(event: Mapping[str, Any]) -> list[str]:
    """The names of the fields by which a fingerprint tells events apart."""
    return sorted(key for key in event if _observed[key])


def fingerprint(event: Mapping[str, Any], at: str) -> str:
    """128 bits in hex over what was observed: equal for the same observation however often and by whatever way it comes.

    An event without a time of its own is the same only within the same report.
    """
    observed = {key: value for key, value in event.items() if _observed[key]}
    if "feed.code" not in observed:
        observed["feed.name"] = event.get("feed.name")
    if event.get("time.source") != at:
        observed["report.evidence"] = event.get("report.evidence") or at
    return _hash(_dumps(observed, orjson.OPT_SORT_KEYS))


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
