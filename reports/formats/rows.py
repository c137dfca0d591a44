# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One row of a table to an event, by a plan that is made once for each header."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.formats import problems, values
from abusehandler.reports.formats.intelmq_json import clean_event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from abusehandler.reports.event import Event
    from abusehandler.reports.formats.columns import Columns

_MOST_EXTRA = 40
_LONGEST_EXTRA = 1000
_CLOCK_ALONE = re.compile(
    r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s?[AaPp]\.?[Mm]\.?)?(?:\s?[A-Za-z]{1,5}|\s?[+-]\d{2}:?\d{2})?"
)
_NO_MALWARE = {"-", "n/a", "none", "unknown", "null", "other"}


class RowReader:
    """Makes events of the rows below one header. `zone` holds for times that name none."""

    def __init__(self, columns: Columns, zone: tzinfo | None) -> None:
        self.columns = columns
        self.zone = columns.zone or zone
        self.places = tuple(columns.places.items())
        used = set(columns.places.values())
        extras = [
            (place, f"extra.{name[:40]}") for place, name in enumerate(columns.names) if name and place not in used
        ]
        self.extras = tuple(extras[:_MOST_EXTRA])
        self.sides = tuple(
            side for side in ("source", "destination") if any(role.startswith(side) for role in columns.places)
        )

    def event(self, row: Sequence[str]) -> Event:
        """The event of a row; empty when the row names no resource."""
        width = len(row)
        if self.columns.intelmq:
            return clean_event(
                {name: row[place].strip() for place, name in self.columns.intelmq.items() if place < width}
            )
        event: Event = {}
        cell = {role: text for role, place in self.places if place < width and (text := row[place].strip())}
        for side in self.sides:
            _resource(event, cell, side)
        if not values.has_resource(event):
            return {}
        if name := cell.get("source.reverse_dns"):
            values.put_host(event, "source.reverse_dns", name)
        text = cell.get("time", "")
        if text:
            if "date" in cell and _CLOCK_ALONE.fullmatch(text):  # date and clock in two columns
                text = f"{cell['date']} {text}"
            values.put_time(event, text, self.zone)
        self._problem(event, cell, row)
        if (transport := cell.get("protocol", "").lower()) in ("tcp", "udp", "icmp"):
            event["protocol.transport"] = transport
        if account := cell.get("account"):
            event["extra.account"] = account[:200]
        if asn := cell.get("source.asn"):
            number = asn.upper().removeprefix("AS").strip()
            if number.isascii() and number.isdigit() and 0 < int(number[:12]) < 2**32:
                event["source.asn"] = int(number)
        for place, name in self.extras:
            if place < width and (text := row[place].strip()):
                event[name] = text if len(text) < 100 and "\n" not in text else " ".join(text.split())[:_LONGEST_EXTRA]
        return event

    def _problem(self, event: Event, cell: dict[str, str], row: Sequence[str]) -> None:
        problem = ""
        for place in self.columns.classes:
            if place < len(row) and (problem := problems.classification_within(row[place])):
                break
        malware = cell.get("malware", "")
        if malware and len(malware) <= 100 and malware.lower() not in _NO_MALWARE:
            # Some feeds write "ssh-brute-force" where others name the bot.
            problem = problem or problems.classification(malware)
            event["malware.name"] = malware.lower()
            problem = problem or ("malware-distribution" if "source.url" in event else "infected-system")
        if problem:
            event["classification.type"] = problem


def _resource(event: Event, cell: dict[str, str], side: str) -> None:
    ip, number = "", None
    text = cell.get(f"{side}.ip", "")
    if text:
        ip, number = values.address_and_port(text)
        ip = ip or values.any_address(text)
        if ip:
            event[f"{side}.ip"] = ip
    if port := cell.get(f"{side}.port"):
        number = values.port(port) or number
    url = cell.get(f"{side}.url")
    if url and not values.put_url(event, side, url):
        values.put_host(event, f"{side}.fqdn", url)
    name = cell.get(f"{side}.fqdn") or ("" if ip else cell.get(f"{side}.any", ""))
    if name:
        values.put_host(event, f"{side}.fqdn", name)
    if number:
        event[f"{side}.port"] = number
