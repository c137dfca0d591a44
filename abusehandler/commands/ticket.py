# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler ticket list|show`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import listing
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show")
    many = verbs.add_parser("list", help="tickets, the most severe first")
    many.add_argument("--state", help="open, escalated, ignored, resolved, closed; all but closed if left out")
    many.add_argument("--customer", help="customer id")
    many.add_argument("--limit", type=int, default=100)
    one = verbs.add_parser("show", help="one ticket with its newest events, notices and changes")
    one.add_argument("number", type=int)
    for verb in (many, one):
        verb.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    database = Database(load().database.dsn)
    if arguments.verb == "list":
        print_rows(
            listing.tickets(database, arguments.state, arguments.customer, arguments.limit), as_json=arguments.json
        )
        return 0
    shown = listing.ticket(database, arguments.number)
    if shown is None:
        raise AbusehandlerError(f"there is no ticket {arguments.number}")
    for heading, rows in shown.items():
        if not arguments.json:
            print(f"\n{heading}")
        print_rows(rows, as_json=arguments.json)
    return 0
