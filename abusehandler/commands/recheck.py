# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler recheck ticket|probes`: looks from outside whether what a ticket tells can still be seen."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.configuration.rechecking import recheck_rules
from abusehandler.tickets.database import Database
from abusehandler.tickets.recheck import asking
from abusehandler.tickets.recheck.probes import probes
from abusehandler.tickets.recheck.running import run_one

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    one = verbs.add_parser(
        "ticket", help="one probe for a ticket, at once; needs 'recheck: enabled' in abusehandler.yaml"
    )
    one.add_argument("ticket", type=int, help="number of the ticket")
    one.add_argument(
        "--target", default="", help="address|port|transport, where the ticket has several; default: the latest"
    )
    one.add_argument("--as", dest="author", default=getpass.getuser(), help="who asks, for the timeline")
    one.add_argument("--json", action="store_true", help="for scripts")
    verbs.add_parser("probes", help="which there are, and for which problems").add_argument(
        "--json", action="store_true", help="for scripts"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "probes":
        rows = [
            {
                "probe": probe.name, "transport": probe.transport, "port": probe.port or None,
                "problems": ", ".join(sorted(probe.problems)),
            }
            for probe in probes().values()
        ]  # fmt: skip
        print_rows(rows, as_json=arguments.json)
        return 0
    configuration = load()
    rules = recheck_rules(configuration)
    database = Database(configuration.database.dsn)
    number = asking.ask(database, arguments.ticket, arguments.target, rules, author=arguments.author)
    while run_one(database, rules):
        pass
    with database.transaction() as cursor:
        rows = [one for one in asking.of_ticket(cursor, arguments.ticket) if one["id"] == number]
    print_rows(rows, as_json=arguments.json)
    return 0
