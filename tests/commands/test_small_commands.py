# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler config`, `db`, `harmonization`, `ticket` and `notice` as a person types them."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from abusehandler.cli import COMMANDS, main
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.harmonization.fields import our_fields
from abusehandler.tickets.aggregate import TicketStore
from abusehandler.tickets.incoming import Incoming
from abusehandler.tickets.outbox import Outbox, Recipient
from abusehandler.tickets.policy import NoticeSchedule

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

STOCK = Path(str(resources.files("intelmq"))) / "etc" / "harmonization.conf"
RIGHT: dict[str, Any] = {
    "organisation": {"name": "Example", "abuse_address": "abuse@example.net"},
    "evidence": {"path": "evidence"},
    "customers": {"connector": "csv", "path": "customers.csv"},
}


class Desk:
    """Runs commands against one abusehandler.yaml."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys

    def configure(self, **sections: Any) -> None:
        self.path.write_text(yaml.safe_dump({**RIGHT, **sections}), encoding="utf-8")

    def __call__(self, *words: str) -> tuple[int, str]:
        code = main(words)
        captured = self._capsys.readouterr()
        return code, captured.out + captured.err


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    desk = Desk(tmp_path / "abusehandler.yaml", capsys)
    monkeypatch.setenv("ABUSEHANDLER_CONFIG", str(desk.path))
    desk.configure()
    return desk


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main([name, "--help"])
    assert caught.value.code == 0
    assert COMMANDS[name] in capsys.readouterr().out


def test_right_configuration(desk: Desk) -> None:
    assert desk("config", "check") == (0, f"{desk.path}: right.\n")


def test_every_fault_is_told_with_its_line(desk: Desk) -> None:
    desk.configure(notices={"setle_seconds": 3}, networks={"prefixes": ["192.0.2.1/24"]})
    code, said = desk("config", "check")
    assert code == 1
    assert "write 'settle_seconds'" in said
    assert "write 192.0.2.0/24" in said
    assert said.count(", line ") == 2


def test_show_prints_the_defaults_too(desk: Desk) -> None:
    code, said = desk("config", "show")
    assert code == 0
    assert yaml.safe_load(said)["notices"]["digest_hour"] == 8


def test_explain(desk: Desk) -> None:
    code, said = desk("config", "explain", "notices.digest_hour")
    assert code == 0
    assert "Hour of the day" in said
    assert "Default: 8" in said
    assert desk("config", "explain")[1].count("\n") > 40
    code, said = desk("config", "explain", "notices.digest_our")
    assert code == 1
    assert "did you mean notices.digest_hour" in said


@pytest.fixture
def harmonization(tmp_path: Path) -> Path:
    path = tmp_path / "harmonization.conf"
    path.write_text(STOCK.read_text(encoding="utf-8"), encoding="utf-8")
    return path


def test_merge_adds_our_fields_and_takes_nothing_away(desk: Desk, harmonization: Path) -> None:
    before = json.loads(harmonization.read_text(encoding="utf-8"))
    before["event"]["own.field"] = {"type": "String", "description": "an operator's own"}
    before["event"]["customer.id"] = {"type": "String", "length": 9, "description": "changed by the operator"}
    harmonization.write_text(json.dumps(before), encoding="utf-8")
    harmonization.chmod(0o640)
    code, said = desk("harmonization", "merge")
    assert code == 0
    assert "customer.match" in said
    after = json.loads(harmonization.read_text(encoding="utf-8"))
    for kind, fields in before.items():
        for name, definition in fields.items():
            assert after[kind][name] == definition
    for kind, fields in our_fields().items():
        assert fields.keys() <= after[kind].keys()
    assert harmonization.stat().st_mode & 0o777 == 0o640
    assert sorted(path.name for path in harmonization.parent.glob("harm*")) == ["harmonization.conf"]


def test_merge_again_does_not_touch_the_file(desk: Desk, harmonization: Path) -> None:
    desk("harmonization", "merge")
    before = harmonization.stat()
    code, said = desk("harmonization", "merge")
    assert (code, "all our fields were there" in said) == (0, True)
    assert harmonization.stat().st_ino == before.st_ino
    assert desk("harmonization", "check")[0] == 0


def test_merge_behind_a_link_keeps_the_link(desk: Desk, harmonization: Path) -> None:
    real = harmonization.rename(harmonization.parent / "real.conf")
    harmonization.symlink_to(real)
    assert desk("harmonization", "merge")[0] == 0
    assert harmonization.is_symlink()
    assert "customer.id" in real.read_text(encoding="utf-8")


def test_check_says_what_is_missing(desk: Desk, harmonization: Path) -> None:
    code, said = desk("harmonization", "check")
    assert code == 1
    assert "event: customer.id" in said
    assert "abusehandler harmonization merge" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [(b'{"event": {\n  oops', ", line 2: not JSON"), (b"[]", "object of objects"), (b'{"event": []}', "object of objects"),
     (b"\xff\xfe", "cannot be read"), (None, "there is no such file")],
)  # fmt: skip
def test_broken_harmonization_is_explained_and_left_alone(
    desk: Desk, harmonization: Path, content: bytes | None, words: str
) -> None:
    harmonization.unlink() if content is None else harmonization.write_bytes(content)
    code, said = desk("harmonization", "merge")
    assert code == 1
    assert words in said
    assert str(harmonization) in said
    if content is not None:
        assert harmonization.read_bytes() == content


def test_database_is_made_and_looked_at(desk: Desk, empty_dsn: str) -> None:
    desk.configure(database={"dsn": empty_dsn})
    code, said = desk("db", "status")
    assert code == 1
    assert "abusehandler db upgrade" in said
    code, said = desk("db", "upgrade")
    assert code == 0
    assert "applied 0001 store" in said
    assert desk("db", "status")[0] == 0
    assert "applied" not in desk("db", "upgrade")[1]


def test_database_away_is_explained(desk: Desk, tmp_path: Path) -> None:
    desk.configure(database={"dsn": f"dbname=x host={tmp_path}"})
    for words in (("db", "status"), ("ticket", "list"), ("notice", "list")):
        code, said = desk(*words)
        assert code == 1
        assert "PostgreSQL cannot be reached" in said
        assert "Traceback" not in said


@pytest.fixture
def small_store(desk: Desk, dsn: str, database: Database) -> Desk:
    """Two tickets of two customers, one mail that waits; names that a stranger chose to harm a terminal."""
    desk.configure(database={"dsn": dsn})
    store = TicketStore(database, Incoming(Catalogue.load(), NoticeSchedule(policy="at-once")))
    event = {
        "classification.type": "brute-force", "time.source": "2026-11-20T10:00:00+00:00", "feed.name": "Feed",
        "customer.match": "one",
    }  # fmt: skip
    store.store(
        [
            {**event, "source.ip": "192.0.2.1", "customer.id": "C1", "customer.name": "Customer One"},
            {**event, "source.account": "evil\x1b[31m\x9b2J\u202e\nname", "customer.id": "C2"},
        ]
    )
    database.fetch("UPDATE tickets SET notify_due = now() WHERE customer_id = 'C1'")
    outbox = Outbox(database, "me", message_id_domain="example.net")
    outbox.prepare()
    outbox.address(lambda _: [Recipient("one@example.com")])
    return desk


def test_tickets_are_listed(small_store: Desk) -> None:
    code, said = small_store("ticket", "list")
    assert code == 0
    assert "192.0.2.1" in said
    assert "Customer One" in said
    assert "high" in said
    assert len(said.splitlines()) == 3
    assert "(none)" in small_store("ticket", "list", "--state", "closed")[1]


def test_control_characters_never_reach_the_terminal(small_store: Desk) -> None:
    for words in (("ticket", "list"), ("ticket", "list", "--json")):
        said = small_store(*words)[1]
        assert not any(character in said for character in "\x1b\x9b\u202e")
    rows = [json.loads(line) for line in small_store("ticket", "list", "--json")[1].splitlines()]
    assert "evil\x1b[31m\x9b2J\u202e\nname" in {row["resource"] for row in rows}


def test_ticket_is_shown(small_store: Desk, database: Database) -> None:
    ((number,),) = database.fetch("SELECT id FROM tickets WHERE customer_id = 'C1'")
    code, said = small_store("ticket", "show", str(number))
    assert code == 0
    assert "192.0.2.1" in said
    assert "one@example.com" in said


def test_ticket_that_does_not_exist_is_explained(small_store: Desk) -> None:
    code, said = small_store("ticket", "show", "4711")
    assert code == 1
    assert "4711" in said


def test_mails_are_listed(small_store: Desk) -> None:
    code, said = small_store("notice", "list")
    assert code == 0
    assert "one@example.com" in said
    assert "waiting" in said
    assert "(none)" in small_store("notice", "list", "--state", "sent")[1]
