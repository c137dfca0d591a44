# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a mail that somebody sends back really is the one that we sent.

Who got a notice knows its Message-ID. If he writes it into his spam, the complaints about that spam would look like
complaints about our notice, and nobody would read them as reports. So a returned mail must also have the subject and
date of ours; spam under the subject of an abuse notice is what hardly anybody sends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.reports.mail.decode import decode

if TYPE_CHECKING:
    from abusehandler.reports.mail.message import Mail


def returns_our_mail(mail: Mail, sent: bytes) -> bool:
    """Whether one of the mails inside is ours. `sent` is ours as it was handed to the mail server; gateways may have put
    words before its subject.
    """
    ours = decode(sent[:200_000])
    subject, date = _words(ours.subject), ours.sent_at
    return any(
        part.nested is not None
        and part.nested.message_id == ours.message_id
        and part.nested.sent_at == date
        and _words(part.nested.subject).endswith(subject)
        for part in mail.own_parts()
    )


def _words(text: str) -> str:
    return " ".join(text.split()).lower()
