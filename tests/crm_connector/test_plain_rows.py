# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Many rows at once are read as each alone: the same assignments, customers, messages with the same lines."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abusehandler.crm_connector import Assignment, open_directory
from abusehandler.crm_connector.addresses import parse_prefix, parse_prefixes
from abusehandler.crm_connector.files.delimited import DelimitedFile
from abusehandler.crm_connector.layer import Layer, Problems, build_layer
from abusehandler.crm_connector.plain_rows import PlainRows
from abusehandler.crm_connector.row_reader import RowReader

CELLS = st.sampled_from(
    ["192.0.2.0/24", "192.0.2.7", "192.0.2.7/24", "192.0.2.0/33", "192.0.2.4-192.0.2.9", "192.0.2.0/255.255.255.0", "300.1.1.1",
     "010.000.000.001", "192.0.2.1/", "/24", "", " 192.0.2.9 ", "2001:db8::/48", "2001:db8::1/48", "2001:db8::", "::ffff:192.0.2.1",
     "0.0.0.0/0", "::/0", "fe80::1%eth0", "192.0.2.1\n192.0.2.2", "192.0.2.128/25", "198.51.100.0/024", "198.51.100.0/08"]
)  # fmt: skip


def told(layer: Layer) -> tuple[list[Assignment], object]:
    return list(layer.assignments()), layer.customers


@given(st.lists(CELLS | st.text(max_size=12) | st.ip_addresses().map(str), max_size=25))
def test_prefixes_at_once_are_those_of_each_alone(texts: list[str]) -> None:
    families, left = parse_prefixes(texts)
    found = {
        position: (bits, head >> 8, head & 0xFF)
        for bits, positions, heads in families
        for position, head in zip(positions, heads, strict=True)
    }
    assert sorted([*found, *left]) == list(range(len(texts)))
    for position, prefix in found.items():
        assert parse_prefix(texts[position]) == (*prefix, False)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            CELLS, st.sampled_from(["7", "8", " 9", ""]), st.sampled_from(["a@b.example", "c@d.example, e@f.example", "x"])
        ).map(list)
        | st.lists(st.sampled_from(["192.0.2.1", "7"]), max_size=2),
        max_size=30,
    )
)  # fmt: skip
def test_a_block_is_read_as_its_rows(rows: list[list[str]]) -> None:
    header, lines = ["prefix", "id", "email"], range(5, 5 + len(rows))
    layers, messages = [], []
    for at_once in (True, False):
        problems = Problems()
        reader = RowReader(header, {}, "c.csv", problems)
        if at_once:
            items = list(reader.read_block(lines, rows))
        else:
            items = [item for line, cells in zip(lines, rows, strict=True) for item in reader.read(cells, line)]
        layers.append(told(build_layer([*items, *reader.customers()], problems)))
        messages.append(sorted(problems.texts()))
    assert layers[0] == layers[1]
    assert messages[0] == messages[1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_through_all_blocks(tmp_path, end):
    """2,000 rows; here and there a wrong one, a comment, and a quoted cell that goes on behind the end of a block."""
    lines = ["prefix,id,note"] + [f"10.0.{at >> 8}.{at & 255},{at % 9}," for at in range(2000)]
    lines[1200] = "10.9.9.9.9,3,"
    lines[1500] = "# a comment, of two cells"
    lines[1700] = "10.8.0.1/24,3,"
    for last in range(1, 2001):  # wherever a block ends, there is one
        if last % 50 == 9:
            lines[last] = lines[last] + f'"two{end}lines"'
    (tmp_path / "c.csv").write_bytes(end.join([*lines, ""]).encode())
    known = open_directory({"connector": "csv", "path": "c.csv"}, base=tmp_path)
    [layer] = known.snapshot.layers
    shift = {number: sum(at % 50 == 9 for at in range(1, number)) for number in (1200, 1500, 1700, 2000)}
    assert len(layer.index) == 1998
    assert [problem.partition(" ")[0] for problem in known.problems()] == [
        f"c.csv:{1201 + shift[1200]}:",
        f"c.csv:{1701 + shift[1700]}:",
    ]
    last = next(item for item in layer.assignments() if item.prefix == "10.0.7.207/32")
    assert last.line == 2001 + shift[2000]


def test_a_large_file_that_ends_within_a_row(tmp_path):
    text = "prefix,id,email\n" + "".join(f"10.0.{at >> 8}.{at & 255},7,a@b.example\n" for at in range(1400))
    (tmp_path / "c.csv").write_text(text + "10.1.0.0/1")
    known = open_directory({"connector": "csv", "path": "c.csv"}, base=tmp_path)
    assert known.problems() == ["c.csv:1402: the file ends within this row; left out. Is the file complete?"]
    assert len(known.snapshot.layers[0].index) == 1400


def test_who_wants_single_values_gets_them(tmp_path):
    (tmp_path / "c.csv").write_text("prefix,id\n192.0.2.0/25,7\n192.0.2.128/25,8\n")
    file = DelimitedFile({"path": "c.csv"}, tmp_path)
    assert [type(block) for block in file.blocks(Problems())][:1] == [PlainRows]
    assert [(item.prefix, item.place) for item in file.read(Problems()) if isinstance(item, Assignment)] == [
        ("192.0.2.0/25", "c.csv:2"),
        ("192.0.2.128/25", "c.csv:3"),
    ]


def test_rows_come_back_from_the_last_good_copy(tmp_path):
    text = "prefix,id\n" + "".join(f"10.0.{at >> 8}.{at & 255},{at % 7}\n" for at in range(1200)) + "2001:db8::/48,7\n"
    (tmp_path / "c.csv").write_text(text + "10.1.0.1-10.1.0.2,3\n")
    section = {"connector": "csv", "path": "c.csv", "state_path": "state"}
    before = told(open_directory(section, base=tmp_path).snapshot.layers[0])
    (tmp_path / "c.csv").unlink()
    assert told(open_directory(section, base=tmp_path).snapshot.layers[0]) == before


@pytest.mark.parametrize(
    "spoil", [[["2.3"], ["7"], [1]], [["192.0.2.1"], [7], [1]], [["192.0.2.1"], ["7"], []], [["192.0.2.1"], ["7"], [-1]], [1, 2, 3]]
)  # fmt: skip
def test_a_copy_with_a_damaged_block_is_not_used(tmp_path, spoil):
    (tmp_path / "c.csv").write_text("prefix,id\n192.0.2.0/24,7\n")
    section = {"connector": "csv", "path": "c.csv", "state_path": "state"}
    open_directory(section, base=tmp_path)
    (tmp_path / "c.csv").unlink()
    [copy] = (tmp_path / "state").iterdir()
    head, *_, end, _ = copy.read_bytes().split(b"\n")
    prefixes, customers, lines = spoil
    block = orjson.dumps(["r", "c.csv", lines, customers, prefixes])
    copy.write_bytes(b"\n".join([head, block, end, b""]))
    with pytest.raises(Exception, match=r"No such file.* and the last good copy does not help: .*damaged"):
        open_directory(section, base=tmp_path)
