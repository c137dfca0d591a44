# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""NIPAP (https://spritelink.github.io/NIPAP/docs/): prefixes that have a customer, by its XML-RPC interface.

Settings: `url` (https://nipap.example.net:1337/RPC2), `user`, `password_file`, `ca_file`; `vrfs`: the route targets of the
VRFs to read, default only the one without (the Internet; others hold private addresses that repeat); `source`
(abusehandler): what NIPAP calls the authoritative source; `deadline_seconds` (600); further those of RowReader.

NIPAP knows no contacts. Extra attributes (AVPs) of a prefix are columns here: one called `abuse-email` or `name` is taken
for what it is, `columns: {email: "Their attribute"}` names others, and a customer file behind it in the chain adds the
rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import number_setting, refuse_unknown
from abusehandler.crm_connector.web_api.bounded_client import ApiError, BoundedClient
from abusehandler.crm_connector.web_api.credentials import secret_setting, url_setting
from abusehandler.crm_connector.web_api.xml_rpc import call
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abusehandler.crm_connector.connector import Item, Report

_KNOWN = ("url", "user", "password_file", "ca_file", "vrfs", "source", "deadline_seconds")
_PAGE = 1000
_MOST_PREFIXES = 5_000_000
#: NIPAP's field → ours. `expires` is the end of the assignment.
_FIELDS = {"prefix": "prefix", "customer_id": "customer_id", "expires": "valid_until"}
_ATTRIBUTES = ("description", "node", "order_id", "country")


class Nipap:
    """Reads all prefixes of some VRFs."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*_KNOWN, *ROW_SETTINGS))
        self._settings = settings
        self._url = url_setting(settings, "https://nipap.example.net:1337/RPC2")
        self._login = (str(settings.get("user", "")), secret_setting(settings, "password_file", base))
        if not all(self._login):
            raise ConfigurationError("user, password_file: NIPAP wants them; write them beside url")
        self._ca_file = str(base / Path(str(settings["ca_file"])).expanduser()) if settings.get("ca_file") else None
        self._deadline = number_setting(settings, "deadline_seconds", 600, 1, 86400)
        vrfs = settings.get("vrfs", [None])
        if not isinstance(vrfs, list) or not vrfs:
            raise ConfigurationError("vrfs: write a list of route targets, for example [null, '64496:100']")
        self._vrfs = frozenset(str(vrf) if vrf else "" for vrf in vrfs)

    def mark(self) -> str:
        """NIPAP does not tell whether anything changed."""
        return ""

    def read(self, report: Report) -> Iterator[Item]:
        """All prefixes with a customer, then the customers."""
        client = BoundedClient(
            self._url, headers={}, basic=self._login, ca_file=self._ca_file, deadline_seconds=self._deadline
        )
        try:
            rows = list(self._prefixes(client))
        finally:
            client.close()
        extra = sorted({name for row in rows for name in _avps(row)})
        names = [*_FIELDS, *_ATTRIBUTES, *(name for name in extra if name not in _FIELDS and name not in _ATTRIBUTES)]
        reader = RowReader([_FIELDS.get(name, name) for name in names], self._settings, "NIPAP", report)
        for row in rows:
            values = {**_avps(row), **{name: row.get(name) for name in (*_FIELDS, *_ATTRIBUTES)}}
            # The number by which NIPAP's pages show the prefix stands where a file has its line.
            number = row.get("id")
            yield from reader.read(
                [_text(values.get(name)) for name in names], number if isinstance(number, int) else 0
            )
        yield from reader.customers()

    def _prefixes(self, client: BoundedClient) -> Iterator[Mapping[str, Any]]:
        offset = 0
        last: Any = None
        while True:
            answer = call(
                client, "", "search_prefix",
                {
                    "auth": {"authoritative_source": str(self._settings.get("source", "abusehandler"))},
                    # Neither NULL nor empty, as SQL compares.
                    "query": {"operator": "not_equals", "val1": "customer_id", "val2": ""},
                    "search_options": {"max_result": _PAGE, "offset": offset, "parents_depth": 0, "children_depth": 0},
                },
            )  # fmt: skip
            found = answer.get("result") if isinstance(answer, dict) else None
            if not isinstance(found, list):
                raise ApiError(f"{self._url}: search_prefix: no list result in the answer")
            if found and found == last:
                raise ApiError(f"{self._url}: search_prefix: the same page came twice; it would never end")
            for row in found:
                if isinstance(row, dict) and self._wanted(row):
                    yield row
            last = found
            offset += len(found)
            if len(found) < _PAGE:
                return
            if offset > _MOST_PREFIXES:
                raise ApiError(f"{self._url}: search_prefix: more than {_MOST_PREFIXES} prefixes")

    def _wanted(self, row: Mapping[str, Any]) -> bool:
        # With a prefix that fits, NIPAP gives those around it, for its own pages; `match` tells them apart.
        return (
            bool(row.get("match", True))
            and row.get("status") != "quarantine"
            and str(row.get("vrf_rt") or "") in self._vrfs
        )


def _avps(row: Mapping[str, Any]) -> dict[str, Any]:
    avps = row.get("avps")
    return {str(name): value for name, value in avps.items()} if isinstance(avps, dict) else {}


def _text(value: Any) -> str:
    if value is None or isinstance(value, (dict, list)):
        return ""
    text = str(value)
    # 20260131T12:00:00, as XML-RPC writes times
    if len(text) == 17 and text[8] == "T" and text[:8].isdigit() and text.count(":") == 2:
        return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[9:]}"
    return text
