# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Statements that are planned once for each connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg2
import pytest

if TYPE_CHECKING:
    from abusehandler.tickets.database import Database

SUM = "SELECT %(one)s::integer + %(other)s::integer + %(one)s::integer AS sum, '100%%' AS part"


def prepared_in(database: Database) -> int:
    ((number,),) = database.fetch("SELECT count(*) FROM pg_prepared_statements")
    return int(number)


def test_parameters_go_where_their_names_stand(database: Database) -> None:
    assert database.prepared(SUM, {"one": 1, "other": 40}) == [(42, "100%")]
    assert database.prepared_rows(SUM, {"one": 2, "other": 3}) == [{"sum": 7, "part": "100%"}]


def test_it_is_planned_once(database: Database) -> None:
    for other in range(10):
        database.prepared(SUM, {"one": 1, "other": other})
    assert prepared_in(database) == 1


def test_a_new_connection_knows_it_again(database: Database) -> None:
    database.prepared(SUM, {"one": 1, "other": 40})
    database.close()
    assert database.prepared(SUM, {"one": 1, "other": 40}) == [(42, "100%")]


def test_what_a_person_typed_stays_a_value(database: Database) -> None:
    text = "'); DROP TABLE tickets; -- $1 %(one)s"
    assert database.prepared("SELECT %(text)s::text", {"text": text}) == [(text,)]


def test_a_column_that_changed_is_planned_anew(database: Database) -> None:
    sql = "SELECT a.kept FROM changing a WHERE a.kept IS NOT NULL OR %(all)s::boolean"
    database.fetch("CREATE TABLE changing AS SELECT 1 AS kept")
    assert database.prepared(sql, {"all": True}) == [(1,)]
    database.fetch("ALTER TABLE changing ALTER kept TYPE text")
    assert database.prepared(sql, {"all": True}) == [("1",)]


def test_it_commits_by_itself_and_errors_are_told(database: Database) -> None:
    with pytest.raises(psycopg2.errors.DivisionByZero):
        database.prepared("SELECT 1 / %(by)s::integer", {"by": 0})
    assert database.prepared("SELECT 1 / %(by)s::integer", {"by": 1}) == [(1,)]
