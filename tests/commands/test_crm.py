# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler crm` as a person types it."""

import json

import pytest

from abusehandler.cli import main

STUB = "customers:\n  connector: abusehandler.crm_connector.stub:StubConnector\n"


@pytest.fixture
def crm(tmp_path, capsys):
    def call(*words, config=None):
        path = tmp_path / "abusehandler.yaml"
        if config is not None:
            path.write_text(config)
        code = main(["crm", *words, "--config", str(path)])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return call


def test_check_the_stub(crm):
    code, said = crm("check", config=STUB)
    assert code == 0
    assert "1-StubConnector: fine: 5 assignments, 1 names and 3 customers" in said
    assert "IPv4 and IPv6" in said


def test_check_finds_what_is_wrong(crm):
    code, said = crm("check", config=f"customers: {{connector: '{__name__}:Wrong'}}")
    assert code == 1
    assert "holds 7 (int) where a text belongs" in said
    assert "advice: 1-Wrong: 'x' is not an IP address; left out" in said
    code, said = crm("check", config=f"customers: {{connector: '{__name__}:Broken'}}")
    assert code == 1
    assert "read() raised RuntimeError: out of order" in said


class Wrong:
    def __init__(self, settings, base):
        pass

    def mark(self):
        return ""

    def read(self, report):
        from abusehandler.crm_connector import Assignment

        yield Assignment("192.0.2.1", 7)
        yield Assignment("x", "7")


class Broken(Wrong):
    def read(self, report):
        raise RuntimeError("out of order")
        yield


def test_lookup(crm):
    code, said = crm("lookup", "192.0.2.3", config=STUB)
    assert code == 0
    assert "customer: 1001 Example Bakery" in said
    assert crm("lookup", "203.0.113.8:1500")[0] == 0
    assert crm("lookup", "203.0.113.8:80")[0] == 1
    assert crm("lookup", "[2001:db8:1000::1]:443")[0] == 0
    assert crm("lookup", "203.0.113.7", "--at", "2026-01-31T12:30:00Z")[0] == 0
    assert crm("lookup", "www.shop.example")[0] == 0
    code, said = crm("lookup", "203.0.113.8", "--json")
    assert json.loads(said)["outcome"] == "ambiguous"
    code, said = crm("lookup", "192.0.2.1:99999")
    assert (code, "is not a port" in said) == (1, True)
    code, said = crm("lookup", "192.0.2.1", "--at", "yesterday")
    assert (code, "is not a time" in said) == (1, True)


def test_show(crm):
    code, said = crm("show", "1003", config=STUB)
    assert code == 0
    assert "203.0.113.8/32 ports 1024-2047" in said
    assert "1-StubConnector" in crm("show")[1]
    assert crm("show", "9999")[0] == 1
    assert json.loads(crm("show", "1002", "--json")[1])["has"] == ["198.51.100.0/24", "2001:db8:1000::/36"]


def test_diff_and_import(crm, tmp_path):
    def rows(numbers, customer="7"):
        text = "prefix,id,email\n" + "".join(f"192.0.2.{at},{customer},a@example.net\n" for at in numbers)
        (tmp_path / "c.csv").write_text(text)

    rows(range(20))
    config = "customers:\n  connector: csv\n  path: c.csv\n  state_path: state\n"
    assert "20 added" in crm("diff", config=config)[1]
    assert crm("import")[0] == 0
    assert "no change" in crm("diff")[1]
    rows(range(1, 21))
    code, said = crm("diff")
    assert "added: 192.0.2.20/32 7" in said
    assert "gone: 192.0.2.0/32 7" in said
    rows(range(5))
    assert "would be refused: 15 of 20 prefixes would be gone" in crm("diff")[1]
    code, said = crm("import")
    assert (code, "take it with --accept" in said) == (1, True)
    assert crm("import", "--accept")[0] == 0
    assert "no change" in crm("diff")[1]


def test_a_running_bot_takes_what_a_person_accepted(crm, tmp_path):
    import yaml

    from abusehandler.crm_connector import open_directory

    (tmp_path / "c.csv").write_text("prefix,id\n" + "".join(f"192.0.2.{at},7\n" for at in range(50)))
    config = "customers:\n  connector: csv\n  path: c.csv\n  state_path: state\n"
    bot = open_directory(yaml.safe_load(config)["customers"], base=tmp_path)
    (tmp_path / "c.csv").write_text("prefix,id\n192.0.2.1,7\n")
    assert bot.refresh() is False
    assert crm("import", "--accept", config=config)[0] == 0
    assert bot.refresh() is True


def test_wrong_calls_are_explained(crm, tmp_path):
    code, said = crm("check")
    assert (code, "--config" in said) == (1, True)
    code, said = crm("check", config="organisation: {}")
    assert (code, "no section customers" in said) == (1, True)
    code, said = crm("diff", config=STUB)
    assert (code, "state_path" in said) == (1, True)


RESOLD = """customers:
  connector: yaml
  path: c.yaml
  last_resort: {connector: rdap, bootstrap_url: "BOOTSTRAP", per_minute: 6000}
"""
PEOPLE = """customers:
  - {id: end, name: End user, email: end@example.net, prefixes: [192.0.2.0/28], reseller: shop, pass_on: yes}
  - {id: shop, name: Reseller, email: shop@example.net}
"""


def test_a_reseller_is_told(crm, tmp_path):
    (tmp_path / "c.yaml").write_text(PEOPLE)
    code, said = crm("lookup", "192.0.2.1", config=RESOLD.replace("BOOTSTRAP", "http://127.0.0.1:1"))
    assert code == 0
    assert "customer: end End user" in said
    assert "notices go to: shop Reseller" in said
    assert "reseller: shop (passes notices on)" in crm("show", "end")[1]


def test_whose_a_foreign_address_is(crm, tmp_path):
    from loopback import Loopback

    (tmp_path / "c.yaml").write_text(PEOPLE)
    network = {
        "objectClassName": "ip network", "handle": "H1", "name": "FAR", "startAddress": "1.2.3.0",
        "endAddress": "1.2.3.255",
    }  # fmt: skip
    server = Loopback(
        [
            {"path": "/ipv4.json", "answer": {"services": [[["1.0.0.0/8"], ["{url}/"]]]}},
            {"path": "/ipv6.json", "answer": {"services": []}},
            {"path": "/ip/1.2.3.4", "answer": network},
        ]
    )
    try:
        config = RESOLD.replace("BOOTSTRAP", server.url)
        code, said = crm("lookup", "1.2.3.4", "--registry", config=config)
        assert (code, "not ours but FAR, 1.2.3.0 - 1.2.3.255; no abuse contact is registered" in said) == (1, True)
        assert crm("lookup", "192.0.2.1", "--registry")[0] == 0
        code, said = crm("lookup", "10.0.0.1", "--registry")
        assert (code, "nobody's address on the Internet" in said) == (1, True)
    finally:
        server.close()
