# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Asks an API and believes nothing: size, time, number of requests and where it leads to are bounded."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit, urlunsplit

import orjson
import requests

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Seconds: connecting, and silence while reading. A whole reading has a time of its own (`deadline_seconds`).
_CONNECT, _SILENCE = 10, 30
_LARGEST_ANSWER = 64_000_000
_MOST_REQUESTS = 100_000
_TRIES = 4
_LONGEST_WAIT = 60.0


class ApiError(Exception):
    """An API answered with something that cannot be used; names address and status.

    `retry_after` is the number of seconds for which the server wants to be left alone, 0 if it said nothing; `status`
    the HTTP status, 0 if there was none.
    """

    def __init__(self, text: str, retry_after: float = 0.0, status: int = 0) -> None:
        super().__init__(text)
        self.retry_after = retry_after
        self.status = status


class BoundedClient:
    """One reading of one API. The server of `url` is the only one it talks to; redirects are not followed.

    `per_minute` limits the requests, 0 does not; `deadline_seconds` is the time that all of them may take.
    """

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        basic: tuple[str, str] | None = None,
        ca_file: str | None = None,
        deadline_seconds: float = 600,
        per_minute: float = 0,
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
        self._gap = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0

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
        where, content = self._exchange(method, path, {"params": dict(parameters), "data": form, "json": json})
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError as error:
            raise ApiError(f"{where}: not JSON but: {_begin(content)}") from error

    def post(self, path: str, content: bytes, content_type: str) -> bytes:
        """What one POST is answered with, whatever it is. Raises ApiError."""
        return self._exchange("POST", path, {"data": content, "headers": {"Content-Type": content_type}})[1]

    def _exchange(self, method: str, path: str, sent: Mapping[str, Any]) -> tuple[str, bytes]:
        """Address and status for messages, and the content."""
        address = self._at_our_server(self.address(path))
        if _origin(address) != self._origin:
            raise ApiError(f"{address[:200]}: leads to another server than {self._origin}; not followed")
        said = ""
        for number in range(_TRIES):
            self._requests += 1
            if self._requests > _MOST_REQUESTS:
                raise ApiError(f"{address[:200]}: more than {_MOST_REQUESTS} requests; does the API page for ever?")
            if max(time.monotonic(), self._next) > self._end:
                raise ApiError(f"{address[:200]}: the reading took too long; write a larger deadline_seconds")
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + self._gap
            try:
                with self._session.request(
                    method, address, **sent, stream=True, timeout=(_CONNECT, _SILENCE), allow_redirects=False
                ) as answer:
                    if answer.status_code == 429 or answer.status_code >= 500:
                        said = f"HTTP {answer.status_code}"
                        wished = retry_after(answer.headers.get("Retry-After", ""))
                        if wished > _LONGEST_WAIT:
                            raise ApiError(f"{address[:200]}: {said}, asks to come back in {wished:.0f} s", wished)
                        self._pause(number, wished)
                        continue
                    return self._content(answer, address)
            except requests.exceptions.SSLError as error:
                said = _without_query(str(error))
                raise ApiError(f"{address[:200]}: certificate: {said}; name its issuer's file as ca_file") from error
            except requests.RequestException as error:
                said = f"{type(error).__name__}: {_without_query(str(error))}"
                self._pause(number, 0.0)
        raise ApiError(f"{address[:200]}: {said[:300]}, {_TRIES} times")

    def address(self, path: str) -> str:
        """The whole address of a path."""
        return path if "://" in path else f"{self._url}/{path.lstrip('/')}" if path else self._url

    def _at_our_server(self, address: str) -> str:
        """An API behind a proxy writes addresses of itself with http: or an inner port; the host is what counts."""
        parts, ours = urlsplit(address), urlsplit(self._url)
        if parts.hostname == ours.hostname and parts.scheme in ("http", "https"):
            return urlunsplit((ours.scheme, ours.netloc, parts.path, parts.query, ""))
        return address

    def absolute(self, page: str, following: str) -> str:
        """The address of the next page, which may be relative to this one (RFC 3986 section 5)."""
        return urljoin(self.address(page), following)

    def _content(self, answer: requests.Response, address: str) -> tuple[str, bytes]:
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
        begin = _begin(content)
        if answer.status_code in (401, 403):
            raise ApiError(
                f"{where}: not let in; look at the token and its rights. It said: {begin}", status=answer.status_code
            )
        if not answer.ok:
            raise ApiError(f"{where}: {begin}", status=answer.status_code)
        return where, bytes(content)

    def _pause(self, number: int, wished: float) -> None:
        if number + 1 >= _TRIES:
            return
        time.sleep(max(0.0, min(wished or 0.5 * 2**number, _LONGEST_WAIT, self._end - time.monotonic())))


def retry_after(text: str) -> float:
    """Seconds that a Retry-After header asks for (RFC 9110 10.2.3: seconds, or a date); 0 if it says nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:9]), 86400))
    try:
        moment = parsedate_to_datetime(text[:60])
    except (ValueError, TypeError, IndexError):
        return 0.0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return min(max((moment - datetime.now(timezone.utc)).total_seconds(), 0.0), 86400.0)


def _without_query(text: str) -> str:
    """Without the parameters of addresses, among which some APIs want their keys."""
    return re.sub(r"\?[^\s'\")]*", "?...", text[:1000])


def _begin(content: bytes | bytearray) -> str:
    return " ".join(bytes(content[:200]).decode("utf-8", "replace").split())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    port = parts.port or {"https": 443, "http": 80}.get(parts.scheme, 0)
    return f"{parts.scheme}://{parts.hostname}:{port}"
