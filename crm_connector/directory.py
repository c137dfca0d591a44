# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The public face for bots: opens the sources that are configured, answers from memory, refreshes without a gap."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.connector import Connector
from abusehandler.crm_connector.last_good import LastGood
from abusehandler.crm_connector.link import Link, opened
from abusehandler.crm_connector.outside.beyond import open_beyond
from abusehandler.crm_connector.settings import LINK_SETTINGS, SECTION_SETTINGS, number_setting
from abusehandler.crm_connector.snapshot import Snapshot
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from types import ModuleType

    from abusehandler.crm_connector.assignment import Assignment, HostName
    from abusehandler.crm_connector.connector import ConnectorFactory
    from abusehandler.crm_connector.customer import Customer
    from abusehandler.crm_connector.outside.beyond import Beyond
    from abusehandler.crm_connector.question import Answer, Query

#: Short names of the shipped connectors.
CONNECTORS = {
    "csv": "abusehandler.crm_connector.files.delimited:DelimitedFile",
    "tsv": "abusehandler.crm_connector.files.delimited:DelimitedFile",
    "yaml": "abusehandler.crm_connector.files.yaml_file:YamlFile",
    "xlsx": "abusehandler.crm_connector.files.workbook:Workbook",
    "sql": "abusehandler.crm_connector.databases.sql_query:SqlQuery",
    "http-json": "abusehandler.crm_connector.web_api.json_api:JsonApi",
    "nipap": "abusehandler.crm_connector.web_api.nipap:Nipap",
    "ldap": "abusehandler.crm_connector.databases.ldap:LdapSearch",
    "kea-sql": "abusehandler.crm_connector.databases.kea_leases:KeaDatabase",
    "freeradius-sql": "abusehandler.crm_connector.databases.radius_sessions:RadiusSessions",
    "isc-dhcpd": "abusehandler.crm_connector.leases.isc_dhcpd:IscDhcpd",
    "kea": "abusehandler.crm_connector.leases.kea:Kea",
    "freeradius": "abusehandler.crm_connector.leases.freeradius:FreeRadiusDetail",
    "port-blocks": "abusehandler.crm_connector.leases.port_blocks:PortBlocks",
    "deterministic-nat": "abusehandler.crm_connector.leases.deterministic_nat:DeterministicNat",
    "stub": "abusehandler.crm_connector.stub:StubConnector",
}
#: Reports come from machines whose clocks differ; so many seconds around the time of the event are looked at.
DEFAULT_CLOCK_SKEW = 60


class Directory:
    """Everything that all sources know. Look-ups never wait for a source."""

    def __init__(self, links: Sequence[Link], *, clock_skew_seconds: int = 0, beyond: Beyond | None = None) -> None:
        self._links = tuple(links)
        #: DNS and registries, asked for what no source knows; None if they are not wanted.
        self.beyond = beyond
        self._skew = clock_skew_seconds
        self._refreshing = threading.Lock()
        self._snapshot = self._assemble()

    def _assemble(self) -> Snapshot:
        links = [link for link in self._links if link.layer is not None]
        return Snapshot([link.layer for link in links if link.layer], [link.overwrite for link in links], self._skew)

    def lookup_many(self, queries: Sequence[Query]) -> list[Answer]:
        """One answer for each query, in order, all from the same state of the world."""
        snapshot = self._snapshot
        answers = snapshot.lookup_many(queries)
        return answers if self.beyond is None else self.beyond.improve(queries, answers, snapshot.lookup_many)

    def lookup_addresses(self, addresses: Sequence[str | None], query: Callable[[int], Query]) -> list[Answer]:
        """`lookup_many`, where `query` makes the question at a position and is only asked if more than the address counts."""
        if self.beyond is None:
            return self._snapshot.lookup_addresses(addresses, query)
        return self.lookup_many([query(position) for position in range(len(addresses))])

    def customer(self, customer_id: str) -> Customer | None:
        """The customer with this id (or alias) and contacts as now known."""
        known = self._snapshot.customer(customer_id)
        return known if known is not None or self.beyond is None else self.beyond.customer(customer_id)

    def refresh(self, *, wait: bool = False) -> bool:
        """Read again what changed; whether new data serves from now on. Never raises.

        Local sources are read at once, remote ones in the background: their data is taken by a later call. With
        `wait` all are read before the call returns. What cannot be read keeps its last good state; see `problems`.
        """
        with self._refreshing:
            changed = [link.refresh(wait=wait) for link in self._links]
            if any(changed):
                self._snapshot = self._assemble()
            return any(changed)

    def problems(self) -> list[str]:
        """What a person should mend: sources that cannot be read or are old, rows left out; with file and line."""
        found = [problem for link in self._links for problem in link.problems()]
        return found if self.beyond is None else found + self.beyond.problems()

    def explain(self, query: Query) -> list[Assignment | HostName]:
        """All that speaks for any holder, for people who ask why an answer is what it is."""
        return self._snapshot.explain(query)

    @property
    def snapshot(self) -> Snapshot:
        """What is known now, for listing and comparing."""
        return self._snapshot

    @property
    def links(self) -> tuple[Link, ...]:
        """The sources in order."""
        return self._links


def open_directory(settings: Mapping[str, Any], *, base: Path, read_only: bool = False) -> Directory:
    """Open the sources of a `customers:` section and read them.

    Relative paths start at `base`. With `read_only` the copies in `state_path` are used and not renewed. Raises
    ConfigurationError if a setting is wrong, or a source can neither be read nor has a copy of its last good state.
    """
    links = list(configured_links(settings, base, read_only=read_only))
    skew = number_setting(settings, "clock_skew_seconds", DEFAULT_CLOCK_SKEW, 0, 86400)
    state = settings.get("state_path")
    beyond = open_beyond(settings, base / Path(str(state)).expanduser() if state else None)
    return Directory([opened(link) for link in links], clock_skew_seconds=int(skew), beyond=beyond)


def check_settings(settings: Mapping[str, Any], *, base: Path | None = None) -> list[str]:
    """What is wrong with a `customers:` section, in words; nothing is read and no network is used.

    With `base` the files it names must be there, too.
    """
    found = []
    try:
        number_setting(settings, "clock_skew_seconds", DEFAULT_CLOCK_SKEW, 0, 86400)
        open_beyond(settings, None)
        for link in configured_links(settings, base or Path()):
            if base is not None and not link.remote:
                try:
                    link.connector.mark()
                except (ConfigurationError, OSError) as error:
                    found.append(str(error))
    except ConfigurationError as error:
        found.append(str(error))
    return found


def make_connector(settings: Mapping[str, Any], base: Path) -> Connector:
    """The connector of one link's settings; raises ConfigurationError."""
    name = settings.get("connector")
    if not isinstance(name, str) or not name:
        raise ConfigurationError(f"connector: write one of {', '.join(CONNECTORS)}, or your_file.py:Class for your own")
    target = CONNECTORS.get(name, name)
    module_name, colon, class_name = target.partition(":")
    if not colon:
        raise ConfigurationError(
            f"connector: no {name!r}; write one of {', '.join(CONNECTORS)}, or your_file.py:Class for your own"
        )
    try:
        module = (
            _module_of_file(base, module_name) if module_name.endswith(".py") else importlib.import_module(module_name)
        )
        factory: ConnectorFactory = getattr(module, class_name)
    except ImportError as error:
        raise ConfigurationError(
            f"connector: {name}: {error}; write path/to/your_file.py:Class, or a module that the bots' user can import"
        ) from error
    except AttributeError as error:
        raise ConfigurationError(f"connector: {module_name} has no class {class_name}") from error
    except Exception as error:  # whatever stands in an ISP's own file
        raise ConfigurationError(f"connector: {name}: {type(error).__name__}: {error}") from error
    try:
        connector = factory(settings, base)
    except ConfigurationError as error:
        raise ConfigurationError(f"customers: connector {name}: {error}") from error
    except Exception as error:
        raise ConfigurationError(f"customers: connector {name}: {type(error).__name__}: {error}") from error
    if not isinstance(connector, Connector):
        raise ConfigurationError(f"connector: {name} lacks read(report) or mark(); see crm_connector/stub.py")
    return connector


def _module_of_file(base: Path, name: str) -> ModuleType:
    """The ISP's own file as a module; raises ImportError."""
    path = (base / Path(name).expanduser()).absolute()
    spec = importlib.util.spec_from_file_location(f"abusehandler_own_{path.stem}", path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ImportError(f"there is no file {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def configured_links(settings: Mapping[str, Any], base: Path, *, read_only: bool = False) -> Iterator[Link]:
    """The sources of a `customers:` section in order, not yet read. Raises ConfigurationError."""
    parts = _parts(settings)
    for key in settings:
        if "chain" in settings and key not in SECTION_SETTINGS:
            raise ConfigurationError(
                f"customers: {key}: stands beside chain; move it into one of the chain's connectors"
            )
    state = settings.get("state_path")
    for number, part in enumerate(parts, 1):
        name = str(part.get("name") or f"{number}-{str(part.get('connector', '')).rpartition(':')[2] or '?'}")
        own = {key: value for key, value in part.items() if key not in LINK_SETTINGS or key == "connector"}
        copy = None
        if state and part.get("copy", True):
            copy = LastGood(base / Path(str(state)).expanduser(), _file_name(name), own, read_only=read_only)
        yield Link(
            name,
            make_connector(own, base),
            overwrite=bool(part.get("overwrite", False)),
            max_gone_percent=number_setting(part, "max_gone_percent", 20, 0, 100),
            max_age=timedelta(hours=number_setting(part, "max_age_hours", 24, 0.1, 24 * 366)),
            last_good=copy,
            every=timedelta(minutes=number_setting(part, "every_minutes", 0, 0, 10080))
            if "every_minutes" in part
            else None,
        )


def _file_name(name: str) -> str:
    return "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]


def _parts(settings: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    parts: list[Mapping[str, Any]] = []
    exceptions = settings.get("exceptions")
    if exceptions:
        if isinstance(exceptions, str):
            exceptions = {"connector": "yaml" if exceptions.endswith((".yaml", ".yml")) else "csv", "path": exceptions}
        parts.append({"name": "exceptions", **exceptions})
    if "chain" in settings:
        chain = settings["chain"]
        if not isinstance(chain, list) or not all(isinstance(part, dict) for part in chain) or not chain:
            raise ConfigurationError(
                "customers: chain: write a list of connectors, each with connector: and its settings"
            )
        return parts + chain
    if "connector" not in settings:
        raise ConfigurationError("customers: write connector: csv and path: customers.csv, or chain: with several")
    return [*parts, {key: value for key, value in settings.items() if key not in SECTION_SETTINGS}]
