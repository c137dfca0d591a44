# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The test kit says what is wrong with a connector: every class here has one mistake that people make."""

import sqlite3
import threading
import time
from datetime import datetime, timedelta, timezone

import pytest

from abusehandler.crm_connector import Assignment, Connector, Contact, Customer, HostName, PortRange
from abusehandler.crm_connector.stub import StubConnector
from abusehandler.crm_connector.trial import try_connector

NOW = datetime.now(timezone.utc)
JO = Customer("7", "Jo", "en", (Contact("jo@example.net"),))


class Sound:
    """Nothing is wrong with this one; the others change what they get wrong."""

    items = (JO, Assignment("192.0.2.0/28", "7"), Assignment("2001:db8::/48", "7"), HostName("jo.example", "7"))

    def mark(self):
        return "1"

    def read(self, report):
        yield from self.items


def made(**attributes):
    return type("Broken", (Sound,), attributes)()


def giving(*items):
    return made(items=items)


def errors(connector, **settings):
    return [finding.text for finding in try_connector(connector, **settings) if finding.level == "error"]


def advice(connector):
    return [finding.text for finding in try_connector(connector) if finding.level == "advice"]


def test_a_sound_connector_has_nothing_to_mend():
    assert isinstance(Sound(), Connector)
    assert errors(Sound()) == []
    assert advice(Sound()) == []


def test_the_stub_passes(tmp_path):
    assert errors(StubConnector({}, tmp_path)) == []


def raising(*_):
    raise OSError("no route to host")


def endless(self, report):
    while True:
        yield Assignment("192.0.2.1", "7")


def once_only():
    """What was opened in the constructor is used up after the first reading."""
    rows = iter(Sound.items)
    return made(read=lambda self, report: rows)


def of_one_thread(tmp_path):
    connection = sqlite3.connect(tmp_path / "crm.db")
    connection.execute("CREATE TABLE network (cidr, customer)")

    def read(self, report):
        for cidr, customer in connection.execute("SELECT * FROM network"):
            yield Assignment(cidr, customer)

    return made(read=read)


def no_zone(self, report):
    yield Assignment("192.0.2.1", "7", datetime(2026, 1, 1))  # noqa: DTZ001


def upside_down(self, report):
    yield Assignment("192.0.2.1", "7", NOW, NOW - timedelta(days=1))


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (made(mark=raising), "mark() raised OSError: no route to host"),
        (made(mark=lambda self: 17), "mark() must return a text, this is int"),
        (made(read=raising), "read() raised OSError: no route to host"),
        (made(read=lambda self, report: None), "read() raised TypeError"),
        (made(read=no_zone), "valid_from has no time zone"),
        (made(read=upside_down), "before it begins"),
        (made(read=lambda self, report: (yield Contact("jo@example.net", state="dead"))), "state 'dead' is not one of"),
        (once_only(), "the second reading gave 0 items of 4"),
        (giving(), "nobody would ever be found"),
        (giving(JO, "192.0.2.0/28"), "this is str"),
        (giving(JO, Assignment("192.0.2.0/28", 7)), "holds 7 (int) where a text belongs"),
        (giving(Customer("7", None, "en"), Assignment("192.0.2.1", "7")), "holds None (NoneType)"),
        (giving(Customer("7", contacts=[Contact("jo@example.net")]), Assignment("192.0.2.1", "7")), "must be tuples"),
        (giving(Customer("7", contacts=("jo@example.net",)), Assignment("192.0.2.1", "7")), "must hold Contact"),
        (giving(Customer("7", contacts=(Contact("jo at example"),)), Assignment("192.0.2.1", "7")), "'jo at example' is"),
        (giving(JO, Assignment("192.0.2.1", "007")), "not described by this source: 007"),
        (giving(JO, Assignment("128.0.0.0/1", "7")), "should be nobody's"),
        (giving(JO, Assignment("::/2", "7")), "should be nobody's"),
        (giving(JO, Assignment("192.0.2.1", "7"), Assignment("n/a", "7"), Assignment("", "7")), "more rows are left out"),
        (giving(JO, Assignment("192.0.2.1", "7", NOW - timedelta(days=30_000))), "times that cannot be"),
        (giving(JO, Assignment("192.0.2.1", "7", NOW + timedelta(days=300_000))), "times that cannot be"),
        (
            giving(JO, Assignment("192.0.2.1", "7", valid_until=datetime.fromtimestamp(0, timezone.utc))),
            "write None for no limit",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_an_error(broken, told):
    assert any(told in text for text in errors(broken)), errors(broken)


def test_a_connection_of_the_constructor_belongs_to_its_thread(tmp_path):
    [text] = errors(of_one_thread(tmp_path))
    assert "thread" in text


def test_reading_for_ever():
    [text] = errors(made(read=endless), seconds=0.2)
    assert "did not finish within 0.2 s" in text


def test_a_system_that_never_answers():
    answered = threading.Event()
    silent = made(read=lambda self, report: answered.wait() or ())
    [text] = errors(silent, seconds=0.1)
    assert "did not finish" in text
    answered.set()


def test_slow_sources_must_say_so(monkeypatch):
    monkeypatch.setattr("abusehandler.crm_connector.trial._LONGEST_IN_QUEUE", 0.0)
    assert "write remote = True" in errors(Sound())[0]
    assert errors(made(remote=True)) == []


def test_what_could_be_better_is_advice(monkeypatch):
    monkeypatch.setattr("abusehandler.crm_connector.trial._SLOW_MARK", 0.0)
    said = advice(
        made(
            mark=lambda self: time.sleep(0.01) or "1",
            items=(JO, Assignment("192.0.2.1/24", "7"), Assignment("192.0.2.9", "8", NOW, NOW)),
        )
    )
    for told in (
        "called every minute",
        "host bits were set",
        "no IPv6 prefix",
        "end when they begin",
        "not described by this source: 8",
    ):
        assert any(told in text for text in said), told
    assert "no address a notice could go to: 9" in str(advice(giving(Customer("9"), Assignment("192.0.2.1", "9"))))


def test_columns_must_tell_what_rows_tell():
    assert errors(made(blocks=lambda self, report: self.read(report))) == []
    for items, told in (
        (Sound.items[:-2], "blocks() gave 1 assignments, read() 2"),
        ((*Sound.items[:1], Assignment("192.0.2.0/28", "8"), *Sound.items[2:]), "192.0.2.0 is another's by blocks()"),
    ):
        [text] = errors(made(blocks=lambda self, report, items=items: iter(items)))
        assert told in text
    [text] = errors(made(blocks=raising))
    assert "no route to host; bots take it instead of read()" in text


def test_ports_and_times_are_tried():
    shared = [Assignment("192.0.2.1", "7", NOW, None, PortRange(at, at + 9)) for at in range(0, 500, 10)]
    assert errors(giving(JO, *shared)) == []
