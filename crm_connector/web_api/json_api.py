# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Customer data from any HTTP/JSON API, and from NetBox, phpIPAM and hosting panels by the mappings that are shipped.

Settings: `url`; `mapping` (a shipped name or an own file) or the mapping itself as `requests` and `auth`; `token_file`,
`user` and `password_file` for what `auth` wants; `ca_file` for an own certificate authority; `deadline_seconds` (600);
`per_minute`: the most requests, for APIs that count them; further those of RowReader.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from abusehandler.crm_connector.row_reader import ROW_SETTINGS, RowReader
from abusehandler.crm_connector.settings import number_setting, refuse_unknown
from abusehandler.crm_connector.web_api.bounded_client import ApiError, BoundedClient
from abusehandler.crm_connector.web_api.credentials import secret_setting, url_setting
from abusehandler.crm_connector.web_api.mapping import FromTable, Request, checked_auth, load_mapping, read_mapping
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
            "per_minute",
        )
        refuse_unknown(settings, (*known, *ROW_SETTINGS))
        self._settings = settings
        self._url = url_setting(settings, "https://netbox.example.net")
        if settings.get("mapping"):
            self._mapping = load_mapping(str(settings["mapping"]), base)
            if "auth" in settings:  # a newer kind of token than the mapping knows, a proxy with a login of its own
                self._mapping = replace(self._mapping, auth=checked_auth(settings["auth"], "auth"))
        else:
            self._mapping = read_mapping(
                {key: settings[key] for key in ("requests", "auth") if key in settings}, "requests"
            )
        self._secrets = {
            "user": str(settings.get("user", "")),
            "token": secret_setting(settings, "token_file", base),
            "password": secret_setting(settings, "password_file", base),
        }
        self._ca_file = str(base / Path(str(settings["ca_file"])).expanduser()) if settings.get("ca_file") else None
        self._deadline = number_setting(settings, "deadline_seconds", 600, 1, 86400)
        self._per_minute = number_setting(settings, "per_minute", 0, 0, 100_000)
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
            self._url, headers=headers, basic=basic, ca_file=self._ca_file, deadline_seconds=self._deadline,
            per_minute=self._per_minute,
        )  # fmt: skip
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
        count = read = 0
        while True:
            if request.page:
                (parameters if form is None else form)[request.page.parameter] = str(number)
            try:
                answer = client.ask(request.method, path, parameters, form, request.json)
            except ApiError as error:
                if error.status and error.status == request.none_status:
                    return
                raise
            told = request.error.told(answer) if request.error is not None else ""
            if told:
                raise ApiError(f"{client.address(request.path)}: it says: {told}")
            items = _list_of(answer if request.items is None else request.items.found(answer), request)
            if items and items == last:
                raise ApiError(
                    f"{request.path}: the same page came twice; does the API page for ever? Look at page: and next:"
                )
            yield from (item for item in items if request.where.fits(item))
            last = items
            read += 1
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
                # A whole address, one relative to this page, or a word to be sent back.
                if "://" in following or following.startswith(("/", "?")):
                    path, parameters = client.absolute(path, following), {}
                else:
                    parameters = {**parameters, "cursor": following}
            elif request.page is not None:
                total = request.page.total.text_of(answer) if request.page.total is not None else ""
                pages = request.page.pages.text_of(answer) if request.page.pages is not None else ""
                if not items or _reached(count, total) or _reached(read, pages):
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


def _reached(count: int, total: str) -> bool:
    return total.isascii() and total.isdigit() and count >= int(total[:12])


def _list_of(found: Any, request: Request) -> list[Any]:
    """The items of a page: a list, the values of an object of objects, or one object. Raises ApiError."""
    if found is None or found == "":
        return []
    if request.names and isinstance(found, dict):
        return [{"value": name} for name in found]
    if isinstance(found, list):
        return [one if isinstance(one, dict) else {"value": one} for one in found]
    if isinstance(found, dict):
        if found and all(isinstance(value, dict) for value in found.values()):
            return list(found.values())
        return [found] if found else []
    raise ApiError(f"{request.path}: items: there is no list at {request.items.text if request.items else 'the top'}")
