# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The keys of abusehandler.yaml, their types, defaults and meaning: the whole file, made of its sections.

Descriptions are written for the operator: `abusehandler config explain KEY` prints them.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from abusehandler.configuration.sections import Section
from abusehandler.configuration.sections.box import Backup, Database, Evidence, Monitoring, Networks, Organisation
from abusehandler.configuration.sections.living import Retention, RulesFile, Tickets
from abusehandler.configuration.sections.mailing import Answers, Mail, Notices
from abusehandler.configuration.sections.reading import Mailbox, Reading
from abusehandler.configuration.sections.web import Portal, Recheck, SelfHelp, Webhooks


class Configuration(Section):
    """The whole file."""

    organisation: Organisation = Field(description="Who you are.")
    networks: Networks = Field(default_factory=lambda: Networks(), description="What is yours.")
    database: Database = Field(default_factory=lambda: Database(), description="Where tickets are kept.")
    evidence: Evidence = Field(description="Where raw reports are kept.")
    customers: dict[str, Any] = Field(
        description="Where customers are found: a connector and its settings, see docs/connect-your-crm.md."
    )
    mail: Mail = Field(default_factory=lambda: Mail(), description="How mail is sent and whom to believe.")
    notices: Notices = Field(default_factory=lambda: Notices(), description="When customers are told.")
    answers: Answers = Field(
        default_factory=lambda: Answers(),
        description="What follows from bounces and replies, and what reporters are told.",
    )
    tickets: Tickets = Field(default_factory=lambda: Tickets(), description="How events become tickets.")
    retention: Retention = Field(
        default_factory=lambda: Retention(), description="How long things are kept; for ever where nothing is said."
    )
    rules: RulesFile = Field(default_factory=lambda: RulesFile(), description="How tickets live, as data.")
    mailbox: Mailbox = Field(default_factory=lambda: Mailbox(), description="What comes in by mail.")
    reading: Reading = Field(default_factory=lambda: Reading(), description="How reports are read.")
    portal: Portal = Field(default_factory=lambda: Portal(), description="The web desk and self-help.")
    self_help: SelfHelp = Field(default_factory=lambda: SelfHelp(), description="The customers' own pages.")
    webhooks: Webhooks = Field(
        default_factory=lambda: Webhooks(), description="Where webhooks may go, see docs/api.md."
    )
    recheck: Recheck = Field(default_factory=lambda: Recheck(), description="Checks from outside, on request.")
    backup: Backup = Field(default_factory=lambda: Backup(), description="Where backups lie and how many are kept.")
    monitoring: Monitoring = Field(
        default_factory=lambda: Monitoring(), description="What 'abusehandler doctor' looks at."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] | None = Field(
        None, description="How much our bots log; what runtime.yaml says as logging_level where it is not set."
    )

    @property
    def sender(self) -> str:
        """The From address of notices."""
        return self.mail.sender or self.organisation.abuse_address

    @property
    def message_id_domain(self) -> str:
        """The right side of our Message-IDs."""
        return self.mail.domain or self.sender.rpartition("@")[2]

    @property
    def own_addresses(self) -> frozenset[str]:
        """Addresses from which a mail is a loop or an answer, lower case."""
        return frozenset(a.lower() for a in (self.organisation.abuse_address, self.sender, *self.mail.own_addresses))
