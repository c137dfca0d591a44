# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which webhooks there are, and what became of their messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import psycopg2.errors

from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.desk.scope import Row, note
from abusehandler.tickets.queries import dicts, statements
from abusehandler.tickets.webhooks.signature import new_secret, secret_text
from abusehandler.tickets.webhooks.target import checked_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.webhooks.target import Reach

#: What a webhook can be told of. `webhook.test` comes when somebody asks for it.
KINDS = ("ticket.opened", "ticket.changed", "ticket.closed", "notice.sent", "answer.came")
STATES = ("waiting", "sent", "dead", "dropped")
#: Webhooks of one box.
MOST = 200
_LAST = 9_223_372_036_854_775_807


@dataclass(frozen=True, slots=True)
class Made:
    """A new webhook; the secret is shown to its owner once."""

    id: int
    secret: str


class WebhookStore:
    """The table of webhooks. With `account` only those of one account, and only its customers' news go to new ones."""

    def __init__(self, database: Database, *, account: str | None = None) -> None:
        self._database = database
        self._account = account

    def add(self, url: str, kinds: Sequence[str], reach: Reach, *, author: str, account: str | None = None) -> Made:
        """A new webhook for these kinds of news. Raises AbusehandlerError for a URL where nothing may go."""
        chosen = sorted(set(kinds))
        unknown = sorted(set(chosen) - set(KINDS))
        if unknown or not chosen:
            raise AbusehandlerError(
                f"a webhook is told of one or more of {', '.join(KINDS)}; {', '.join(unknown) or 'none'} was named"
            )
        checked_url(url, reach)
        secret = new_secret()
        whose = self._account or account
        try:
            with self._database.transaction() as cursor:
                cursor.execute("SELECT count(*) FROM webhooks")
                if cast("tuple[int]", cursor.fetchone())[0] >= MOST:
                    raise AbusehandlerError(f"there are {MOST} webhooks already; remove one first")
                cursor.execute(
                    statements("webhooks")["add"],
                    {"url": url, "secret": secret, "kinds": chosen, "account": whose, "author": author},
                )
                (number,) = cast("tuple[int]", cursor.fetchone())
                note(cursor, author, "webhook", number, f"added for {', '.join(chosen)}: {_without_query(url)}")
        except psycopg2.errors.ForeignKeyViolation:
            raise AbusehandlerError(f"there is no account {whose!r:.60}") from None
        return Made(number, secret_text(secret))

    def listed(self) -> list[Row]:
        """All webhooks, with how many messages wait and how many are given up."""
        return self._rows("list")

    def find(self, webhook: int) -> Row | None:
        """One webhook."""
        return next((row for row in self.listed() if row["id"] == webhook), None)

    def remove(self, webhook: int, *, author: str) -> bool:
        """Removes a webhook with its messages; returns whether there was one."""
        return self._change("remove", webhook, author, "removed")

    def enable(self, webhook: int, *, author: str) -> bool:
        """Lets a webhook that was switched off go on."""
        return self._change("enable", webhook, author, "enabled")

    def pause(self, webhook: int, *, author: str) -> bool:
        """Switches a webhook off until somebody enables it: what waits, waits; what happens meanwhile it is not told."""
        return self._change("pause", webhook, author, "paused")

    def test(self, webhook: int, *, author: str) -> bool:
        """Puts a message into the outbox that says nothing."""
        with self._database.transaction() as cursor:
            found = self._run(cursor, "ask_test", webhook=webhook, author=author)
            if found:
                cursor.execute("SELECT pg_notify('abusehandler_webhook', '')")
        return bool(found)

    def deliveries(self, webhook: int, *, state: str | None = None, before: int = 0, limit: int = 100) -> list[Row]:
        """The messages of a webhook, newest first; those in state `dead` were given up."""
        return self._rows("deliveries", webhook=webhook, state=state, before=before or _LAST, limit=limit)

    def try_again(self, webhook: int, *, author: str, delivery: int | None = None) -> int:
        """Tries again what was given up, or one message of it; returns how many messages."""
        with self._database.transaction() as cursor:
            found = self._run(cursor, "again", webhook=webhook, delivery=delivery)
            if found:
                note(cursor, author, "webhook", webhook, f"{len(found)} message(s) tried again")
                cursor.execute("SELECT pg_notify('abusehandler_webhook', '')")
        return len(found)

    def _change(self, statement: str, webhook: int, author: str, change: str) -> bool:
        with self._database.transaction() as cursor:
            found = self._run(cursor, statement, webhook=webhook, author=author)
            if found:
                note(cursor, author, "webhook", webhook, change)
        return bool(found)

    def _rows(self, statement: str, **parameters: Any) -> list[Row]:
        with self._database.transaction() as cursor:
            return self._run(cursor, statement, **parameters)

    def _run(self, cursor: Any, statement: str, **parameters: Any) -> list[Row]:
        cursor.execute(statements("webhooks")[statement], {"account": self._account, **parameters})
        return dicts(cursor)


def _without_query(url: str) -> str:
    """What stands after a question mark is often a key."""
    return url.partition("?")[0]
