# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What abusehandler.yaml says about notices and mail, as the parts that the core sends with: for bot, command and desk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from abusehandler.configuration.answering import answer_settings
from abusehandler.crm_connector.customer import addressee
from abusehandler.templates.help_texts import HelpTexts
from abusehandler.tickets.addressing import recipients_of
from abusehandler.tickets.answers.addresses import bounce_address, reply_address
from abusehandler.tickets.notice_mail import Letterhead, NoticeWriter
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.rules import Rules
from abusehandler.tickets.selfhelp_links import LinkTerms, NoticeLinks
from abusehandler.tickets.signing import SigningSettings, open_signer
from abusehandler.tickets.smtp import SmtpSettings

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.configuration.model import Configuration
    from abusehandler.crm_connector import Directory
    from abusehandler.harmonization.catalogue import Catalogue
    from abusehandler.tickets.notice import Recipient
    from abusehandler.tickets.notice_mail import SelfHelpLink
    from abusehandler.tickets.selfhelp_contacts import ApprovedContacts


def smtp_settings(configuration: Configuration) -> SmtpSettings:
    """The mail server."""
    smtp = configuration.mail.smtp
    return SmtpSettings(
        smtp.host,
        smtp.port,
        smtp.security,
        smtp.user,
        smtp.password_file,
        smtp.ca_file,
        smtp.timeout_seconds,
        smtp.hello_name,
        smtp.receipts,
    )


def letterhead(configuration: Configuration) -> Letterhead:
    """Who writes to the customer."""
    organisation = configuration.organisation
    return Letterhead(
        organisation=organisation.name,
        sender=configuration.sender,
        sender_name=configuration.mail.sender_name,
        website=organisation.website,
        phone=organisation.phone,
        language=organisation.language,
        zone=ZoneInfo(organisation.time_zone),
    )


def notice_schedule(configuration: Configuration, rules: Rules | None = None) -> NoticeSchedule:
    """When customers are told: `notices` of abusehandler.yaml, refined by those of `rules`.

    rules.yaml is read for it where no rules are handed in. Raises ConfigurationError.
    """
    notices = configuration.notices
    if rules is None:
        rules = Rules.load(configuration.rules.path)
    return NoticeSchedule(
        settle=timedelta(seconds=notices.settle_seconds),
        again=timedelta(hours=notices.repeat_hours),
        digest_hour=notices.digest_hour,
        zone=ZoneInfo(configuration.organisation.time_zone),
        policy=notices.policy,
        hold=notices.hold,
        rules=rules.notices,
    )


def bounce_address_of(configuration: Configuration) -> Callable[[int], str]:
    """The envelope sender for a delivery's number. Raises ConfigurationError."""
    settings = answer_settings(configuration)
    return lambda delivery: bounce_address(delivery, settings)


def notice_writer(
    configuration: Configuration, catalogue: Catalogue, selfhelp_link: SelfHelpLink | None = None
) -> NoticeWriter:
    """What writes mails, with the operator's templates and key. Raises ConfigurationError."""
    mail = configuration.mail
    settings = answer_settings(configuration)
    sign = mail.sign
    return NoticeWriter(
        letterhead(configuration),
        catalogue,
        [mail.templates] if mail.templates is not None else [],
        signer=open_signer(SigningSettings(sign.pgp_key, sign.smime_key, sign.smime_certificate, sign.passphrase_file)),
        reply_address=lambda notice: reply_address(notice, settings),
        selfhelp_link=selfhelp_link,
        help_texts=HelpTexts.load(),
    )


def link_terms(configuration: Configuration) -> LinkTerms:
    """How long the links of customers are good."""
    settings = configuration.self_help
    return LinkTerms(timedelta(days=settings.days), timedelta(days=settings.days_after_close), settings.opens)


def selfhelp_links(configuration: Configuration) -> NoticeLinks | None:
    """What makes the links in notices; None where there are none: no portal, or switched off."""
    if not configuration.portal.public_url or not configuration.self_help.links:
        return None
    return NoticeLinks(configuration.database.dsn, configuration.portal.public_url, link_terms(configuration))


class CustomerContacts:
    """Recipients and names as the customer directory knows them now; `approved` adds those that customers named on their
    pages and the desk has approved.
    """

    def __init__(self, directory: Directory, approved: ApprovedContacts | None = None) -> None:
        self._directory = directory
        self._approved = approved

    def recipients(self, customer_id: str) -> list[Recipient]:
        """The ways to reach a customer; none for one that nobody knows."""
        customer = self._directory.customer(customer_id)
        if customer is None:
            return []
        above = addressee(customer, self._directory.customer)
        found = recipients_of(customer, None if above is customer else above)
        if self._approved is None:
            return found
        best = min((each.rank for each in found), default=0)
        zone = next((each.time_zone for each in found if each.time_zone), "")
        return found + [replace(each, rank=best, time_zone=zone) for each in self._approved.of(customer_id)]

    def name(self, customer_id: str) -> str:
        """The customer's name, empty for one that nobody knows."""
        customer = self._directory.customer(customer_id)
        return customer.name if customer is not None else ""
