# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An event that names a host and no address: what the DNS says now decides, within a bounded time."""

import socket
import threading
from datetime import datetime, timedelta, timezone

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.outside import host_addresses
from abusehandler.errors import ConfigurationError

NOW = datetime.now(timezone.utc)
CUSTOMERS = "prefix,id,domain\n192.0.2.0/28,bakery,bakery.example\n198.51.100.0/24,hosting,\n2001:db8::/48,hosting,\n"


class NameServer:
    """`addresses`: name → addresses; other names do not exist, names in `broken` fail, those in `silent` get no answer."""

    def __init__(self):
        self.addresses = {}
        self.silent = set()
        self.broken = set()
        self.asked = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(10)
        self._socket.close()

    def _serve(self):
        while True:
            packet, sender = self._socket.recvfrom(4096)
            if not packet:
                return
            query = dns.message.from_wire(packet)
            (question,) = query.question
            name = question.name.to_text().rstrip(".")
            self.asked.append(name)
            if name in self.silent or "*" in self.silent:
                continue
            answer = dns.message.make_response(query)
            wanted = [
                one for one in self.addresses.get(name, ()) if (":" in one) == (question.rdtype == dns.rdatatype.AAAA)
            ]
            if name in self.broken:
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif name not in self.addresses:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif wanted:
                answer.answer.append(
                    dns.rrset.from_text(question.name, 300, "IN", dns.rdatatype.to_text(question.rdtype), *wanted)
                )
            self._socket.sendto(answer.to_wire(), sender)  # fmt: skip


@pytest.fixture
def server():
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def opened(tmp_path, server):
    """With a patience of so many seconds, of which a name server that answers needs none."""
    (tmp_path / "c.csv").write_text(CUSTOMERS)

    def open_it(seconds):
        fallback = {"name_servers": ["127.0.0.1"], "port": server.port, "seconds": seconds}
        return open_directory({"connector": "csv", "path": "c.csv", "host_fallback": fallback}, base=tmp_path)

    return open_it


@pytest.fixture
def known(opened):
    return opened(30)


def ask(known, host, address=None, at=NOW):
    [answer] = known.lookup_many([Query(address, at, host=host)])
    return answer


def test_the_customer_of_the_address_that_the_name_has(known, server):
    server.addresses["shop.example"] = ["192.0.2.5"]
    answer = ask(known, "Shop.example.")
    assert (answer.outcome, answer.customer.id) == ("one", "bakery")
    assert answer.source.startswith("c.csv:2; Shop.example. was 192.0.2.5 in the DNS at ")


def test_a_registered_name_is_not_asked_for(known, server):
    assert ask(known, "www.bakery.example").customer.id == "bakery"
    assert server.asked == []


def test_an_address_in_the_report_is_believed(known, server):
    server.addresses["shop.example"] = ["192.0.2.5"]
    assert ask(known, "shop.example", "203.0.113.1").outcome == "none"
    assert server.asked == []


def test_foreign_addresses_beside_ours_do_not_matter(known, server):
    server.addresses["shop.example"] = ["203.0.113.9", "198.51.100.7", "2001:db8::7"]
    assert ask(known, "shop.example").customer.id == "hosting"


def test_two_customers_are_never_a_guess(known, server):
    server.addresses["both.example"] = ["192.0.2.5", "198.51.100.7"]
    answer = ask(known, "both.example")
    assert answer.outcome == "ambiguous"
    assert answer.reason == "both.example points to several customers: 192.0.2.5 of bakery, 198.51.100.7 of hosting"


def test_a_foreign_host_says_where_it_points(known, server):
    server.addresses["far.example"] = ["203.0.113.9"]
    assert "far.example was 203.0.113.9 in the DNS at" in ask(known, "far.example").reason


def test_the_dns_of_today_says_nothing_about_last_month(known, server):
    server.addresses["shop.example"] = ["192.0.2.5"]
    assert ask(known, "shop.example", at=NOW - timedelta(days=30)).outcome == "none"
    assert server.asked == []


def test_what_was_asked_is_remembered(known, server):
    server.addresses["shop.example"] = ["192.0.2.5"]
    server.broken.add("broken.example")
    for _ in range(5):
        ask(known, "shop.example")
        ask(known, "missing.example")
        ask(known, "broken.example")
    assert server.asked.count("shop.example") == 2  # A and AAAA
    assert server.asked.count("missing.example") == 1


def test_a_name_whose_servers_are_silent_does_not_stop_the_others(opened, server):
    known = opened(3)
    server.silent.add("silent.example")
    server.addresses["shop.example"] = ["192.0.2.5"]
    queries = [Query(None, NOW, host="silent.example"), Query(None, NOW, host="shop.example")]
    assert [answer.outcome for answer in known.lookup_many(queries)] == ["none", "one"]
    # The silent name is being asked for; the next batch neither asks nor waits for it again.
    known.lookup_many(queries)
    assert server.asked.count("shop.example") == 2
    assert len(known.beyond._hosts._asking) <= 1


def test_a_dead_resolver_is_left_alone(opened, server):
    known = opened(0.3)
    server.silent.add("*")
    for number in range(host_addresses._BATCHES_IN_VAIN):
        assert ask(known, f"n{number}.example").outcome == "none"
    count = len(server.asked)
    assert ask(known, "later.example").outcome == "none"
    assert "later.example" not in server.asked[count:]


@pytest.mark.parametrize("host", ["." * 50_000, "a." * 50_000, "ä" * 50_000, "-", "1.2.3.4", "http://x/", "x\0y"])
def test_evil_names(known, host):
    assert ask(known, host).outcome == "none"


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("yes", "write true, or its settings"),
        ({"second": 1}, "second: not known"),
        ({"seconds": 0}, "seconds: write a number"),
        ({"name_servers": "192.0.2.53"}, "name_servers"),
        ({"name_servers": ["dns.example"]}, "name_servers"),
    ],
)
def test_wrong_settings(tmp_path, value, told):
    (tmp_path / "c.csv").write_text(CUSTOMERS)
    with pytest.raises(ConfigurationError, match=told):
        open_directory({"connector": "csv", "path": "c.csv", "host_fallback": value}, base=tmp_path)
