# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asks an API and believes nothing: size, time, number of requests and where it leads to are bounded."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import orjson
import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds: connecting, and silence while reading. A whole reading has a time of its own (`deadline_seconds`).
_CONNECT, _SILENCE = 10, 30
_LARGEST_ANSWER = 64_000_000
_MOST_REQUESTS = 20_000
_TRIES = 4
_LONGEST_WAIT = 60.0


class ApiError(Exception):
    """An API answered with something that cannot be used; names address and status."""


class BoundedClient:
    """One reading of one API. `origin` is the only server it talks to; redirects are not followed."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        basic: tuple[str, str] | None = None,
        ca_file: str | None = None,
        deadline_seconds: float = 600,
    ) -> None:
        self._url = url.rstrip("/")
        self._origin = _origin(url)
        self._session = requests.Session()
        # A proxy or .netrc of the machine must not see, or add, credentials.
        self._session.trust_env = False
        self._session.headers.update({"Accept": "application/json", "User-Agent": "abusehandler", **headers})
        self._session.auth = basic
        self._session.verify = ca_file or True
        self._end = time.monotonic() + deadline_seconds
        self._requests = 0

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def ask(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        form: Mapping[str, str] | None = None,
        json: Any = None,
    ) -> Any:
        """The JSON value of one answer. Busy servers (429, 5xx) are asked again. Raises ApiError."""
        address = path if "://" in path else f"{self._url}/{path.lstrip('/')}"
        if _origin(address) != self._origin:
            raise ApiError(f"{address[:200]}: leads to another server than {self._origin}; not followed")
        said = ""
        for number in range(_TRIES):
            self._requests += 1
            if self._requests > _MOST_REQUESTS:
                raise ApiError(f"{address[:200]}: more than {_MOST_REQUESTS} requests; does the API page for ever?")
            if time.monotonic() > self._end:
                raise ApiError(f"{address[:200]}: the reading took too long")
            try:
                with self._session.request(
                    method, address, params=dict(parameters), data=form, json=json, stream=True,
                    timeout=(_CONNECT, _SILENCE), allow_redirects=False,
                ) as answer:  # fmt: skip
                    if answer.status_code == 429 or answer.status_code >= 500:
                        said = f"HTTP {answer.status_code}"
                        self._pause(number, answer.headers.get("Retry-After", ""))
                        continue
                    return self._value(answer, address)
            except requests.exceptions.SSLError as error:
                raise ApiError(f"{address[:200]}: certificate: {error}; name its issuer's file as ca_file") from error
            except requests.RequestException as error:
                said = f"{type(error).__name__}: {error}"
                self._pause(number, "")
        raise ApiError(f"{address[:200]}: {said[:300]}, {_TRIES} times")

    def _value(self, answer: requests.Response, address: str) -> Any:
        where = f"{address[:200]}: HTTP {answer.status_code}"
        if answer.is_redirect:
            raise ApiError(
                f"{where}: redirects to {answer.headers.get('Location', '')[:200]}; write that as url if it is right"
            )
        content = bytearray()
        for chunk in answer.iter_content(65536):
            content += chunk
            if len(content) > _LARGEST_ANSWER:
                raise ApiError(f"{where}: answer larger than {_LARGEST_ANSWER // 10**6} MB; use smaller pages")
            if time.monotonic() > self._end:
                raise ApiError(f"{where}: the reading took too long")
        begin = " ".join(bytes(content[:200]).decode("utf-8", "replace").split())
        if answer.status_code in (401, 403):
            raise ApiError(f"{where}: not let in; look at the token and its rights. It said: {begin}")
        if not answer.ok:
            raise ApiError(f"{where}: {begin}")
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise ApiError(f"{where}: not JSON but: {begin}") from error

    def _pause(self, number: int, retry_after: str) -> None:
        if number + 1 >= _TRIES:
            return
        wait = float(retry_after) if retry_after.isascii() and retry_after.isdigit() else 0.5 * 2**number
        time.sleep(max(0.0, min(wait, _LONGEST_WAIT, self._end - time.monotonic())))


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"


def resolve(page: str, following: str) -> str:
    """The address of the next page, which may be relative to this one."""
    return urljoin(page, following)
