# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Full disks, damaged copies, threads that meet, and the edges of ports, names and mass changes."""

import os
import resource
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

import pytest

from abusehandler.crm_connector import Assignment, Directory, HostName, PortRange, Query, open_directory
from abusehandler.crm_connector.layer import Problems, build_layer
from abusehandler.crm_connector.link import Link, opened
from abusehandler.crm_connector.mass_change import suspicion
from abusehandler.crm_connector.snapshot import Snapshot
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def rows(count, customer="7"):
    return "prefix,id\n" + "".join(f"10.0.{at >> 8}.{at & 255},{customer}\n" for at in range(count))


def found(known, address="10.0.0.1", port=None, host=None):
    [answer] = known.lookup_many([Query(address, NOW, port, host)])
    return answer.customer.id if answer.customer else answer.outcome


@contextmanager
def no_room_for_files_larger_than(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_stops_neither_a_start_nor_new_data(tmp_path):
    section = {"connector": "csv", "path": "c.csv", "state_path": "state"}
    (tmp_path / "c.csv").write_text(rows(60_000))
    with no_room_for_files_larger_than(100_000):
        known = open_directory(section, base=tmp_path)
        assert found(known) == "7"
        [problem] = known.problems()
        assert problem.startswith(f"1-csv: no copy can be kept in state_path {tmp_path / 'state'}: File too large")
        assert list((tmp_path / "state").iterdir()) == []
    (tmp_path / "c.csv").write_text(rows(59_000))
    known.refresh(wait=True)
    assert known.problems() == []
    assert len(list((tmp_path / "state").iterdir())) == 1


def test_a_person_who_imports_onto_a_full_disk_is_told(tmp_path):
    section = {"connector": "csv", "path": "c.csv", "state_path": "state"}
    (tmp_path / "c.csv").write_text(rows(60_000))
    [link] = open_directory(section, base=tmp_path).links
    with no_room_for_files_larger_than(100_000), pytest.raises(ConfigurationError, match="no copy can be kept"):
        link.read_fresh(keep=True)


def test_neither_source_nor_copy_can_be_read(tmp_path):
    section = {"connector": "csv", "path": "c.csv", "state_path": "state"}
    (tmp_path / "c.csv").write_text(rows(20))
    open_directory(section, base=tmp_path)
    (tmp_path / "c.csv").unlink()
    [copy] = (tmp_path / "state").iterdir()
    copy.write_bytes(copy.read_bytes()[:-20])
    with pytest.raises(
        ConfigurationError, match=r"c\.csv: No such file.*; and the last good copy does not help: .*damaged"
    ):
        open_directory(section, base=tmp_path)


class Counting:
    """A remote source that tells another customer each time it is read."""

    remote = True

    def __init__(self):
        self.number = 0

    def mark(self):
        return str(self.number)

    def read(self, report):
        self.number += 1
        yield Assignment("192.0.2.0/24", str(self.number))
        yield Assignment("2001:db8::/32", str(self.number))


def test_a_batch_sees_one_state_while_others_are_switched_in():
    link = opened(Link("counting", Counting(), every=timedelta(0)))
    known = Directory([link])
    questions = [Query(address, NOW) for address in ("192.0.2.1", "2001:db8::1")] * 50
    over = threading.Event()

    def refresh():
        while not over.is_set():
            known.refresh()
            known.refresh(wait=True)

    thread = threading.Thread(target=refresh)
    thread.start()
    seen = set()
    try:
        while len(seen) < 5:
            answers = known.lookup_many(questions)
            [whose] = {answer.customer.id for answer in answers}
            seen.add(whose)
    finally:
        over.set()
        thread.join()


def test_what_a_thread_read_is_never_lost():
    """However the reading and the taking meet: the last word of the source serves in the end."""
    connector = Counting()
    link = opened(Link("counting", connector, every=timedelta(0)))
    for _ in range(200):
        link.refresh()
    link.refresh(wait=True)
    assert link.layer is not None
    assert link.layer.customer_ids == [str(connector.number)]


def layer(*items):
    return build_layer(
        [Assignment(prefix, who, start) for prefix, who, *limits in items for start in limits or [None]], Problems()
    )


def test_mass_changes_are_counted_in_both_families():
    old = [(f"192.0.2.{at}", "7") for at in range(0, 40, 2)] + [(f"2001:db8:{at:x}::/48", "7") for at in range(20)]
    leases = [(f"192.0.2.{at}", "7", NOW) for at in range(100, 140)]
    assert suspicion(layer(*old, *leases), layer(*old), 20) == ""
    more = [(f"192.0.2.{at}", "9") for at in range(1, 41, 2)] + [("2001:db8::/32", "9"), ("192.0.2.0/24", "9")]
    assert suspicion(layer(*old), layer(*old, *more), 20) == ""
    assert "9 of 40 prefixes would be gone (22 %" in suspicion(layer(*old), layer(*old[:-9], *more), 20)
    assert suspicion(layer(*old), layer(*old[:-8], *more), 20) == ""
    assert "20 of 40 prefixes would change" in suspicion(
        layer(*old), layer(*old[:20], *((p, "8") for p, _ in old[20:])), 20
    )
    assert "40 of 40 prefixes would be gone" in suspicion(layer(*old), layer(), 20)
    assert suspicion(layer(), layer(*old), 20) == ""


def test_the_edges_of_port_blocks():
    known = Snapshot([build_layer(
        [Assignment("192.0.2.1", "a", ports=PortRange(0, 1023)), Assignment("192.0.2.1", "b", ports=PortRange(1024, 2047)),
         Assignment("192.0.2.1", "c", ports=PortRange(65535, 65535)), Assignment("192.0.2.2", "d", ports=PortRange(0, 65535)),
         Assignment("192.0.2.0/24", "carrier")],
        Problems(),
    )], skew=60)  # fmt: skip
    whose = {port: found(known, "192.0.2.1", port) for port in (0, 1023, 1024, 2047, 2048, 65534, 65535)}
    assert whose == {0: "a", 1023: "a", 1024: "b", 2047: "b", 2048: "carrier", 65534: "carrier", 65535: "c"}
    assert found(known, "192.0.2.1") == "ambiguous"
    assert found(known, "192.0.2.2") == found(known, "192.0.2.2", 0) == found(known, "192.0.2.2", 65535) == "d"


def test_the_edges_of_clock_skew():
    known = Snapshot([build_layer(
        [Assignment("192.0.2.1", "a", NOW - timedelta(hours=1), NOW), Assignment("192.0.2.1", "b", NOW + timedelta(seconds=120))],
        Problems(),
    )], skew=60)  # fmt: skip

    def at(seconds):
        [answer] = known.lookup_many([Query("192.0.2.1", NOW + timedelta(seconds=seconds))])
        return answer.customer.id if answer.customer else answer.outcome

    assert [at(seconds) for seconds in (-1, 0, 59, 60, 61, 119, 120)] == ["a", "a", "a", "b", "b", "b", "b"]


def test_mapped_prefixes_and_the_whole_internet_in_disguise():
    problems = Problems()
    known = Snapshot([build_layer(
        [Assignment("::ffff:192.0.2.0/120", "a"), Assignment("::ffff:0:0/96", "all"), Assignment("::/0", "all"),
         Assignment("0.0.0.0/0", "all"), Assignment("fe80::1%eth0", "zone")],
        problems,
    )])  # fmt: skip
    assert found(known, "192.0.2.9") == found(known, "::ffff:192.0.2.9") == found(known, "::FFFF:c000:209") == "a"
    assert found(known, "198.51.100.1") == found(known, "2001:db8::1") == found(known, "fe80::1") == "none"
    assert len(problems.texts()) == 4


@pytest.mark.parametrize("name", ["co.uk", "*.co.uk", "公司.cn", "xn--55qx5d.cn", "COM.", "http://co.uk/", "foo.ck"])
def test_public_suffixes_in_any_spelling(name):
    problems = Problems()
    build_layer([HostName(name, "greedy", "names.csv", 4)], problems)
    [problem] = problems.texts()
    assert problem.startswith("names.csv:4: ")
    assert "public suffix" in problem


def test_names_in_any_spelling():
    known = Snapshot([build_layer(
        [HostName("STRASSE.example", "a"), HostName("bücher.example.", "b"), HostName("https://user@shop.example:8443/x", "c"),
         HostName("www.ck", "d"), HostName("_dmarc.mail.example", "e")],
        problems := Problems(),
    )])  # fmt: skip
    assert found(known, None, host="strasse.example") == "a"
    assert found(known, None, host="ＢÜCHER。example") == "b"
    assert found(known, None, host="BÜCHER.example.") == "b"
    assert found(known, None, host="a.www.ck") == "d"
    assert found(known, None, host="_dmarc.mail.example") == "e"
    assert found(known, None, host="mail.example") == "none"
    assert problems.texts() == []
    assert found(known, None, host="shop.example") == "c"


def test_the_copy_belongs_to_the_bots_user_alone(tmp_path):
    (tmp_path / "c.csv").write_text(rows(3))
    open_directory({"connector": "csv", "path": "c.csv", "state_path": "state"}, base=tmp_path)
    [copy] = (tmp_path / "state").iterdir()
    assert os.stat(copy).st_mode & 0o077 == 0  # noqa: PTH116
