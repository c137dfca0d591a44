# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Webhooks from the change to the receiver: who is told, how often, signed, and never where they must not go."""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, merging
from abusehandler.tickets.database import Database
from abusehandler.tickets.webhooks.outbox import PAUSES, WebhookOutbox
from abusehandler.tickets.webhooks.sender import WebhookSender
from abusehandler.tickets.webhooks.signature import BEGINS
from abusehandler.tickets.webhooks.store import KINDS, WebhookStore
from abusehandler.tickets.webhooks.target import Reach, TargetError, checked_url, post
from tests.tickets.observations import hours_ago, observation, store_of

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = Reach.of(["127.0.0.0/8"], ["192.0.2.0/24"])


class Receiver:
    """Somebody else's program on a loopback port."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({name.lower(): value for name, value in self.headers.items()}, body))
                status, headers = outer.answers.pop(0) if outer.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook?key=1"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.stop()


def sender(database: Database) -> WebhookSender:
    return WebhookSender(WebhookOutbox(database, public_url="https://abuse.example.net"), LOOPBACK, seconds=60)


def due_at_once(database: Database) -> None:
    database.fetch("UPDATE webhook_deliveries SET next_try = now() WHERE state = 'waiting'")


def test_what_happens_to_a_ticket_is_told(database: Database, receiver: Receiver) -> None:
    made = WebhookStore(database).add(receiver.url, KINDS, LOOPBACK, author="anna")
    store = store_of(database)
    store.store([observation(time_source=hours_ago(3))])
    store.store([observation(time_source=hours_ago(2))])
    ((ticket,),) = database.fetch("SELECT id FROM tickets")
    actions.assign(database, [ticket], "anna", author="anna")
    actions.close(database, [ticket], author="anna", reason="over")
    assert sender(database).run().delivered == 3
    told = receiver.messages()
    assert [message["type"] for message in told] == ["ticket.opened", "ticket.changed", "ticket.closed"]
    assert told[0]["data"]["ticket"]["url"] == f"https://abuse.example.net/tickets/{ticket}"
    assert told[2]["data"]["change"] == "open → closed"
    assert told[2]["data"]["actor"] == "anna"
    assert sender(database).run().delivered == 0
    assert {row["state"] for row in WebhookStore(database).deliveries(made.id)} == {"sent"}


def test_bodies_are_signed_as_standard_webhooks_say(database: Database, receiver: Receiver) -> None:
    made = WebhookStore(database).add(receiver.url, ["ticket.opened"], LOOPBACK, author="anna")
    store_of(database).store([observation(time_source=hours_ago(1))])
    sender(database).run()
    ((headers, body),) = receiver.got
    secret = base64.b64decode(made.secret.removeprefix(BEGINS))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == expected
    assert headers["content-type"] == "application/json"


def test_a_batch_tells_of_new_tickets_only(database: Database, receiver: Receiver) -> None:
    WebhookStore(database).add(receiver.url, ["ticket.opened"], LOOPBACK, author="anna")
    store = store_of(database)
    store.store([observation(source_ip=f"192.0.2.{number}", time_source=hours_ago(2)) for number in range(1, 31)])
    store.store([observation(source_ip=f"192.0.2.{number}", time_source=hours_ago(1)) for number in range(1, 32)])
    assert sender(database).run().delivered == 20, "a few of each webhook in a run"
    assert sender(database).run().delivered == 11
    assert len({message["data"]["ticket"]["id"] for message in receiver.messages()}) == 31


def test_merging_and_splitting(database: Database, receiver: Receiver) -> None:
    store = store_of(database)
    store.store([observation(time_source=hours_ago(3)), observation(source_ip="192.0.2.2", time_source=hours_ago(3)),
                 observation(time_source=hours_ago(2), source_port=23)])  # fmt: skip
    WebhookStore(database).add(receiver.url, KINDS, LOOPBACK, author="anna")
    one, two = (row[0] for row in database.fetch("SELECT id FROM tickets ORDER BY event_count DESC, id"))
    merging.split(database, one, merging.Part(port=23), author="anna", reason="x")
    merging.merge(database, [two], one, author="anna", reason="x")
    sender(database).run()
    assert sorted(message["type"] for message in receiver.messages()) == [
        "ticket.changed", "ticket.changed", "ticket.closed", "ticket.opened",
    ]  # fmt: skip


def test_what_is_rolled_back_is_told_to_nobody(database: Database, receiver: Receiver) -> None:
    WebhookStore(database).add(receiver.url, KINDS, LOOPBACK, author="anna")
    database.dry_run = True
    store_of(database).store([observation(time_source=hours_ago(1))])
    database.dry_run = False
    assert sender(database).run().delivered == 0


def test_without_webhooks_nothing_is_written(database: Database) -> None:
    store_of(database).store([observation(time_source=hours_ago(1))])
    assert database.fetch("SELECT count(*) FROM webhook_deliveries") == [(0,)]


def test_an_account_hears_of_its_own_customers(database: Database, receiver: Receiver) -> None:
    database.fetch("INSERT INTO accounts (id, name, customers_like) VALUES ('acme', 'Acme', '{ACME-%}')")
    WebhookStore(database).add(receiver.url, KINDS, LOOPBACK, author="anna", account="acme")
    store_of(database).store([
        observation(time_source=hours_ago(1)),
        observation(time_source=hours_ago(1), customer_id="ACME-1", customer_name="Acme", source_ip="192.0.2.5"),
    ])  # fmt: skip
    for ticket, *_ in database.fetch("SELECT id FROM tickets"):
        actions.close(database, [ticket], author="anna", reason="x")
    sender(database).run()
    assert {message["data"]["ticket"]["customer_id"] for message in receiver.messages()} == {"ACME-1"}
    assert database.fetch("SELECT count(*) FROM webhook_deliveries WHERE state = 'dropped'") == [(2,)]


def test_it_is_tried_again_with_the_same_words_until_it_is_given_up(database: Database, receiver: Receiver) -> None:
    webhooks = WebhookStore(database)
    made = webhooks.add(receiver.url, ["ticket.opened"], LOOPBACK, author="anna")
    store_of(database).store([observation(time_source=hours_ago(1))])
    receiver.answers = [(500, {})] * (len(PAUSES) + 1)
    for _ in range(len(PAUSES) + 1):
        due_at_once(database)
        assert sender(database).run().failed == 1
    assert sender(database).run().failed == 0
    (message,) = webhooks.deliveries(made.id, state="dead")
    assert (message["status"], message["attempts"]) == (500, len(PAUSES) + 1)
    assert len({(headers["webhook-id"], body) for headers, body in receiver.got}) == 1
    assert webhooks.listed()[0]["dead"] == 1
    assert webhooks.try_again(made.id, author="anna") == 1
    assert sender(database).run().delivered == 1


def test_the_pause_grows_and_the_receivers_wish_counts(database: Database, receiver: Receiver) -> None:
    WebhookStore(database).add(receiver.url, ["ticket.opened"], LOOPBACK, author="anna")
    store_of(database).store([observation(time_source=hours_ago(1))])
    receiver.answers = [(503, {}), (429, {"retry-after": "4000"})]
    for pause in (PAUSES[0], timedelta(seconds=4000)):
        due_at_once(database)
        ((begin,),) = database.fetch("SELECT now()")
        sender(database).run()
        ((end, next_try),) = database.fetch("SELECT now(), next_try FROM webhook_deliveries")
        assert begin + pause <= next_try <= end + pause


def test_a_receiver_that_is_gone_is_switched_off(database: Database, receiver: Receiver) -> None:
    webhooks = WebhookStore(database)
    made = webhooks.add(receiver.url, KINDS, LOOPBACK, author="anna")
    webhooks.test(made.id, author="anna")
    receiver.answers = [(410, {})]
    sender(database).run()
    assert webhooks.listed()[0]["disabled_why"] == "the receiver answered 410 Gone"
    store_of(database).store([observation(time_source=hours_ago(1))])
    assert sender(database).run().delivered == 0
    webhooks.enable(made.id, author="anna")
    assert webhooks.test(made.id, author="anna")
    assert sender(database).run().delivered == 1


def test_several_senders_send_each_message_once(database: Database, dsn: str, receiver: Receiver) -> None:
    WebhookStore(database).add(receiver.url, ["ticket.opened"], LOOPBACK, author="anna")
    events = [observation(source_ip=f"192.0.2.{number}", time_source=hours_ago(1)) for number in range(1, 61)]
    store_of(database).store(events)

    def run(_: int) -> None:
        own = Database(dsn)
        while sender(own).run().delivered:
            pass
        own.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == len(receiver.got) == 60


def test_a_redirect_is_not_followed(database: Database, receiver: Receiver) -> None:
    made = WebhookStore(database).add(receiver.url, KINDS, LOOPBACK, author="anna")
    WebhookStore(database).test(made.id, author="anna")
    receiver.answers = [(302, {"location": "http://169.254.169.254/latest/"})]
    assert sender(database).run().failed == 1
    assert len(receiver.got) == 1
    assert WebhookStore(database).deliveries(made.id)[0]["answer"] == "a redirect is not followed"


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::ffff:10.0.0.1]/",
     "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/", "https://[fe80::1%25eth0]/", "https://0.0.0.0/", "https://224.0.0.1/",
     "https://100.64.0.1/", "https://192.0.2.5/", "https://[fd00::1]/", "https://localhost/", "https://2130706433/", "https://0x7f.1/",
     "https://127.1/", "http://example.com/", "https://user:pass@example.com/", "ftp://example.com/", "file:///etc/passwd", "https://",
     "https:///x", "https://example.com:0/", "https://example.com:99999/", "https://exa\nmple.com/", "https://x\\@127.0.0.1/", "gopher://x",
     "https://" + "a" * 3000],
)  # fmt: skip
def test_where_nothing_may_go(url: str) -> None:
    """A name is judged by its addresses, when it is used; none of these gets as far as a connection."""
    with pytest.raises(TargetError):
        post(url, b"{}", {}, Reach.of([], ["192.0.2.0/24", "8.8.8.0/24"]), seconds=2)


def test_own_addresses_are_refused_though_public() -> None:
    reach = Reach.of([], ["8.8.8.0/24"])
    assert not reach.may_go_to(ipaddress.ip_address("8.8.8.8"))
    assert reach.may_go_to(ipaddress.ip_address("9.9.9.9"))
    assert Reach.of(["10.1.2.3/32"], []).may_go_to(ipaddress.ip_address("10.1.2.3"))
    with pytest.raises(TargetError, match="http could be read"):
        checked_url("http://9.9.9.9/", reach)


def test_a_receiver_that_drips_is_cut_off() -> None:
    """Each byte comes in time, the whole never."""
    import socket

    listening = socket.create_server(("127.0.0.1", 0))
    done = threading.Event()

    def drip() -> None:
        peer, _ = listening.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            while not done.wait(0.1):
                try:
                    peer.sendall(b"X")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TargetError):
            post(f"http://127.0.0.1:{listening.getsockname()[1]}/", b"{}", {}, LOOPBACK, seconds=0.5)
    finally:
        done.set()
        thread.join()
        listening.close()


def test_only_known_news_can_be_asked_for(database: Database, receiver: Receiver) -> None:
    for kinds in ([], ["ticket.burned"]):
        with pytest.raises(AbusehandlerError, match=r"ticket\.opened"):
            WebhookStore(database).add(receiver.url, kinds, LOOPBACK, author="anna")
    with pytest.raises(AbusehandlerError, match="no account"):
        WebhookStore(database).add(receiver.url, KINDS, LOOPBACK, author="anna", account="lost")
