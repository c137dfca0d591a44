# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Make the mails of these tests: plain text as it comes out of the decoder."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler.reports.context import OwnAssets, ReadContext
from abusehandler.reports.mail.message import Mail, Part

if TYPE_CHECKING:
    from abusehandler.reports.reading import Reading

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=timezone.utc)
CONTEXT = ReadContext(received_at=NOW)


def mail(subject: str, text: str, *more: Part, sender: str = "noc@reporter.example", **headers: str) -> Mail:
    """A mail with this subject and plain text body; `in_reply_to="x"` becomes the header `in-reply-to`."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Mail(
        headers=(("subject", subject), ("from", sender), *named),
        subject=subject,
        sender=sender,
        sent_at=NOW,
        parts=(Part("1", "text", "text/plain", text), *more),
    )


def log_file(text: str, name: str = "log.txt", path: str = "2") -> Part:
    return Part(path, "text", "text/plain", text, filename=name, attached=True)


def attached_mail(inner: Mail, path: str = "2") -> Part:
    return Part(path, "mail", "message/rfc822", attached=True, nested=inner)


def context(prefix: str) -> ReadContext:
    """As if this network were ours."""
    return ReadContext(received_at=NOW, own=OwnAssets(prefixes=(ipaddress.ip_network(prefix),)))


def addresses(reading: Reading) -> list[str]:
    return sorted({one.event["source.ip"] for one in reading.events if "source.ip" in one.event})


def hosts(reading: Reading) -> list[str]:
    return sorted({one.event["source.fqdn"] for one in reading.events if "source.fqdn" in one.event})


def urls(reading: Reading) -> list[str]:
    return sorted({one.event["source.url"] for one in reading.events if "source.url" in one.event})


def kind(reading: Reading) -> str:
    (only,) = {one.event.get("classification.type", "") for one in reading.events}
    return str(only)
