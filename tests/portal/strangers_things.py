# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One of everything that belongs to customers outside the account `acme`, for tests that try to reach it from inside."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from abusehandler.tickets import actions, mutes, notice_actions
from abusehandler.tickets.desk import drafts, views
from abusehandler.tickets.desk.scope import EVERYTHING
from abusehandler.tickets.incoming import now_utc
from abusehandler.tickets.selfhelp_links import LinkTerms, make_link
from abusehandler.tickets.webhooks.store import WebhookStore
from abusehandler.tickets.webhooks.target import Reach

if TYPE_CHECKING:
    from tests.portal.running import Portal

#: Words that stand on pages of others' things, and on none of acme's.
MARKS = (
    "Maschinenbau", "Café am Markt", "University of Example", "Sons", "strangers-note", "strangers-answer", "strangers-view",
    "strangers-contact", "strangers-draft", "hooks.example.net",
)  # fmt: skip
#: What a person's own pages write.
_OWN = ("sessions", "login_failures", "saved_views")


def leave(desk: Portal) -> dict[str, int]:
    """Makes them; their numbers by what they are."""
    database = desk.database
    ((ticket,),) = database.fetch("SELECT min(id) FROM tickets WHERE customer_id = 'C1'")
    ((own,),) = database.fetch("SELECT min(id) FROM tickets WHERE customer_id = 'ACME-7'")
    ((event,),) = database.fetch("SELECT min(id) FROM events WHERE ticket_id = %s", (ticket,))
    root = desk.user("root")
    action = actions.note(database, [ticket], "strangers-note", author="root").action
    notice = notice_actions.answer(database, "C1", [ticket], "strangers-answer", author="root")
    until = now_utc() + timedelta(days=3)
    mute = mutes.add(database, mutes.Scope(ticket=ticket), until, author="root", reason="strangers-note")
    make_link(database, "C1", ticket, terms=LinkTerms(), made_for="strangers-note", author="root")
    ((link,),) = database.fetch("SELECT max(id) FROM selfhelp_tokens")
    ((contact,),) = database.fetch(
        "INSERT INTO proposed_contacts (customer_id, ticket_id, address, name) VALUES ('C1', %s, 'it@example.com', "
        "'strangers-contact') RETURNING id", (ticket,),
    )  # fmt: skip
    view = views.save(database, root.id, "strangers-view", "state=open", shared=True)
    draft = drafts.add(database, EVERYTHING, 1, "strangers-draft", "name: strangers-draft", [], author="root")
    hook = WebhookStore(database).add("https://hooks.example.net/x", ["ticket.opened"], Reach(), author="root").id
    database.fetch(
        "INSERT INTO sessions (id_hash, user_id, expires_at) VALUES ('x', %s, now() + interval '1 day')", (root.id,)
    )
    ((session,),) = database.fetch("SELECT max(number) FROM sessions")
    return {
        "ticket": ticket, "own": own, "event": event, "action": action or 0, "notice": notice, "mute": mute, "link": link,
        "contact": contact, "view": view, "draft": draft, "webhook": hook, "user": root.id, "session": session, "report": 1,
    }  # fmt: skip


def everything(desk: Portal) -> dict[str, Any]:
    """All rows of all tables but those that a person's own pages write; where two differ, something was changed."""
    tables = desk.database.fetch(
        "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT c.relispartition"
    )
    return {
        name: desk.database.fetch(f"SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {name} t")
        for (name,) in tables
        if name not in (*_OWN, "api_tokens")
    }
