# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customers in an LDAP directory (RFC 4511): one entry is one row, its attributes are the columns.

Settings: `url` (ldaps://ldap.example.net; ldap:// becomes encrypted by StartTLS, except on this machine), `user` (a DN) and
`password_file`, or neither for an anonymous bind; `base` (where to search), `filter` (default (objectClass=*)), `columns`
(field → attribute, for example {prefix: ipNetworkNumber, customer_id: uid, email: mail}), `ca_file`,
`timeout_seconds` (60); further those of RowReader. The attribute `dn` is the entry's name. Where an attribute has
several values, all count for prefix, email, host and alias, else the first.
"""

from __future__ import annotations

import ssl
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abusehandler.crm_connector.columns import FIELDS
from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import number_setting, refuse_unknown
from abusehandler.crm_connector.web_api.credentials import secret_setting
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abusehandler.crm_connector.connector import Item, Report

_KNOWN = ("url", "user", "password_file", "ca_file", "base", "filter", "timeout_seconds")
_SEVERAL = ("prefix", "host", "alias")
_PAGE = 500
_MOST_ENTRIES = 5_000_000
_CONNECT = 10
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


class LdapSearch:
    """Reads the entries that a search finds, in pages (RFC 2696)."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        refuse_unknown(settings, (*_KNOWN, *ROW_SETTINGS))
        self._settings = settings
        parts = urlsplit(str(settings.get("url", "")))
        try:
            if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
                raise ValueError
            self._host, self._port = parts.hostname, parts.port or (636 if parts.scheme == "ldaps" else 389)
        except ValueError as error:
            raise ConfigurationError("url: write the address, for example ldaps://ldap.example.net") from error
        self._tls = parts.scheme == "ldaps"
        self._base = settings.get("base")
        if not isinstance(self._base, str) or not self._base:
            raise ConfigurationError("base: write where to search, for example ou=customers,dc=example,dc=net")
        self._filter = str(settings.get("filter", "(objectClass=*)"))
        if not (self._filter.startswith("(") and self._filter.endswith(")")):
            raise ConfigurationError(f"filter: write it in brackets, ({self._filter}) (RFC 4515)")
        columns = settings.get("columns")
        if not isinstance(columns, dict) or not columns:
            raise ConfigurationError(
                "columns: write field: attribute, for example {prefix: ipNetworkNumber, customer_id: uid, email: mail}"
            )
        # field, attribute: the columns of the rows
        self._columns: list[tuple[str, str]] = []
        for field, attributes in columns.items():
            if field not in FIELDS and not str(field).startswith("email:"):
                raise ConfigurationError(f"columns: no field {field!r}; known are {', '.join(FIELDS)}")
            some = attributes if isinstance(attributes, list) else [attributes]
            self._columns += [(str(field), str(attribute)) for attribute in some]
        self._user = str(settings.get("user", ""))
        self._password = secret_setting(settings, "password_file", base)
        if bool(self._user) != bool(self._password):
            raise ConfigurationError("user, password_file: write both, or neither for an anonymous bind")
        self._ca_file = str(base / Path(str(settings["ca_file"])).expanduser()) if settings.get("ca_file") else None
        self._timeout = int(number_setting(settings, "timeout_seconds", 60, 1, 3600))
        _library()

    def mark(self) -> str:
        """A directory does not tell in one way whether anything changed."""
        return ""

    def read(self, report: Report) -> Iterator[Item]:
        """The rows of all entries, then the customers they named."""
        fields = {field for field, _ in self._columns}
        numbers = {field: [at for at, (one, _) in enumerate(self._columns) if one == field] for field in fields}
        settings = {**{key: self._settings[key] for key in ROW_SETTINGS if key in self._settings}, "columns": numbers}
        reader = RowReader([attribute for _, attribute in self._columns], settings, "LDAP", report)
        for number, entry in enumerate(self._entries(), 1):
            values = {name.lower(): texts for name, texts in entry.items()}
            yield from reader.read(
                [_cell(field, values.get(name.lower(), [])) for field, name in self._columns], number
            )
        yield from reader.customers()

    def _entries(self) -> Iterator[dict[str, list[str]]]:
        ldap3 = _library()
        wanted = sorted({attribute for _, attribute in self._columns if attribute.lower() != "dn"}) or ["1.1"]
        end = time.monotonic() + 20 * self._timeout
        connection = None
        try:
            tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=self._ca_file)
            server = ldap3.Server(
                self._host, self._port, use_ssl=self._tls, tls=tls, connect_timeout=_CONNECT, get_info=ldap3.NONE
            )
            connection = ldap3.Connection(
                server, self._user or None, self._password or None, read_only=True, auto_referrals=False,
                receive_timeout=self._timeout, raise_exceptions=True,
            )  # fmt: skip
            connection.open()
            if not self._tls and self._host not in _LOOPBACK:
                connection.start_tls()
            connection.bind()
            found = connection.extend.standard.paged_search(
                self._base, self._filter, attributes=wanted, paged_size=_PAGE, time_limit=self._timeout, generator=True
            )
            for count, entry in enumerate(found):
                if count > _MOST_ENTRIES or time.monotonic() > end:
                    raise ConfigurationError(f"{self._where}: more entries than can be read in time; narrow the filter")
                if entry.get("type") == "searchResEntry":
                    texts = {
                        name: [value.decode("utf-8", "replace") for value in values if isinstance(value, bytes)]
                        for name, values in entry["raw_attributes"].items()
                    }
                    yield {**texts, "dn": [str(entry["dn"])]}
        except ldap3.core.exceptions.LDAPException as error:
            said = " ".join(str(error).split())[:300]
            raise ConfigurationError(f"{self._where}: {type(error).__name__}: {said}") from error
        finally:
            if connection is not None:
                connection.unbind()
                if connection.socket is not None:  # after a failure ldap3 forgets to close it
                    connection.socket.close()

    @property
    def _where(self) -> str:
        return f"ldap{'s' if self._tls else ''}://{self._host}:{self._port}/{self._base}"


def _cell(field: str, values: list[str]) -> str:
    if field in _SEVERAL or field.startswith("email"):
        return " ".join(values)
    return values[0] if values else ""


def _library() -> Any:
    try:
        with warnings.catch_warnings():
            # ldap3 2.9 uses names that pyasn1 has renamed and still knows.
            warnings.simplefilter("ignore", DeprecationWarning)
            import ldap3
            import ldap3.core.exceptions
    except ImportError as error:
        raise ConfigurationError("connector ldap needs ldap3: pip install 'abusehandler[ldap]'") from error
    return ldap3
