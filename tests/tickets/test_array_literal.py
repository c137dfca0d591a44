# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever stands in a text comes back from PostgreSQL as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abusehandler.tickets.array_literal import plain_array, text_array

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

texts = st.lists(
    st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20), max_size=10
)


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(values=texts)
def test_any_text_comes_back(database: Database, values: list[str | None]) -> None:
    assert database.fetch("SELECT %s::text[]", (text_array(values),)) == [(values,)]


def test_words_of_the_array_form_itself(database: Database) -> None:
    values = ["NULL", "", "{", "}", ",", '"', "\\", '\\"', " a ", "a,b"]
    assert database.fetch("SELECT %s::text[]", (text_array(values),)) == [(values,)]


def test_numbers_times_and_nothing(database: Database) -> None:
    assert database.fetch("SELECT %s::bigint[]", (plain_array([1, None, -3]),)) == [([1, None, -3],)]
    assert database.fetch("SELECT %s::boolean[]", (plain_array([True, False]),)) == [([True, False],)]
    assert database.fetch("SELECT (%s::interval[])[1] = interval '1 day'", (plain_array(["86400.0s"]),)) == [(True,)]
    assert database.fetch("SELECT %s::bigint[]", (plain_array([]),)) == [([],)]
