# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The list of tickets: what the address of the page asks for becomes filters; pages by keyset, never by counting off."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.desk.scope import Row, Scope, read, rows
from abusehandler.tickets.incoming import SEVERITIES
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

STATES = ("open", "escalated", "ignored", "resolved", "closed")
CUSTOMER_STATES = ("open", "working", "resolved", "disputed")
PER_PAGE = 50
#: A word, and whether another is joined to it.
_WORD = re.compile(r"(\w+)([-.:/@](?=\w))?")
_NUMBER = re.compile(r"#?(\d{1,18})")
_KEY = re.compile(r"(\d{1,2})-(\d{1,18})")
#: What words are looked for in.
_BY_WORDS = ("customers_by_text", "tickets_by_text", "tickets_by_note", "tickets_by_answer")
#: So many of each are found first; where there are more, the list is gone through.
FEW = 500


@dataclass(frozen=True, slots=True)
class Page:
    """One page. `earlier` and `later` are the keys for the pages before and after it, empty where there are none."""

    tickets: tuple[Row, ...]
    earlier: str
    later: str


@dataclass(frozen=True, slots=True)
class TicketFilter:
    """What is asked for; the names are those in the page's address. Made by `of`, which takes nothing on trust.

    `q` is what a person typed: a ticket number, an address, a prefix, or beginnings of words of a customer's name, of a host
    name that is a ticket's resource, of a note or an answer.
    `assigned` is a login, or `nobody`. `age` as in `>30` (opened more than 30 days ago) or `<7`. `wrong` says what could not be understood.
    """

    q: str = ""
    states: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    severity: str = ""
    customer: str = ""
    prefix: str = ""
    feed: str = ""
    age: str = ""
    customer_says: str = ""
    assigned: str = ""
    unread: bool = False
    order: str = "worst"
    wrong: tuple[str, ...] = ()

    @classmethod
    def of(cls, asked: Mapping[str, Sequence[str]]) -> TicketFilter:
        """From the parameters of an address, each name with its values."""

        def one(name: str) -> str:
            return next((value.strip().replace("\0", "")[:300] for value in asked.get(name, ()) if value.strip()), "")

        wrong = []
        prefix = one("prefix")
        if prefix and network_of(prefix) is None:
            wrong.append(f"{prefix} is no address or prefix; write for example 192.0.2.0/24")
            prefix = ""
        age = one("age")
        if age and not re.fullmatch(r"[<>]\d{1,4}", age):
            wrong.append(f"{age} is no age; write for example >30 for tickets older than 30 days")
            age = ""
        return cls(
            q=one("q"),
            states=tuple(state for state in asked.get("state", ()) if state in (*STATES, "all")),
            problems=tuple(value.replace("\0", "")[:100] for value in asked.get("problem", ())[:20] if value),
            severity=one("severity") if one("severity") in SEVERITIES else "",
            customer=one("customer"),
            prefix=prefix,
            feed=one("feed"),
            age=age,
            customer_says=one("says") if one("says") in CUSTOMER_STATES else "",
            assigned=one("assigned"),
            unread=one("unread") == "yes",
            # nobody looks for the worst of what is over, and no index serves it
            order="newest" if one("order") == "newest" or {"closed", "all"} & set(asked.get("state", ())) else "worst",
            wrong=tuple(wrong),
        )

    def address(self) -> dict[str, Any]:
        """The parameters of an address that asks for the same."""
        return {
            "q": self.q,
            "state": list(self.states),
            "problem": list(self.problems),
            "severity": self.severity,
            "customer": self.customer,
            "prefix": self.prefix,
            "feed": self.feed,
            "age": self.age,
            "says": self.customer_says,
            "assigned": self.assigned,
            "unread": "yes" if self.unread else "",
            "order": "" if self.order == "worst" else self.order,
        }

    @property
    def is_narrow_beside_age(self) -> bool:
        """Whether something is asked for that few tickets have, whatever their age."""
        return bool(
            self.q or self.customer or self.prefix or self.feed or self.customer_says or self.assigned or self.unread
        )

    @property
    def is_narrow(self) -> bool:
        """Whether anything beyond the states is asked for."""
        return any(value for name, value in self.address().items() if name not in ("state", "order"))


def network_of(text: str) -> str | None:
    """The canonical text of an address or prefix; host bits are cut off. None if it is neither."""
    try:
        return str(ipaddress.ip_network(text.strip(), strict=False))
    except ValueError:
        return None


def words_of(text: str) -> str:
    """A tsquery that asks for all the words or beginnings of words; empty when there is no word.

    In shop.example.ne only the last can be a beginning; that is also quicker, where many tickets have the words before it.
    """
    words = _WORD.findall(text[:200].replace("_", " "))[:8]
    return " & ".join(f"'{word.lower()}'{'' if joined else ':*'}" for word, joined in words)


def page(
    database: Database, scope: Scope, asked: TicketFilter, *, after: str = "", before: str = "", limit: int = PER_PAGE
) -> Page:
    """One page of the list. `after` and `before` are keys of an earlier answer; others count as none."""
    with database.transaction() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '8s'")
        names, values = conditions(cursor, scope, asked)
        # what else narrows the list has an index of its own, and leaves few tickets whose age is looked at
        by_age = "_by_age" if asked.age and not asked.is_narrow_beside_age else ""
        if by_age:
            values.update(_numbers_by_age(cursor, asked.age))
        key = _key(after or before)
        back = bool(key) and not after
        if key:
            worst_by_age = by_age if asked.order == "worst" else ""
            names.append(f"{'before' if back else 'after'}_{asked.order}{worst_by_age}")
            values.update(key)
        statement = f"ticket_list.{asked.order}_first{by_age}{'_back' if back else ''}"
        numbers = [row["id"] for row in rows(cursor, scope, statement, names, limit=limit + 1, **values)]
        more = len(numbers) > limit
        numbers = numbers[:limit]
        if back:
            numbers.reverse()
        found = rows(cursor, scope, "ticket_list.shown", tickets=numbers)
    first, last = (f"{one['severity']}-{one['id']}" for one in (found[0], found[-1])) if found else ("", "")
    return Page(
        tuple(found), earlier=first if (more if back else bool(key)) else "", later=last if (back or more) else ""
    )


def _key(text: str) -> dict[str, int]:
    """The values behind the key of a page; empty for none."""
    key = _KEY.fullmatch(text)
    return {"after_severity": int(key[1]), "after_id": int(key[2])} if key else {}


def _numbers_by_age(cursor: Cursor, age: str) -> dict[str, Any]:
    """Between which numbers the tickets of an age lie, and those that lie apart. Of all accounts: nobody is shown them."""
    texts = statements("listing")
    cursor.execute(texts["older_numbers" if age[0] == ">" else "newer_numbers"], {"days": int(age[1:])})
    ((first, last),) = cursor.fetchall()
    cursor.execute(texts["split_off_later"], {"last": last})
    return {"first": first, "last": last, "apart": [number for (number,) in cursor.fetchall()]}


def conditions(cursor: Cursor, scope: Scope, asked: TicketFilter) -> tuple[list[str], dict[str, Any]]:
    """Names of conditions in ticket_list.sql, and their values."""
    names: list[str] = []
    values: dict[str, Any] = {}
    if not asked.states:
        names.append("not_closed")
    elif "all" not in asked.states:
        names.append("state")
        values["states"] = list(asked.states)
        # a partial index serves each of the two
        if "closed" not in asked.states:
            names.append("not_closed")
        if "open" not in asked.states:
            names.append("only_done")
    for name, value in (
        ("one_problem" if len(asked.problems) == 1 else "problem", asked.problems), ("severity", asked.severity),
        ("customer", asked.customer), ("prefix", asked.prefix),
        ("feed", asked.feed),
    ):  # fmt: skip
        if value:
            names.append(name)
    values.update(
        problems=list(asked.problems),
        problem=asked.problems[0] if asked.problems else "", severity=SEVERITIES.get(asked.severity, 0), customer=asked.customer,
        prefix=network_of(asked.prefix), feed=asked.feed,
    )  # fmt: skip
    if asked.age:
        names.append("older" if asked.age[0] == ">" else "newer")
        values["older"] = values["newer"] = int(asked.age[1:])
    if asked.customer_says:
        names.append("disputed")
        values["customer_says"] = asked.customer_says
    if asked.assigned:
        names.append("nobody" if asked.assigned == "nobody" else "assignee")
        values["assignee"] = asked.assigned
    if asked.unread:
        names.append("unread")
    if asked.q:
        _search(cursor, scope, asked.q, names, values)
    return names, values


def _search(cursor: Cursor, scope: Scope, text: str, names: list[str], values: dict[str, Any]) -> None:
    number = _NUMBER.fullmatch(text)
    network = network_of(text) if "." in text or ":" in text else None
    if number is not None:
        names.append("number")
        values["number"] = int(number[1])
        # whoever looks for ticket 7 wants it, closed or not
        if "not_closed" in names:
            names.remove("not_closed")
    elif network is not None:
        names.append("prefix")
        values["prefix"] = network
    else:
        words = words_of(text)
        values["words"] = words
        found: dict[str, list[Any]] = {}
        for source in _BY_WORDS:
            some = rows(cursor, scope, f"ticket_list.{source}", words=words, limit=FEW + 1) if words else []
            values[f"many_{source}"] = len(some) > FEW
            found[source] = [row["id"] for row in some] if len(some) <= FEW else []
        values["found_customers"] = found.pop("customers_by_text")
        values["found_tickets"] = sorted(set().union(*found.values()))
        names.append("found_among_many" if any(values[f"many_{source}"] for source in _BY_WORDS) else "found")


def visible(database: Database, scope: Scope, tickets: Sequence[int]) -> list[int]:
    """Those of the tickets that may be seen: asked before anything is done to them."""
    return [row["id"] for row in read(database, scope, "ticket_list.visible", tickets=list(tickets))]
