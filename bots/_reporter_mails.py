# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The `answers` section of abusehandler.yaml as the parts that tell reporters something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.configuration.sending import letterhead, smtp_settings
from abusehandler.tickets.answers.reporter_mails import ReporterMailPlanner, ReporterOutbox
from abusehandler.tickets.answers.reporter_sender import ReporterSender
from abusehandler.tickets.mail_templates import MailTemplates
from abusehandler.tickets.smtp import MailServer

if TYPE_CHECKING:
    from abusehandler.bots._box import Box
    from abusehandler.configuration import Configuration
    from abusehandler.tickets.answers.reporter_mails import Kind


def kinds(configuration: Configuration) -> list[Kind]:
    """What reporters are told; nothing unless it is switched on."""
    answers = configuration.answers
    wanted: list[tuple[bool, Kind]] = [(answers.acknowledge, "acknowledgement"), (answers.outcome, "outcome")]
    return [kind for on, kind in wanted if on]


def reporter_mail_planner(box: Box) -> ReporterMailPlanner:
    """For the bot that reads reports."""
    configuration = box.configuration
    return ReporterMailPlanner(
        box.database, kinds(configuration), domain=configuration.message_id_domain,
        own_addresses=configuration.own_addresses, not_to=configuration.answers.not_to,
    )  # fmt: skip


def reporter_sender(box: Box, me: str) -> ReporterSender | None:
    """For the bot that sends mails; None while reporters are told nothing."""
    configuration = box.configuration
    if not kinds(configuration):
        return None
    paper, templates = letterhead(configuration), configuration.mail.templates
    return ReporterSender(
        ReporterOutbox(box.database, me, mails_per_day=configuration.answers.mails_per_day),
        MailServer(smtp_settings(configuration)),
        MailTemplates([templates] if templates is not None else [], language=paper.language, zone=paper.zone),
        paper,
        resend_doubtful=configuration.notices.in_doubt == "resend",
    )
