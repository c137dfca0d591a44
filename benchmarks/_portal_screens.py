# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Every screen of the desk by name, as addresses that differ from call to call, so that nothing remembered helps."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from benchmarks._portal_rows import PROBLEMS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from abusehandler.tickets.database import Database

    Screens = dict[str, Callable[[], str]]


def screens(database: Database, dice: random.Random) -> Screens:
    """For an administrator, who sees all of it."""
    tickets, customers, reports = (
        database.fetch(f"SELECT max(id) FROM {table}")[0][0]
        for table in ("tickets", "(SELECT count(*) AS id FROM customers) AS c", "reports")
    )
    large, waiting, draft = (
        database.fetch(query)[0][0]
        for query in (
            "SELECT id FROM tickets ORDER BY event_count DESC LIMIT 1",
            "SELECT array_agg(id) FROM (SELECT id FROM reports ORDER BY id DESC LIMIT 40) AS r",
            "SELECT max(id) FROM reporter_drafts",
        )
    )
    today = date.today()  # noqa: DTZ011  # any will do

    def number(most: int) -> int:
        return dice.randint(1, most)

    def customer() -> str:
        one = number(customers)
        return f"{'A' if one % 10 == 3 else 'C'}{one}"

    def address() -> str:
        host = number(max(tickets * 2 // 5, 10))
        return f"10.{host >> 16}.{host >> 8 & 255}.{host & 255}"

    def period(days: int) -> str:
        until = today - timedelta(days=dice.randint(0, 20))
        return f"since={until - timedelta(days=days + dice.randint(0, 30))}&until={until}"

    def screen(form: str, *parts: Callable[[], object]) -> Callable[[], str]:
        return lambda: form.format(*(part() for part in parts))

    def problem() -> str:
        return dice.choice(PROBLEMS)

    return {
        "list": screen("/tickets"),
        "list, newest first": screen("/tickets?order=newest"),
        "list, a page further on": screen("/tickets?after={}-{}", lambda: dice.randint(0, 4), lambda: number(tickets)),
        "list, a page back": screen("/tickets?before={}-{}", lambda: dice.randint(0, 4), lambda: number(tickets)),
        "list, one state": screen("/tickets?state={}", lambda: dice.choice(("open", "escalated", "resolved", "ignored", "closed"))),
        "list, all states": screen("/tickets?state=all&after=0-{}", lambda: number(tickets)),
        "list, problem": screen("/tickets?problem={}", problem),
        "list, several problems": screen("/tickets?problem={}&problem={}", problem, problem),
        "list, problem and severity": screen("/tickets?problem={}&severity={}", problem, lambda: dice.choice(("critical", "high"))),
        "list, problem, newest first": screen("/tickets?problem={}&order=newest", problem),
        "list, problem, all states": screen("/tickets?problem={}&state=all", problem),
        "list, severity": screen("/tickets?severity={}", lambda: dice.choice(("critical", "high", "medium"))),
        "list, critical, newest first": screen("/tickets?severity=critical&order=newest"),
        "list, customer": screen("/tickets?customer={}&state=all", customer),
        "list, large customer": screen("/tickets?customer=C1"),
        "list, prefix": screen("/tickets?prefix={}/24&state=all", address),
        "list, large prefix": screen("/tickets?prefix=10.0.0.0/8"),
        "list, feed": screen("/tickets?feed=Feed+{}", lambda: number(11)),
        "list, feed that is not there": screen("/tickets?feed=none+{}", lambda: number(99)),
        "list, feed and problem": screen("/tickets?feed=Feed+{}&problem={}", lambda: number(11), problem),
        "list, in a person's hand": screen("/tickets?assigned=person{}", lambda: number(9)),
        "list, nobody's": screen("/tickets?assigned=nobody"),
        "list, old": screen("/tickets?age=%3E{}", lambda: dice.randint(30, 300)),
        "list, old, newest first": screen("/tickets?age=%3E{}&order=newest", lambda: dice.randint(30, 300)),
        "list, young": screen("/tickets?age=%3C{}", lambda: dice.randint(1, 7)),
        "list, disputed": screen("/tickets?says=disputed"),
        "list, unread answer": screen("/tickets?unread=yes"),
        "search, number": screen("/tickets?q={}&state=all", lambda: number(tickets)),
        "search, address": screen("/tickets?q={}&state=all", address),
        "search, prefix": screen("/tickets?q=10.{}.0.0/16", lambda: dice.randint(0, 5)),
        "search, name": screen("/tickets?q=Meyer+{}&state=all", lambda: number(customers)),
        "search, common name": screen("/tickets?q=meyer"),
        "search, host": screen("/tickets?q=www{}&state=all", lambda: number(tickets * 2 // 5)),
        "search, common host": screen("/tickets?q=customer.example.net&state=all"),
        "ticket": screen("/tickets/{}", lambda: number(tickets)),
        "ticket with a tenth of the events": screen(f"/tickets/{large}"),
        "events of a ticket": screen("/tickets/{}/events", lambda: number(tickets)),
        "events of the large ticket": screen(f"/tickets/{large}/events?before={{}}", lambda: number(tickets * 10)),
        "notice, preview": screen("/tickets/{}/notice", lambda: number(tickets)),
        "self-help of a ticket": screen("/tickets/{}/self-help", lambda: number(tickets)),
        "customers": screen("/customers"),
        "customers, search": screen("/customers?q=Novak+{}", lambda: number(99)),
        "customer": screen("/customers/{}", customer),
        "large customer": screen("/customers/C1"),
        "network /24": screen("/networks?prefix={}/24", address),
        "network /16": screen("/networks?prefix={}/16", address),
        "network /8": screen("/networks?prefix=10.0.0.0/8"),
        "contacts": screen("/contacts"),
        "inbox": screen("/inbox"),
        "inbox, all": screen("/inbox?tab=all"),
        "inbox, sender": screen("/inbox?tab=all&sender=noc{}@", lambda: number(299)),
        "inbox, one mail": screen("/inbox/{}", lambda: dice.choice(waiting)),
        "report with its mail": screen("/reports/{}", lambda: dice.choice(waiting)),
        "report": screen("/reports/{}", lambda: number(reports - 40)),
        "drafts": screen("/drafts"),
        **({"draft, tried on the newest mails": screen(f"/drafts/{draft}")} if draft else {}),
        "analytics, a month": screen("/analytics?{}", lambda: period(30)),
        "analytics, a year": screen("/analytics?{}", lambda: period(365)),
        "chart, opened, a year": screen("/analytics/opened.svg?{}", lambda: period(365)),
        "chart, open, a year": screen("/analytics/open.svg?{}", lambda: period(365)),
        "chart, mails, a year": screen("/analytics/mails.svg?{}", lambda: period(365)),
        "chart, within, a year": screen("/analytics/within.svg?{}", lambda: period(365)),
        "analytics, CSV of a year": screen("/analytics/{}.csv?{}", lambda: dice.choice(("work", "problems", "customers", "feeds", "readers")), lambda: period(365)),
        "rules": screen("/rules"),
        "people, accounts, tokens": screen("/admin/users"),
        "health": screen("/admin"),
        "audit trail": screen("/admin/audit"),
        "audit trail, further on": screen("/admin/audit?before={}", lambda: number(tickets)),
        "audit trail, a person": screen("/admin/audit?actor=person{}", lambda: number(9)),
        "audit trail, a ticket": screen("/admin/audit?kind=ticket&number={}", lambda: number(tickets)),
        "audit trail, a kind": screen("/admin/audit?kind=report"),
        "audit trail, a kind that is rare": screen("/admin/audit?kind=rules"),
        "privacy": screen("/admin/privacy"),
        "privacy, a customer": screen("/admin/privacy?who={}", customer),
        "own page": screen("/me"),
    }  # fmt: skip


#: Screens that a person of one account meets most, by the same names.
OF_AN_ACCOUNT = (
    "list", "list, newest first", "list, a page further on", "list, one state", "list, all states", "list, problem", "list, problem and severity",
    "list, severity", "list, prefix", "list, large prefix", "list, old, newest first", "list, unread answer", "search, common name", "customers",
)  # fmt: skip
#: They grow with what is asked for, and nobody looks at them: a file of 100,000 lines.
DOWNLOADS = ("CSV of a ticket", "CSV of the large ticket")


def downloads(database: Database, dice: random.Random) -> Screens:
    """Files of a ticket's events."""
    ((large, most),) = database.fetch(
        "SELECT id, (SELECT max(id) FROM tickets) FROM tickets ORDER BY event_count DESC LIMIT 1"
    )
    return {
        "CSV of a ticket": lambda: f"/tickets/{dice.randint(1, most)}/events.csv",
        "CSV of the large ticket": lambda: f"/tickets/{large}/events.csv",
    }  # fmt: skip
