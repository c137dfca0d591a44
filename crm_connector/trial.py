# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What any connector must pass before a bot relies on it: `abusehandler crm check`.

Each check is one function that yields findings; the command prints them, an ISP's own tests can call `try_connector`.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from abusehandler.crm_connector.addresses import address_text, parse_prefix
from abusehandler.crm_connector.assignment import Assignment, HostName
from abusehandler.crm_connector.customer import Customer
from abusehandler.crm_connector.layer import Layer, Problems, alias_key, build_layer
from abusehandler.crm_connector.question import Query
from abusehandler.crm_connector.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from abusehandler.crm_connector.connector import Connector, Item

#: Bots look for changes every minute; `mark` that takes longer than this (seconds) should be made cheaper.
_SLOW_MARK = 1.0
#: The queue waits while a connector is read that is neither `remote` nor `background`.
_LONGEST_IN_QUEUE = 10.0
#: Fewer rows in a second than this, and a large customer base takes hours.
_FEWEST_A_SECOND = 200
_LONGEST_READING = 900.0
_MOST_EXAMPLES = 5
_MOST_SEEN = 10_000
#: Addresses that are nobody's for ever: RFC 7050 and RFC 8215. Whoever holds them holds too much.
_NOBODYS = ("192.0.0.170", "64:ff9b:1::")
_OLDEST = datetime(1985, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True, slots=True)
class Finding:
    """`error`: a bot must not use it so. `advice`: works, could be better. `fine`: looked at and good."""

    level: Literal["error", "advice", "fine"]
    text: str


@dataclass(slots=True)
class _Reading:
    """One reading, as far as it came."""

    layer: Layer | None = None
    problems: Problems = field(default_factory=Problems)
    seen: list[Item] = field(default_factory=list)
    count: int = 0
    error: str = ""
    took: float = 0.0


class _TooLongError(Exception):
    pass


def try_connector(
    connector: Connector, name: str = "connector", *, seconds: float = _LONGEST_READING
) -> Iterator[Finding]:
    """Read the connector twice and ask it, as the bots do; a reading that takes longer than `seconds` is an error."""
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

    reading = _read(connector.read, "read()", name, seconds)
    if reading.error or reading.layer is None:
        yield Finding("error", reading.error or "read() gave nothing")
        return
    layer, problems = reading.layer, reading.problems
    rows, customers = len(layer.index), len(layer.customers)
    yield Finding(
        "fine", f"{rows} assignments, {len(layer.names)} names and {customers} customers in {reading.took:.1f} s"
    )
    for text in problems.texts()[:20]:
        yield Finding("advice", text)
    if problems.count > 20:
        yield Finding("advice", f"... and {problems.count - 20} more rows left out or corrected")
    yield from _speed(connector, reading)
    types = list(_types(reading.seen))
    yield from types
    if types[0].level == "error":
        return  # what follows computes with these values
    yield from _times(reading.seen)
    yield from _contents(layer, problems)
    yield from _answers(layer)
    yield from _columns(connector, layer, seconds)
    yield from _again(connector, layer, mark, seconds)


def _read(told: Callable[[Problems], Iterable[Any]], method: str, name: str, seconds: float) -> _Reading:
    """Read in a thread of its own, as the bots do with a remote source; one that hangs is left behind."""
    reading = _Reading()
    begin = time.monotonic()

    def noting(items: Any) -> Iterator[Item]:
        for item in items:
            reading.count += 1
            if len(reading.seen) < _MOST_SEEN:
                reading.seen.append(item)
            if reading.count % 1000 == 1 and time.monotonic() - begin > seconds:
                raise _TooLongError
            yield item

    def work() -> None:
        try:
            reading.layer = build_layer(noting(told(reading.problems)), reading.problems, name)
        except _TooLongError:
            pass
        except Exception as error:
            reading.error = f"{method} raised {type(error).__name__}: {error}"

    thread = threading.Thread(target=work, name=f"check-{name}", daemon=True)
    thread.start()
    thread.join(seconds + 1)
    reading.took = time.monotonic() - begin
    if reading.layer is None and not reading.error:
        reading.error = (
            f"{method} did not finish within {seconds:g} s and gave {reading.count} items; does it ask for ever? "
            "Give what waits for others a time limit"
        )
    return reading


def _speed(connector: Connector, reading: _Reading) -> Iterator[Finding]:
    aside = getattr(connector, "remote", False) or getattr(connector, "background", False)
    if reading.took > _LONGEST_IN_QUEUE and not aside:
        yield Finding(
            "error",
            f"read() took {reading.took:.0f} s, and all events wait for it; write remote = True (another machine is "
            "asked) or background = True (large local data) into the class",
        )
    elif reading.took > _SLOW_MARK and reading.count < _FEWEST_A_SECOND * reading.took:
        yield Finding(
            "advice",
            f"slow: {reading.count / reading.took:.0f} items a second; is every customer asked for by itself?",
        )
    else:
        yield Finding("fine", f"speed: {reading.count / max(reading.took, 0.001):.0f} items a second")


def _types(seen: list[Item]) -> Iterator[Finding]:
    wrong = 0
    for item in seen:
        said = _wrong_in(item)
        if said:
            wrong += 1
            if wrong <= _MOST_EXAMPLES:
                yield Finding("error", f"{said}: {str(item)[:300]}")
    if not wrong:
        yield Finding("fine", "types are right")


def _wrong_in(item: Any) -> str:
    if isinstance(item, Customer):
        if not isinstance(item.contacts, tuple) or not isinstance(item.aliases, tuple):
            return "Customer: contacts and aliases must be tuples; write (Contact(...),) with the comma"
        texts: list[Any] = [item.id, item.name, item.language, item.reseller, *item.aliases]
        for contact in item.contacts:
            if not hasattr(contact, "email"):
                return f"Customer: contacts must hold Contact, this is {contact!r}"
            texts += [contact.email, contact.role, contact.language, contact.name, contact.channel]
            if contact.channel == "mail" and (not isinstance(contact.email, str) or contact.email.count("@") != 1):
                return f"Contact: {contact.email!r} is not an e-mail address"
    elif isinstance(item, Assignment):
        texts = [item.prefix, item.customer_id, item.source]
        for moment in (item.valid_from, item.valid_until):
            if moment is not None and not isinstance(moment, datetime):
                texts.append(moment)
    elif isinstance(item, HostName):
        texts = [item.name, item.customer_id, item.source]
    else:
        return f"a connector may give Customer, Assignment and HostName, this is {type(item).__name__}"
    wrong = [text for text in texts if not isinstance(text, str)]
    if not wrong:
        return ""
    return f"{type(item).__name__} holds {wrong[0]!r} ({type(wrong[0]).__name__}) where a text belongs"


def _times(seen: list[Item]) -> Iterator[Finding]:
    """Times that can be computed with, and yet are wrong: seconds taken for milliseconds, zero for `no end`."""
    latest = datetime.now(timezone.utc) + timedelta(days=3660)
    limited = odd = empty = 0
    example = ""
    for item in seen:
        if not isinstance(item, Assignment):
            continue
        start, end = item.valid_from, item.valid_until
        limited += start is not None or end is not None
        empty += start is not None and start == end
        if (isinstance(start, datetime) and not _OLDEST <= start <= latest) or (
            isinstance(end, datetime) and end < _OLDEST
        ):
            odd += 1
            example = example or f"{item.prefix} from {start} until {end}"
    if odd:
        yield Finding("error", f"{odd} assignments have times that cannot be, write None for no limit: {example}")
    elif limited:
        yield Finding("fine", f"times are right ({limited} assignments with a begin or an end)")
    if empty:
        yield Finding("advice", f"{empty} assignments end when they begin; nobody is ever found by them")


def _contents(layer: Layer, problems: Problems) -> Iterator[Finding]:
    rows, names = len(layer.index), len(layer.names)
    if not rows and not names and layer.customers:
        yield Finding("advice", "customers without a prefix or a name: fine beside another source that has them")
        return
    if not rows and not names:
        yield Finding("error", "no assignment and no name: nobody would ever be found")
        return
    if problems.count > rows + names:
        yield Finding("error", f"more rows are left out or corrected ({problems.count}) than are used ({rows + names})")
    known = layer.customers.keys() | {alias for one in layer.customers.values() for alias in one.aliases}
    known_aliases = set(map(alias_key, known))
    nobody = [key for key in layer.customer_ids if key not in known and alias_key(key) not in known_aliases]
    if nobody and layer.customers:
        some = ", ".join(nobody[:_MOST_EXAMPLES])
        # A source of leases describes nobody; one that describes customers, but never those it names, has a mistake.
        level: Literal["error", "advice"] = "error" if len(nobody) == len(layer.customer_ids) else "advice"
        yield Finding(level, f"{len(nobody)} assignments' customers are not described by this source: {some}")
    unreachable = [key for key, customer in layer.customers.items() if not any(c.usable for c in customer.contacts)]
    if unreachable:
        some = ", ".join(unreachable[:_MOST_EXAMPLES])
        yield Finding("advice", f"{len(unreachable)} customers have no address a notice could go to: {some}")
    families = {prefix[0] for prefix, _ in layer.index.prefixes()}
    if families and 128 not in families:
        yield Finding("advice", "no IPv6 prefix: is IPv6 really not in use, or is it missing in this source?")
    elif families:
        yield Finding("fine", "IPv4 and IPv6" if 32 in families else "IPv6 only")


def _query(item: Assignment, now: datetime) -> Query:
    """A question that this assignment answers."""
    bits, network, _, _ = parse_prefix(item.prefix)
    moment = item.valid_from or (item.valid_until - timedelta(seconds=1) if item.valid_until else now)
    return Query(address_text(bits, network), moment, item.ports.first if item.ports else None)


def _answers(layer: Layer) -> Iterator[Finding]:
    """Ask for addresses from the source itself, and for some that nobody has."""
    snapshot = Snapshot([layer])
    now = datetime.now(timezone.utc)
    asked = 0
    for at, item in enumerate(layer.assignments()):
        if at >= 2000:
            break
        query = _query(item, now)
        [answer] = snapshot.lookup_many([query])
        asked += 1
        if answer.outcome == "none" and item.valid_from != item.valid_until:
            yield Finding("error", f"{item.prefix} of {item.customer_id} is not found again at {query.at}")
            return
    unknown = [Query(address, now, 1) for address in (*_NOBODYS, "", "no address")]
    found = [
        query.address
        for query, answer in zip(unknown, snapshot.lookup_many(unknown), strict=True)
        if answer.outcome != "none"
    ]
    if found:
        yield Finding(
            "error", f"{', '.join(map(str, found))} should be nobody's, and has a customer: a prefix is too large"
        )
    else:
        yield Finding("fine", f"{asked} assignments are found again, unknown addresses are not")


def _columns(connector: Connector, layer: Layer, seconds: float) -> Iterator[Finding]:
    """Bots take `blocks()` where there is one: it must tell what `read()` tells."""
    blocks = getattr(connector, "blocks", None)
    if blocks is None:
        return
    reading = _read(blocks, "blocks()", "columns", seconds)
    if reading.error or reading.layer is None:
        yield Finding("error", f"{reading.error or 'blocks() gave nothing'}; bots take it instead of read()")
        return
    for what in ("index", "names", "customers"):
        rows, columns = len(getattr(layer, what)), len(getattr(reading.layer, what))
        if rows != columns:
            words = "assignments" if what == "index" else what
            yield Finding("error", f"blocks() gave {columns} {words}, read() {rows}; they must tell the same")
            return
    some = islice(layer.assignments(), _MOST_SEEN)
    now = datetime.now(timezone.utc)
    asked = [_query(item, now) for item in some]
    answers = [Snapshot([one]).lookup_many(asked) for one in (layer, reading.layer)]
    for query, by_rows, by_columns in zip(asked, *answers, strict=True):
        if (by_rows.outcome, by_rows.customer) != (by_columns.outcome, by_columns.customer):
            yield Finding("error", f"{query.address} is another's by blocks() than by read()")
            return
    yield Finding("fine", f"columns tell what rows tell ({len(asked)} addresses)")


def _again(connector: Connector, layer: Layer, mark: str, seconds: float) -> Iterator[Finding]:
    reading = _read(connector.read, "read()", "again", seconds)
    try:
        same_mark = connector.mark() == mark
    except Exception as error:
        reading.error = f"mark() raised {type(error).__name__}: {error}"
        same_mark = True
    if reading.error or reading.layer is None:
        yield Finding("error", f"the second time, {reading.error}; bots read many times")
        return
    before, now = (len(one.index) + len(one.names) + len(one.customers) for one in (layer, reading.layer))
    if now < before * 0.8 and same_mark:
        yield Finding(
            "error", f"the second reading gave {now} items of {before}; read() must tell everything each time"
        )
    elif now != before and same_mark and mark:
        yield Finding("advice", "two readings differ though mark() stayed the same; a change would not be noticed")
    else:
        yield Finding("fine", "can be read again")
