# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every shipped mapping against a server that plays the documented answers: logins, pages, and all that goes wrong.

A sample beside a mapping holds `exchanges` (a request and its answer), `needs` (what every request must bring, or it is
`refused`), and what a reader must `expect`.
"""

import copy
import json
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path

import pytest
from loopback import Loopback

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.addresses import parse_address
from abusehandler.crm_connector.web_api import bounded_client
from abusehandler.crm_connector.web_api.mapping import SHIPPED, load_mapping, shipped_mappings
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)
every_mapping = pytest.mark.parametrize("name", shipped_mappings())


def is_address(text):
    try:
        parse_address(text)
    except ValueError:
        return False
    return True


def sample_of(name):
    sample = json.loads((SHIPPED / "samples" / f"{name}.json").read_text(encoding="utf-8"))
    for exchange in sample["exchanges"]:
        for part, wanted in sample["needs"].items():
            exchange[part] = {**exchange.get(part, {}), **wanted}
        if "fill" in exchange:
            fill_up(exchange)
    return sample


def fill_up(exchange):
    """A first page is full; the sample keeps only what is looked at."""
    items = exchange["answer"]
    for step in exchange["fill"]["list"].split("."):
        items = items[step]
    for number in range(len(items), exchange["fill"]["to"]):
        items.append({**copy.deepcopy(items[0]), "id": 10_000 + number})


@pytest.fixture
def played(tmp_path, monkeypatch):
    """Opens a mapping against its sample, after `change` has had a look at the server."""
    monkeypatch.setattr(bounded_client, "_LONGEST_WAIT", 0.0)
    servers = []

    def open_it(name, change=None, secret="s3cret", **settings):
        sample = sample_of(name)
        (tmp_path / "secret").write_text(f"{secret}\n")
        (tmp_path / "secret").chmod(0o600)
        refused = {key: sample["refused"][key] for key in ("status", "answer")}
        server = Loopback(sample["exchanges"], refused=refused)
        servers.append(server)
        if change is not None:
            change(server)
        whole = {"connector": "http-json", "url": server.url, "mapping": name, **sample["settings"], **settings}
        return open_directory(whole, base=tmp_path), sample["expect"], server

    yield open_it
    for server in servers:
        server.close()


@every_mapping
def test_the_documented_answers_become_customers(name, played):
    known, expected, _ = played(name)
    for asked, customer in expected["holders"].items():
        query = Query(asked, NOW) if is_address(asked) else Query(None, NOW, host=asked)
        [answer] = known.lookup_many([query])
        assert (answer.customer.id if answer.customer else "") == customer, asked
    for customer, contacts in expected["contacts"].items():
        assert [[contact.email, contact.role] for contact in known.customer(customer).contacts] == contacts
    for customer, called in expected["names"].items():
        assert known.customer(customer).name == called
    for customer, language in expected.get("languages", {}).items():
        assert known.customer(customer).language == language
    assert known.problems() == []


@every_mapping
def test_nobody_is_let_in_with_a_wrong_secret(name, played):
    told = sample_of(name)["refused"]["told"]
    with pytest.raises(ConfigurationError, match=told) as caught:
        played(name, secret="wrong-one")
    assert "wrong-one" not in str(caught.value)


@every_mapping
@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ({"answer": "<html><body>Log in</body></html>", "status": 200}, "HTTP 200: not JSON but: <html>"),
        ({"answer": "", "status": 200}, "not JSON"),
        ({"answer": "", "status": 503}, "HTTP 503, 4 times"),
        (
            {"answer": "", "status": 429, "answer_headers": {"Retry-After": "600"}},
            "HTTP 429, asks to come back in 600 s",
        ),
        ({"answer": "", "status": 302, "answer_headers": {"Location": "/login"}}, "redirects to /login"),
        ({"answer": '{"data": "x" ', "status": 200}, "not JSON"),
    ],
    ids=["HTML", "empty", "503", "429", "redirect", "cut"],
)
@pytest.mark.parametrize("at", [0, -1], ids=["first", "last"])
def test_what_is_wrong_is_said_and_the_last_good_data_serves(name, played, spoilt, told, at):
    known, expected, server = played(name)
    server.exchanges[at].update(spoilt)
    assert known.refresh(wait=True) is False
    [problem] = known.problems()
    assert told in problem
    assert server.url in problem or "HTTP" in problem
    assert "s3cret" not in problem
    assert "keeps serving" in problem
    customer = next(iter(expected["names"]))
    assert known.customer(customer).name == expected["names"][customer]


@pytest.mark.parametrize("name", ["netbox", "whmcs", "hostbill"])
def test_an_api_that_pages_for_ever(name, played):
    """Whatever page is asked for, the first one comes."""

    def endless(server):
        first = server.exchanges[0]
        for key in ("limitstart", "page"):
            first.get("form", {}).pop(key, None)
            first.get("parameters", {}).pop(key, None)
        answer = first["answer"]
        if name == "netbox":
            answer["next"] = "{url}" + first["path"]
        elif name == "whmcs":
            answer["totalresults"] = 10**9
        else:
            answer["sorter"]["totalpages"] = 10**9

    with pytest.raises(ConfigurationError, match=r"the same page came twice|would never end"):
        played(name, endless)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
@pytest.mark.parametrize("name", ["netbox", "hostbill"])
def test_a_wrong_certificate_tells_no_secret(name, tmp_path):
    """HostBill wants its key among the parameters; it must not stand in a log."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "cert", "-days", "2",
         "-subj", "/CN=other.example", "-addext", "subjectAltName=DNS:other.example"],
        cwd=tmp_path, check=True, capture_output=True,
    )  # fmt: skip
    sample = sample_of(name)
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "secret").chmod(0o600)
    server = Loopback(sample["exchanges"], tls=(tmp_path / "cert", tmp_path / "key"))
    settings = {"connector": "http-json", "url": server.url, "mapping": name, "ca_file": "cert", **sample["settings"]}
    try:
        with pytest.raises(ConfigurationError, match="certificate") as caught:
            open_directory(settings, base=tmp_path)
    finally:
        server.close()
    assert "s3cret" not in str(caught.value)


def test_a_server_that_is_away_tells_no_secret(tmp_path, monkeypatch):
    monkeypatch.setattr(bounded_client, "_LONGEST_WAIT", 0.0)
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "secret").chmod(0o600)
    settings = {"connector": "http-json", "url": "http://127.0.0.1:1", "mapping": "hostbill", "user": "id7"}
    with pytest.raises(ConfigurationError, match="ConnectionError") as caught:
        open_directory({**settings, "token_file": "secret"}, base=tmp_path)
    assert "s3cret" not in str(caught.value)


def test_phpipam_without_any_subnet(played):
    def empty(server):
        server.exchanges[1].update(status=404, answer={"code": 404, "success": 0, "message": "No subnets found"})

    known, _, _ = played("phpipam", empty)
    [answer] = known.lookup_many([Query("198.51.100.9", NOW)])
    assert answer.customer.id == "3"


def test_an_own_login_beside_a_shipped_mapping(played):
    """NetBox 4.5 has tokens of a second kind."""

    def newer(server):
        for exchange in server.exchanges:
            exchange["headers"]["Authorization"] = "Bearer s3cret"

    known, _, _ = played("netbox", newer, auth={"header": "Authorization", "value": "Bearer {token}"})
    assert known.customer("bakery").name == "Example Bakery"


@every_mapping
def test_every_mapping_says_what_it_is(name):
    assert load_mapping(name, Path()).about
    assert (SHIPPED / "samples" / f"{name}.json").is_file()
