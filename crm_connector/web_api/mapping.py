# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A mapping: which requests an API is asked, and where in its answers the fields of a customer file stand.

    about: what it is for                  # one line
    documented: https://...                # where the API is described
    tested: "4.1"                          # which version's documentation it was written from
    auth: {header: Authorization, value: "Token {token}"}     # or basic: true, or parameters: {api_key: "{token}"}
    requests:
      - name: contacts                     # for `table` and `for_each`
        path: /api/tenancy/contacts/
        method: GET                        # or POST, with form: or json:
        parameters: {limit: 500}
        items: results                     # where the list stands; empty: the answer itself
        next: next                         # where the address of the next page stands, or
        page: {parameter: offset, start: 0, step: 500, total: count}   # total: where the number of all items stands;
                                           # pages: where the number of pages stands
        for_each: clients                  # once for each item of that request; {name} in path and parameters is its value
        key: id                            # kept as a table, not read as rows
        error: error.message               # if this is there, the answer is one about an error; or
        error: {say: message, where: {result: [error]}}
        where: {status: [Active, Suspended]}    # items with other values are passed over; "" stands for none
        names: true                        # the items are the names of the members of an object
        none_status: 404                   # this status says that there are no items
        take:                              # field of a customer file: path; see answer_path.py
          prefix: prefix
          customer_id: tenant.id
          email: {table: contacts, by: contact.id, take: email}
          alias: [login, mac]              # several places

Items of `for_each` find the fields of the item they belong to under `parent.`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from abusehandler.crm_connector.columns import FIELDS
from abusehandler.crm_connector.web_api.answer_path import AnswerPath
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

SHIPPED = Path(__file__).parent / "mappings"
_MAPPING_KEYS = ("about", "documented", "tested", "auth", "requests", "settings")
_REQUEST_KEYS = (
    "name", "path", "method", "parameters", "form", "json", "items", "next", "page", "for_each", "key", "error", "take",
    "where", "names", "none_status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FromTable:
    """A value taken from an item of another request, found by its key."""

    table: str
    by: AnswerPath
    take: AnswerPath


@dataclass(frozen=True, slots=True)
class Page:
    """Paging by a number in the request: `start`, then `step` more each time.

    `total` is where the number of all items stands, `pages` where that of all pages does.
    """

    parameter: str
    start: int
    step: int
    total: AnswerPath | None
    pages: AnswerPath | None = None


@dataclass(frozen=True, slots=True)
class Where:
    """Values that items must have at some places, in small letters."""

    wanted: tuple[tuple[AnswerPath, frozenset[str]], ...] = ()

    def fits(self, item: Any) -> bool:
        """Whether the item has one of the values at each place."""
        return all(path.text_of(item).lower() in values for path, values in self.wanted)


@dataclass(frozen=True, slots=True)
class ErrorSign:
    """How an answer is known to be about an error: it is like `where`, and says something at `say`."""

    say: AnswerPath
    where: Where = field(default_factory=Where)

    def told(self, answer: Any) -> str:
        """The message; empty for an answer that is none about an error."""
        return self.say.text_of(answer)[:200] if self.where.fits(answer) else ""


@dataclass(frozen=True, slots=True)
class Request:
    """One kind of request, all its pages."""

    name: str
    path: str
    method: str = "GET"
    parameters: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    json: Any = None
    items: AnswerPath | None = None
    next: AnswerPath | None = None
    page: Page | None = None
    for_each: str = ""
    key: AnswerPath | None = None
    error: ErrorSign | None = None
    take: Mapping[str, tuple[AnswerPath | FromTable, ...]] = field(default_factory=dict)
    where: Where = field(default_factory=Where)
    names: bool = False
    none_status: int = 0


@dataclass(frozen=True, slots=True)
class ApiMapping:
    """A whole mapping, checked."""

    auth: Mapping[str, Any]
    requests: tuple[Request, ...]
    about: str = ""


def shipped_mappings() -> dict[str, Path]:
    """The mappings that come with the program, by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load_mapping(name: str, base: Path) -> ApiMapping:
    """A shipped mapping by name, or an own file. Raises ConfigurationError."""
    path = shipped_mappings().get(name) or base / Path(name).expanduser()
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        known = ", ".join(shipped_mappings())
        raise ConfigurationError(
            f"mapping: {path}: {error.strerror}; write one of {known}, or a file of your own"
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from error
    return read_mapping(data, str(path))


def read_mapping(data: Any, where: str) -> ApiMapping:
    """A mapping from its data; every key is checked. Raises ConfigurationError naming the key."""
    if not isinstance(data, dict) or not isinstance(data.get("requests"), list) or not data["requests"]:
        raise ConfigurationError(f"{where}: requests: write a list of requests")
    _only(data, _MAPPING_KEYS, where)
    requests = [_request(entry, f"{where}: request {number}") for number, entry in enumerate(data["requests"], 1)]
    seen: set[str] = set()
    for request in requests:
        wanted = {request.for_each} if request.for_each else set()
        wanted |= {one.table for taken in request.take.values() for one in taken if isinstance(one, FromTable)}
        missing = wanted - seen
        if missing:
            raise ConfigurationError(f"{where}: {request.name}: no request named {', '.join(missing)} stands before it")
        seen.add(request.name)
    if not any(request.take for request in requests):
        raise ConfigurationError(f"{where}: no request has take:, so nothing would be read")
    return ApiMapping(checked_auth(data.get("auth") or {}, where), tuple(requests), str(data.get("about", "")))


def checked_auth(auth: Any, where: str) -> Mapping[str, Any]:
    """How an API is told who asks. Raises ConfigurationError."""
    if not isinstance(auth, dict):
        raise ConfigurationError(f'{where}: auth: write {{header: Authorization, value: "Bearer {{token}}"}}')
    _only(auth, ("header", "value", "basic", "parameters", "form"), f"{where}: auth")
    return auth


def _request(entry: Any, where: str) -> Request:
    if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
        raise ConfigurationError(f"{where}: path: write the path of the API, for example /api/customers")
    _only(entry, _REQUEST_KEYS, where)
    method = str(entry.get("method", "GET")).upper()
    if method not in ("GET", "POST"):
        raise ConfigurationError(f"{where}: method: write GET or POST")
    return Request(
        str(entry.get("name") or entry["path"]),
        entry["path"],
        method,
        _texts(entry.get("parameters")),
        _texts(entry["form"]) if "form" in entry else None,
        entry.get("json"),
        _path(entry, "items", where),
        _path(entry, "next", where),
        _page(entry["page"], where) if "page" in entry else None,
        str(entry.get("for_each", "")),
        _path(entry, "key", where),
        _error(entry["error"], where) if "error" in entry else None,
        {str(name): _taken(name, value, where) for name, value in (entry.get("take") or {}).items()},
        _where(entry.get("where") or {}, where),
        bool(entry.get("names", False)),
        _status(entry.get("none_status", 0), where),
    )


def _where(entry: Any, where: str) -> Where:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where}: where: write {{status: [Active]}}, this is {entry!r}")
    wanted = []
    for path, values in entry.items():
        some = values if isinstance(values, list) else [values]
        wanted.append((AnswerPath(str(path)), frozenset("" if one is None else str(one).lower() for one in some)))
    return Where(tuple(wanted))


def _error(entry: Any, where: str) -> ErrorSign:
    if isinstance(entry, dict):
        _only(entry, ("say", "where"), f"{where}: error")
        if "say" not in entry:
            raise ConfigurationError(f"{where}: error: say: write where the message stands")
        return ErrorSign(AnswerPath(str(entry["say"])), _where(entry.get("where") or {}, f"{where}: error"))
    return ErrorSign(AnswerPath(str(entry)))


def _status(value: Any, where: str) -> int:
    if value != 0 and (isinstance(value, bool) or not isinstance(value, int) or not 400 <= value <= 499):
        raise ConfigurationError(f"{where}: none_status: write a status from 400 to 499, this is {value!r}")
    return int(value)


def _taken(name: Any, value: Any, where: str) -> tuple[AnswerPath | FromTable, ...]:
    if str(name) not in FIELDS and not str(name).startswith(("email:", "attribute:")):
        raise ConfigurationError(f"{where}: take: no field {name!r}; known are {', '.join(FIELDS)}, attribute:NAME")
    return tuple(_one_taken(name, one, where) for one in (value if isinstance(value, list) else [value]))


def _one_taken(name: Any, value: Any, where: str) -> AnswerPath | FromTable:
    if isinstance(value, dict):
        _only(value, ("table", "by", "take"), f"{where}: take: {name}")
        if set(value) != {"table", "by", "take"}:
            raise ConfigurationError(f"{where}: take: {name}: write {{table: NAME, by: PATH, take: PATH}}")
        return FromTable(str(value["table"]), AnswerPath(str(value["by"])), AnswerPath(str(value["take"])))
    return AnswerPath(str(value))


def _page(entry: Any, where: str) -> Page:
    if not isinstance(entry, dict) or "parameter" not in entry:
        raise ConfigurationError(f"{where}: page: write {{parameter: NAME, start: 0, step: 100}}")
    _only(entry, ("parameter", "start", "step", "total", "pages"), f"{where}: page")
    try:
        start, step = int(entry.get("start", 0)), int(entry.get("step", 1))
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"{where}: page: start and step are numbers") from error
    if step < 1:
        raise ConfigurationError(f"{where}: page: step: write a number from 1")
    return Page(str(entry["parameter"]), start, step, _path(entry, "total", where), _path(entry, "pages", where))


def _path(entry: Mapping[str, Any], key: str, where: str) -> AnswerPath | None:
    text = entry.get(key)
    if text in (None, ""):
        return None
    try:
        return AnswerPath(str(text))
    except ConfigurationError as error:
        raise ConfigurationError(f"{where}: {key}: {error}") from error


def _texts(entry: Any) -> dict[str, str]:
    if entry is None:
        return {}
    if not isinstance(entry, dict):
        raise ConfigurationError(f"parameters: write a mapping, this is {entry!r}")
    return {str(key): str(value) for key, value in entry.items()}


def _only(entry: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in entry:
        if key not in known:
            raise ConfigurationError(f"{where}: {key}: not known; known are {', '.join(known)}")
