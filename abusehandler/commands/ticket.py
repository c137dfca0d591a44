# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler ticket list|show|close|reopen|…`: what people at the desk do, by hand or by script.

A verb is a function that adds its arguments and one that does the work; `VERBS` holds them.
"""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

from abusehandler.commands import moments, ticket_why
from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import actions, alerts, listing, merging
from abusehandler.tickets.database import Database
from abusehandler.tickets.incoming import SEVERITIES

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    Arguments = argparse.Namespace
    Parser = argparse.ArgumentParser


def _list_arguments(parser: Parser) -> None:
    parser.add_argument("--state", help="open, escalated, ignored, resolved, closed, all; all but closed if left out")
    parser.add_argument("--customer", help="customer id")
    parser.add_argument("--problem", help="problem of the catalogue, for example brute-force")
    parser.add_argument("--severity", help="at least this: info, low, medium, high, critical")
    parser.add_argument("--prefix", metavar="NETWORK", help="tickets whose address lies in it")
    parser.add_argument("--feed", help="tickets with events of this feed")
    parser.add_argument("--assignee", metavar="LOGIN", help="who has it in hand")
    parser.add_argument("--older-than", metavar="SPAN", help="opened longer ago, for example 7d")
    parser.add_argument("--seen-within", metavar="SPAN", help="an event came so lately, for example 12h")
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--after", metavar="SEVERITY:NUMBER", help="the page behind this ticket, for example high:1234")


def _list(arguments: Arguments, database: Database) -> int:
    wanted = listing.TicketFilter(
        state=arguments.state, customer=arguments.customer, problem=arguments.problem, severity=arguments.severity,
        prefix=arguments.prefix, feed=arguments.feed, assignee=arguments.assignee,
        opened_before=arguments.older_than and moments.since(arguments.older_than),
        seen_after=arguments.seen_within and moments.since(arguments.seen_within),
    )  # fmt: skip
    limit = max(1, min(arguments.limit, 100_000))
    rows = listing.tickets(database, wanted, limit, after=arguments.after and _page(arguments.after))
    print_rows(rows, as_json=arguments.json)
    if len(rows) == limit and not arguments.json:
        print(f"\nmore: --after {rows[-1]['severity']}:{rows[-1]['ticket']}")
    return 0


def _page(text: str) -> tuple[str, int]:
    severity, _, number = text.partition(":")
    if severity not in SEVERITIES or not number.isdigit():
        raise AbusehandlerError(f"--after {text!r:.40}: write severity and number of a ticket, for example high:1234")
    return severity, int(number)


def _show_arguments(parser: Parser) -> None:
    parser.add_argument("number", type=int)


def _show(arguments: Arguments, database: Database) -> int:
    shown = listing.ticket(database, arguments.number)
    if shown is None:
        raise AbusehandlerError(f"there is no ticket {arguments.number}")
    if arguments.json:
        print_rows([shown], as_json=True)
        return 0
    for heading, rows in shown.items():
        print(f"\n{heading}")
        if heading == "ticket":
            filled = {name: value for name, value in rows[0].items() if value is not None}
            print_rows([{"what": name, "value": value} for name, value in filled.items()])
        else:
            print_rows(rows)
    return 0


def _many(parser: Parser, *, reason: str = "needed") -> None:
    parser.add_argument("numbers", type=int, nargs="+", metavar="TICKET")
    parser.add_argument("--reason", required=reason == "needed", default="", help="why; it stands in the audit trail")


def _done(arguments: Arguments, done: actions.Done) -> int:
    """Prints what came of it; 1 if a ticket was refused."""
    said: list[dict[str, Any]] = [{"ticket": number, "result": "done", "why": ""} for number in done.changed]
    said += [{"ticket": number, "result": "unchanged", "why": "it was so already"} for number in done.unchanged]
    said += [{"ticket": number, "result": "refused", "why": why} for number, why in done.refused.items()]
    if arguments.json:
        print_rows([{"action": done.action, "made": list(done.made), "tickets": said}], as_json=True)
    else:
        print_rows(said)
        if done.made:
            print(f"made: {', '.join(map(str, done.made))}")
        if done.action is not None and arguments.verb != "undo":
            print(f"take it back with: abusehandler ticket undo {done.action}")
    return 1 if done.refused else 0


def _plainly(action: Callable[..., actions.Done]) -> Callable[[Arguments, Database], int]:
    """The work of a verb that needs nothing but tickets and a reason."""

    def work(arguments: Arguments, database: Database) -> int:
        return _done(arguments, action(database, arguments.numbers, author=arguments.author, reason=arguments.reason))

    return work


def _escalate_arguments(parser: Parser) -> None:
    _many(parser)
    parser.add_argument("--tell-customer", action="store_true", help="a notice of the kind escalation goes out at once")


def _escalate(arguments: Arguments, database: Database) -> int:
    done = actions.escalate(
        database, arguments.numbers, author=arguments.author, reason=arguments.reason,
        tell_customer=arguments.tell_customer,
    )  # fmt: skip
    return _done(arguments, done)


def _mute_arguments(parser: Parser) -> None:
    _many(parser)
    parser.add_argument("--until", required=True, help="for example 7d, 2026-12-31 or 2026-12-31T08:00 (UTC)")


def _mute(arguments: Arguments, database: Database) -> int:
    until = moments.until(arguments.until)
    done = actions.mute(database, arguments.numbers, until, author=arguments.author, reason=arguments.reason)
    return _done(arguments, done)


def _note_arguments(parser: Parser) -> None:
    parser.add_argument("numbers", type=int, nargs="+", metavar="TICKET")
    parser.add_argument("--text", required=True)
    parser.add_argument("--public", action="store_true", help="the customer sees it, too")


def _note(arguments: Arguments, database: Database) -> int:
    done = actions.note(database, arguments.numbers, arguments.text, author=arguments.author, public=arguments.public)
    return _done(arguments, done)


def _assign_arguments(parser: Parser) -> None:
    _many(parser, reason="optional")
    parser.add_argument("--to", default="", metavar="LOGIN", help="who takes it in hand; nobody if left out")


def _assign(arguments: Arguments, database: Database) -> int:
    done = actions.assign(
        database, arguments.numbers, arguments.to or None, author=arguments.author, reason=arguments.reason
    )
    return _done(arguments, done)


def _severity_arguments(parser: Parser) -> None:
    _many(parser)
    parser.add_argument(
        "--to", required=True, choices=(*SEVERITIES, "events"), help="'events': as the events say again"
    )


def _severity(arguments: Arguments, database: Database) -> int:
    to = None if arguments.to == "events" else arguments.to
    done = actions.set_severity(database, arguments.numbers, to, author=arguments.author, reason=arguments.reason)
    return _done(arguments, done)


def _merge_arguments(parser: Parser) -> None:
    _many(parser)
    parser.add_argument("--into", type=int, required=True, metavar="TICKET", help="the ticket that goes on")


def _merge(arguments: Arguments, database: Database) -> int:
    done = merging.merge(database, arguments.numbers, arguments.into, author=arguments.author, reason=arguments.reason)
    return _done(arguments, done)


def _split_arguments(parser: Parser) -> None:
    parser.add_argument("number", type=int, metavar="TICKET")
    parser.add_argument("--reason", required=True, help="why; it stands in the audit trail")
    parser.add_argument("--prefix", metavar="NETWORK", help="events of this address or network")
    parser.add_argument("--port", type=int)
    parser.add_argument("--problem")
    parser.add_argument("--feed")
    parser.add_argument("--since", help="events from then on: 7d, 2026-12-31 or 2026-12-31T08:00 (UTC)")
    parser.add_argument("--until", help="events before then")


def _split(arguments: Arguments, database: Database) -> int:
    part = merging.Part(
        network=arguments.prefix, port=arguments.port, problem=arguments.problem, feed=arguments.feed,
        since=arguments.since and moments.since(arguments.since),
        until=arguments.until and moments.since(arguments.until),
    )  # fmt: skip
    return _done(
        arguments, merging.split(database, arguments.number, part, author=arguments.author, reason=arguments.reason)
    )


def _undo_arguments(parser: Parser) -> None:
    parser.add_argument("action", type=int, nargs="?", help="its number; your last one if left out")


def _undo(arguments: Arguments, database: Database) -> int:
    return _done(arguments, actions.undo(database, arguments.action, author=arguments.author))


def _alerts_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--seen", type=int, nargs="+", default=[], metavar="ALERT", help="note that you have seen these"
    )


def _alerts(arguments: Arguments, database: Database) -> int:
    if arguments.seen:
        alerts.see(database, arguments.seen, author=arguments.author)
    print_rows(alerts.unseen(database), as_json=arguments.json)
    return 0


#: verb → help, arguments, work. Verbs that change something know `--as`.
VERBS: dict[str, tuple[str, Callable[[Any], None], Callable[[Any, Database], int]]] = {
    "list": ("tickets, the most severe first", _list_arguments, _list),
    "show": ("one ticket with its events, notices, notes and what happened to it", _show_arguments, _show),
    "why": ("why an event went to its ticket, in words", ticket_why.configure, ticket_why.run),
    "close": ("close tickets; no notice goes out", _many, _plainly(actions.close)),
    "reopen": ("back to open", _many, _plainly(actions.reopen)),
    "resolve": ("the problem is said to be mended", _many, _plainly(actions.resolve)),
    "ignore": ("count on, but tell the customer nothing", _many, _plainly(actions.ignore)),
    "escalate": ("a person must look at it", _escalate_arguments, _escalate),
    "mute": ("hold notices about tickets back for a while; see also `abusehandler mute`", _mute_arguments, _mute),
    "note": ("write a note to tickets", _note_arguments, _note),
    "assign": ("say who has tickets in hand", _assign_arguments, _assign),
    "severity": ("fix the severity of tickets", _severity_arguments, _severity),
    "merge": ("let tickets of one customer go on as one", _merge_arguments, _merge),
    "split": ("cut some events out into a ticket of their own", _split_arguments, _split),
    "alerts": ("what waits for somebody at the desk: escalations and the like", _alerts_arguments, _alerts),
    "undo": ("take your last action back, or the one with this number", _undo_arguments, _undo),
}
READING = ("list", "show", "why")


def configure(parser: Parser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(VERBS))
    for name, (about, arguments, _) in VERBS.items():
        verb = verbs.add_parser(name, help=about, description=about)
        arguments(verb)
        if name not in READING:
            verb.add_argument(
                "--as", dest="author", default="", metavar="NAME", help="who does it; your login if left out"
            )
        verb.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: Arguments) -> int:
    if arguments.verb not in READING:
        arguments.author = arguments.author or getpass.getuser()
    return VERBS[arguments.verb][2](arguments, Database(load().database.dsn))
