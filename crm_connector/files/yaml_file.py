# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers in a YAML file, for the few that are kept by hand, and for the table of exceptions.

    customers:
      - id: "1001"
        name: Example Bakery
        language: de
        contacts: [{email: office@bakery.example, role: abuse}]      # or email: office@bakery.example
        prefixes: [192.0.2.0/28, {prefix: 203.0.113.8, ports: 1024-2047, valid_from: 2026-01-31 12:00}]
        hosts: [shop.example, "*.bakery.example"]

All keys of a customer: id name language email contacts prefixes hosts aliases reseller pass_on attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.crm_connector.addresses import parse_block, prefix_text
from abusehandler.crm_connector.assignment import Assignment, HostName, PortRange
from abusehandler.crm_connector.customer import Contact, Customer
from abusehandler.crm_connector.files.source_file import file_mark, is_large, path_setting
from abusehandler.crm_connector.settings import refuse_unknown
from abusehandler.crm_connector.times import parse_moment, zone_named
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from abusehandler.crm_connector.connector import Item, Report

#: A file that people keep by hand is small; YAML can be written so that a few kB take all memory (aliases).
_LARGEST = 20_000_000
_CUSTOMER_KEYS = frozenset(
    ["id", "name", "language", "email", "contacts", "prefixes", "hosts", "aliases", "reseller", "pass_on", "attributes"]
)  # fmt: skip
_PREFIX_KEYS = frozenset(["prefix", "ports", "valid_from", "valid_until"])
_CONTACT_KEYS = frozenset(["email", "role", "language", "name", "channel", "state"])


class _Loader(yaml.SafeLoader):
    """Keeps the line of each mapping, and takes no aliases."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not taken in customer files", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=True)
        mapping["line"] = node.start_mark.line + 1
        return mapping


# Numbers with leading zeros, dates and "no" stay the text that was written; nobody's customer number is octal.
_Loader.yaml_implicit_resolvers = {
    sign: [(tag, pattern) for tag, pattern in resolvers if tag.endswith(("null", "merge"))]
    for sign, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
#: Bytes that are read in about a second.
_LARGE = 500_000


class YamlFile:
    """Reads one file with a list `customers:`. Settings: `path`, `time_zone`."""

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, ("path", "time_zone"))
        self._path = path_setting(settings, base)
        self._zone = zone_named(str(settings.get("time_zone", "UTC")), "time_zone")

    @property
    def background(self) -> bool:
        """A large file is read in the background."""
        return is_large(self._path, _LARGE)

    def mark(self) -> str:
        """Size and time of the file."""
        return file_mark(self._path)

    def read(self, report: Report) -> Iterator[Item]:
        """All customers with what they have."""
        if self._path.stat().st_size > _LARGEST:
            raise ConfigurationError(f"{self._path}: larger than {_LARGEST // 10**6} MB; use CSV for so many customers")
        try:
            # _Loader is a SafeLoader: it makes plain values only.
            data = yaml.load(self._path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
        except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
            raise ConfigurationError(f"{self._path}: not YAML: {' '.join(str(error).split())[:300]}") from error
        customers = data.get("customers") if isinstance(data, dict) else None
        if not isinstance(customers, list):
            raise ConfigurationError(f"{self._path}: write customers: with a list of customers below it")
        for entry in customers:
            line = entry.get("line", 0) if isinstance(entry, dict) else 0
            try:
                yield from self._customer(entry, line, report)
            except (ValueError, TypeError, AttributeError) as error:
                report(f"{self._path.name}:{line}: {error}; customer left out")

    def _customer(self, entry: Any, line: int, report: Report) -> Iterator[Item]:
        if not isinstance(entry, dict) or not entry.get("id"):
            raise ValueError("a customer needs an id")
        self._refuse(entry, _CUSTOMER_KEYS, line, report)
        key = str(entry["id"])
        contacts = [_contact(one) for one in _several(entry.get("email")) + _several(entry.get("contacts"))]
        attributes = {name: value for name, value in (entry.get("attributes") or {}).items() if name != "line"}
        yield Customer(
            key,
            str(entry.get("name") or ""),
            str(entry.get("language") or ""),
            tuple(contacts),
            attributes,
            str(entry.get("reseller") or ""),
            str(entry.get("pass_on") or "").lower() in ("true", "yes", "1"),
            tuple(map(str, _several(entry.get("aliases")))),
        )
        for one in _several(entry.get("prefixes")):
            at = one.get("line", line) if isinstance(one, dict) else line
            try:
                yield from self._assignments(one, key, at, report)
            except (ValueError, TypeError) as error:
                report(f"{self._path.name}:{at}: {error}; prefix left out")
        for name in _several(entry.get("hosts")):
            yield HostName(str(name), key, self._path.name, line)

    def _assignments(self, one: Any, key: str, line: int, report: Report) -> Iterator[Assignment]:
        entry = one if isinstance(one, dict) else {"prefix": one}
        self._refuse(entry, _PREFIX_KEYS, line, report)
        prefixes, note = parse_block(str(entry.get("prefix", "")))
        if note:
            report(f"{self._path.name}:{line}: {note}")
        first, _, last = str(entry.get("ports") or "").partition("-")
        ports = PortRange(int(first), int(last or first)) if first else None
        start = parse_moment(str(entry.get("valid_from") or ""), self._zone)
        until = parse_moment(str(entry.get("valid_until") or ""), self._zone, latest=True)
        for prefix in prefixes:
            yield Assignment(prefix_text(prefix), key, start, until, ports, self._path.name, line)

    def _refuse(self, entry: Mapping[str, Any], known: frozenset[str], line: int, report: Report) -> None:
        for name in entry.keys() - known - {"line"}:
            report(
                f"{self._path.name}:{line}: {name!r} is not known here and not used; known are {', '.join(sorted(known))}"
            )


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value in (None, "") else [value]


def _contact(value: Any) -> Contact:
    if isinstance(value, dict):
        return Contact(**{name: str(text) for name, text in value.items() if name in _CONTACT_KEYS})
    return Contact(str(value))
