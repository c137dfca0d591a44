# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""To which of our mails an answer belongs. Only what a stranger cannot know counts: a signed address of ours, or the
Message-ID of a mail that we sent, which holds 64 random bits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from abusehandler.reports.answers.read import addressed_to, returned_ids, thread_ids
from abusehandler.tickets.answers.addresses import targets_in
from abusehandler.tickets.queries import statements

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abusehandler.reports.mail.message import Mail
    from abusehandler.tickets.answers.addresses import AnswerSettings, Target
    from abusehandler.tickets.database import Database

TiedBy = Literal["address", "message-id", "thread"]
#: The left side of our Message-IDs, also those made under another domain before.
_OURS = re.compile(r"<(?:notice|acknowledgement|outcome)\.[0-9]{1,18}\.[0-9a-f]{8,64}@", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tie:
    """The mail of ours that an answer is about. `delivery` is None where only the notice is known; `named`: the answer also
    holds a Message-ID of that notice.
    """

    by: TiedBy
    notice: int | None = None
    delivery: int | None = None
    reporter_mail: int | None = None
    named: bool = False


def tie(mail: Mail, database: Database, settings: AnswerSettings, domain: str) -> Tie | None:
    """The mail of ours to which this one answers, or None; mails without a sign of ours cost no query.

    `domain` is the right side of our Message-IDs. A signed address wins over Message-IDs: it says to which mail an answer
    was sent, they may stand in a copied thread. Our own mails that come back whole are no answers. Raises Unavailable.
    """
    targets = targets_in(addressed_to(mail), settings)
    returned = _of_ours(returned_ids(mail), domain)
    thread = _of_ours(thread_ids(mail), domain)
    if not (targets or returned or thread):
        return None
    known = _by_message_id(database, [*returned, *thread, *_of_ours([mail.message_id], domain)])
    if mail.message_id in known:
        return None
    inside = next((known[identity] for identity in (*returned, *thread) if identity in known), None)
    for target in targets:
        found = _of_target(database, target)
        if found is None:
            continue
        if inside is None or inside.notice != found.notice:
            return found
        return replace(found, delivery=inside.delivery if found.delivery is None else found.delivery, named=True)
    if inside is None:
        return None
    by: TiedBy = "message-id" if any(identity in known for identity in returned) else "thread"
    return Tie(by, inside.notice, inside.delivery, inside.reporter_mail, named=True)


def _of_ours(identities: Iterable[str], domain: str) -> list[str]:
    end = f"@{domain.lower()}>"
    return [identity for identity in identities if identity.lower().endswith(end) or _OURS.match(identity)]


def _by_message_id(database: Database, identities: list[str]) -> dict[str, Tie]:
    if not identities:
        return {}
    rows = database.fetch(statements("answers")["mails_by_message_id"], {"ids": identities})
    return {
        identity: Tie("message-id", notice, delivery, reporter_mail)
        for identity, notice, delivery, reporter_mail in rows
    }


def _of_target(database: Database, target: Target) -> Tie | None:
    rows = database.fetch(statements("answers")[f"{target.kind}_by_number"], {"number": target.number})
    return Tie("address", rows[0][0], rows[0][1]) if rows else None
