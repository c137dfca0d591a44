# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What our bots share: abusehandler.yaml, the database, the evidence folder, and the check of their parameters."""

from __future__ import annotations

import difflib
import functools
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from intelmq.lib.bot import Bot
from intelmq.lib.exceptions import ConfigurationError as IntelmqConfigurationError

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError, ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.harmonization.fields import missing
from abusehandler.reports.context import OwnAssets
from abusehandler.tickets.database import Database, Unavailable
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.migrate import require_current
from abusehandler.tickets.reports import ReportStore
from abusehandler.tickets.rereading import Rereading
from abusehandler.tickets.rules.rules import RulesInUse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.configuration import Configuration

#: Parameters that IntelMQ gives every bot, and those of its pipelines, which no class declares.
_STOCK = ("_pipeline_", "statistics_", "logging_", "http_", "error_", "log_")


class Box:
    """The parts that a bot works with, made when first used."""

    def __init__(self, configuration: Configuration, application: str) -> None:
        self.configuration = configuration
        self._application = application

    @functools.cached_property
    def database(self) -> Database:
        return Database(self.configuration.database.dsn, application=self._application)

    @functools.cached_property
    def evidence(self) -> EvidenceStore:
        return EvidenceStore(self.configuration.evidence.path)

    @functools.cached_property
    def reports(self) -> ReportStore:
        return ReportStore(self.database)

    @functools.cached_property
    def rereading(self) -> Rereading:
        return Rereading(self.database)

    @functools.cached_property
    def catalogue(self) -> Catalogue:
        return Catalogue.load(self.configuration.reading.catalogue)

    @functools.cached_property
    def rules(self) -> RulesInUse:
        return RulesInUse(self.configuration.rules.path, self.catalogue)

    @functools.cached_property
    def own(self) -> OwnAssets:
        return OwnAssets.of(self.configuration.networks.prefixes, self.configuration.networks.domains)

    def close(self) -> None:
        if "database" in self.__dict__:
            self.database.close()


class BoxBot(Bot):
    """Mix-in that gives a bot its `box` and checks its parameters by the class attributes that declare them."""

    #: Another abusehandler.yaml than the one beside runtime.yaml; empty for that one.
    configuration_file: str = ""

    #: Whether the bot uses the database, so that its schema is checked at the start.
    _needs_database: ClassVar[bool] = True
    box: Box

    def init(self) -> None:
        try:
            self._require_fields()
            self.box = Box(load(Path(self.configuration_file) if self.configuration_file else None), self.bot_id)
            if self.box.configuration.log_level is not None:
                self.logger.setLevel(self.box.configuration.log_level)
            if self._needs_database:
                self._wait_for_database()
            self.prepare()
        except ConfigurationError as error:
            raise IntelmqConfigurationError("abusehandler", str(error)) from error

    def _wait_for_database(self) -> None:
        """After a power cut the bots may be up before PostgreSQL; the stock loop, which waits, has not begun yet."""
        while True:
            try:
                require_current(self.box.database)
            except Unavailable as error:
                self.logger.error("%s; trying again in %s seconds.", str(error).rstrip(".\n"), self.error_retry_delay)
                time.sleep(self.error_retry_delay)
            else:
                return

    def _require_fields(self) -> None:
        lacking = missing(self.harmonization)
        if lacking:
            raise ConfigurationError(
                f"harmonization.conf lacks {', '.join(lacking)}; run 'abusehandler harmonization merge'"
            )

    def prepare(self) -> None:
        """What a bot sets up once `box` is there."""

    def prepare_dry_run(self, dry: bool) -> None:
        self.box.database.dry_run = dry

    def shutdown(self) -> None:
        if "box" in self.__dict__:
            self.box.close()

    @classmethod
    def check(cls, parameters: Mapping[str, Any]) -> list[list[str]] | None:
        """What `intelmqctl check` prints: wrong or misspelt parameters, and faults in abusehandler.yaml."""
        found = [*cls._check_names(parameters), *cls.check_values(parameters)]
        path = parameters.get("configuration_file")
        try:
            found.extend(["error", fault] for fault in cls.check_configuration(load(Path(path) if path else None)))
        except AbusehandlerError as error:
            found.extend(["error", line] for line in str(error).splitlines())
        return found or None

    @classmethod
    def check_values(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        """Faults in the values: each number of ours must be a number of the right size."""
        found = []
        for name in ("batch_size", "gather_seconds", "queue_limit", "rate_limit", "longest_wait", "refresh_seconds"):
            value = parameters.get(name)
            least = 1 if name in ("batch_size", "queue_limit") else 0
            if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float)) or value < least):
                found.append(["error", f"Parameter {name!r} must be a number of at least {least}, not {value!r}."])
        return found

    @classmethod
    def check_configuration(cls, configuration: Configuration) -> list[str]:
        """Faults that only this bot can see in abusehandler.yaml."""
        return []

    @classmethod
    def _check_names(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        known = [
            name
            for name in dir(cls)
            if not name.startswith("_") and not name.isupper() and not callable(getattr(cls, name))
        ]
        found = []
        for name in parameters:
            if name in known or name.startswith(_STOCK) or any(word in name for word in _STOCK):
                continue
            near = difflib.get_close_matches(name, known, 1)
            found.append(
                [
                    "warning",
                    f"Parameter {name!r} is unknown to this bot"
                    + (f"; write {near[0]!r}." if near else "; remove it."),
                ]
            )
        return found
