# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mails that only look as if one of our notices had brought them about, because somebody wrote a Message-ID like ours.

reports/loops.py goes by the form of Message-IDs, which is right where no database is at hand. Where the store knows that no
such mail was sent, a report must not vanish because of it: spam can carry any Message-ID.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.reports import loops
from abusehandler.reports.read import read_decoded

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import Reading


def without_false_claim(reading: Reading, mail: Mail, context: ReadContext) -> Reading:
    """The reading of a mail that is certainly no answer to a mail of ours.

    What came in with a notice inside is read as the report that it is. What says that it answers a notice may still quote
    one that this database lost, so a report in it waits for a person.
    """
    if reading.reader != loops.READER or reading.kind == "auto-reply" or loops.is_own_mail(mail, context):
        return reading
    honest = read_decoded(mail, replace(context, own_message_domain=""))
    if reading.kind == "ticket-answer" and honest.verdict == "report":
        reason = f"it says that it answers a notice of ours, which is not known here; {honest.reason}"
        return replace(honest, verdict="unread", reason=reason.rstrip("; "))
    return honest
