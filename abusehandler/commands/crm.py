# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler crm`: test a connector, ask it, see what would change, take a large change."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.commands.printing import print_rows
from abusehandler.crm_connector import Assignment, Query, open_directory
from abusehandler.crm_connector.addresses import parse_address
from abusehandler.crm_connector.customer import addressee, with_states
from abusehandler.crm_connector.difference import Difference, difference
from abusehandler.crm_connector.directory import configured_links
from abusehandler.crm_connector.outside.last_resort import LastResort
from abusehandler.crm_connector.outside.rdap import RdapError
from abusehandler.crm_connector.times import parse_moment
from abusehandler.crm_connector.trial import try_connector
from abusehandler.errors import AbusehandlerError, ConfigurationError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Mapping

    from abusehandler.crm_connector import Answer, Directory

_MOST_LINES = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs and their arguments."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    check = verbs.add_parser("check", help="try every source as the bots use it")
    lookup = verbs.add_parser("lookup", help="who had this address, or host name, then?")
    lookup.add_argument("what", metavar="IP[:PORT]|[IPV6]:PORT|HOST")
    lookup.add_argument(
        "--at", metavar="TIME", default="", help="time of the event (default: now), UTC unless it says else"
    )
    lookup.add_argument(
        "--registry", action="store_true", help="if the address is nobody's here, ask the registry (RDAP) and wait"
    )
    show = verbs.add_parser("show", help="a customer, or the state of all sources")
    show.add_argument("customer", metavar="ID", nargs="?")
    diff = verbs.add_parser("diff", help="what reading the sources now would change against the copy in state_path")
    diff.add_argument("--all", action="store_true", help="print every change, not the first of each kind")
    take = verbs.add_parser("import", help="read the sources now and keep the copy")
    take.add_argument("--accept", action="store_true", help="take a mass change, too")
    for verb in (check, lookup, show, diff, take):
        verb.add_argument("--config", metavar="FILE", type=Path, help="abusehandler.yaml (default: the installed one)")
        verb.add_argument("--json", action="store_true", help="print JSON")


def run(arguments: argparse.Namespace) -> int:
    """Carry out one verb; 0 for fine, 1 where something is wrong or nobody was found."""
    settings, base = _section(arguments.config)
    if arguments.verb == "check":
        return _check(settings, base, arguments.json)
    if arguments.verb == "lookup":
        directory = open_directory(settings, base=base, read_only=True)
        return _lookup(directory, arguments, _registry(directory, settings, base) if arguments.registry else None)
    if arguments.verb == "show":
        return _show(open_directory(settings, base=base, read_only=True), arguments.customer, arguments.json)
    if arguments.verb == "diff":
        return _diff(settings, base, arguments)
    return _import(settings, base, arguments.accept)


def _section(path: Path | None) -> tuple[Mapping[str, Any], Path]:
    """The `customers:` section and the folder of its file. A file may also hold nothing but this section."""
    from abusehandler.configuration.load import configuration_path

    path = path or configuration_path()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}: {error}; name your abusehandler.yaml with --config") from error
    section = (
        data.get("customers", data if {"connector", "chain"} & data.keys() else None)
        if isinstance(data, dict)
        else None
    )
    if not isinstance(section, dict):
        raise ConfigurationError(
            f"{path}: no section customers:; write customers: {{connector: csv, path: customers.csv}}"
        )
    return section, path.resolve().parent


def _say(text: str) -> None:
    """Print what may come from outside: no control sequences for the terminal."""
    print("".join(sign if sign.isprintable() else " " for sign in text))


def _check(settings: Mapping[str, Any], base: Path, as_json: bool) -> int:
    findings = []
    for link in configured_links(settings, base):
        for finding in try_connector(link.connector, link.name):
            findings.append({"source": link.name, "level": finding.level, "finding": finding.text})
            if not as_json:
                _say(f"{link.name}: {finding.level}: {finding.text}")
    if as_json:
        print(json.dumps(findings, indent=2, ensure_ascii=False))
    return int(any(finding["level"] == "error" for finding in findings))


def parse_target(text: str) -> tuple[str | None, int | None, str | None]:
    """`IP`, `IP:PORT`, `[IPV6]:PORT` or a host name as (address, port, host)."""
    address, port = text, ""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        address, _, port = text.partition(":")
    if port and not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise ConfigurationError(f"{text}: {port!r} is not a port; write 192.0.2.1:1234 or [2001:db8::1]:1234")
    try:
        parse_address(address)
    except ValueError:
        return None, None, address
    return address, int(port) if port else None, None


def _registry(directory: Directory, settings: Mapping[str, Any], base: Path) -> LastResort:
    """As configured under last_resort, or with its defaults."""
    if directory.beyond is not None and directory.beyond.last_resort is not None:
        return directory.beyond.last_resort
    state = settings.get("state_path")
    return LastResort({}, base / Path(str(state)).expanduser() if state else None)


def _lookup(directory: Directory, arguments: argparse.Namespace, registry: LastResort | None) -> int:
    address, port, host = parse_target(arguments.what)
    try:
        at = parse_moment(arguments.at) or datetime.now(timezone.utc)
    except ValueError as error:
        raise ConfigurationError(f"--at: {error}") from error
    query = Query(address, at, port, host)
    [answer] = directory.lookup_many([query])
    if registry is not None and address is not None and not answer.customer and not answer.candidates:
        try:
            answer = registry.ask_now(address)
        except (RdapError, ValueError) as error:
            raise ConfigurationError(f"--registry: {error}") from error
    rows = _answer_rows(answer)
    if answer.customer is not None and answer.customer.pass_on:
        told = addressee(answer.customer, directory.customer)
        if told is not answer.customer:
            rows["notices go to"] = f"{told.id} {told.name}".strip()
    why = [f"{_named(item)} -> {item.customer_id}, {item.place}" for item in directory.explain(query)]
    if arguments.json:
        print(json.dumps({**rows, "speaks for it": why}, default=str, ensure_ascii=False))
    else:
        for key, value in rows.items():
            _say(f"{key}: {value}")
        for line in why:
            _say(f"  {line}")
    return int(answer.outcome != "one")


def _answer_rows(answer: Answer) -> dict[str, str]:
    rows = {"outcome": answer.outcome, "reason": answer.reason, "source": answer.source}
    if answer.customer is not None:
        rows["customer"] = f"{answer.customer.id} {answer.customer.name}".strip()
        rows["contacts"] = ", ".join(f"{contact.email} ({contact.role})" for contact in answer.customer.contacts)
    if answer.valid_until is not None:
        rows["valid until"] = str(answer.valid_until)
    return rows


def _named(item: Any) -> str:
    if not isinstance(item, Assignment):
        return str(item.name)
    ports = f" ports {item.ports}" if item.ports else ""
    if item.valid_from is None and item.valid_until is None:
        return item.prefix + ports
    return f"{item.prefix}{ports} from {item.valid_from or 'ever'} until {item.valid_until or 'now'}"


def _show(directory: Directory, customer_id: str | None, as_json: bool) -> int:
    if customer_id is None:
        rows = [
            {
                "source": link.name,
                "prefixes": link.layer.index.count() if link.layer else 0,
                "assignments": len(link.layer.index) if link.layer else 0,
                "names": len(link.layer.names) if link.layer else 0,
                "customers": len(link.layer.customers) if link.layer else 0,
                "read at": link.layer.read_at if link.layer else None,
                "trouble": link.trouble,
            }
            for link in directory.links
        ]
        print_rows(rows, as_json=as_json)
        for problem in [] if as_json else directory.problems():
            _say(problem)
        return 0
    customer = directory.customer(customer_id)
    if customer is not None:
        customer = with_states(customer, _states)
    if customer is None:
        raise ConfigurationError(f"no customer {customer_id!r}; `abusehandler crm lookup IP` tells whose an address is")
    names = {customer.id, *customer.aliases}
    held = [
        item
        for link in directory.links
        if link.layer
        for items in (link.layer.assignments(), link.layer.host_names())
        for item in items
        if item.customer_id in names
    ]
    if as_json:
        print(
            json.dumps(
                {
                    "id": customer.id, "name": customer.name, "language": customer.language,
                    "contacts": [{"email": c.email, "role": c.role, "state": c.state} for c in customer.contacts],
                    "reseller": customer.reseller, "aliases": customer.aliases, "attributes": dict(customer.attributes),
                    "has": [_named(item) for item in held],
                },
                ensure_ascii=False, default=str,
            )
        )  # fmt: skip
        return 0
    _say(f"{customer.id} {customer.name} {customer.language}".rstrip())
    for contact in customer.contacts:
        _say(f"  {contact.role}: {contact.email} {contact.name} {contact.state}".rstrip())
    if customer.reseller:
        _say(f"  reseller: {customer.reseller}{' (passes notices on)' if customer.pass_on else ''}")
    for item in held:
        _say(f"  {_named(item)}  ({item.place})")
    return 0


def _states(addresses: Collection[str]) -> dict[str, str]:
    """What mail systems said about addresses; nothing where there is no database, as beside a file to be tried."""
    from abusehandler.configuration import load
    from abusehandler.tickets.answers import listing
    from abusehandler.tickets.database import Database

    try:
        database = Database(load().database.dsn)
        told = {}
        for address in addresses:
            shown = listing.address(database, address)
            for row in next(iter(shown.values()), []) if shown else []:
                told[address] = str(row.get("state", ""))
        database.close()
    except AbusehandlerError:
        return {}
    return told


def _need_state_path(settings: Mapping[str, Any]) -> None:
    if not settings.get("state_path"):
        raise ConfigurationError("customers: state_path: write a folder; the copy to compare with is kept there")


def _diff(settings: Mapping[str, Any], base: Path, arguments: argparse.Namespace) -> int:
    _need_state_path(settings)
    for link in configured_links(settings, base):
        if link.copy is None:
            _say(f"{link.name}: no copy is kept (state_path, copy), so there is nothing to compare with")
            continue
        fresh = link.read_fresh()
        known = link.copy.load() if link.copy.exists() else None
        change = difference(known, fresh)
        if arguments.json:
            kinds = {name: list(getattr(change, name)) for name in Difference.__slots__}
            print(json.dumps({"source": link.name, **kinds}, ensure_ascii=False))
            continue
        _say(f"{link.name}: {_summary(change)}" if change else f"{link.name}: no change")
        for name in Difference.__slots__:
            lines = getattr(change, name)
            shown = lines if arguments.all else lines[:_MOST_LINES]
            for line in shown:
                _say(f"  {name.replace('_', ' ')}: {line}")
            if len(lines) > len(shown):
                _say(f"  {name.replace('_', ' ')}: ... and {len(lines) - len(shown)} more (--all)")
        why = link.suspicion(known, fresh)
        if why:
            _say(f"  would be refused: {why}")
    return 0


def _summary(change: Difference) -> str:
    return ", ".join(
        f"{len(getattr(change, name))} {name.replace('_', ' ')}"
        for name in Difference.__slots__
        if getattr(change, name)
    )


def _import(settings: Mapping[str, Any], base: Path, accept: bool) -> int:
    _need_state_path(settings)
    refused = 0
    for link in configured_links(settings, base):
        if link.copy is None:
            _say(f"{link.name}: no copy is kept (state_path, copy)")
            continue
        known = link.copy.load() if link.copy.exists() else None
        fresh = link.read_fresh(keep=False)
        why = link.suspicion(known, fresh)
        if why and not accept:
            _say(f"{link.name}: not taken: {why}; look with crm diff, take it with --accept")
            refused += 1
            continue
        link.read_fresh(keep=True)
        _say(f"{link.name}: {_summary(difference(known, fresh)) or 'no change'}; {fresh.index.count()} prefixes kept")
        for problem in fresh.problems:
            _say(f"  {problem}")
    return int(refused > 0)
