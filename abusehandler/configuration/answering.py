# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What abusehandler.yaml says about answers, as the store's values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.tickets.answers.addresses import AnswerSettings

if TYPE_CHECKING:
    from abusehandler.configuration.model import Configuration


def answer_settings(configuration: Configuration) -> AnswerSettings:
    """How answers find back to their notice. Raises ConfigurationError for a secret file that is not as it must be."""
    mail = configuration.mail
    return AnswerSettings.load(configuration.sender, mail.answer_secret_file, mail.subaddress_delimiter)
