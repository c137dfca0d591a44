# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""NIPAP: a server that plays the documented XML-RPC interface (nipap.xmlrpc, nipap.backend.Nipap.search_prefix)."""

import base64
import threading
from datetime import datetime, timezone
from http.server import ThreadingHTTPServer
from xmlrpc.server import Fault, SimpleXMLRPCDispatcher, SimpleXMLRPCRequestHandler

import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.web_api import bounded_client, nipap
from abusehandler.crm_connector.web_api.bounded_client import ApiError
from abusehandler.crm_connector.web_api.xml_rpc import read_response
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
LOGIN = "Basic " + base64.b64encode(b"abuse:s3cret").decode()


def prefix(number, text, customer, **more):
    """A row as `search_prefix` gives it; numbers of addresses are text because they may be larger than an int."""
    return {
        "id": number, "vrf_id": 0, "vrf_rt": None, "vrf_name": "default", "family": 6 if ":" in text else 4,
        "prefix": text, "display_prefix": text, "description": "link", "comment": None, "node": None, "pool_id": None,
        "pool_name": None, "type": "assignment", "status": "assigned", "indent": 0, "country": None, "order_id": "o-1",
        "customer_id": customer, "external_key": None, "authoritative_source": "nipap", "alarm_priority": None,
        "monitor": None, "vlan": None, "added": datetime(2026, 1, 1), "last_modified": datetime(2026, 1, 1),  # noqa: DTZ001
        "expires": None, "total_addresses": "16", "used_addresses": "0", "free_addresses": "16", "tags": [],
        "inherited_tags": [], "avps": {}, "match": True, "display": True, "children": 0, **more,
    }  # fmt: skip


PREFIXES = [
    prefix(1, "192.0.2.0/28", "1001", avps={"abuse-email": "office@bakery.example", "building": "7"}),
    prefix(2, "2001:db8:1::/48", "1001"),
    prefix(3, "192.0.2.16/32", "1002", type="host", display_prefix="192.0.2.16/24"),
    prefix(4, "192.0.2.64/28", "1003", status="quarantine"),
    prefix(5, "192.0.2.0/24", None, match=False),
    prefix(6, "192.0.2.80/28", "1004", vrf_rt="64496:100", vrf_id=7),
    prefix(7, "192.0.2.96/28", "1005", expires=datetime(2026, 2, 1)),  # noqa: DTZ001
    *(prefix(100 + at, f"198.51.100.{at}/32", f"c{at}") for at in range(200)),
]


class Played(ThreadingHTTPServer, SimpleXMLRPCDispatcher):
    daemon_threads = True

    def __init__(self):
        SimpleXMLRPCDispatcher.__init__(self, allow_none=True)
        self.calls = []
        self.prefixes = PREFIXES
        self.register_function(self.search_prefix)

        class Handler(SimpleXMLRPCRequestHandler):
            rpc_paths = ("/RPC2", "/XMLRPC")

            def do_POST(self):
                if self.headers.get("Authorization") != LOGIN:
                    self.send_response(401)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                super().do_POST()

            def log_request(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def search_prefix(self, arguments):
        self.calls.append(arguments)
        if not isinstance(arguments.get("auth"), dict) or not arguments["auth"].get("authoritative_source"):
            raise Fault(1000, "Missing authentication options in request.")
        assert arguments["query"] == {"operator": "not_equals", "val1": "customer_id", "val2": ""}
        options = arguments["search_options"]
        found = self.prefixes[options["offset"] :][: options["max_result"]]
        return {"search_options": options, "result": found}


@pytest.fixture
def server():
    server = Played()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def settings(server, tmp_path, monkeypatch):
    monkeypatch.setattr(nipap, "_PAGE", 50)
    (tmp_path / "password").write_text("s3cret\n")
    (tmp_path / "password").chmod(0o600)
    url = f"http://127.0.0.1:{server.server_port}/RPC2"
    return {"connector": "nipap", "url": url, "user": "abuse", "password_file": "password"}


def holder(known, address, at=NOW):
    [answer] = known.lookup_many([Query(address, at)])
    return answer.customer.id if answer.customer else answer.outcome


def test_prefixes_with_a_customer(settings, server, tmp_path):
    known = open_directory(settings, base=tmp_path)
    assert holder(known, "192.0.2.1") == "1001"
    assert holder(known, "2001:db8:1:2::3") == "1001"
    assert holder(known, "192.0.2.16") == "1002"
    assert holder(known, "192.0.2.17") == "none"
    assert holder(known, "192.0.2.65") == "none"  # quarantine
    assert holder(known, "192.0.2.81") == "none"  # another VRF
    assert holder(known, "192.0.2.97") == "none"  # expired
    assert holder(known, "192.0.2.97", NOW.replace(month=1)) == "1005"
    assert holder(known, "198.51.100.199") == "c199"
    assert len(server.calls) == 5
    customer = known.customer("1001")
    assert customer.contacts[0].email == "office@bakery.example"
    assert customer.attributes["building"] == "7"
    [answer] = known.lookup_many([Query("192.0.2.1", NOW)])
    assert answer.source == "NIPAP:1"
    assert known.problems() == []


def test_contacts_come_from_the_next_source(settings, tmp_path):
    (tmp_path / "c.csv").write_text("customer_id,name,email\n1002,Jo Public,jo@example.net\n")
    known = open_directory({"chain": [settings, {"connector": "csv", "path": "c.csv"}]}, base=tmp_path)
    [answer] = known.lookup_many([Query("192.0.2.16", NOW)])
    assert answer.customer.name == "Jo Public"


def test_other_vrfs(settings, tmp_path):
    known = open_directory({**settings, "vrfs": ["64496:100"]}, base=tmp_path)
    assert holder(known, "192.0.2.81") == "1004"
    assert holder(known, "192.0.2.1") == "none"


def test_a_server_that_pages_for_ever(settings, server, tmp_path):
    class Endless(list):
        def __getitem__(self, part):
            return self if part.start is None else list(PREFIXES[:50])

    server.prefixes = Endless()
    monotone = [prefix(1, "192.0.2.0/28", "1001")] * 50
    server.search_prefix = lambda arguments: {"result": monotone}
    server.register_function(server.search_prefix, "search_prefix")
    with pytest.raises(ConfigurationError, match="the same page came twice"):
        open_directory(settings, base=tmp_path)


def test_what_the_server_says_is_told(settings, server, tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_client, "_LONGEST_WAIT", 0.0)
    (tmp_path / "password").write_text("wrong")
    with pytest.raises(ConfigurationError, match="HTTP 401: not let in"):
        open_directory(settings, base=tmp_path)
    (tmp_path / "password").write_text("s3cret")
    with pytest.raises(ConfigurationError, match=r"Missing authentication options in request. \(fault 1000\)"):
        open_directory({**settings, "source": ""}, base=tmp_path)
    with pytest.raises(ConfigurationError, match="HTTP 404"):
        open_directory({**settings, "url": settings["url"].replace("RPC2", "other")}, base=tmp_path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"user": ""}, "NIPAP wants them"),
        ({"url": "http://nipap.example.net:1337/RPC2"}, "not encrypted"),
        ({"vrfs": "64496:100"}, "vrfs: write a list"),
        ({"pasword_file": "x"}, "did you mean password_file"),
    ],
)
def test_wrong_settings(settings, tmp_path, change, told):
    with pytest.raises(ConfigurationError, match=told):
        open_directory({**settings, **change}, base=tmp_path)


def response(value):
    return f"<methodResponse><params><param><value>{value}</value></param></params></methodResponse>".encode()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("<i4>7</i4>", 7),
        ("<int>-7</int>", -7),
        ("<boolean>1</boolean>", True),
        ("<double>1.5</double>", 1.5),
        ("plain", "plain"),
        ("<nil/>", None),
        ("<base64>YQ==</base64>", b"a"),
        ("<dateTime.iso8601>20260131T12:00:00</dateTime.iso8601>", "20260131T12:00:00"),
        ("<array><data><value><i4>1</i4></value></data></array>", [1]),
        ("<struct><member><name>a</name><value>b</value></member></struct>", {"a": "b"}),
    ],
)
def test_the_types_of_xml_rpc(value, read):
    assert read_response(response(value), "x") == read


@pytest.mark.parametrize(
    "content",
    [
        b"", b"<html>", b"\0" * 1000, b"<a/>", b"<methodResponse/>", response("<int>x</int>"), response("<what/>"),
        response("<array><data><value>" * 500 + "</value></data></array>" * 500), b"<" * 100_000,
        b'<!DOCTYPE a [<!ENTITY b "c">]><methodResponse>&b;</methodResponse>',
    ],
)  # fmt: skip
def test_what_is_no_answer(content):
    with pytest.raises(ApiError):
        read_response(content, "x")
