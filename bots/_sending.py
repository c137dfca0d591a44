# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The `organisation` and `mail` sections of abusehandler.yaml as the values that sending needs."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from abusehandler.tickets.notice_mail import Letterhead
from abusehandler.tickets.smtp import SmtpSettings

if TYPE_CHECKING:
    from abusehandler.configuration import Configuration


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
