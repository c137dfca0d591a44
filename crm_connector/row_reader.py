# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows of a customer table to assignments and customers: one reader for files, SQL results and HTTP answers.

One bad cell never takes the row with it where the rest still says whose prefix it is, and one bad row never the table.
"""

from __future__ import annotations

import re
from dataclasses import replace
from operator import eq, itemgetter
from typing import TYPE_CHECKING, Any, cast

from abusehandler.crm_connector.addresses import (
    parse_address,
    parse_block,
    parse_prefixes,
    prefix_text,
    split_range,
)
from abusehandler.crm_connector.assignment import Assignment, HostName, PortRange
from abusehandler.crm_connector.columns import (
    EITHER_TIME_OR_ADDRESS,
    FIELDS,
    NAMES_BESIDE_ID,
    SPELLINGS,
    column_key,
    field_of,
)
from abusehandler.crm_connector.customer import CONTACT_STATES, Contact, Customer, merge_customers
from abusehandler.crm_connector.plain_rows import PlainRows
from abusehandler.crm_connector.times import day_after, is_date_only, parse_moment, zone_named
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from abusehandler.crm_connector.connector import Report
    from abusehandler.crm_connector.plain_rows import Block

_EMAIL = re.compile(r"[^\s@<>,;\"()]{1,64}@[A-Za-z0-9\u0080-\uffff][A-Za-z0-9.\u0080-\uffff-]{0,253}")
#: A cell that holds one address and nothing else, as most do.
_ONE_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,253}", re.ASCII)
#: What needs no second look: the layer parses it.
_PLAIN = re.compile(
    r"(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})(?:/\d{1,2})?|[0-9A-Fa-f:]{2,39}(?:/\d{1,3})?", re.ASCII
)
#: What stands where no address is known: cPanel, spreadsheets.
_NO_EMAIL = frozenset({"*unknown*", "unknown", "none", "null", "n/a", "-", "--", "x"})
_BETWEEN = re.compile(r"[,;|\s]+")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}", re.ASCII)
_YES = frozenset({"1", "y", "yes", "true", "t", "ja", "j", "on", "oui", "si"})
#: Attributes are for rules and templates; a column with novels in it is cut.
_LONGEST_ATTRIBUTE = 1000
_SHAPE = ("customer_id", "name", "language", "role", "contact_name", "channel", "state", "reseller", "pass_on", "alias")

#: Settings that every connector which reads rows understands.
ROW_SETTINGS = ("columns", "time_zone", "month_first", "until_includes_day")


class RowReader:
    """Reads rows under one header.

    `header` holds the columns' names; `settings` may hold `columns` (field → name or number from 0 of the column),
    `time_zone` (for times without one, default UTC), `month_first` (12/31/2025) and `until_includes_day` (an end that
    is a day, without a time, includes that day).
    """

    def __init__(self, header: Sequence[str], settings: Mapping[str, Any], source: str, report: Report) -> None:
        self.width = len(header)
        self._source = source
        self._report = report
        self._zone = zone_named(str(settings.get("time_zone", "UTC")), "time_zone")
        self._month_first = bool(settings.get("month_first", False))
        self._whole_day = bool(settings.get("until_includes_day", False))
        self._at, self._attributes = _arrange(header, settings.get("columns") or {}, source)
        self._customers: dict[str, Customer] = {}
        self._last_said: dict[str, object] = {}
        self._prefix_at = self._at.get("prefix", [])
        one = self._at.get("customer_id") or self._at.get("alias") or self._at.get("name") or []
        self._id_at = one[0] if one else -1
        # Cells that say something about the customer; rows that repeat them are not worth reading again.
        about = [at for name, ats in self._at.items() if name in _SHAPE or name.startswith("email") for at in ats]
        about += [at for at, _ in self._attributes]
        self._about = itemgetter(*about) if about else len
        self._simple = not self._at.keys() & {
            "first",
            "last",
            "valid_from",
            "valid_until",
            "ports",
            "port_first",
            "host",
        }

        self._told = [name for name in _SHAPE if name in self._at and name not in ("customer_id", "alias")]
        self._emails = [(name, ats) for name, ats in self._at.items() if name.startswith("email")]
        self._only_prefix_at = -1
        if self._simple and len(self._prefix_at) == 1 and "length" not in self._at and self._id_at >= 0:
            self._only_prefix_at = self._prefix_at[0]

    @property
    def fields(self) -> dict[str, list[int]]:
        """Which field stands in which columns."""
        return dict(self._at)

    def read(self, cells: Sequence[str], line: int) -> Iterable[Assignment | HostName]:
        """The assignments of one row; what is wrong goes to `report`."""
        if self._only_prefix_at >= 0:
            # A row of a customer that is known with these very cells, one prefix: most rows of most files.
            try:
                key, cell = cells[self._id_at], cells[self._only_prefix_at]
                if self._last_said.get(key) == self._about(cells) and _PLAIN.fullmatch(cell):
                    return (Assignment(cell, key, None, None, None, self._source, line),)
            except IndexError:
                pass
        return self._read(cells, line)

    def read_block(self, lines: Sequence[int], rows: Sequence[Sequence[str]]) -> Iterator[Block]:
        """The same for many rows; those of one prefix come in the order of the rows."""
        try:
            if self._only_prefix_at < 0:
                raise IndexError
            keys = [cells[self._id_at] for cells in rows]
            prefixes = [cells[self._only_prefix_at] for cells in rows]
            known = list(map(eq, map(self._last_said.get, keys), map(self._about, rows)))
        except IndexError:
            for line, cells in zip(lines, rows, strict=True):
                yield from self.read(cells, line)
            return
        heads, left = parse_prefixes(prefixes)
        odd: dict[int, list[Assignment]] = {at: [] for at in left}
        for at, is_known in enumerate(known) if left or not all(known) else ():
            if is_known and at not in odd:
                continue
            cells, line = rows[at], lines[at]
            if at not in odd and keys[at].strip():
                # The first row of its customer, as far as this block is concerned.
                try:
                    keys[at] = self._customer_of(cells, line)
                    continue
                except ValueError as error:
                    self._report(f"{self._source}:{line}: {error}; row left out")
                    odd[at] = []
            else:
                odd[at] = cast("list[Assignment]", list(self.read(cells, line)))
        if not odd:
            yield PlainRows(self._source, lines, keys, prefixes, heads)
            return
        told: list[tuple[int, str, str]] = []
        for at, row in enumerate(zip(lines, keys, prefixes, strict=True)):
            if at in odd:
                told += [(item.line, item.customer_id, item.prefix) for item in odd[at]]
            else:
                told.append(row)
        _, left = parse_prefixes([row[2] for row in told])
        # What cannot be taken even now gets its message from who takes it alone.
        for at in left:
            line, key, prefix = told[at]
            yield Assignment(prefix, key, None, None, None, self._source, line)
        not_taken = set(left)
        told = [row for at, row in enumerate(told) if at not in not_taken]
        if told:
            lines, keys, prefixes = (list(column) for column in zip(*told, strict=True))
            yield PlainRows(self._source, lines, keys, prefixes, parse_prefixes(prefixes)[0])

    def _read(self, cells: Sequence[str], line: int) -> Iterator[Assignment | HostName]:
        try:
            if self._names_nothing(cells):
                self._report(f"{self._source}:{line}: nothing but one cell; row left out")
                return
            customer_id = self._customer_of(cells, line)
            if not customer_id:
                self._report(f"{self._source}:{line}: neither customer number nor name nor e-mail; row left out")
                return
            start = until = ports = None
            if not self._simple:
                start, until, ports = self._limits(cells)
            found = False
            for at in self._prefix_at:
                cell = cells[at].strip() if at < len(cells) else ""
                if not cell:
                    continue
                found = True
                if _PLAIN.fullmatch(cell) and ("/" in cell or "length" not in self._at):
                    yield Assignment(cell, customer_id, start, until, ports, self._source, line)
                    continue
                length = "" if "/" in cell else self._cell(cells, "length")
                prefixes, note = parse_block(f"{cell}/{length.lstrip('/')}" if length else cell)
                if note:
                    self._report(f"{self._source}:{line}: {note}; taken as {', '.join(map(prefix_text, prefixes[:4]))}")
                for prefix in prefixes:
                    yield Assignment(prefix_text(prefix), customer_id, start, until, ports, self._source, line)
            if not self._simple:
                for item in self._ranges_and_hosts(cells, line, customer_id, (start, until, ports)):
                    found = True
                    yield item
        except ValueError as error:
            self._report(f"{self._source}:{line}: {error}; row left out")
            return
        if not found and (self._prefix_at or "first" in self._at) and not self._only_about(cells):
            self._report(f"{self._source}:{line}: no address; row left out")

    def customers(self) -> Iterator[Customer]:
        """The customers of all rows so far."""
        yield from self._customers.values()

    def _cell(self, cells: Sequence[str], name: str) -> str:
        for at in self._at.get(name, ()):
            if at < len(cells):
                text = cells[at].strip()
                if text:
                    return text
        return ""

    def _names_nothing(self, cells: Sequence[str]) -> bool:
        """Whether this is a title, or a line below the table ("Total: 4 customers"), in a table of addresses."""
        return bool(self._prefix_at or "first" in self._at) and len(self._at) > 1 and sum(map(bool, cells)) < 2

    def _only_about(self, cells: Sequence[str]) -> bool:
        """Whether the row only adds a contact: no address on purpose (a second row of the same customer)."""
        return bool(self._cell(cells, "email")) and all(
            not self._cell(cells, name) for name in ("prefix", "first", "last", "host")
        )

    def _limits(self, cells: Sequence[str]) -> tuple[datetime | None, datetime | None, PortRange | None]:
        start = parse_moment(self._cell(cells, "valid_from"), self._zone, month_first=self._month_first)
        text = self._cell(cells, "valid_until")
        until = parse_moment(text, self._zone, month_first=self._month_first, latest=True)
        if until is not None and self._whole_day and is_date_only(text):
            until = day_after(until, self._zone)
        first, last = self._cell(cells, "port_first"), self._cell(cells, "port_last")
        ports = self._cell(cells, "ports")
        if ports and not first:
            first, _, last = ports.replace("–", "-").replace(":", "-").partition("-")
        if not first:
            return start, until, None
        try:
            return start, until, PortRange(int(first), int(last or first))
        except ValueError as error:
            raise ValueError(f"{ports or first + '-' + last!r} is not a range of ports (write 1024-2047)") from error

    def _ranges_and_hosts(
        self,
        cells: Sequence[str],
        line: int,
        customer_id: str,
        limits: tuple[datetime | None, datetime | None, PortRange | None],
    ) -> Iterator[Assignment | HostName]:
        first, last = self._cell(cells, "first"), self._cell(cells, "last")
        if first:
            length = self._cell(cells, "length")
            if last:
                bits, low = parse_address(first)
                bits_of_last, high = parse_address(last)
                if bits != bits_of_last or high < low:
                    raise ValueError(f"{first} to {last} is not a range")
                prefixes = split_range(bits, low, high)
            else:
                prefixes, _ = parse_block(f"{first}/{length.lstrip('/')}" if length and "/" not in first else first)
            for prefix in prefixes:
                yield Assignment(prefix_text(prefix), customer_id, *limits, self._source, line)
        elif last:
            raise ValueError(f"a range with an end ({last[:60]}) and no begin")
        for at in self._at.get("host", ()):
            for name in _BETWEEN.split(cells[at] if at < len(cells) else ""):
                if name:
                    yield HostName(name, customer_id, self._source, line)

    def _customer_of(self, cells: Sequence[str], line: int) -> str:
        key = cells[self._id_at].strip() if 0 <= self._id_at < len(cells) else ""
        try:
            said = self._about(cells)
        except IndexError:
            said = tuple(cells)
        if key and self._last_said.get(key) == said:
            return key
        told = {name: self._cell(cells, name) for name in self._told}
        contacts = self._contacts(cells, line, told)
        name = told.get("name", "")
        key = key or name or (contacts[0].email if contacts else "")
        if not key:
            return ""
        language = told.get("language", "")
        if language and not _LANGUAGE.fullmatch(language):
            self._report(f"{self._source}:{line}: {language[:40]!r} is not a language; write a tag such as de or pt-BR")
            language = ""
        aliases = tuple(
            dict.fromkeys(
                alias
                for at in self._at.get("alias", ())
                for alias in re.split(r"[,;|\s]+", cells[at] if at < len(cells) else "")
                if alias and alias != key
            )
        )
        attributes = {
            name: cells[at].strip()[:_LONGEST_ATTRIBUTE]
            for at, name in self._attributes
            if at < len(cells) and cells[at].strip()
        }
        customer = Customer(
            key,
            name,
            language.replace("_", "-"),
            contacts,
            attributes,
            told.get("reseller", ""),
            told.get("pass_on", "").lower() in _YES,
            aliases,
        )
        known = self._customers.get(key)
        if known is not None:
            # Rows of one table add to each other: a second row with another address is another contact.
            if known.language and customer.language not in ("", known.language):
                # The second contact reads another language than the customer as such.
                contacts = tuple(replace(contact, language=customer.language) for contact in contacts)
            more = tuple(contact for contact in contacts if contact not in known.contacts)
            merged = merge_customers(known, customer)
            customer = Customer(
                key, merged.name, merged.language, known.contacts + more, merged.attributes,
                merged.reseller, merged.pass_on, merged.aliases,
            )  # fmt: skip
        self._customers[key] = customer
        self._last_said[key] = said
        return key

    def _contacts(self, cells: Sequence[str], line: int, told: Mapping[str, str]) -> tuple[Contact, ...]:
        contacts = []
        default_role = told.get("role", "").lower() or "abuse"
        if "abuse" in default_role:
            default_role = "abuse"  # "Abuse desk", "abuse-contact": every system has its own name for the role
        state = told.get("state", "").lower()
        channel = told.get("channel", "").lower() or "mail"
        state = "bouncing" if state in _YES else state if state in CONTACT_STATES else ""
        for name, ats in self._emails:
            role = name.partition(":")[2] or default_role
            for at in ats:
                cell = cells[at] if at < len(cells) else ""
                if _ONE_EMAIL.fullmatch(cell):
                    contacts.append(Contact(cell, role, "", told.get("contact_name", ""), channel, state))
                    continue
                for email in dict.fromkeys(_BETWEEN.split(cell[:4000].replace("<", " ").replace(">", " "))):
                    text = email.removeprefix("mailto:").strip("\"'")
                    if "@" not in text:
                        if text and text.lower() not in _NO_EMAIL and " " not in cell.strip():
                            self._report(f"{self._source}:{line}: {text[:60]!r} is not an e-mail address; not used")
                        continue
                    if not _EMAIL.fullmatch(text):
                        self._report(f"{self._source}:{line}: {text[:60]!r} is not an e-mail address; not used")
                        continue
                    contacts.append(Contact(text, role, "", told.get("contact_name", ""), channel, state))
        return tuple(dict.fromkeys(contacts) if len(contacts) > 1 else contacts)


def _arrange(
    header: Sequence[str], mapping: Mapping[str, Any], source: str
) -> tuple[dict[str, list[int]], list[tuple[int, str]]]:
    """Which column holds which field, and which are attributes."""
    if not isinstance(mapping, dict):
        raise ConfigurationError(f"columns: write a mapping such as {{prefix: Network}}, this is {mapping!r}")
    keys = [column_key(name) for name in header]
    taken: dict[int, str] = {}
    for field, wanted in mapping.items():
        for one in wanted if isinstance(wanted, list) else [wanted]:
            if str(field) not in FIELDS and not str(field).startswith("email:"):
                raise ConfigurationError(f"columns: no field {field!r}; known are {', '.join(FIELDS)}")
            if isinstance(one, int):
                at = one
            elif column_key(str(one)) in keys:
                at = keys.index(column_key(str(one)))
            else:
                raise ConfigurationError(f"columns: {source} has no column {one!r}; it has {', '.join(header)[:300]}")
            taken[at] = str(field)
    mapped = set(taken.values())
    best: dict[str, tuple[int, int]] = {}
    for at, name in enumerate(header):
        found = field_of(name)
        if at in taken or found is None or found in mapped:
            continue
        if found in ("prefix", "alias", "host") or found.startswith("email"):
            taken[at] = found
        else:
            # Of "id" and "customer_id" the better spelling wins; the lists are in this order.
            best[found] = min(best.get(found, (999, at)), (SPELLINGS[found].index(keys[at]), at))
    taken.update({at: found for found, (_, at) in best.items()})
    if "name" not in taken.values():
        _name_beside_id(keys, taken)
    # "from/to" beside a prefix column are dates far more often than addresses.
    fields: dict[str, list[int]] = {}
    for at in sorted(taken):
        fields.setdefault(taken[at], []).append(at)
    if "prefix" in fields:
        for range_field, time_field in (("first", "valid_from"), ("last", "valid_until")):
            names = {keys[at] for at in fields.get(range_field, ())}
            if names & EITHER_TIME_OR_ADDRESS and time_field not in fields and range_field not in mapping:
                fields[time_field] = fields.pop(range_field)
    attributes = [(at, name.strip()) for at, name in enumerate(header) if at not in taken and name.strip()]
    return fields, attributes


def _name_beside_id(keys: Sequence[str], taken: dict[int, str]) -> None:
    """Of `customer` and `customer_id`, or `id` and `client`, one is what the customer is called."""
    ids = [
        at for at, key in enumerate(keys) if key in SPELLINGS["customer_id"] and taken.get(at) in (None, "customer_id")
    ]
    names = [at for at in ids if keys[at] in NAMES_BESIDE_ID]
    if len(ids) > len(names) > 0:
        number = next((at for at in ids if taken.get(at) == "customer_id" and at not in names), None)
        taken[names[0]] = "name"
        taken[next(at for at in ids if at not in names) if number is None else number] = "customer_id"
