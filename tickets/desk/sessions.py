# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Sessions of the portal: a random value in the browser, its SHA-256 here, and an end that counts at once."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from abusehandler.tickets.desk.scope import Row, note
from abusehandler.tickets.desk.users import User

if TYPE_CHECKING:
    from datetime import timedelta

    from abusehandler.tickets.database import Database

_USER = (
    "u.id, u.login, u.name, u.role, u.account_id, u.password_hash, u.totp_secret, u.totp_step, u.oidc_subject, "
    "u.disabled_at, u.last_login_at"
)


#: See Scope.wide.
WIDE = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """A session that is good now, and whose it is."""

    number: int
    user: User
    #: The user's account has more than WIDE customers.
    wide: bool = False


class SessionStore:
    """The table of sessions. `idle`: a session unused for so long has ended."""

    def __init__(self, database: Database, *, idle: timedelta) -> None:
        self._database = database
        self._idle = idle

    def begin(self, user: User, *, lasts: timedelta, address: str, agent: str) -> str:
        """A new session; returns the value for the cookie, which is stored nowhere."""
        value = secrets.token_urlsafe(32)
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM sessions WHERE expires_at < now() - interval '90 days'")
            cursor.execute(
                "INSERT INTO sessions (id_hash, user_id, expires_at, address, agent) VALUES (%s, %s, now() + %s, %s, %s)",
                (_hash(value), user.id, lasts, address[:100], agent[:300]),
            )
        return value

    def find(self, value: str) -> Session | None:
        """The session behind a cookie, if it is good still. Notes at most once a minute that it was used."""
        if not 20 <= len(value) <= 100:
            return None
        key = _hash(value)
        found = self._database.fetch(
            f"SELECT s.number, s.seen_at < now() - interval '1 minute', "  # noqa: S608
            f"EXISTS (SELECT FROM customers c WHERE c.account_id = u.account_id OFFSET {WIDE}), {_USER} FROM sessions s "
            "JOIN users u ON u.id = s.user_id WHERE s.id_hash = %s AND s.ended_at IS NULL AND s.expires_at > now() "
            "AND s.seen_at > now() - %s AND u.disabled_at IS NULL",
            (key, self._idle),
        )
        if not found:
            return None
        number, old, wide, *columns = found[0]
        if old:
            self._database.fetch("UPDATE sessions SET seen_at = now() WHERE id_hash = %s", (key,))
        return Session(number, User(*columns), bool(wide))

    def end(self, number: int, *, author: str, user: int | None = None) -> bool:
        """Ends a session; with `user` only if it is that user's. Returns whether there was one."""
        with self._database.transaction() as cursor:
            cursor.execute(
                "UPDATE sessions SET ended_at = now() WHERE number = %s AND ended_at IS NULL "
                "AND (%s IS NULL OR user_id = %s) RETURNING user_id",
                (number, user, user),
            )
            row = cast("tuple[int] | None", cursor.fetchone())
            if row is not None:
                note(cursor, author, "user", row[0], f"session {number} ended")
        return row is not None

    def of_user(self, user: int) -> list[Row]:
        """The sessions of a user that are good now, newest use first."""
        names = ("number", "created_at", "seen_at", "expires_at", "address", "agent")
        found = self._database.fetch(
            "SELECT number, created_at, seen_at, expires_at, address, agent FROM sessions "
            "WHERE user_id = %s AND ended_at IS NULL AND expires_at > now() AND seen_at > now() - %s ORDER BY seen_at DESC",
            (user, self._idle),
        )
        return [dict(zip(names, row, strict=True)) for row in found]


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()
