# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""People who may use the portal, and the failed logins that slow down guessing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

import psycopg2.errors

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import Row, note

if TYPE_CHECKING:
    from datetime import datetime

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database

Role = Literal["admin", "desk", "read-only", "tenant"]
ROLES: tuple[Role, ...] = ("admin", "desk", "read-only", "tenant")
_LOGIN = re.compile(r"[^\s\x00-\x1f]{1,100}")
_COLUMNS = (
    "id, login, name, role, account_id, password_hash, totp_secret, totp_step, oidc_subject, disabled_at, last_login_at"
)

#: Failures within WINDOW: for one login from one address, for one address, for one login from anywhere.
WINDOW = "15 minutes"
MOST_TOGETHER, MOST_ADDRESS, MOST_LOGIN = 5, 20, 50


@dataclass(frozen=True, slots=True)
class User:
    """One person. `account` limits what is seen; None sees all. `totp_step` is the last time step used."""

    id: int
    login: str
    name: str
    role: Role
    account: str | None
    password_hash: str | None
    totp_secret: str | None
    totp_step: int
    oidc_subject: str | None
    disabled_at: datetime | None
    last_login_at: datetime | None


class UserStore:
    """The table of users; every change stands in the audit trail under `author`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, login: str) -> User | None:
        """The user with this login name, in any case of letters; also a disabled one."""
        return self._one("login = %s", login.lower())

    def by_number(self, number: int) -> User | None:
        """The user with this number."""
        return self._one("id = %s", number)

    def by_subject(self, subject: str) -> User | None:
        """The user whom an identity provider names so."""
        return self._one("oidc_subject = %s", subject)

    def _one(self, condition: str, value: Any) -> User | None:
        found = self._database.fetch(f"SELECT {_COLUMNS} FROM users WHERE {condition}", (value,))  # noqa: S608
        return User(*found[0]) if found else None

    def all(self) -> list[Row]:
        """What an administrator sees of each user; no secrets."""
        names = (
            "id",
            "login",
            "name",
            "role",
            "account",
            "totp",
            "password",
            "oidc",
            "disabled_at",
            "last_login_at",
            "sessions",
        )
        found = self._database.fetch(
            "SELECT id, login, name, role, account_id, totp_secret IS NOT NULL, password_hash IS NOT NULL, "
            "oidc_subject IS NOT NULL, disabled_at, last_login_at, "
            "(SELECT count(*) FROM sessions s WHERE s.user_id = u.id AND s.ended_at IS NULL AND s.expires_at > now()) "
            "FROM users u ORDER BY login"
        )
        return [dict(zip(names, row, strict=True)) for row in found]

    def add(
        self, login: str, role: Role, *, author: str, name: str = "", account: str | None = None,
        password_hash: str | None = None, subject: str | None = None,
    ) -> User:  # fmt: skip
        """A new user. Raises AbusehandlerError when the login is taken or role and account do not fit."""
        login = login.lower()
        if not _LOGIN.fullmatch(login):
            raise AbusehandlerError(f"{login!r} is no login name; write one word, for example a mail address")
        if role == "tenant" and not account:
            raise AbusehandlerError("the role tenant needs an account: say whose customers this person may see")
        if role == "admin" and account:
            raise AbusehandlerError("an administrator sees all accounts; leave the account away, or take another role")

        def work(cursor: Cursor) -> Any:
            cursor.execute(
                "INSERT INTO users (login, name, role, account_id, password_hash, password_at, oidc_subject, by_group) "
                "VALUES (%s, %s, %s, %s, %s, CASE WHEN %s THEN now() END, %s, %s) RETURNING id",
                (
                    login,
                    name[:200],
                    role,
                    account,
                    password_hash,
                    password_hash is not None,
                    subject,
                    subject is not None,
                ),
            )
            (number,) = cast("tuple[int]", cursor.fetchone())
            note(cursor, author, "user", number, f"added {login} as {role}" + (f" of {account}" if account else ""))
            return number

        try:
            number = self._database.retrying(work)
        except psycopg2.errors.UniqueViolation:
            raise AbusehandlerError(f"there is a user {login} already") from None
        except psycopg2.errors.ForeignKeyViolation:
            raise AbusehandlerError(f"there is no account {account!r}; add it first") from None
        user = self.by_number(number)
        assert user is not None
        return user

    def is_by_group(self, user: User) -> bool:
        """Whether a group of the single sign-on let this user in, not an administrator."""
        return self._database.fetch("SELECT by_group FROM users WHERE id = %s", (user.id,)) == [(True,)]

    def bind_subject(self, user: User, subject: str) -> User | None:
        """Notes as whom the identity provider knows a user who was made without a password."""

        def work(cursor: Cursor) -> None:
            cursor.execute(
                "UPDATE users SET oidc_subject = %s WHERE id = %s AND oidc_subject IS NULL AND password_hash IS NULL",
                (subject, user.id),
            )
            note(cursor, user.login, "user", user.id, "first single sign-on")

        self._database.retrying(work)
        return self.by_subject(subject)

    def set_password(self, user: User, password_hash: str, *, author: str, audit: bool = True) -> None:
        """A new password; all sessions end with a real change (`audit`), not when only the hash is renewed."""

        def work(cursor: Cursor) -> None:
            cursor.execute(
                "UPDATE users SET password_hash = %s, password_at = now() WHERE id = %s", (password_hash, user.id)
            )
            if audit:
                cursor.execute(
                    "UPDATE sessions SET ended_at = now() WHERE user_id = %s AND ended_at IS NULL", (user.id,)
                )
                note(cursor, author, "user", user.id, "new password; all sessions ended")

        self._database.retrying(work)

    def set_totp(self, user: User, secret: str | None, *, author: str) -> None:
        """A second factor as the portal has sealed it, or None to take it away."""

        def work(cursor: Cursor) -> None:
            cursor.execute("UPDATE users SET totp_secret = %s, totp_step = 0 WHERE id = %s", (secret, user.id))
            note(cursor, author, "user", user.id, "second factor set" if secret else "second factor taken away")

        self._database.retrying(work)

    def seal_totp(self, user: User, sealed: str) -> None:
        """The same secret, sealed now; nothing else changes, unless it was set anew meanwhile."""
        self._database.fetch(
            "UPDATE users SET totp_secret = %s WHERE id = %s AND totp_secret = %s", (sealed, user.id, user.totp_secret)
        )

    def change(self, user: User, *, author: str, role: Role, account: str | None, name: str) -> None:
        """Another role, account or name; sessions take effect at once, because each request reads the user again."""
        if (role == "tenant") != bool(account) and role in ("tenant", "admin"):
            raise AbusehandlerError("a tenant needs an account, an administrator has none")

        def work(cursor: Cursor) -> None:
            cursor.execute(
                "UPDATE users SET role = %s, account_id = %s, name = %s WHERE id = %s",
                (role, account, name[:200], user.id),
            )
            note(cursor, author, "user", user.id, f"role {role}" + (f" of {account}" if account else ""))

        self._database.retrying(work)

    def disable(self, user: User, disabled: bool, *, author: str) -> None:
        """Shuts a user out at once, or lets him in again."""

        def work(cursor: Cursor) -> None:
            cursor.execute(
                "UPDATE users SET disabled_at = CASE WHEN %s THEN coalesce(disabled_at, now()) END WHERE id = %s",
                (disabled, user.id),
            )
            if disabled:
                cursor.execute(
                    "UPDATE sessions SET ended_at = now() WHERE user_id = %s AND ended_at IS NULL", (user.id,)
                )
                cursor.execute(
                    "UPDATE api_tokens SET revoked_at = coalesce(revoked_at, now()) WHERE user_id = %s", (user.id,)
                )
            note(cursor, author, "user", user.id, "disabled; sessions and tokens ended" if disabled else "enabled")

        self._database.retrying(work)

    def end_sessions(self, user: User, *, author: str) -> None:
        """The user has to log in again, everywhere."""

        def work(cursor: Cursor) -> None:
            cursor.execute("UPDATE sessions SET ended_at = now() WHERE user_id = %s AND ended_at IS NULL", (user.id,))
            note(cursor, author, "user", user.id, f"{cursor.rowcount} session(s) ended")

        self._database.retrying(work)

    def use_totp_step(self, user: User, step: int) -> bool:
        """Whether this time step was not used before; of two at the same time one wins."""
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE users SET totp_step = %s WHERE id = %s AND totp_step < %s", (step, user.id, step))
            return cursor.rowcount == 1

    def is_throttled(self, login: str, address: str) -> bool:
        """Whether there were too many failures lately, whoever tries."""
        ((together, here, anywhere),) = self._database.fetch(
            "SELECT count(*) FILTER (WHERE login = %(login)s AND address = %(address)s), "  # noqa: S608
            "count(*) FILTER (WHERE address = %(address)s), count(*) FILTER (WHERE login = %(login)s) "
            f"FROM login_failures WHERE (login = %(login)s OR address = %(address)s) AND at > now() - interval '{WINDOW}'",
            {"login": login.lower()[:100], "address": address},
        )
        return bool(together >= MOST_TOGETHER or here >= MOST_ADDRESS or anywhere >= MOST_LOGIN)

    def note_failure(self, login: str, address: str) -> None:
        """One try that failed, or has not succeeded yet; old ones are forgotten here."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM login_failures WHERE at < now() - interval '1 day'")
            cursor.execute(
                "INSERT INTO login_failures (login, address) VALUES (%s, %s)", (login.lower()[:100], address)
            )

    def forgive(self, login: str, address: str) -> None:
        """What failed there before counts no more: the password was right."""
        self._database.fetch("DELETE FROM login_failures WHERE login = %s AND address = %s", (login, address))

    def note_login(self, user: User, address: str, how: str) -> None:
        """A login that succeeded; what failed before from there is forgiven."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM login_failures WHERE login = %s AND address = %s", (user.login, address))
            cursor.execute("UPDATE users SET last_login_at = now() WHERE id = %s", (user.id,))
            note(cursor, user.login, "user", user.id, f"logged in by {how} from {address}")
