# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Tokens for programs: random, stored as SHA-256, limited in what they may do, with an end."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import psycopg2.errors

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import Row, note
from abusehandler.tickets.desk.sessions import WIDE
from abusehandler.tickets.desk.users import User

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.database import Database

#: read: whatever the user may see. write: change tickets, notices, mutes, decide about reports. reports:in: hand in reports.
#: privacy, webhooks: these parts of an administrator's work. admin: all of it, rules, people, accounts and tokens, too.
SCOPES = ("read", "write", "reports:in", "privacy", "webhooks", "admin")
BEGINS = "aht_"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token that is good now. What may be done is what both scopes and the user's role allow.

    `user.account` is the token's own account where it has one. `wide` as in Scope.
    """

    id: int
    name: str
    scopes: frozenset[str]
    user: User
    wide: bool = False


def make(
    database: Database, user: User, name: str, scopes: Sequence[str], *, days: int | None, author: str, account: str | None = None
) -> str:  # fmt: skip
    """A new token; returns its text, which is stored nowhere. `days` until it ends, None for no end.

    `account` keeps it to one account's customers; only for users who are not of another. Raises AbusehandlerError.
    """
    chosen = sorted(set(scopes) & set(SCOPES))
    if not chosen or len(chosen) < len(set(scopes)):
        raise AbusehandlerError(f"a token needs at least one of the scopes {', '.join(SCOPES)}, and no other")
    name = " ".join(name.replace("\0", "").split())[:100]
    if not name:
        raise AbusehandlerError("a token needs a name: it stands in the audit trail beside what the token did")
    if account is not None and user.account not in (None, account):
        raise AbusehandlerError(f"{user.login} is of the account {user.account}; a token cannot see more than its user")
    text = BEGINS + secrets.token_urlsafe(32)
    try:
        with database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO api_tokens (user_id, name, token_hash, scopes, expires_at, account_id) "
                "VALUES (%s, %s, %s, %s, now() + %s, %s) RETURNING id",
                (user.id, name, _hash(text), chosen, None if days is None else timedelta(days=days), account),
            )
            (number,) = cast("tuple[int]", cursor.fetchone())
            only = f" for the account {account}" if account else ""
            note(cursor, author, "token", number, f"made for {user.login}: {', '.join(chosen)}{only}", name)
    except psycopg2.errors.ForeignKeyViolation:
        raise AbusehandlerError(f"there is no account {account!r:.60}") from None
    return text


def find(database: Database, text: str) -> ApiToken | None:
    """The token with this text, if it is good and its user is."""
    if not text.startswith(BEGINS) or len(text) > 100:
        return None
    found = database.fetch(
        "SELECT a.id, a.name, a.scopes, a.used_at IS NULL OR a.used_at < now() - interval '1 minute', a.account_id, "  # noqa: S608
        "EXISTS (SELECT FROM customers c WHERE c.account_id = coalesce(u.account_id, a.account_id) "
        f"OFFSET {WIDE}), u.id, u.login, u.name, u.role, "
        "u.account_id, u.password_hash, u.totp_secret, u.totp_step, u.oidc_subject, u.disabled_at, u.last_login_at "
        "FROM api_tokens a JOIN users u ON u.id = a.user_id WHERE a.token_hash = %s AND a.revoked_at IS NULL "
        "AND (a.expires_at IS NULL OR a.expires_at > now()) AND u.disabled_at IS NULL",
        (_hash(text),),
    )
    if not found:
        return None
    number, name, scopes, old, account, wide, *columns = found[0]
    user = User(*columns)
    if account is not None:
        if user.account not in (None, account):
            return None  # the user was moved to another account since
        user = replace(user, account=account)
    if old:
        database.fetch("UPDATE api_tokens SET used_at = now() WHERE id = %s", (number,))
    return ApiToken(number, name, frozenset(scopes), user, bool(wide))


def listed(database: Database, user: int | None = None) -> list[Row]:
    """Tokens that were not revoked, of one user or of all."""
    names = ("id", "login", "name", "scopes", "account", "created_at", "expires_at", "used_at")
    found = database.fetch(
        "SELECT a.id, u.login, a.name, a.scopes, coalesce(a.account_id, u.account_id), a.created_at, a.expires_at, a.used_at "
        "FROM api_tokens a "
        "JOIN users u ON u.id = a.user_id WHERE a.revoked_at IS NULL AND (%(user)s IS NULL OR a.user_id = %(user)s) ORDER BY a.id DESC",
        {"user": user},
    )
    return [dict(zip(names, row, strict=True)) for row in found]


def revoke(database: Database, number: int, *, author: str, user: int | None = None) -> bool:
    """Ends a token; with `user` only that user's own."""
    with database.transaction() as cursor:
        cursor.execute(
            "UPDATE api_tokens SET revoked_at = now() WHERE id = %(id)s AND revoked_at IS NULL "
            "AND (%(user)s IS NULL OR user_id = %(user)s)",
            {"id": number, "user": user},
        )
        gone = cursor.rowcount == 1
        if gone:
            note(cursor, author, "token", number, "revoked")
    return gone


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()
