# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What a person typed into the fields of a report becomes events, or words about what is wrong with it."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abusehandler.errors import AbusehandlerError
from abusehandler.portal.desk.letters import FIELDS
from abusehandler.reporters.schema import TYPES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from zoneinfo import ZoneInfo

    from abusehandler.reports.reading import Reading

MOST = 100
_HOST = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]")
_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}")


def corrected(
    reading: Reading, form: Mapping[str, Any], taken: Sequence[str], zone: ZoneInfo
) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The events of the form, and what differs from the reading: number of the event, field, new text.

    `form` has names like `0|source.ip`; `taken` are the numbers of events that are ticked. Raises AbusehandlerError.
    """
    events, changes = [], {}
    for number in taken[:MOST]:
        if not (number.isascii() and number.isdigit() and len(number) < 5):
            continue
        proposed = reading.events[int(number)].event if int(number) < len(reading.events) else {}
        event = dict(proposed)
        for field in FIELDS:
            text = str(form.get(f"{number}|{field}", "")).replace("\0", "").strip()
            before = str(proposed.get(field, "") or "")
            if text == before:
                continue
            changes[f"{number}|{field}"] = text
            event.pop(field, None)
            if field == "classification.type":
                event.pop("classification.taxonomy", None)
            if text:
                event[field] = _value(field, text, zone)
        if not event.get("source.ip") and not event.get("source.fqdn") and not event.get("source.url"):
            raise AbusehandlerError("An event needs an address, a host name or a URL.")
        if "source.url" in event and "source.fqdn" not in event and "source.ip" not in event:
            event["source.fqdn"] = str(urlsplit(str(event["source.url"])).hostname)
        event.setdefault("classification.type", "undetermined")
        events.append(event)
    if not events:
        raise AbusehandlerError("No event was chosen.")
    return events, changes


def _value(field: str, text: str, zone: ZoneInfo) -> Any:
    """The value as IntelMQ's field wants it."""
    try:
        if field == "source.ip":
            return str(ipaddress.ip_address(text))
        if field == "source.port":
            port = int(text) if text.isascii() and text.isdigit() else 0
            if not 1 <= port <= 65535:
                raise ValueError("a port is a number from 1 to 65535")
            return port
        if field == "time.source":
            return _moment(text, zone)
        if field == "source.fqdn":
            name = text.lower().rstrip(".").encode("idna").decode()
            if not _HOST.fullmatch(name):
                raise ValueError("that is no host name")
            return name
        if field == "source.url":
            parts = urlsplit(text)
            if parts.scheme not in ("http", "https", "ftp") or not parts.hostname:
                raise ValueError("write it with http:// or https://")
            return text[:2000]
        if field == "classification.type":
            if text not in TYPES:
                raise ValueError("no such class")
            return text
        if field == "classification.identifier":
            if not _IDENTIFIER.fullmatch(text):
                raise ValueError("letters, digits and - only")
            return text
        if field == "protocol.transport":
            return text.lower()[:20]
    except (ValueError, UnicodeError) as error:
        raise AbusehandlerError(f"{FIELDS[field]} {text!r:.80} cannot be taken: {error}") from None
    return text[:2000]


def _moment(text: str, zone: ZoneInfo) -> str:
    """A time without a zone is one of the operator's own zone."""
    text = re.sub(r"\s*(?:UTC|GMT|Z)$", "+00:00", text.strip(), flags=re.IGNORECASE)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(timezone.utc).isoformat()
