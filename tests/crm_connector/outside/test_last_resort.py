# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whose an address is that is not ours: registries are asked in the background, and seldom."""

import time
from datetime import datetime, timezone

import pytest
from loopback import Loopback

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.outside import last_resort, rdap
from abusehandler.crm_connector.outside.bootstrap import services
from abusehandler.crm_connector.outside.registered_network import read_ip_network
from abusehandler.errors import ConfigurationError

NOW = datetime.now(timezone.utc)
#: Public addresses stand in for foreign ones; documentation addresses are not routed, so nobody is asked about them.
FOREIGN, NEIGHBOUR = "1.2.3.4", "1.2.3.200"


def abuse_entity(email, **more):
    card = ["vcard", [["version", {}, "text", "4.0"], ["fn", {}, "text", "Abuse"], ["email", {}, "text", email]]]
    return {"objectClassName": "entity", "handle": "AB1", "roles": ["abuse"], "vcardArray": card, **more}


def network(**more):
    return {
        "rdapConformance": ["rdap_level_0"],
        "objectClassName": "ip network",
        "handle": "NET-1-2-3-0-1",
        "startAddress": "1.2.3.0",
        "endAddress": "1.2.3.255",
        "ipVersion": "v4",
        "name": "EXAMPLE-NET",
        "country": "AU",
        "entities": [
            {"objectClassName": "entity", "roles": ["registrant"], "entities": [abuse_entity("abuse@far.example")]}
        ],
        **more,
    }


BOOTSTRAP = {
    "version": "1.0",
    "services": [[["1.0.0.0/8"], ["{url}/rdap/"]], [["2.0.0.0/8"], ["https://far.example/"]]],
}


@pytest.fixture
def registry():
    exchanges = [
        {"path": "/ipv4.json", "answer": BOOTSTRAP},
        {"path": "/ipv6.json", "answer": {"services": [[["2000::/3"], ["{url}/rdap"]]]}},
        {"path": f"/rdap/ip/{FOREIGN}", "answer": network()},
    ]
    server = Loopback(exchanges)
    yield server
    server.close()


@pytest.fixture
def opened(tmp_path, registry):
    (tmp_path / "c.csv").write_text("prefix,id\n192.0.2.0/28,bakery\n")

    def open_it(**settings):
        settings = {"connector": "rdap", "bootstrap_url": registry.url, "per_minute": 6000, **settings}
        whole = {"connector": "csv", "path": "c.csv", "state_path": "state", "last_resort": settings}
        return open_directory(whole, base=tmp_path)

    return open_it


def ask(known, address):
    [answer] = known.lookup_many([Query(address, NOW)])
    return answer


def wait_for(known, address):
    """The answer once the registry has been asked."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        answer = ask(known, address)
        if "not known yet" not in answer.reason:
            return answer
        time.sleep(0.01)
    raise AssertionError("no answer")


def test_the_registry_is_asked_in_the_background(opened, registry):
    known = opened()
    assert ask(known, FOREIGN).reason == "not ours; whose it is has been asked of the registry and is not known yet"
    answer = wait_for(known, FOREIGN)
    assert answer.outcome == "none"
    assert answer.source == f"{registry.url}/rdap/ip/{FOREIGN}"
    assert answer.reason.startswith(
        "not ours but EXAMPLE-NET AU, 1.2.3.0 - 1.2.3.255; abuse contact abuse@far.example (registry, "
    )
    # The whole network is known now; nothing is asked for its neighbour.
    assert "EXAMPLE-NET" in ask(known, NEIGHBOUR).reason
    assert registry.asked.count(f"/rdap/ip/{FOREIGN}") == 1


def test_our_own_and_private_addresses_are_never_asked_for(opened, registry):
    known = opened()
    assert ask(known, "192.0.2.1").customer.id == "bakery"
    assert ask(known, "192.0.2.99").reason == "no prefix of a customer holds this address"
    assert ask(known, "10.0.0.1").reason == "no prefix of a customer holds this address"
    assert registry.asked == []


def test_the_registered_network_as_customer(opened):
    known = opened(answers="customer")
    assert ask(known, FOREIGN).outcome == "ambiguous"
    answer = wait_for(known, FOREIGN)
    assert (answer.outcome, answer.customer.id) == ("one", "rdap:NET-1-2-3-0-1")
    assert answer.valid_until > NOW
    # Another process, that of the notices, knows it by what the first has written.
    other = opened(answers="customer")
    assert [contact.email for contact in other.customer("rdap:NET-1-2-3-0-1").contacts] == ["abuse@far.example"]
    assert other.customer("rdap:NET-0") is None


def test_a_restart_asks_nothing_again(opened, registry):
    wait_for(opened(), FOREIGN)
    count = len(registry.asked)
    assert "EXAMPLE-NET" in ask(opened(), FOREIGN).reason
    assert len(registry.asked) == count


def test_what_was_told_long_ago_is_asked_again(opened, monkeypatch):
    known = opened(keep_days=1)
    wait_for(known, FOREIGN)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * 86400)
    assert "not known yet" in ask(known, FOREIGN).reason


def test_nobody_registered_it(opened, registry):
    assert wait_for(opened(), "1.2.3.9").reason == "not ours, and no registry knows a holder"
    # IANA names no server at all:
    assert wait_for(opened(), "9.9.9.9").reason == "not ours, and no registry knows a holder"


def test_registries_send_each_other_on(opened, registry):
    registry.exchanges[2:] = [
        {"path": f"/rdap/ip/{FOREIGN}", "status": 302, "answer": "", "answer_headers": {"Location": "/other/1.2.3.4"}},
        {"path": "/other/1.2.3.4", "answer": network()},
    ]
    assert "EXAMPLE-NET" in wait_for(opened(), FOREIGN).reason


@pytest.mark.parametrize(
    ("exchange", "told"),
    [
        ({"status": 302, "answer": "", "answer_headers": {"Location": "http://198.51.100.1/"}}, "bootstrap files name"),
        ({"status": 302, "answer": "", "answer_headers": {"Location": f"/rdap/ip/{FOREIGN}"}}, "redirects"),
        ({"answer": "<html>"}, "not JSON"),
        ({"answer": {"objectClassName": "domain"}}, "not an IP network"),
        ({"answer": network(startAddress="1.9.0.0", endAddress="1.9.0.255")}, "another network"),
        ({"status": 400, "answer": ""}, "HTTP 400"),
        ({"status": 429, "answer": "", "answer_headers": {"Retry-After": "1800"}}, "HTTP 429"),
        ({"status": 503, "answer": ""}, "HTTP 503"),
        ({"answer": "[" * 5000}, "not JSON"),
    ],
)
def test_a_registry_that_is_broken_stops_nothing(opened, registry, exchange, told):
    registry.exchanges[2:] = [{"path": f"/rdap/ip/{FOREIGN}", **exchange}]
    known = opened()
    end = time.monotonic() + 120
    while not known.problems() and time.monotonic() < end:
        assert ask(known, FOREIGN).outcome == "none"
        time.sleep(0.01)
    assert told in known.problems()[0]
    assert ask(known, "192.0.2.1").customer.id == "bakery"


def test_a_registry_that_wants_to_be_left_alone_is(opened, registry):
    registry.exchanges[2:] = [
        {"path": "/rdap/ip/1.2.3.4", "status": 429, "answer": "", "answer_headers": {"Retry-After": "1800"}}
    ]
    asks = opened().beyond.last_resort.ask_now
    with pytest.raises(rdap.RdapError, match="HTTP 429") as caught:
        asks(FOREIGN)
    assert caught.value.retry_after == 1800
    count = len(registry.asked)
    with pytest.raises(rdap.RdapError, match="left alone"):
        asks(NEIGHBOUR)
    assert len(registry.asked) == count


def test_waiting_addresses_are_bounded(opened, monkeypatch):
    monkeypatch.setattr(last_resort, "_MOST_WAITING", 3)
    known = opened(per_minute=0.1)
    for number in range(20):
        ask(known, f"1.2.4.{number}")
    assert len(known.beyond.last_resort._waiting) <= 3


def test_a_damaged_file_is_passed_over(opened, tmp_path):
    wait_for(opened(), FOREIGN)
    path = tmp_path / "state" / "registry" / "networks"
    assert path.stat().st_mode & 0o077 == 0
    path.write_bytes(b"rubbish\n[32, 1]\n" + path.read_bytes() + b'[32, "1", ')
    assert "EXAMPLE-NET" in ask(opened(), FOREIGN).reason


def test_the_abuse_role_is_found_anywhere():
    direct = network(entities=[abuse_entity("direct@far.example", entities=[abuse_entity("deep@far.example")])])
    assert read_ip_network(direct, "x", 0.0).abuse == ("direct@far.example", "deep@far.example")
    assert read_ip_network(network(entities=[]), "x", 0.0).abuse == ()
    endless = abuse_entity("a@far.example")
    for _ in range(500):
        endless = {"roles": [], "entities": [endless]}
    assert read_ip_network(network(entities=[endless]), "x", 0.0).abuse == ()
    many = [abuse_entity(f"a{number}@far.example") for number in range(1000)]
    assert len(read_ip_network(network(entities=many), "x", 0.0).abuse) == 5


@pytest.mark.parametrize(
    "data",
    [
        None, [], "x", {}, {"startAddress": "1.2.3.0"}, {"startAddress": "1.2.3.0", "endAddress": "2001:db8::"},
        {"startAddress": "1.2.3.9", "endAddress": "1.2.3.0"}, {"startAddress": 7, "endAddress": []},
    ],
)  # fmt: skip
def test_what_is_no_network(data):
    with pytest.raises(ValueError, match=r"network|address"):
        read_ip_network(data, "x", 0.0)


@pytest.mark.parametrize("entities", [None, 7, [7], [{"roles": "abuse"}], [{"roles": ["abuse"], "vcardArray": "x"}],
                                      [{"roles": ["abuse"], "vcardArray": ["vcard", [["email"], 7, ["email", {}, "text", "no"]]]}]])  # fmt: skip
def test_odd_entities_name_nobody(entities):
    assert read_ip_network(network(entities=entities), "x", 0.0).abuse == ()


def test_odd_bootstrap_files():
    assert services({"services": [[["1.0.0.0/8", 7, "x"], ["ftp://x/", "http://b/", "https://a/"]], [7], 8]}) == [
        (1 << 24, 8, "https://a")
    ]
    for data in (None, [], {}, {"services": 7}, {"services": [[["1.0.0.0/8"], []]]}):
        assert services(data) == []


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"connector": "whois"}, "connector: write rdap"),
        ({"answers": "both"}, "answers: write reason or customer"),
        ({"per_minute": 0}, "per_minute"),
        ({"bootstrap_url": "http://example.net/"}, "bootstrap_url"),
        ({"token": "x"}, "token: not known"),
    ],
)
def test_wrong_settings(opened, settings, told):
    with pytest.raises(ConfigurationError, match=told):
        opened(**settings)
