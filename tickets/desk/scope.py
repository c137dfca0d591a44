# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The one place where an account's people are kept to their own customers.

Each statement in tickets/sql/desk/ says where it is to be limited, `{visible n.customer_id}` (for tickets `{visible
t.account_id}`, which an index serves), or that it is for people without such a limit only, `{operators only}`. A statement
that says neither is refused, whoever asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.queries import dicts, statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

Row = dict[str, Any]
_VISIBLE = re.compile(r"\{visible ([a-z_]+\.?[a-z_]+)\}")
_OPERATORS_ONLY = "{operators only}"
_FILTERS = "{filters}"


class OutOfScopeError(AbusehandlerError):
    """Somebody of one account asked for what belongs to all."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose data may be seen: one account's, or with None everybody's.

    `wide`: the account has so many customers that a list is read in its order until enough fits, instead of looking up
    all that belongs to the account first. Both say the same.
    """

    account: str | None = None
    wide: bool = False

    def limit(self, sql: str) -> str:
        """The statement with its marks replaced. Raises OutOfScopeError for one that is for operators only."""
        if _OPERATORS_ONLY in sql:
            if self.account is not None:
                raise OutOfScopeError("this page is for the operator's own people")
            return sql.replace(_OPERATORS_ONLY, "TRUE")
        limited, marks = _VISIBLE.subn(self._condition, sql)
        if not marks:
            raise AssertionError("a statement of the desk says neither {visible ...} nor {operators only}")
        return limited

    def _condition(self, match: re.Match[str]) -> str:
        if self.account is None:
            return "TRUE"
        if match[1].rpartition(".")[2] == "account_id":
            # a ticket's own, which the database keeps equal to its customer's (migration 0011)
            return f"{match[1]} = %(account)s"
        if self.wide:
            return f"(SELECT own.account_id FROM customers own WHERE own.id = {match[1]}) = %(account)s"  # noqa: S608  # a column of ours
        return f"{match[1]} IN (SELECT id FROM customers WHERE account_id = %(account)s)"  # noqa: S608  # a column of ours


EVERYTHING = Scope()


def read(
    database: Database, scope: Scope, statement: str, filters: Sequence[str] = (), /, **parameters: Any
) -> list[Row]:
    """The rows of one statement, named `file.name` as in `ticket_page.notes`, as dicts.

    `filters` are names of conditions in the same file, put where the statement says `{filters}`; what people typed is
    in `parameters` only.
    """
    with database.transaction() as cursor:
        return rows(cursor, scope, statement, filters, **parameters)


def rows(cursor: Cursor, scope: Scope, statement: str, filters: Sequence[str] = (), /, **parameters: Any) -> list[Row]:
    """The same within a transaction."""
    file, _, name = statement.partition(".")
    texts = statements(f"desk/{file}")
    sql = texts[name]
    if _FILTERS in sql:
        sql = sql.replace(_FILTERS, " AND ".join(["TRUE", *(f"({texts[one]})" for one in filters)]))
    cursor.execute(scope.limit(sql), {"account": scope.account, **parameters})
    return dicts(cursor)


def note(cursor: Cursor, actor: str, kind: str, number: object, change: str, reason: str = "") -> None:
    """One line of the audit trail, in the transaction of the change."""
    cursor.execute(
        "INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES (%s, %s, %s, %s, %s)",
        (actor[:200], kind, str(number), change[:1000], reason[:1000]),
    )
