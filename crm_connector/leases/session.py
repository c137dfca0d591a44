# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What all lease sources share: files with rotations, a window of time, and sessions whose end nobody wrote."""

from __future__ import annotations

import bz2
import gzip
import lzma
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from abusehandler.crm_connector.assignment import Assignment
from abusehandler.crm_connector.files.source_file import file_mark
from abusehandler.crm_connector.settings import number_setting
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abusehandler.crm_connector.assignment import PortRange
    from abusehandler.crm_connector.connector import Report

#: Settings of every lease source.
LEASE_SETTINGS = ("path", "keep_days", "customer_by", "silent_hours")
_MOST_FILES = 400
#: A line longer than this is no lease.
LONGEST_LINE = 20_000


def lease_files(settings: Mapping[str, Any], base: Path) -> list[Path]:
    """The files of `path` (a name, a pattern such as `detail-*`, or a list of these), oldest first."""
    wanted = settings.get("path")
    names = wanted if isinstance(wanted, list) else [wanted]
    files: list[Path] = []
    for name in names:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(
                "path: write a file, a pattern such as /var/lib/dhcp/dhcpd.leases*, or a list of them"
            )
        path = (base / Path(name).expanduser()).absolute()
        found = sorted(path.parent.glob(path.name)) if any(sign in path.name for sign in "*?[") else [path]
        files += [one for one in found if one.is_file()]
    if len(files) > _MOST_FILES:
        raise ConfigurationError(f"path: {len(files)} files fit; more than {_MOST_FILES} are not read")
    return sorted(files, key=lambda one: one.stat().st_mtime_ns)


def files_mark(settings: Mapping[str, Any], base: Path) -> str:
    """Changes when any of the files changed; raises ConfigurationError if there is none."""
    files = lease_files(settings, base)
    if not files:
        raise ConfigurationError(f"{settings.get('path')}: there is no such file; write the path of the leases")
    return " ".join(map(file_mark, files))


def open_text(path: Path) -> TextIO:
    """The file as text, unpacked if it is a rotated one; whatever the bytes, reading does not raise for them."""
    opener: Any = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}.get(path.suffix, open)
    return opener(path, "rt", encoding="utf-8", errors="replace", newline=None)  # type: ignore[no-any-return]


def bounded_lines(stream: TextIO, report: Report, name: str) -> Iterator[tuple[int, str]]:
    """Lines with numbers from 1; of an endless one only the begin is read."""
    number = 0
    while True:
        line = stream.readline(LONGEST_LINE)
        if not line:
            return
        number += 1
        if len(line) == LONGEST_LINE and not line.endswith("\n"):
            report(f"{name}:{number}: line longer than {LONGEST_LINE} characters; left out")
            while line and not line.endswith("\n"):
                line = stream.readline(LONGEST_LINE)
            continue
        yield number, line


def oldest_wanted(settings: Mapping[str, Any]) -> datetime:
    """Leases that ended before this are not kept: `keep_days`, default 31."""
    days = number_setting(settings, "keep_days", 31, 1, 3660)
    return datetime.now(timezone.utc) - timedelta(days=days)


def silence(settings: Mapping[str, Any]) -> timedelta | None:
    """`silent_hours`: after so long without a word a session counts as over; None if it is not set."""
    hours = number_setting(settings, "silent_hours", 0, 0, 24 * 366)
    return timedelta(hours=hours) if hours else None


@dataclass(slots=True)
class _Session:
    who: str
    began: datetime
    heard: datetime
    line: int
    server: str


class Sessions:
    """Sessions that are still open, by address and port block; makes assignments when they end.

    An open session ends at the latest when another customer gets the same address, or when its server starts anew.
    If its end never came, it counts as open, with `silent_after` until so long after it was last heard of.
    """

    def __init__(self, source: str, since: datetime, silent_after: timedelta | None = None) -> None:
        self._source = source
        self._since = since
        self._silent_after = silent_after
        self._open: dict[tuple[str, PortRange | None], _Session] = {}

    def start(
        self, prefix: str, who: str, at: datetime, line: int, *,
        ports: PortRange | None = None, heard: datetime | None = None, server: str = "",
    ) -> Iterator[Assignment]:  # fmt: skip
        """A session began at `at`, or is heard of again; yields the one that it ends."""
        key = (prefix, ports)
        heard = heard or at
        known = self._open.get(key)
        if known is not None and known.who == who:
            known.began, known.heard = min(at, known.began), max(heard, known.heard)
            return
        if known is not None:
            if at < known.began:
                # Told out of order: this one was over before the one we know began.
                yield from self._done(prefix, who, at, known.began, line, ports)
                return
            yield from self._done(prefix, known.who, known.began, at, known.line, ports)
        self._open[key] = _Session(who, at, heard, line, server)

    def stop(
        self,
        prefix: str,
        who: str,
        at: datetime,
        line: int,
        *,
        ports: PortRange | None = None,
        began: datetime | None = None,
    ) -> Iterator[Assignment]:
        """A session ends. `began` is its begin if the end tells it (RADIUS Acct-Session-Time)."""
        known = self._open.get((prefix, ports))
        if known is not None and known.who == who and known.began <= at:
            del self._open[prefix, ports]
            yield from self._done(prefix, who, min(began or known.began, known.began), at, known.line, ports)
        elif began is not None:
            yield from self._done(prefix, who, began, at, line, ports)

    def restart(self, server: str, at: datetime) -> Iterator[Assignment]:
        """A server starts or goes down: all its sessions are over (RFC 2866, Accounting-On and -Off)."""
        for prefix, ports in [key for key, known in self._open.items() if known.server == server and known.began <= at]:
            known = self._open.pop((prefix, ports))
            yield from self._done(prefix, known.who, known.began, at, known.line, ports)

    def rest(self) -> Iterator[Assignment]:
        """The sessions that are still open."""
        now = datetime.now(timezone.utc)
        for (prefix, ports), known in self._open.items():
            end = known.heard + self._silent_after if self._silent_after is not None else None
            if end is not None and end < now:
                yield from self._done(prefix, known.who, known.began, end, known.line, ports)
            else:
                yield Assignment(prefix, known.who, known.began, None, ports, self._source, known.line)

    def moved_to(self, source: str) -> None:
        """The next file begins."""
        self._source = source

    def _done(
        self, prefix: str, who: str, began: datetime, ended: datetime, line: int, ports: PortRange | None
    ) -> Iterator[Assignment]:
        if began < ended and ended >= self._since:
            yield Assignment(prefix, who, began, ended, ports, self._source, line)


class Lease(NamedTuple):
    """A word of a lease file about an address: who has it from `begin` until `end` (None: for ever)."""

    begin: datetime
    end: datetime | None
    who: str
    source: str
    line: int


def joined(prefix: str, leases: list[Lease], since: datetime) -> Iterator[Assignment]:
    """The leases of one address: renewals become one, and a lease ends at the latest when the next one begins."""
    running: Lease | None = None
    for lease in [*sorted(leases, key=lambda one: one.begin), None]:
        if running is None:
            running = lease
            continue
        if lease is not None and lease.who == running.who and (running.end is None or lease.begin <= running.end):
            running = running._replace(end=lease.end)
            continue
        end = running.end
        if lease is not None and (end is None or lease.begin < end):
            end = lease.begin
        if end is None or (end > running.begin and end >= since):
            yield Assignment(prefix, running.who, running.begin, end, None, running.source, running.line)
        running = lease
