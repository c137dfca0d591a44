# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Statistics about mail that are no abuse reports: DMARC aggregate reports (RFC 9990) and SMTP TLS reports (RFC 8460).

They come to abuse mailboxes because somebody put that address into a DNS record.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.reading import Reading

if TYPE_CHECKING:
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.mail.message import Mail

_DMARC_SUBJECT = re.compile(r"\breport[ -]domain:\s?\S{1,255}.{0,100}\bsubmitter:", re.I)
_DMARC_XML = re.compile(r"<feedback[\s>].{0,2000}?<report_metadata>", re.S)
_TLS_JSON = re.compile(r"\"policies\"\s?:.{0,3000}?\"policy-type\"", re.S)


def read_aggregate(mail: Mail, context: ReadContext) -> Reading | None:
    """`not-a-report` for mails that hold such statistics; None for all others."""
    for part in mail.own_parts():
        if part.kind == "data" and part.text:
            head = part.text[:5000]
            if _DMARC_XML.search(head):
                return _found("dmarc-aggregate", "DMARC aggregate report (RFC 9990)")
            if part.content_type in ("application/tlsrpt+json", "application/tlsrpt+gzip") or (
                '"policies"' in head and _TLS_JSON.search(head)
            ):
                return _found("tls-report", "SMTP TLS report (RFC 8460)")
    if mail.header("tls-report-domain"):
        return _found("tls-report", "SMTP TLS report (RFC 8460)")
    if _DMARC_SUBJECT.search(mail.subject[:1000]):
        return _found("dmarc-aggregate", "DMARC aggregate report (RFC 9990), by its subject")
    return None


def _found(kind: str, what: str) -> Reading:
    return Reading("not-a-report", "aggregate", what, kind=kind)
