# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler address list|show|set`: which mail addresses bounce or are blocked."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.answers import listing
from abusehandler.tickets.answers.mail_addresses import STATES, set_state
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|set")
    many = verbs.add_parser("list", help="addresses that bounce or are blocked, and those of which mails came back")
    many.add_argument("--state", choices=STATES)
    many.add_argument("--limit", type=int, default=100)
    one = verbs.add_parser("show", help="one address with what mail systems said about it")
    one.add_argument("address")
    for verb in (many, one):
        verb.add_argument("--json", action="store_true", help="for scripts")
    change = verbs.add_parser(
        "set", help="'ok' forgives its bounces, 'blocked' leaves it out of notices until you change it"
    )
    change.add_argument("address")
    change.add_argument("state", choices=STATES)
    change.add_argument("--reason", required=True, help="why; it stands in the audit trail")
    change.add_argument("--author", default="", help="who; the name of the login when left out")


def run(arguments: argparse.Namespace) -> int:
    database = Database(load().database.dsn)
    if arguments.verb == "list":
        print_rows(listing.addresses(database, state=arguments.state, limit=arguments.limit), as_json=arguments.json)
    elif arguments.verb == "set":
        before = set_state(
            database,
            arguments.address,
            arguments.state,
            author=arguments.author or getpass.getuser(),
            reason=arguments.reason,
        )
        print(f"{arguments.address.lower()}: {before} → {arguments.state}")
    else:
        shown = listing.address(database, arguments.address)
        if shown is None:
            raise AbusehandlerError(f"nothing is known about {arguments.address}: no mail to it came back")
        for heading, rows in shown.items():
            if not arguments.json:
                print(f"\n{heading}")
            print_rows(rows, as_json=arguments.json)
    return 0
