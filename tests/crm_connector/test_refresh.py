# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Data that changes, breaks, and comes back: the last good state keeps serving, across restarts too."""

import os
import time
from datetime import datetime, timedelta, timezone

import pytest

from abusehandler.crm_connector import Assignment, Customer, Query, check_settings, open_directory
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def rows(count, customer="7"):
    return "prefix,id\n" + "".join(f"192.0.2.{at},{customer}\n" for at in range(count))


def write(path, text):
    """Put the file in place as a careful export does, by renaming."""
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)  # noqa: PTH105


def found(known, address="192.0.2.1"):
    [answer] = known.lookup_many([Query(address, NOW)])
    return answer.customer.id if answer.customer else answer.outcome


@pytest.fixture
def settings():
    return {"connector": "csv", "path": "c.csv"}


def test_a_changed_file_is_read_again(tmp_path, settings):
    write(tmp_path / "c.csv", rows(5))
    known = open_directory(settings, base=tmp_path)
    assert known.refresh() is False
    write(tmp_path / "c.csv", rows(5, "8"))
    assert found(known) == "7"
    assert known.refresh() is True
    assert found(known) == "8"
    assert known.refresh() is False


@pytest.mark.parametrize("spoil", ["<html>no</html>", None])
def test_a_broken_file_keeps_the_last_good_state(tmp_path, settings, spoil):
    write(tmp_path / "c.csv", rows(50))
    known = open_directory(settings, base=tmp_path)
    if spoil is None:
        (tmp_path / "c.csv").unlink()
    else:
        write(tmp_path / "c.csv", spoil)
    assert known.refresh() is False
    assert found(known) == "7"
    assert "keeps serving" in known.problems()[0]
    write(tmp_path / "c.csv", rows(50, "8") + "198.51.100.1,8\n" * 3)
    write(tmp_path / "c.csv", rows(51))
    assert known.refresh() is True
    assert known.problems() == []


@pytest.mark.parametrize("text", [rows(30), rows(0), rows(100, "9")], ids=["cut", "empty", "all moved"])
def test_a_mass_change_needs_a_person(tmp_path, settings, text):
    write(tmp_path / "c.csv", rows(100))
    known = open_directory(settings, base=tmp_path)
    write(tmp_path / "c.csv", text)
    assert known.refresh() is False
    assert found(known, "192.0.2.99") == "7"
    assert "not taken" in known.problems()[0]
    assert "of 100 prefixes would" in known.problems()[0]
    write(tmp_path / "c.csv", rows(90))
    assert known.refresh() is True
    assert found(known, "192.0.2.99") == "none"


def test_the_limit_of_a_mass_change_is_a_setting(tmp_path, settings):
    write(tmp_path / "c.csv", rows(100))
    known = open_directory({**settings, "max_gone_percent": 80}, base=tmp_path)
    write(tmp_path / "c.csv", rows(30))
    assert known.refresh() is True


def test_a_restart_while_the_source_is_broken(tmp_path, settings):
    settings["state_path"] = "state"
    write(tmp_path / "c.csv", rows(100))
    open_directory(settings, base=tmp_path)
    (tmp_path / "c.csv").unlink()
    known = open_directory(settings, base=tmp_path)
    assert found(known) == "7"
    assert "cannot be read" in known.problems()[0]
    write(tmp_path / "c.csv", rows(100, "7"))
    assert known.refresh() is True
    assert known.problems() == []


def test_a_restart_with_a_cut_file(tmp_path, settings):
    settings["state_path"] = "state"
    write(tmp_path / "c.csv", rows(100))
    open_directory(settings, base=tmp_path)
    write(tmp_path / "c.csv", rows(20))
    known = open_directory(settings, base=tmp_path)
    assert found(known, "192.0.2.99") == "7"
    assert "not taken" in known.problems()[0]
    assert len(list((tmp_path / "state").iterdir())) == 1


def test_a_restart_with_a_shifted_column(tmp_path, settings):
    """As many prefixes as before, all of other customers."""
    settings["state_path"] = "state"
    write(tmp_path / "c.csv", rows(100))
    open_directory(settings, base=tmp_path)
    write(tmp_path / "c.csv", rows(100, "8"))
    known = open_directory(settings, base=tmp_path)
    assert found(known) == "7"
    assert "100 of 100 prefixes would change their customer" in known.problems()[0]


def test_who_only_looks_changes_nothing(tmp_path, settings):
    settings["state_path"] = "state"
    write(tmp_path / "c.csv", rows(100))
    assert found(open_directory(settings, base=tmp_path, read_only=True)) == "7"
    assert not (tmp_path / "state").exists()
    open_directory(settings, base=tmp_path)
    [copy] = (tmp_path / "state").iterdir()
    before = copy.read_bytes()
    write(tmp_path / "c.csv", rows(99))
    assert found(open_directory(settings, base=tmp_path, read_only=True), "192.0.2.99") == "none"
    assert copy.read_bytes() == before


def test_a_damaged_copy_is_not_used(tmp_path, settings):
    settings["state_path"] = "state"
    write(tmp_path / "c.csv", rows(100))
    open_directory(settings, base=tmp_path)
    [copy] = (tmp_path / "state").iterdir()
    assert copy.stat().st_mode & 0o077 == 0
    copy.write_bytes(copy.read_bytes()[:-100])
    (tmp_path / "c.csv").unlink()
    with pytest.raises(ConfigurationError):
        open_directory(settings, base=tmp_path)


def test_a_copy_keeps_everything(tmp_path):
    settings = {"connector": "abusehandler.crm_connector.stub:StubConnector", "state_path": str(tmp_path)}
    known = open_directory(settings, base=tmp_path)
    [link] = known.links
    again = link.copy.load()
    assert again.customers == link.layer.customers
    assert list(again.assignments()) == list(link.layer.assignments())
    assert list(again.host_names()) == list(link.layer.host_names())


class Slow:
    """A remote system that can be told what to do."""

    remote = True
    answer: object = "first"

    def __init__(self, settings, base):
        pass

    def mark(self):
        return ""

    def read(self, report):
        if isinstance(Slow.answer, Exception):
            raise Slow.answer
        yield Assignment("192.0.2.1", str(Slow.answer))
        yield Customer(str(Slow.answer))


def wait_for(known):
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if known.refresh():
            return True
        time.sleep(0.01)
    return False


def test_a_remote_source_is_read_in_the_background(tmp_path):
    Slow.answer = "first"
    known = open_directory({"connector": f"{__name__}:Slow", "every_minutes": 0}, base=tmp_path)
    assert found(known) == "first"
    Slow.answer = "second"
    assert wait_for(known)
    while found(known) != "second":
        assert wait_for(known)
    Slow.answer = RuntimeError("the billing system is on fire")
    known.links[0].refresh(wait=True)
    assert found(known) == "second"
    assert "RuntimeError: the billing system is on fire" in known.problems()[0]
    # The circuit is open: a broken system is left alone for a while.
    Slow.answer = "third"
    assert known.refresh(wait=True) is False


def test_a_remote_source_that_tells_no_changes_is_not_read_all_the_time(tmp_path):
    Slow.answer = "first"
    known = open_directory({"connector": f"{__name__}:Slow"}, base=tmp_path)
    Slow.answer = "second"
    assert [known.refresh() for _ in range(20)] == [False] * 20
    assert found(known) == "first"
    assert known.refresh(wait=True) is True
    assert found(known) == "second"


def test_a_restart_does_not_wait_for_a_remote_source(tmp_path):
    """The copy serves at once, and is replaced in the background."""
    Slow.answer = "first"
    settings = {"connector": f"{__name__}:Slow", "state_path": "state", "every_minutes": 0}
    open_directory(settings, base=tmp_path)
    Slow.answer = "second"
    known = open_directory(settings, base=tmp_path)
    assert found(known) == "first"
    assert wait_for(known)
    assert found(known) == "second"
    [copy] = (tmp_path / "state").glob("*.copy")
    lines = copy.read_bytes().splitlines(keepends=True)
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / copy.name).write_bytes(lines[0] + b"{rubbish\n" + lines[-1])
    Slow.answer = "third"
    assert found(open_directory({**settings, "state_path": "damaged"}, base=tmp_path)) == "third"


def test_data_that_grows_old_raises_the_alarm(tmp_path):
    Slow.answer = "first"
    known = open_directory({"connector": f"{__name__}:Slow", "max_age_hours": 1}, base=tmp_path)
    assert known.problems() == []
    known.links[0]._good_at -= timedelta(hours=2)
    assert "the data is old, read " in known.problems()[0]


def test_an_own_class_in_an_own_file(tmp_path):
    text = "from abusehandler.crm_connector.stub import StubConnector\nclass Ours(StubConnector):\n    pass\n"
    (tmp_path / "our_crm.py").write_text(text)
    known = open_directory({"connector": "our_crm.py:Ours"}, base=tmp_path)
    assert found(known, "192.0.2.7") == "1001"
    (tmp_path / "our_crm.py").write_text("import nothing_of_this_name\n")
    with pytest.raises(ConfigurationError, match="No module named 'nothing_of_this_name'"):
        open_directory({"connector": "our_crm.py:Ours"}, base=tmp_path)
    with pytest.raises(ConfigurationError, match="there is no file"):
        open_directory({"connector": "other.py:Ours"}, base=tmp_path)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "connector: csv"),
        ({"connector": "cvs"}, "no 'cvs'"),
        ({"connector": "csv"}, "path: write the path"),
        ({"connector": "csv", "path": "c.csv", "pfad": "x"}, "pfad: no such setting"),
        ({"connector": "csv", "path": "c.csv", "delimeter": ";"}, "did you mean delimiter"),
        ({"connector": "csv", "path": "c.csv", "delimiter": "ab"}, "delimiter: one character"),
        ({"connector": "csv", "path": "c.csv", "encoding": "latin-x"}, "no encoding"),
        (
            {"connector": "csv", "path": "c.csv", "time_zone": 7, "max_gone_percent": "x"},
            "max_gone_percent: write a number",
        ),
        ({"connector": "csv", "path": "c.csv", "clock_skew_seconds": -1}, "clock_skew_seconds: write a number"),
        ({"chain": []}, "chain: write a list"),
        ({"chain": [{"connector": "csv", "path": "c.csv"}], "path": "x"}, "stands beside chain"),
        ({"connector": "no.such.module:Class"}, "No module named"),
        ({"connector": "json:NoClass"}, "has no class NoClass"),
        ({"connector": "builtins:int"}, "connector builtins:int"),
    ],
)
def test_wrong_settings_say_what_to_write(settings, told, tmp_path):
    [problem] = check_settings(settings)
    assert told in problem
    with pytest.raises(ConfigurationError):
        open_directory(settings, base=tmp_path)


def test_right_settings(tmp_path):
    settings = {"connector": "csv", "path": "c.csv"}
    assert check_settings(settings) == []
    assert "No such file" in check_settings(settings, base=tmp_path)[0]


def test_a_large_file_is_read_in_the_background(tmp_path, settings, monkeypatch):
    write(tmp_path / "c.csv", rows(50))
    known = open_directory(settings, base=tmp_path)
    monkeypatch.setattr("abusehandler.crm_connector.files.delimited._LARGE", 100)
    write(tmp_path / "c.csv", rows(50, "8") + "\n" * 10)
    known.links[0]._max_gone = 100
    assert wait_for(known)
    assert found(known) == "8"
    # It shrinks while a thread has read it: the newer state is the one that counts.
    write(tmp_path / "c.csv", rows(50, "9"))
    assert known.refresh(wait=True)
    assert found(known) == "9"


def test_a_large_file_that_is_cut_in_the_middle(tmp_path, settings):
    """An export that died: its half row names somebody else's address, and all below it are gone."""
    lines = [f"10.{at >> 8}.{at & 255}.0/24,{at}\n" for at in range(20_000)]
    write(tmp_path / "c.csv", "prefix,id\n" + "".join(lines))
    known = open_directory(settings, base=tmp_path)
    whole = (tmp_path / "c.csv").read_text()
    write(tmp_path / "c.csv", whole[: len(whole) // 2 + 3])
    assert known.refresh(wait=True) is False
    assert found(known, "10.78.31.1") == "19999"
    told = known.problems()[0]
    assert "of 20000 prefixes would be gone" in told
    assert "crm import --accept" in told
