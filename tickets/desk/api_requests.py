# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Requests with an Idempotency-Key: what was answered is kept for a day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg2 import Binary
from psycopg2.extras import Json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from abusehandler.tickets.database import Database

KEPT = "24 hours"


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier request with the same key. `same`: it asked for the same. `status` is None while nothing is known of its
    end; `body` is None where the answer held a secret.
    """

    same: bool
    status: int | None
    headers: Mapping[str, str]
    body: bytes | None


def begin(database: Database, token: int, key: str, request_hash: bytes) -> Earlier | None:
    """Takes the key; None if it is free, else what is known of the request that had it. Of two at once one gets it."""
    with database.transaction() as cursor:
        cursor.execute("DELETE FROM api_requests WHERE at < now() - %s::interval", (KEPT,))
        cursor.execute(
            "INSERT INTO api_requests (token_id, key, request_hash) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (token, key, Binary(request_hash)),
        )
        if cursor.rowcount:
            return None
        cursor.execute(
            "SELECT request_hash = %s, status, headers, body FROM api_requests WHERE token_id = %s AND key = %s",
            (Binary(request_hash), token, key),
        )
        found = cursor.fetchone()
    if found is None:  # forgotten in this moment
        return Earlier(True, None, {}, None)
    same, status, headers, body = found
    return Earlier(bool(same), status, headers, None if body is None else bytes(body))


def end(database: Database, token: int, key: str, status: int, headers: Mapping[str, str], body: bytes | None) -> None:
    """Keeps the answer."""
    database.fetch(
        "UPDATE api_requests SET status = %s, headers = %s, body = %s WHERE token_id = %s AND key = %s",
        (status, Json(dict(headers)), None if body is None else Binary(body), token, key),
    )


def forget(database: Database, token: int, key: str) -> None:
    """Frees the key: nothing was done."""
    database.fetch("DELETE FROM api_requests WHERE token_id = %s AND key = %s", (token, key))
