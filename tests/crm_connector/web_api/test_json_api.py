# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An API that misbehaves: what is said, and that the bots go on."""

import contextlib
import shutil
import subprocess
import time
from datetime import datetime, timezone

import pytest
from loopback import Loopback

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.web_api import bounded_client
from abusehandler.crm_connector.web_api.answer_path import AnswerPath
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
ROWS = {"rows": [{"net": "192.0.2.0/28", "owner": {"id": 7, "mail": "a@example.net"}}]}
REQUEST = {
    "path": "/nets",
    "items": "rows",
    "take": {"prefix": "net", "customer_id": "owner.id", "email": "owner.mail"},
}


@pytest.fixture
def opened(tmp_path):
    servers = []

    def open_api(exchanges, *, request=REQUEST, **settings):
        server = Loopback(exchanges)
        servers.append(server)
        settings = {"connector": "http-json", "url": server.url, "requests": [request], **settings}
        return open_directory(settings, base=tmp_path), server

    yield open_api
    for server in servers:
        server.close()


def holder(known, address):
    [answer] = known.lookup_many([Query(address, NOW)])
    return answer.customer.id if answer.customer else answer.outcome


def test_a_mapping_in_the_settings(opened):
    known, _ = opened([{"path": "/nets", "answer": ROWS}])
    assert holder(known, "192.0.2.3") == "7"
    assert known.customer("7").contacts[0].email == "a@example.net"


@pytest.mark.parametrize(
    ("exchange", "told"),
    [
        ({"answer": "<html><body>Welcome</body></html>"}, "not JSON but: <html>"),
        ({"answer": ""}, "not JSON"),
        ({"answer": "no", "status": 401}, "HTTP 401: not let in"),
        ({"answer": "gone", "status": 404}, "HTTP 404: gone"),
        (
            {"answer": "", "status": 302, "answer_headers": {"Location": "http://203.0.113.1/"}},
            "redirects to http://203.0.113.1/",
        ),
        ({"answer": {"rows": 7}}, "there is no list at rows"),
        ({"answer": {"rows": [], "error": "bad key"}}, "bad key"),
    ],
)
def test_what_is_wrong_is_said(opened, exchange, told):
    with pytest.raises(ConfigurationError, match=told):
        opened([{"path": "/nets", **exchange}], request={**REQUEST, "error": "error"})


def test_a_busy_server_is_asked_again(opened, monkeypatch):
    monkeypatch.setattr(bounded_client, "_LONGEST_WAIT", 0.0)
    known, server = opened([{"path": "/nets", "answer": ROWS, "statuses": [429, 503, 200]}])
    assert holder(known, "192.0.2.3") == "7"
    assert len(server.asked) == 3
    with pytest.raises(ConfigurationError, match="HTTP 503, 4 times"):
        opened([{"path": "/nets", "answer": "", "status": 503}])


def test_an_api_that_pages_for_ever(opened):
    endless = {**REQUEST, "page": {"parameter": "page", "start": 1}}
    with pytest.raises(ConfigurationError, match="the same page came twice"):
        opened([{"path": "/nets", "answer": ROWS}], request=endless)
    circle = {**REQUEST, "next": "next"}
    pages = [
        {"path": "/nets", "parameters": {"p": "2"}, "answer": {"rows": [], "next": "{url}/nets?p=2"}},
        {"path": "/nets", "answer": {**ROWS, "next": "{url}/nets?p=2"}},
    ]
    with pytest.raises(ConfigurationError, match="would never end"):
        opened(pages, request=circle)


def test_an_api_that_has_something_new_on_every_page_for_ever(opened):
    """No page comes twice; the time and number of requests are limited all the same."""

    class Endless:
        number = 0

        def __iter__(self):
            self.number += 1
            yield {"path": "/nets", "answer": {"rows": [{"n": self.number}]}}

    paged = {**REQUEST, "page": {"parameter": "page", "start": 1}}
    with pytest.raises(ConfigurationError, match="took too long"):
        opened(Endless(), request=paged, deadline_seconds=1)


def test_an_api_that_counts_requests(opened, monkeypatch):
    slept = []
    monkeypatch.setattr(time, "sleep", slept.append)
    pages = [
        {"path": "/nets", "parameters": {"p": "2"}, "answer": {"rows": []}},
        {"path": "/nets", "answer": {**ROWS, "next": "?p=2"}},
    ]
    begin = time.monotonic()
    opened(pages, request={**REQUEST, "next": "next"}, per_minute=2)
    assert slept[0] == 0
    assert 30 - (time.monotonic() - begin) <= slept[1] <= 30
    with pytest.raises(ConfigurationError, match="write a larger deadline_seconds"):
        opened(pages, request={**REQUEST, "next": "next"}, per_minute=2, deadline_seconds=10)


@pytest.mark.parametrize("following", ["{url}/nets?p=2", "/nets?p=2", "?p=2"])
def test_the_next_page_by_its_address(opened, following):
    second = {"rows": [{"net": "192.0.2.16/28", "owner": {"id": 8}}]}
    pages = [
        {"path": "/nets", "parameters": {"p": "2"}, "answer": second},
        {"path": "/nets", "answer": {**ROWS, "next": following}},
    ]
    known, _ = opened(pages, request={**REQUEST, "next": "next"})
    assert [holder(known, "192.0.2.3"), holder(known, "192.0.2.17")] == ["7", "8"]


def test_a_server_that_wants_to_be_left_alone_is(opened, tmp_path, monkeypatch):
    exchanges = [{"path": "/nets", "answer": ROWS}]
    known, server = opened(exchanges)
    exchanges[0].update(answer="", status=429, answer_headers={"Retry-After": "3600"})
    known.refresh(wait=True)
    assert "HTTP 429, asks to come back in 3600 s" in known.problems()[0]
    asked = len(server.asked)
    exchanges[0].update(answer=ROWS, status=200)
    assert known.refresh(wait=True) is False
    assert len(server.asked) == asked
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 3700)
    assert known.refresh(wait=True) is True
    assert known.problems() == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        ("9" * 100_000, 86400),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0),
        ("Wed, 01 Jan 2120 00:00:00 GMT", 86400),
        ("soon", 0),
        ("-5", 0),
        ("", 0),
        ("٣", 0),
    ],
)
def test_when_to_come_back(header, seconds):
    assert bounded_client.retry_after(header) == seconds


def test_pages_lead_to_no_other_server(opened):
    with pytest.raises(ConfigurationError, match="another server"):
        opened(
            [{"path": "/nets", "answer": {**ROWS, "next": "http://127.0.0.2/"}}], request={**REQUEST, "next": "next"}
        )


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_certificate_that_nobody_vouches_for(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_client, "_LONGEST_WAIT", 0.0)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    server = Loopback([{"path": "/nets", "answer": ROWS}], tls=(tmp_path / "cert", tmp_path / "key"))
    settings = {"connector": "http-json", "url": server.url, "requests": [REQUEST]}
    try:
        with pytest.raises(ConfigurationError, match="certificate: .*name its issuer's file as ca_file"):
            open_directory(settings, base=tmp_path)
        known = open_directory({**settings, "ca_file": "cert"}, base=tmp_path)
    finally:
        server.close()
    assert holder(known, "192.0.2.3") == "7"


def test_an_answer_without_end(opened, monkeypatch):
    monkeypatch.setattr(bounded_client, "_LARGEST_ANSWER", 100_000)
    with pytest.raises(ConfigurationError, match="answer larger than"):
        opened([{"path": "/nets", "answer": "[" * 200_000}])


def test_deep_answers_are_no_json(opened):
    with pytest.raises(ConfigurationError, match="not JSON"):
        opened([{"path": "/nets", "answer": "[" * 100_000}])


def test_a_broken_api_keeps_the_last_good_state(opened, tmp_path):
    exchanges = [{"path": "/nets", "answer": ROWS}]
    known, server = opened(exchanges, state_path=str(tmp_path / "state"))
    exchanges[0].update(answer="maintenance", status=404)
    assert known.refresh(wait=True) is False
    assert holder(known, "192.0.2.3") == "7"
    assert "HTTP 404: maintenance" in known.problems()[0]
    # A restart while it is broken serves the copy.
    again = open_directory(
        {"connector": "http-json", "url": server.url, "requests": [REQUEST], "state_path": str(tmp_path / "state")},
        base=tmp_path,
    )
    assert holder(again, "192.0.2.3") == "7"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "url: write"),
        ({"url": "ftp://example.net"}, "url: write"),
        ({"url": "http://crm.example.net"}, "not encrypted"),
        ({"url": "https://me:secret@crm.example.net"}, "password_file"),
        ({"url": "https://crm.example.net"}, "requests: write a list"),
        ({"url": "https://crm.example.net", "mapping": "nobox"}, "write one of cpanel"),
        ({"url": "https://crm.example.net", "mapping": "netbox"}, "token_file: this API wants it"),
        ({"url": "https://crm.example.net", "mapping": "netbox", "token_file": "open"}, "chmod"),
        ({"url": "https://crm.example.net", "requests": [{"path": "/", "take": {"prefix": "a..b c"}}]}, "not a name"),
        (
            {"url": "https://crm.example.net", "requests": [{"path": "/", "take": {"prefiks": "a"}}]},
            "no field 'prefiks'",
        ),
        ({"url": "https://crm.example.net", "requests": [{"path": "/", "get": {}}]}, "get: not known"),
        (
            {"url": "https://crm.example.net", "requests": [{"path": "/", "for_each": "x", "take": {"prefix": "a"}}]},
            "no request",
        ),
    ],
)
def test_wrong_settings(settings, told, tmp_path):
    (tmp_path / "open").write_text("s3cret")
    (tmp_path / "open").chmod(0o644)
    with pytest.raises(ConfigurationError, match=told):
        open_directory({"connector": "http-json", **settings}, base=tmp_path)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("a.b", ["1"]),
        ("none or a.b", ["1"]),
        ("list.c", ["2", "3"]),
        ("list.1.c", ["3"]),
        ("words", ["x", "y"]),
        ("{a.b}/{list.0.c}", ["1/2"]),
        ("{a.b}/{none}", []),
        ("{address|host}", ["192.0.2.1"]),
        ("none or {a.b}-{none} or {a.b} {list.0.c}", ["1 2"]),
        ("{none or a.b}", ["1"]),
        ("=abuse", ["abuse"]),
        ("a", []),
        ("none", []),
    ],
)
def test_paths(path, found):
    item = {"a": {"b": 1}, "list": [{"c": 2}, {"c": 3}], "words": ["x", "y"], "address": "192.0.2.1/24"}
    assert AnswerPath(path).texts(item) == found


@pytest.mark.parametrize(
    "path", ["a or " * 25_000 + "b", "{a}" * 30_000, "{" * 100_000, "{a or " * 15_000, "=" + "x" * 100_000]
)
def test_evil_paths(path):
    """Own mappings are the ISP's own, and yet a slip must not hang the bot."""
    with contextlib.suppress(ConfigurationError):
        AnswerPath(path).texts({"a": "1"})
