# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever stands in a source: readers give what they can, or raise ConfigurationError, and nothing else."""

import contextlib
from datetime import datetime, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abusehandler.crm_connector import Query, open_directory
from abusehandler.crm_connector.layer import Problems
from abusehandler.crm_connector.row_reader import RowReader
from abusehandler.crm_connector.times import parse_moment
from abusehandler.errors import ConfigurationError

NOW = datetime(2026, 3, 1, tzinfo=timezone.utc)

#: Pieces of real files, so that chance gets past the first character.
PIECES = st.sampled_from(
    ["prefix", "customer_id", "email", "valid_from", ",", ";", "\t", "\n", "\r\n", '"', "192.0.2.", "0/24", "::1", "2001:db8::/32",
     "-", "a@b.example", "2026-01-31", "#", "\x00", "é", "\ufeff", " ", "lease 192.0.2.1 {\n", "}\n", "starts 1 2026/01/31 10:00:00;\n",
     "address,hwaddr,valid_lifetime,expire\n", "\tUser-Name = \"x\"\n", "\tAcct-Status-Type = Start\n", "customers:\n", "- id: 1\n",
     "  prefixes: [", "]", "*", "99999999999"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=60).map("".join)


@pytest.mark.parametrize("connector", ["csv", "yaml", "isc-dhcpd", "kea", "freeradius", "port-blocks", "xlsx"])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(content=st.one_of(st.binary(max_size=300), TEXTS.map(str.encode)))
def test_any_bytes(connector, content, tmp_path):
    (tmp_path / "source").write_bytes(content)
    with contextlib.suppress(ConfigurationError):
        known = open_directory({"connector": connector, "path": "source"}, base=tmp_path)
        known.lookup_many([Query("192.0.2.1", NOW, 80, "example.com"), Query("2001:db8::1", NOW)])
        assert all(isinstance(problem, str) for problem in known.problems())


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.one_of(TEXTS, st.text(max_size=20)), max_size=9), max_size=5))
def test_any_rows(rows):
    header = ["prefix", "id", "email", "valid from", "valid until", "ports", "domain", "login", "note"]
    reader = RowReader(header, {}, "rows", Problems())
    for line, cells in enumerate(rows, 1):
        list(reader.read(cells, line))
    list(reader.customers())


@given(
    st.one_of(
        st.text(max_size=40),
        st.from_regex(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4} \d{1,2}:\d{1,2}([+-]\d{4})?", fullmatch=True),
    )
)
def test_any_time(text):
    with contextlib.suppress(ValueError):
        moment = parse_moment(text)
        assert moment is None or moment.tzinfo is timezone.utc


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=timezone.utc)),
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("2026-01-31 12:00:00.123456+01:00", datetime(2026, 1, 31, 11, tzinfo=timezone.utc)),
        ("2026-01-31 12:00:00+01", datetime(2026, 1, 31, 11, tzinfo=timezone.utc)),
        ("31.12.2025 23:59", datetime(2025, 12, 31, 23, 59, tzinfo=timezone.utc)),
        ("20260131T120000Z", datetime(2026, 1, 31, 12, tzinfo=timezone.utc)),
        ("1769853600", datetime(2026, 1, 31, 10, tzinfo=timezone.utc)),
        ("", None), ("NULL", None), ("0000-00-00 00:00:00", None), ("9999-12-31", None), ("infinity", None),
    ],
)  # fmt: skip
def test_times(text, meant):
    assert parse_moment(text) == meant
