# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Somebody asks for a check: is it allowed, of which address and port, and how often. It is done later, by `running.py`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.queries import dicts, statements
from abusehandler.tickets.recheck.ours import Ours
from abusehandler.tickets.recheck.probe import Budget, Target
from abusehandler.tickets.recheck.probes import probe_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.recheck.probe import Probe

#: So many addresses and ports of one ticket are offered.
MOST_TARGETS = 5
#: More than so many that wait is a flood, whoever asks.
MOST_WAITING = 200


class NotNow(AbusehandlerError):
    """It was asked for too often; `again_at` (aware) is when it may be asked again."""

    def __init__(self, message: str, again_at: datetime) -> None:
        super().__init__(message)
        self.again_at = again_at


class NotAllowed(AbusehandlerError):
    """Checks are off, or this ticket, address or port is not one that may be checked."""


_NONE, _USUAL = Ours(()), Budget()


@dataclass(frozen=True, slots=True)
class RecheckRules:
    """What the operator allows: `recheck` of abusehandler.yaml. `ours` says which addresses; off means none at all.

    `is_theirs` is asked, where it is set, whether an address is the customer's at this moment (address, customer id).
    """

    enabled: bool = False
    ours: Ours = _NONE
    budget: Budget = _USUAL
    probes: tuple[str, ...] = ()
    pause: timedelta = timedelta(seconds=60)
    per_address_hour: int = 6
    per_customer_hour: int = 30
    is_theirs: Callable[[str, str], bool] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """One address and port of a ticket that may be checked, and with what."""

    target: Target
    probe: Probe

    @property
    def key(self) -> str:
        """How a form names it."""
        return f"{self.target.address}|{self.target.port}|{self.target.transport}"


def choices(cursor: Cursor, ticket: int, rules: RecheckRules) -> list[Choice]:
    """What may be checked for this ticket, the latest observation first; nothing for a closed one, or while it is off.

    Addresses and ports come from the ticket's events alone, never from the person who asks.
    """
    if not rules.enabled:
        return []
    cursor.execute(statements("recheck")["ticket"], {"ticket": ticket})
    row = cursor.fetchone()
    return [] if row is None else choices_for(cursor, ticket, row[1], row[2], rules)


def choices_for(cursor: Cursor, ticket: int, problem: str, state: str, rules: RecheckRules) -> list[Choice]:
    """The same where problem and state of the ticket are known already."""
    if not may_be_checked(problem, state, rules):
        return []
    cursor.execute(statements("recheck")["seen"], {"ticket": ticket})
    return choices_of(cursor.fetchall(), problem, rules)


def may_be_checked(problem: str, state: str, rules: RecheckRules) -> bool:
    """Whether there is something to look for in the ticket's events."""
    return rules.enabled and state != "closed" and probe_for(problem, None, rules.probes) is not None


def seen(database: Database, ticket: int) -> list[tuple[Any, ...]]:
    """Address, port and transport of the ticket's newest events, the latest first."""
    return database.prepared(statements("recheck")["seen"], {"ticket": ticket})


def choices_of(seen: Sequence[tuple[Any, ...]], problem: str, rules: RecheckRules) -> list[Choice]:
    """The same from rows of address, port and transport."""
    found: dict[str, Choice] = {}
    for address, port, said in seen:
        transport = said if said in ("udp", "tcp") else None
        probe = probe_for(problem, transport, rules.probes)
        number = port if port else (probe.port if probe else 0)
        if probe is None or not 0 < number < 65536 or not rules.ours.allow(address):
            continue
        choice = Choice(Target(address, number, probe.transport, problem), probe)
        found.setdefault(choice.key, choice)
        if len(found) == MOST_TARGETS:
            break
    return list(found.values())


def ask(database: Database, ticket: int, key: str, rules: RecheckRules, *, author: str) -> int:
    """Asks for one check; returns its number. `key` names one of the ticket's `choices`; empty: the first.

    Raises NotAllowed, and NotNow when this address or this customer was checked too often lately.
    """

    def work(cursor: Cursor) -> int:
        sql = statements("recheck")
        offered = choices(cursor, ticket, rules)
        choice = next((one for one in offered if key in ("", one.key)), None)
        if choice is None:
            raise NotAllowed("this ticket has no such address and port that can be checked from outside")
        cursor.execute(sql["ticket"], {"ticket": ticket})
        (customer, _, _) = cursor.fetchone() or ("", "", "")
        if rules.is_theirs is not None and not rules.is_theirs(choice.target.address, customer):
            raise NotAllowed(f"{choice.target.address} belongs to somebody else now")
        where: dict[str, Any] = {"ticket": ticket, "customer": customer, "address": choice.target.address}
        cursor.execute(sql["lock"], where)
        _check_limits(cursor, where, rules)
        cursor.execute(
            sql["add"],
            {
                **where, "port": choice.target.port, "transport": choice.target.transport, "probe": choice.probe.name,
                "author": author[:200],
            },
        )  # fmt: skip
        return int((cursor.fetchone() or (0,))[0])

    database.fetch(statements("recheck")["give_up"])
    return int(database.retrying(work))


def _check_limits(cursor: Cursor, where: dict[str, Any], rules: RecheckRules) -> None:
    cursor.execute(statements("recheck")["lately"], where)
    of_address, of_customer, last, waiting = cursor.fetchone() or (0, 0, None, 0)
    now = datetime.now(timezone.utc)
    if last is not None and last + rules.pause > now:
        raise NotNow("this address was checked a moment ago", last + rules.pause)
    if of_address >= rules.per_address_hour or of_customer >= rules.per_customer_hour:
        raise NotNow("there were too many checks within the hour", now + timedelta(hours=1))
    if waiting >= MOST_WAITING:
        raise NotNow("too many checks wait", now + timedelta(minutes=5))


def checks(database: Database, ticket: int) -> list[dict[str, Any]]:
    """The checks of a ticket, the newest first."""
    return database.prepared_rows(statements("recheck")["of_ticket"], {"ticket": ticket})


def of_ticket(cursor: Cursor, ticket: int) -> list[dict[str, Any]]:
    """The same within a transaction."""
    cursor.execute(statements("recheck")["of_ticket"], {"ticket": ticket})
    return dicts(cursor)
