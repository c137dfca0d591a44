# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The outbox of webhooks: claims what is due, writes down what it says, notes what came of it.

Several senders may run at once: a message that one has claimed is skipped by the others until its lease is over. A
message may arrive twice (a sender died between the receiver's OK and our commit); its number is the same then.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from abusehandler.tickets.desk.scope import Row, Scope, rows
from abusehandler.tickets.incoming import SEVERITY_NAMES
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg2.extensions import cursor as Cursor

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.webhooks.target import Answer

#: Messages claimed at once, and of one webhook.
MOST, EACH = 200, 20
#: For so long nobody else takes a claimed message; longer than a run lasts.
LEASE = timedelta(minutes=5)
#: Pauses after each failed try; after the last one the message is given up, about two days after the first.
PAUSES = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 2 * 3600, 4 * 3600, 8 * 3600, 12 * 3600, 16 * 3600)
)
LONGEST_PAUSE = timedelta(days=1)
#: Characters of a customer's words in a message.
SAID = 10_000


@dataclass(frozen=True, slots=True)
class Message:
    """One claimed message; `attempts` counts this try. `payload` is empty for what nobody may be told any more."""

    id: int
    webhook: int
    url: str
    secret: bytes
    account: str | None
    message_id: str
    kind: str
    ticket: int | None
    notice: int | None
    answer: int | None
    change: str
    actor: str
    at: datetime
    attempts: int
    payload: str


class WebhookOutbox:
    """`public_url` is the portal's address for links, empty for none."""

    def __init__(self, database: Database, *, public_url: str = "") -> None:
        self._database = database
        self._public_url = public_url

    def claim(self) -> list[Message]:
        """What is due now, oldest first for each webhook, with what it says."""

        def work(cursor: Cursor) -> list[Message]:
            cursor.execute(statements("webhooks")["claim"], {"each": EACH, "most": MOST, "lease": LEASE})
            found = [_message(row) for row in cursor.fetchall()]
            return sorted(self._written(cursor, found), key=lambda message: (message.webhook, message.id))

        claimed: list[Message] = self._database.retrying(work)
        return claimed

    def _written(self, cursor: Cursor, claimed: Sequence[Message]) -> list[Message]:
        """The messages with their text; one statement for each account and sort of news."""
        written = [message for message in claimed if message.payload]
        new = [message for message in claimed if not message.payload]
        for account in {message.account for message in new}:
            of_account = [message for message in new if message.account == account]
            about = self._about(cursor, Scope(account), of_account)
            for message in of_account:
                payload = self._payload(message, about)
                if payload:
                    cursor.execute(
                        statements("webhooks")["write_payload"], {"payload": payload, "delivery": message.id}
                    )
                written.append(replace(message, payload=payload))
        return written

    def _about(self, cursor: Cursor, scope: Scope, messages: Sequence[Message]) -> dict[str, dict[int, Row]]:
        found: dict[str, dict[int, Row]] = {}
        for name in ("ticket", "notice", "answer"):
            numbers = sorted({number for message in messages if (number := getattr(message, name)) is not None})
            read = rows(cursor, scope, f"webhooks.{name}s", **{f"{name}s": numbers}) if numbers else []
            found[name] = {row["id"]: row for row in read}
        return found

    def _payload(self, message: Message, about: dict[str, dict[int, Row]]) -> str:
        """JSON, or empty where what it is about is gone or belongs to another account."""
        data: dict[str, Any] = {}
        for name, number in (("ticket", message.ticket), ("notice", message.notice), ("answer", message.answer)):
            if number is None:
                continue
            row = about[name].get(number)
            if row is None:
                return ""
            data[name] = _told(row)
        if "ticket" in data and self._public_url:
            data["ticket"]["url"] = f"{self._public_url}/tickets/{message.ticket}"
        for name in ("change", "actor"):
            if getattr(message, name):
                data[name] = getattr(message, name)
        return json.dumps({"type": message.kind, "timestamp": message.at.isoformat(), "data": data}, ensure_ascii=False)

    def delivered(self, message: Message, answer: Answer) -> None:
        """The receiver took it."""
        self._settle(message, "sent", answer.status, answer.text)

    def failed(self, message: Message, why: str, *, status: int | None = None, pause: float | None = None) -> None:
        """It is tried again later, or given up. `pause`: seconds for which the receiver asked."""
        if message.attempts > len(PAUSES):
            self._settle(message, "dead", status, why)
            return
        wait = max(PAUSES[message.attempts - 1], timedelta(seconds=pause or 0))
        self._settle(message, "waiting", status, why, datetime.now(timezone.utc) + min(wait, LONGEST_PAUSE))

    def give_back(self, message: Message) -> None:
        """It was not tried; it is due again at once."""
        self._database.at_once(statements("webhooks")["give_back"], {"delivery": message.id})

    def dropped(self, message: Message) -> None:
        """There is nothing to tell any more."""
        self._settle(message, "dropped", None, "what it was about is gone, or is not of the webhook's account")

    def gone(self, message: Message) -> None:
        """The receiver said 410 Gone: the webhook is switched off (Standard Webhooks)."""
        self._settle(message, "dead", 410, "the receiver says that it is gone")
        self._database.fetch(
            statements("webhooks")["disable"], {"webhook": message.webhook, "why": "the receiver answered 410 Gone"}
        )

    def forget(self) -> None:
        """Removes messages that are over: sent ones after two weeks, given up ones after 90 days."""
        with self._database.transaction() as cursor:
            cursor.execute(statements("webhooks")["forget"])

    def _settle(
        self, message: Message, state: str, status: int | None, answer: str, next_try: datetime | None = None
    ) -> None:
        self._database.at_once(
            statements("webhooks")["settle"],
            {
                "delivery": message.id, "state": state, "status": status, "answer": answer[:1000],
                "next_try": next_try or datetime.now(timezone.utc),
            },
        )  # fmt: skip


def _message(row: tuple[Any, ...]) -> Message:
    values = list(row)
    values[3], values[14] = bytes(row[3]), row[14] or ""
    return Message(*values)


def _told(row: Row) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for name, value in row.items():
        if name == "severity":
            told[name] = SEVERITY_NAMES[value]
        elif isinstance(value, datetime):
            # a ticket without events has no first and last
            told[name] = value.isoformat() if 2 <= value.year <= 9000 else None
        else:
            told[name] = value[:SAID] if isinstance(value, str) else value
    return told
