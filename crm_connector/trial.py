# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What any connector must pass before a bot relies on it: `abusehandler crm check`.

Each check is one function that yields findings; the command prints them, an ISP's own tests can call `try_connector`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal

from abusehandler.crm_connector.addresses import address_text, parse_prefix
from abusehandler.crm_connector.assignment import Assignment, HostName
from abusehandler.crm_connector.customer import Customer
from abusehandler.crm_connector.layer import Layer, Problems, build_layer
from abusehandler.crm_connector.question import Query
from abusehandler.crm_connector.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.crm_connector.connector import Connector, Item

#: Bots look for changes every minute; `mark` that takes longer than this (seconds) should be made cheaper.
_SLOW_MARK = 1.0
_MOST_EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: a bot must not use it so. `advice`: works, could be better. `fine`: looked at and good."""

    level: Literal["error", "advice", "fine"]
    text: str


def try_connector(connector: Connector, name: str = "connector") -> Iterator[Finding]:
    """Read the connector twice and ask it, as the bots do."""
    begin = time.monotonic()
    try:
        mark = connector.mark()
    except Exception as error:
        yield Finding("error", f"mark() raised {type(error).__name__}: {error}")
        return
    if not isinstance(mark, str):
        yield Finding("error", f"mark() must return a text, this is {type(mark).__name__}")
    elif time.monotonic() - begin > _SLOW_MARK:
        yield Finding("advice", f"mark() took {time.monotonic() - begin:.1f} s; it is called every minute")
    if not mark:
        yield Finding("advice", "mark() is empty: the source is read at each refresh, changed or not")

    problems = Problems()
    seen: list[Item] = []
    begin = time.monotonic()
    try:
        layer = build_layer(_noting(connector.read(problems), seen), problems, name)
    except Exception as error:
        yield Finding("error", f"read() raised {type(error).__name__}: {error}")
        return
    took = time.monotonic() - begin
    rows, customers = len(layer.index), len(layer.customers)
    yield Finding("fine", f"{rows} assignments, {len(layer.names)} names and {customers} customers in {took:.1f} s")
    for text in problems.texts()[:20]:
        yield Finding("advice", text)
    if problems.count > 20:
        yield Finding("advice", f"... and {problems.count - 20} more rows left out or corrected")
    yield from _types(seen)
    yield from _contents(layer)
    yield from _answers(layer)
    yield from _again(connector, layer, mark)


def _noting(items: Iterator[Item], seen: list[Item]) -> Iterator[Item]:
    for item in items:
        if len(seen) < 10_000:
            seen.append(item)
        yield item


def _types(seen: list[Item]) -> Iterator[Finding]:
    wrong = 0
    for item in seen:
        if isinstance(item, Customer):
            texts = [item.id, item.name, item.language, item.reseller, *item.aliases]
            texts += [text for c in item.contacts for text in (c.email, c.role, c.language, c.name, c.channel)]
        elif isinstance(item, Assignment):
            texts = [item.prefix, item.customer_id, item.source]
            for moment in (item.valid_from, item.valid_until):
                if moment is not None and not isinstance(moment, datetime):
                    texts.append(moment)
        elif isinstance(item, HostName):
            texts = [item.name, item.customer_id, item.source]
        else:
            continue  # build_layer has told it
        bad = next((text for text in texts if not isinstance(text, str)), None)
        if bad is not None:
            wrong += 1
            if wrong <= _MOST_EXAMPLES:
                yield Finding(
                    "error", f"{type(item).__name__} holds {bad!r} ({type(bad).__name__}) where a text belongs: {item}"
                )
    if not wrong:
        yield Finding("fine", "types are right")


def _contents(layer: Layer) -> Iterator[Finding]:
    if not len(layer.index) and not len(layer.names):
        yield Finding("error", "no assignment and no name: nobody would ever be found")
        return
    nobody = [key for key in layer.customer_ids if key not in layer.customers]
    if nobody and layer.customers:
        some = ", ".join(nobody[:_MOST_EXAMPLES])
        yield Finding("advice", f"{len(nobody)} assignments' customers are not described by this source: {some}")
    unreachable = [key for key, customer in layer.customers.items() if not any(c.usable for c in customer.contacts)]
    if unreachable:
        some = ", ".join(unreachable[:_MOST_EXAMPLES])
        yield Finding("advice", f"{len(unreachable)} customers have no address a notice could go to: {some}")
    families = {prefix[0] for prefix, _ in layer.index.prefixes()}
    if families and 128 not in families:
        yield Finding("advice", "no IPv6 prefix: is IPv6 really not in use, or is it missing in this source?")
    elif families:
        yield Finding("fine", "IPv4 and IPv6" if 32 in families else "IPv6 only")


def _answers(layer: Layer) -> Iterator[Finding]:
    """Ask for addresses from the source itself, and for some that nobody has."""
    snapshot = Snapshot([layer])
    now = datetime.now(timezone.utc)
    asked = 0
    for at, item in enumerate(layer.assignments()):
        if at >= 2000:
            break
        bits, network, _, _ = parse_prefix(item.prefix)
        moment = item.valid_from or (item.valid_until - timedelta(seconds=1) if item.valid_until else now)
        query = Query(address_text(bits, network), moment, item.ports.first if item.ports else None)
        [answer] = snapshot.lookup_many([query])
        asked += 1
        if answer.outcome == "none" and item.valid_from != item.valid_until:
            yield Finding("error", f"{item.prefix} of {item.customer_id} is not found again at {moment}")
            return
    unknown = [Query("192.0.0.170", now), Query("64:ff9b:1::", now), Query("", now), Query("no address", now)]
    found = [
        query.address for query, answer in zip(unknown, snapshot.lookup_many(unknown), strict=True) if answer.customer
    ]
    if found:
        yield Finding(
            "advice", f"{', '.join(map(str, found))} should be nobody's; is there a prefix that is too large?"
        )
    yield Finding("fine", f"{asked} assignments are found again, unknown addresses are not")


def _again(connector: Connector, layer: Layer, mark: str) -> Iterator[Finding]:
    try:
        second = build_layer(connector.read(Problems()), Problems())
        same_mark = connector.mark() == mark
    except Exception as error:
        yield Finding("error", f"reading a second time raised {type(error).__name__}: {error}; bots read many times")
        return
    if len(second.index) != len(layer.index) and same_mark:
        yield Finding("advice", "two readings differ though mark() stayed the same; a change would not be noticed")
    else:
        yield Finding("fine", "can be read again")
