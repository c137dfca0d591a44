# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Rows to events: all that depends on the header and the feed is decided once, here, before the first row.

The work for a row is one dict look-up for each cell that is not empty: each column keeps the values of its most
recent texts (countries, cities, times, ports repeat), bounded in number and size.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from abusehandler.reports.formats.shadowserver import columns, values

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from abusehandler.harmonization.catalogue import Case, Catalogue, Feed
    from abusehandler.reports.event import Event
    from abusehandler.reports.formats.shadowserver.columns import Target

#: Kept values of all columns together; a value with its text is some 200 bytes.
KEPT_VALUES = 40_000
#: Longer texts hardly repeat.
KEPT_LENGTH = 200
#: A row whose last cells are missing is read when no more than this many are: a column was added to the header first.
MISSING_CELLS = 2

_CVE = re.compile(r"cve-\d{4}-\d{4,7}")


class BadRow(Exception):
    """A row that gives no event; the text says why."""


class _Left(tuple[str, Any]):
    """A pair for a text that its field cannot hold: it goes to `extra.`."""

    __slots__ = ()


_DROPPED = ("", None)


class _Column(dict[str, "tuple[str, Any]"]):
    """text of a cell -> (event field, value); made on the first look-up."""

    __slots__ = ("convert", "key", "misfit_key", "most")

    def __init__(self, target: Target, most: int) -> None:
        super().__init__()
        self.key, self.convert, self.misfit_key = target
        self.most = most

    def __missing__(self, text: str) -> tuple[str, Any]:
        value = self.convert(text)
        pair: tuple[str, Any]
        if value is values.MISFIT:
            pair = _Left((self.misfit_key, text.strip()))
        elif value is None:
            pair = _DROPPED
        else:
            pair = (self.key, value)
        if len(text) <= KEPT_LENGTH:
            if len(self) >= self.most:
                self.clear()
            self[text] = pair
        return pair


class Plan:
    """How the rows below one header become events. Holds no state of a row; not shared between threads."""

    def __init__(
        self, header: Sequence[str], feed: Feed, catalogue: Catalogue, feed_name: str, report_type: str
    ) -> None:
        self.names = columns.column_names(header)
        self.width = len(self.names)
        self.feed = feed
        self._catalogue = catalogue
        targets = columns.targets(self.names, feed)
        most = max(64, KEPT_VALUES // max(1, self.width))
        self._columns = [_Column(target, most) if target else None for target in targets]
        self._whole = all(column is not None for column in self._columns)
        keys = [target.key for target in targets if target]
        self._time = _position(keys, targets, "time.source")
        self._address = _position(keys, targets, "source.ip")
        self._misfit_address = targets[self._address].misfit_key if self._address >= 0 else ""  # type: ignore[union-attr]
        self._base = self._constant_fields(feed_name, report_type)
        self._steps = self._later_steps(frozenset(self.names), keys)

    @property
    def complaint(self) -> str:
        """Why no row below this header can be read; empty if they can."""
        if self._time < 0:
            return "the header has no column 'timestamp'"
        fields = {column.key for column in self._columns if column is not None}
        if not fields & {"source.ip", "source.fqdn", "source.url"}:
            return "the header has no column for an address or host name"
        return ""

    def event(self, row: list[str], complete: bool = True) -> Event:
        """The event of a row. `complete` tells that the row's line has an end. Raises BadRow."""
        if len(row) != self.width:
            row = self._fitted(row, complete)
        event = self._base.copy()
        if self._whole:
            event.update([column[cell] for cell, column in zip(row, self._columns, strict=False) if cell])  # type: ignore[index]
        else:
            event.update(
                [column[cell] for cell, column in zip(row, self._columns, strict=False) if cell and column is not None]
            )
        event.pop("", None)
        if "time.source" not in event:
            raise BadRow(f"{self.names[self._time]} {row[self._time][:60]!r} is no time like 2026-11-20 08:15:00")
        if "source.ip" not in event:
            if self._misfit_address in event:
                raise BadRow(f"{self.names[self._address]} {row[self._address][:60]!r} is no IP address")
            if "source.fqdn" not in event and "source.url" not in event and not self._steps:
                raise BadRow("neither an address nor a host name")
        for step in self._steps:
            step(event)
        if self._steps and "source.ip" not in event and "source.fqdn" not in event and "source.url" not in event:
            raise BadRow("neither an address nor a host name")
        return event

    def _fitted(self, row: list[str], complete: bool) -> list[str]:
        """The row with the header's width, if that can be done without guessing what a cell is."""
        missing = self.width - len(row)
        if missing < 0:
            if any(cell.strip() for cell in row[self.width :]):
                raise BadRow(f"{len(row)} cells, the header has {self.width}")
            return row[: self.width]
        if missing > MISSING_CELLS or not complete or self.width <= 2 * MISSING_CELLS:
            raise BadRow(f"{len(row)} cells, the header has {self.width}" + ("" if complete else "; cut off"))
        row = row + [""] * missing
        for cell, column in zip(row, self._columns, strict=True):
            # Cells that moved to a neighbour's place do not fit there.
            if cell and column is not None and type(column[cell]) is _Left and not column.key.startswith("extra."):
                raise BadRow(
                    f"{self.width - missing} cells, the header has {self.width}, and {cell[:40]!r} does not fit"
                )
        return row

    def _constant_fields(self, feed_name: str, report_type: str) -> dict[str, Any]:
        feed = self.feed
        base: dict[str, Any] = {
            "feed.provider": "Shadowserver",
            "feed.name": feed_name,
            "feed.code": report_type[:100],
            "feed.documentation": feed.documentation,
            "classification.type": feed.type,
            "classification.taxonomy": self._catalogue.taxonomy_of(feed.type),
            "classification.identifier": feed.identifier,
            "severity": feed.severity,
            **feed.constants,
        }
        if feed.transport:
            base["protocol.transport"] = feed.transport
        if feed.application:
            base["protocol.application"] = feed.application
        return base

    def _later_steps(self, names: frozenset[str], keys: list[str]) -> list[Callable[[Event], None]]:
        """What must look at more than one cell."""
        steps: list[Callable[[Event], None]] = []
        if "http_host" in names and "http_host" not in self.feed.columns:
            # Who speaks with a server (a sinkhole) is the source; else the host named is the reported one.
            party = "destination" if "destination.ip" in keys or self.feed.type == "infected-system" else "source"
            path = next((name for name in ("http_url", "url") if name in names and name not in self.feed.columns), "")
            steps.append(_web_address(party, f"extra.{path}" if path else "", keys))
        named_by_family = self.feed.type == "infected-system" or "malware.name" not in keys
        if named_by_family and "family" in names and "family" not in self.feed.columns:
            steps.append(_name_by_family)
        if "tag" in names and "tag" not in self.feed.columns:
            steps.append(_vulnerabilities_by_tag)
        if self.feed.identifier_from:
            steps.append(_identifier_from(self.feed.identifier_from))
        if self.feed.cases:
            steps.append(self._case)
        return steps

    def _case(self, event: Event) -> None:
        for case in self.feed.cases:
            if _fits(case, event):
                if case.type:
                    event["classification.type"] = case.type
                    event["classification.taxonomy"] = self._catalogue.taxonomy_of(case.type)
                if case.identifier:
                    event["classification.identifier"] = case.identifier
                if case.identifier_from:
                    _identifier_from(case.identifier_from)(event)
                if case.severity:
                    event["severity"] = case.severity
                return


def _position(keys: list[str], targets: Sequence[Target | None], field: str) -> int:
    if field not in keys:
        return -1
    return next(number for number, target in enumerate(targets) if target is not None and target.key == field)


def _said(event: Event, field: str) -> str:
    """What an event field or a column says, as text."""
    value = event.get(field)
    if value is None and "." not in field:
        value = event.get(f"extra.{field}")
    return "" if value is None or value is False else str(value)


def _fits(case: Case, event: Event) -> bool:
    said = _said(event, case.field)
    return bool(said) and case.contains.lower() in said.lower()


def _identifier_from(fields: tuple[str, ...]) -> Callable[[Event], None]:
    def step(event: Event) -> None:
        for field in fields:
            said = _said(event, field).strip().lower()
            if said:
                event["classification.identifier"] = said[:100]
                return

    return step


def _name_by_family(event: Event) -> None:
    if "malware.name" not in event and (family := event.get("extra.family")):
        name = values.printable(family)
        if name is not values.MISFIT:
            event["malware.name"] = name


def _vulnerabilities_by_tag(event: Event) -> None:
    tag = event.get("extra.tag")
    if tag is not None and "cve-" in (small := tag[:4000].lower()) and "product.vulnerabilities" not in event:
        found = sorted(set(_CVE.findall(small)))
        if found:
            event["product.vulnerabilities"] = ";".join(found)


def _web_address(party: str, path_key: str, keys: list[str]) -> Callable[[Event], None]:
    """URL and host name from the Host header and the request line or path beside it."""
    fqdn_key, url_key = f"{party}.fqdn", f"{party}.url"
    has_fqdn, has_url = fqdn_key in keys, url_key in keys

    def step(event: Event) -> None:
        said = event.get("extra.http_host")
        if said is None:
            return
        name, port = _split_port(said)
        fqdn = values.host(name)
        literal = values.address(name.strip("[]")) if fqdn is values.MISFIT else None
        if fqdn is None or literal is values.MISFIT:
            return
        del event["extra.http_host"]
        if literal is None and not (has_fqdn and fqdn_key in event):
            event[fqdn_key] = fqdn
        path = _path(event.get(path_key, "")) if path_key else ""
        if path and not (has_url and url_key in event):
            scheme = "https" if event.get("protocol.application") == "https" else "http"
            shown = name if literal is None else f"[{literal}]" if ":" in literal else literal
            event[url_key] = f"{scheme}://{shown.lower()}{port}{path}"
            event.pop(path_key, None)

    return step


def _split_port(said: str) -> tuple[str, str]:
    """`host:port` to `host` and `:port`; an IPv6 address keeps its colons."""
    said = said.strip()
    name, colon, port = said.rpartition(":")
    if colon and port.isascii() and port.isdigit() and len(port) <= 5 and (":" not in name or name.endswith("]")):
        return name, colon + port
    return said, ""


def _path(said: str) -> str:
    """The path of `GET /path HTTP/1.1`, `/path` or `http://host/path`; empty for anything else."""
    words = said.split(maxsplit=2)
    if not words:
        return ""
    path = words[1] if len(words) > 1 and words[0].isalpha() else words[0]
    if path.startswith("/"):
        return path
    _, scheme, rest = path.partition("://")
    slash = rest.find("/") if scheme else -1
    return rest[slash:] if slash >= 0 else ""
