# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What abusehandler.yaml tells the readers of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.reports.context import OwnAssets, ReadContext

if TYPE_CHECKING:
    from datetime import datetime

    from abusehandler.configuration.model import Configuration


def read_context(configuration: Configuration, received_at: datetime) -> ReadContext:
    """The circumstances in which a report that came at `received_at` (aware) is read, whoever reads it."""
    own_folder = configuration.reading.reporters
    return ReadContext(
        received_at=received_at,
        own=OwnAssets.of(configuration.networks.prefixes, configuration.networks.domains),
        own_addresses=configuration.own_addresses,
        own_message_domain=configuration.message_id_domain,
        own_mail_hosts=frozenset(configuration.mail.trusted_hosts),
        sure_enough=configuration.reading.sure_enough,
        link_prefixes=configuration.mailbox.link_prefixes,
        reporter_folders=() if own_folder is None else (str(own_folder),),
    )
