# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customer data from any HTTP/JSON API, and from NetBox, phpIPAM and hosting panels by the mappings that are shipped.

Settings: `url`; `mapping` (a shipped name or an own file) or the mapping itself as `requests` and `auth`; `token_file`,
`user` and `password_file` for what `auth` wants; `ca_file` for an own certificate authority; `deadline_seconds` (600);
further those of RowReader.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import number_setting, refuse_unknown
from abusehandler.crm_connector.web_api.bounded_client import ApiError, BoundedClient
from abusehandler.crm_connector.web_api.mapping import FromTable, Request, load_mapping, read_mapping
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abusehandler.crm_connector.connector import Item, Report
    from abusehandler.crm_connector.web_api.answer_path import AnswerPath

_MOST_ITEMS = 20_000_000
_SLOT = re.compile(r"\{([A-Za-z0-9_.]{1,100})\}", re.ASCII)


class JsonApi:
    """Reads what the requests of a mapping give."""

    remote = True

    def __init__(self, settings: Mapping[str, Any], base: Path) -> None:
        known = (
            "url",
            "mapping",
            "requests",
            "auth",
            "token_file",
            "user",
            "password_file",
            "ca_file",
            "deadline_seconds",
        )
        refuse_unknown(settings, (*known, *ROW_SETTINGS))
        self._settings = settings
        self._url = _url(settings)
        if settings.get("mapping"):
            self._mapping = load_mapping(str(settings["mapping"]), base)
        else:
            self._mapping = read_mapping(
                {key: settings[key] for key in ("requests", "auth") if key in settings}, "requests"
            )
        self._secrets = {
            "user": str(settings.get("user", "")),
            "token": _secret(settings, "token_file", base),
            "password": _secret(settings, "password_file", base),
        }
        self._ca_file = str(base / Path(str(settings["ca_file"])).expanduser()) if settings.get("ca_file") else None
        self._deadline = number_setting(settings, "deadline_seconds", 600, 1, 86400)
        for value in self._auth_texts():
            for name in _SLOT.findall(value):
                if not self._secrets.get(name):
                    key = {"user": "user", "token": "token_file", "password": "password_file"}.get(name, name)
                    raise ConfigurationError(f"{key}: this API wants it; write it beside url")

    def mark(self) -> str:
        """An API does not tell whether anything changed."""
        return ""

    def read(self, report: Report) -> Iterator[Item]:
        """All rows of all requests, each with the customers it named."""
        auth = self._mapping.auth
        headers = {str(auth["header"]): self._fill(str(auth.get("value", "{token}")))} if "header" in auth else {}
        basic = (self._secrets["user"], self._secrets["password"]) if auth.get("basic") else None
        client = BoundedClient(
            self._url, headers=headers, basic=basic, ca_file=self._ca_file, deadline_seconds=self._deadline
        )
        tables: dict[str, list[Any]] = {}
        keyed: dict[str, dict[str, Any]] = {}
        wanted = {one.for_each for one in self._mapping.requests}
        try:
            for request in self._mapping.requests:
                reader = self._reader(request, report)
                owner = list(request.take).index("customer_id") if "customer_id" in request.take else -1
                for line, item in enumerate(self._items(client, request, tables), 1):
                    if request.name in wanted:
                        tables.setdefault(request.name, []).append(item)
                    if request.key is not None:
                        keyed.setdefault(request.name, {})[request.key.text_of(item)] = item
                    if reader is not None:
                        cells = _cells(request, item, keyed)
                        # An API lists all it has; what belongs to no customer is no fault.
                        if owner < 0 or cells[owner]:
                            yield from reader.read(cells, line)
                    if line > _MOST_ITEMS:
                        raise ApiError(f"{request.name}: more than {_MOST_ITEMS} items")
                if reader is not None:
                    yield from reader.customers()
        finally:
            client.close()

    def _reader(self, request: Request, report: Report) -> RowReader | None:
        if not request.take:
            return None
        header = [name.removeprefix("attribute:") for name in request.take]
        columns = {name: at for at, name in enumerate(request.take) if not name.startswith("attribute:")}
        settings = {**{key: self._settings[key] for key in ROW_SETTINGS if key in self._settings}, "columns": columns}
        return RowReader(header, settings, request.name, report)

    def _items(self, client: BoundedClient, request: Request, tables: Mapping[str, list[Any]]) -> Iterator[Any]:
        if not request.for_each:
            yield from self._pages(client, request, {})
            return
        for parent in tables.get(request.for_each, []):
            for item in self._pages(client, request, parent if isinstance(parent, dict) else {"value": parent}):
                yield {**item, "parent": parent} if isinstance(item, dict) else {"value": item, "parent": parent}

    def _pages(self, client: BoundedClient, request: Request, parent: Mapping[str, Any]) -> Iterator[Any]:
        auth = self._mapping.auth
        path = self._fill(request.path, parent, quoted=True)
        parameters = {name: self._fill(value, parent) for name, value in request.parameters.items()}
        parameters.update({name: self._fill(str(value)) for name, value in (auth.get("parameters") or {}).items()})
        form = None
        if request.form is not None:
            form = {name: self._fill(value, parent) for name, value in request.form.items()}
            form.update({name: self._fill(str(value)) for name, value in (auth.get("form") or {}).items()})
        seen: set[str] = set()
        number = request.page.start if request.page else 0
        last: Any = None
        count = 0
        while True:
            if request.page:
                (parameters if form is None else form)[request.page.parameter] = str(number)
            answer = client.ask(request.method, path, parameters, form, request.json)
            if request.error is not None and request.error.text_of(answer):
                raise ApiError(f"{request.path}: {request.error.text_of(answer)[:200]}")
            items = _list_of(answer if request.items is None else request.items.found(answer), request)
            if items and items == last:
                raise ApiError(
                    f"{request.path}: the same page came twice; does the API page for ever? Look at page: and next:"
                )
            yield from items
            last = items
            count += len(items)
            if request.next is not None:
                following = request.next.text_of(answer)
                if not following:
                    return
                if following in seen:
                    raise ApiError(
                        f"{request.path}: the next page {following[:200]} was already read; it would never end"
                    )
                seen.add(following)
                path, parameters = (
                    (following, {}) if "://" in following else (path, {**parameters, "cursor": following})
                )
            elif request.page is not None:
                total = request.page.total.text_of(answer) if request.page.total is not None else ""
                if not items or (total.isdecimal() and count >= int(total)):
                    return
                number += request.page.step
            else:
                return

    def _fill(self, text: str, item: Mapping[str, Any] | None = None, *, quoted: bool = False) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1]
            if item and name in item:
                return quote(str(item[name]), safe="") if quoted else str(item[name])
            return self._secrets.get(name, found[0])

        return _SLOT.sub(value, text)

    def _auth_texts(self) -> list[str]:
        auth = self._mapping.auth
        texts = [str(auth["value"])] if "value" in auth else []
        texts += [str(value) for part in ("parameters", "form") for value in (auth.get(part) or {}).values()]
        return [*texts, "{user}{password}"] if auth.get("basic") else texts


def _cells(request: Request, item: Any, keyed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    return [" ".join(filter(None, (_taken(one, item, keyed) for one in taken))) for taken in request.take.values()]


def _taken(one: AnswerPath | FromTable, item: Any, keyed: Mapping[str, Mapping[str, Any]]) -> str:
    if isinstance(one, FromTable):
        table = keyed.get(one.table, {})
        return " ".join(one.take.text_of(table[key]) for key in one.by.texts(item) if key in table)
    return one.text_of(item)


def _list_of(found: Any, request: Request) -> list[Any]:
    """The items of a page: a list, the values of an object of objects, or one object. Raises ApiError."""
    if found is None or found == "":
        return []
    if isinstance(found, list):
        return [one if isinstance(one, dict) else {"value": one} for one in found]
    if isinstance(found, dict):
        if found and all(isinstance(value, dict) for value in found.values()):
            return list(found.values())
        return [found] if found else []
    raise ApiError(f"{request.path}: items: there is no list at {request.items.text if request.items else 'the top'}")


def _url(settings: Mapping[str, Any]) -> str:
    url = settings.get("url")
    parts = urlsplit(url) if isinstance(url, str) else None
    try:
        if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            raise ValueError
    except ValueError as error:
        raise ConfigurationError("url: write the address of the API, for example https://netbox.example.net") from error
    if parts.username or parts.password:
        raise ConfigurationError("url: write user: and password_file: beside url, not into it")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ConfigurationError(
            f"url: {url} is not encrypted, and customer data would be read on the way; write https://"
        )
    return str(url)


def _secret(settings: Mapping[str, Any], key: str, base: Path) -> str:
    if not settings.get(key):
        return ""
    path = (base / Path(str(settings[key])).expanduser()).absolute()
    try:
        if path.stat().st_mode & stat.S_IRWXO:
            raise ConfigurationError(f"{key}: {path} can be read by everybody; chmod 640 {path}")
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{key}: {path}: {error}") from error
