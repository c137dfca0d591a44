# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Does what time does to tickets."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from intelmq.lib.bot import OutputBot

from abusehandler.bots._from_database import DatabaseWorkBot
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets import retention, rollups, selfhelp_links
from abusehandler.tickets.life_cycle import LifeCycle
from abusehandler.tickets.retention import RetentionSettings
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    from abusehandler.configuration import Configuration

#: Old data is looked for so often.
RETENTION_EVERY = timedelta(hours=6)
#: Statistics are brought up to date so often, by one of the bots.
STATISTICS_EVERY = timedelta(minutes=30)


class AbuseTimersOutputBot(DatabaseWorkBot, OutputBot):
    """Closes silent tickets, escalates, ends mutes, and drops old data, as rules.yaml and abusehandler.yaml say.

    It takes its work from the database, not from its queue; any number of these bots may run. A changed rules.yaml is
    read again by itself; while it is wrong, the rules that were right last go on.

    Parameters:
        longest_wait: seconds after which it looks for due work at the latest
    """

    longest_wait: float = 30
    _in_a_dry_run = "Nothing is changed in a dry run; 'abusehandler rules try' shows what would be done."

    def prepare(self) -> None:
        self.box.rules.now()
        self._life_cycle = LifeCycle(self.box.database)

    def work(self) -> float:
        report = self._life_cycle.run(self.box.rules.right(self.logger.error))
        if self._life_cycle.claim("statistics", STATISTICS_EVERY):
            rollups.refresh(self.box.database)
        if self._life_cycle.claim("retention", RETENTION_EVERY):
            self._drop_old_data()
        if report.did_something():
            self.logger.info(
                "%d tickets closed, %d escalated; %d emptied ones closed; %d mutes ended, %d changed by rules.yaml.",
                report.closed, report.escalated, report.emptied, report.mutes_ended, report.mutes_changed,
            )  # fmt: skip
        return 0 if report.more else self.longest_wait

    def _drop_old_data(self) -> None:
        """As `retention` of abusehandler.yaml says."""
        settings = RetentionSettings(**self.box.configuration.retention.model_dump())
        dropped = retention.apply(self.box.database, settings, datetime.now(timezone.utc), evidence=self.box.evidence)
        selfhelp_links.drop_old(self.box.database)
        if dropped or dropped.put_off:
            self.logger.info("Old data: %s.", "; ".join(retention.describe(dropped)))

    @classmethod
    def check_configuration(cls, configuration: Configuration) -> list[str]:
        """Faults of rules.yaml."""
        try:
            Rules.load(configuration.rules.path, Catalogue.load(configuration.reading.catalogue))
        except AbusehandlerError as error:
            return str(error).splitlines()
        return []


BOT = AbuseTimersOutputBot
