# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The question that the expert bot asks, and the answer it gets."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.crm_connector.assignment import Assignment, HostName
    from abusehandler.crm_connector.customer import Customer

Outcome = Literal["one", "none", "ambiguous"]


@dataclass(frozen=True, slots=True, init=False)
class Query:
    """Whose was this address (with this port), or this host name, at that time?

    `at` is the time of the event, aware. `port` is the port on the customer's side, needed where addresses are shared.
    A host name that is registered to a customer is more exact than the address of the machine it lives on, and is
    asked first.
    """

    address: str | None
    at: datetime
    port: int | None = None
    host: str | None = None

    # One of each is made for every event. The constructor that dataclasses write for a frozen class goes through
    # object.__setattr__ and takes twice as long as setting the slots (730 against 400 ns for six fields).
    def __init__(self, address: str | None, at: datetime, port: int | None = None, host: str | None = None) -> None:
        if at.tzinfo is None:
            raise ValueError("the time of a query needs a time zone; give an aware datetime")
        _set_address(self, address)
        _set_at(self, at)
        _set_port(self, port)
        _set_host(self, host)


_set_address, _set_at, _set_port, _set_host = (vars(Query)[field.name].__set__ for field in fields(Query))


@dataclass(frozen=True, slots=True, init=False)
class Answer:
    """Who it was.

    `customer` is set when the outcome is `one`. `candidates` holds all that fit when it is `ambiguous`. `source` is the
    place that decided (`customers.csv:17`), `reason` tells in words why. `valid_until` is the end of the assignment
    (aware), None when no end is known.
    """

    outcome: Outcome
    customer: Customer | None = None
    candidates: tuple[Assignment | HostName, ...] = ()
    source: str = ""
    reason: str = ""
    valid_until: datetime | None = None

    def __init__(
        self,
        outcome: Outcome,
        customer: Customer | None = None,
        candidates: tuple[Assignment | HostName, ...] = (),
        source: str = "",
        reason: str = "",
        valid_until: datetime | None = None,
    ) -> None:
        _set_outcome(self, outcome)
        _set_customer(self, customer)
        _set_candidates(self, candidates)
        _set_source(self, source)
        _set_reason(self, reason)
        _set_valid_until(self, valid_until)


_set_outcome, _set_customer, _set_candidates, _set_source, _set_reason, _set_valid_until = (
    vars(Answer)[field.name].__set__ for field in fields(Answer)
)
