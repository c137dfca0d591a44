# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The last good state of a source on disk, so that a restart while the source is broken changes nothing.

Lines of JSON: a head with the version, the items (or columns of many rows) as the connector gave them, and a
last line with counts, without which the file counts as cut. Written beside the old one while reading, renamed when
all was well.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import orjson

from abusehandler.crm_connector.addresses import parse_prefixes
from abusehandler.crm_connector.assignment import Assignment, HostName, PortRange
from abusehandler.crm_connector.customer import Contact, Customer
from abusehandler.crm_connector.layer import Layer, Problems, build_layer, moment_of
from abusehandler.crm_connector.plain_rows import PlainRows
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from abusehandler.crm_connector.plain_rows import Block

_VERSION = 1
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)
#: Seconds; no reading lasts a day.
_STALE = 86400


@dataclass(frozen=True, slots=True)
class CopySummary:
    """The last line of a copy."""

    items: int
    prefixes: int
    read_at: datetime


def fingerprint(settings: Mapping[str, Any]) -> str:
    """Tells copies of differently configured sources apart."""
    return hashlib.sha256(
        repr(sorted((str(key), repr(value)) for key, value in settings.items())).encode()
    ).hexdigest()[:16]


class LastGood:
    """The copy of one source in `folder`. A `read_only` one is never written: people who look must not change anything."""

    def __init__(self, folder: Path, name: str, settings: Mapping[str, Any], *, read_only: bool = False) -> None:
        self.read_only = read_only
        self.path = folder / f"{name}-{fingerprint(settings)}.copy"
        # Another process, or an older reader in this one, may be writing its own.
        self._new = folder / f".{self.path.name}.{secrets.token_hex(6)}"
        self._stream: BinaryIO | None = None
        #: Why the last reading could not be kept; empty when it was.
        self.trouble = ""

    def exists(self) -> bool:
        """Whether there is a copy."""
        return self.path.exists()

    def begin(self) -> None:
        """Start a new copy beside the old one; raises ConfigurationError if the folder may not be written."""
        self.discard()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._sweep()
            # Customers' addresses are nobody else's business on this machine.
            handle = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            if error.errno in _NO_ROOM:
                self.give_up(error)
                return
            raise ConfigurationError(
                f"state_path: {self.path.parent}: {error.strerror}; write a folder that the bots' user may write to"
            ) from error
        self._stream = os.fdopen(handle, "wb", buffering=1 << 18)
        self._stream.write(orjson.dumps({"copy": _VERSION}) + b"\n")

    def _sweep(self) -> None:
        """Remove what a crash left half written."""
        for stale in self.path.parent.glob(f".{self.path.name}.*"):
            with contextlib.suppress(OSError):
                if time.time() - stale.stat().st_mtime > _STALE:
                    stale.unlink()

    def keep(self, layer: Layer) -> None:
        """The reading was good: the new copy takes the old one's place."""
        if self._stream is None:
            return
        end = {"end": [len(layer.index), layer.index.count(), layer.read_at.timestamp()]}
        try:
            with self._stream as stream:
                stream.write(orjson.dumps(end) + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            self._new.replace(self.path)
        except OSError as error:
            self.give_up(error)
        else:
            self._stream = None
            self.trouble = ""

    def write(self, values: list[Any]) -> None:
        """One more line of the new copy, if there is one."""
        if self._stream is not None:
            try:
                self._stream.write(orjson.dumps(values, default=str) + b"\n")
            except OSError as error:
                self.give_up(error)

    def give_up(self, error: OSError) -> None:
        """The disk is full, or broken: what was read serves without a copy, and `trouble` says so."""
        self.discard()
        self.trouble = f"no copy can be kept in state_path {self.path.parent}: {error.strerror or error}"

    def discard(self) -> None:
        """The reading was not good: forget what was written."""
        if self._stream is not None:
            with contextlib.suppress(OSError):  # of what was still to be written
                self._stream.close()
            self._stream = None
        with contextlib.suppress(OSError):
            self._new.unlink()

    def summary(self) -> CopySummary | None:
        """The counts of the copy; None if there is none or it is cut."""
        try:
            with self.path.open("rb") as stream:
                stream.seek(max(0, self.path.stat().st_size - 300))
                last = orjson.loads(stream.read().rsplit(b"\n", 2)[-2])
                items, prefixes, seconds = last["end"]
                return CopySummary(items, prefixes, datetime.fromtimestamp(seconds, timezone.utc))
        except (OSError, ValueError, LookupError, TypeError, ArithmeticError):
            return None

    def load(self) -> Layer:
        """The copy as a layer; raises ConfigurationError if it is cut or of another version."""
        summary = self.summary()
        if summary is None:
            raise ConfigurationError(f"{self.path}: this copy is damaged; remove it")
        problems = Problems()
        try:
            layer = build_layer(self._items_of(), problems, self.path.name)
        except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError) as error:
            raise ConfigurationError(f"{self.path}: this copy is damaged ({error}); remove it") from error
        layer.problems = problems.texts()
        layer.read_at = summary.read_at
        return layer

    def _items_of(self) -> Iterator[Block]:
        with self.path.open("rb") as stream:
            for line in stream:
                value = orjson.loads(line)
                if isinstance(value, list):
                    yield _item(value)


def teeing(items: Iterable[Block], copy: LastGood) -> Iterator[Block]:
    """The same items; each is also written to the new copy."""
    copy.begin()
    write = copy.write
    for item in items:
        values: list[Any]
        if isinstance(item, PlainRows):
            values = ["r", item.source, list(item.lines), item.customer_ids, item.prefixes]
        elif isinstance(item, Assignment):
            start, end, ports = item.valid_from, item.valid_until, item.ports
            values = ["a", item.prefix, item.customer_id, item.source, item.line]
            if start or end or ports:
                values += [
                    int(start.timestamp()) if start else None,
                    int(end.timestamp()) if end else None,
                    [ports.first, ports.last] if ports else None,
                ]
        elif isinstance(item, HostName):
            values = ["n", item.name, item.customer_id, item.source, item.line]
        elif isinstance(item, Customer):
            contacts = [[c.email, c.role, c.language, c.name, c.channel, c.state] for c in item.contacts]
            values = ["c", item.id, item.name, item.language, contacts, dict(item.attributes), item.reseller,
                      item.pass_on, item.aliases]  # fmt: skip
        else:
            yield item
            continue
        write(values)
        yield item


def _item(values: list[Any]) -> Block:
    kind = values[0]
    if kind == "r":
        _, source, lines, customer_ids, prefixes = values
        heads, left = parse_prefixes(prefixes)
        whole = len(lines) == len(customer_ids) == len(prefixes) and set(map(type, customer_ids)) <= {str}
        if left or not whole:
            raise ValueError("a block of rows is not whole")
        return PlainRows(source, lines, customer_ids, prefixes, heads)
    if kind == "a":
        _, prefix, customer_id, source, line, *limits = values
        start, end, ports = limits or (None, None, None)
        return Assignment(
            prefix, customer_id, moment_of(start), moment_of(end), PortRange(*ports) if ports else None, source, line
        )
    if kind == "n":
        return HostName(*values[1:])
    _, key, name, language, contacts, attributes, reseller, pass_on, aliases = values
    return Customer(
        key,
        name,
        language,
        tuple(Contact(*contact) for contact in contacts),
        attributes,
        reseller,
        pass_on,
        tuple(aliases),
    )
