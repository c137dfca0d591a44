# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Host names: the longest registered name of ours that a host name is, or stands below."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import idna
from publicsuffixlist import PublicSuffixList

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}://", re.ASCII)


def host_key(text: str) -> str:
    """A host name in the form it is compared in: lower case, A-labels (RFC 5891), no dot at the end.

    Raises ValueError for what is no host name. A URL is not taken for one, a leading `*.` neither.
    """
    name = text.strip().rstrip(".").lower()
    if not name.isascii():
        try:
            name = idna.encode(name[:300], uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as error:
            raise ValueError(f"{text[:60]!r} is not a host name: {error}") from error
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError(f"{text[:60]!r} is not a host name")
    return name


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    # The private part (github.io, and dynamic DNS of ISPs) holds names that an ISP may well own itself.
    return PublicSuffixList(only_icann=True, accept_unknown=False)


class NameIndex:
    """Registered names and their rows (customer, source, line)."""

    def __init__(self) -> None:
        self._names: dict[str, list[tuple[int, int, int]]] = {}
        self._below: dict[str, list[tuple[int, int, int]]] = {}

    def __len__(self) -> int:
        return len(self._names) + len(self._below)

    def add(self, text: str, customer: int, source: int = 0, line: int = 0) -> None:
        """Register a name; raises ValueError for a name that cannot belong to one customer, such as `co.uk`."""
        text = text.strip().lower()
        found = _SCHEME.match(text)
        if found:
            # host, between user and port (RFC 3986 section 3.2)
            authority = re.split(r"[/?#]", text[found.end() :], maxsplit=1)[0]
            text = authority.rpartition("@")[2].partition(":")[0]
        wildcard = text.startswith("*.")
        name = host_key(text[2:] if wildcard else text)
        if _suffixes().publicsuffix(name) == name:
            raise ValueError(f"{name} is a public suffix, under which everybody registers names")
        rows = (self._below if wildcard else self._names).setdefault(name, [])
        row = (customer, source, line)
        if all(other[0] != customer for other in rows):
            rows.append(row)

    def find(self, host: str) -> tuple[str, list[tuple[int, int, int]]]:
        """(registered name, its rows), longest name first; ("", []) when the host is under none of our names."""
        try:
            name = host_key(host)
        except ValueError:
            return "", []
        rows = self._names.get(name)
        if rows:
            return name, rows
        while "." in name:
            name = name.partition(".")[2]
            rows = self._below.get(name)
            if rows:
                return f"*.{name}", rows
            rows = self._names.get(name)
            if rows:
                return name, rows
        return "", []

    def contested(self) -> Iterator[tuple[str, list[tuple[int, int, int]]]]:
        """Names that several customers have."""
        for names, star in ((self._names, ""), (self._below, "*.")):
            for name, rows in names.items():
                if len(rows) > 1:
                    yield star + name, rows

    def names(self) -> Iterator[tuple[str, list[tuple[int, int, int]]]]:
        """All names with their rows."""
        yield from self._names.items()
        for name, rows in self._below.items():
            yield f"*.{name}", rows
