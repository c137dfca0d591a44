# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler mute add|list|end`: notices that are held back for a while, and why."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from abusehandler.commands import moments
from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets import mutes
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="add|list|end")
    add = verbs.add_parser("add", help="hold notices back; all that is named must fit")
    add.add_argument("--prefix", metavar="NETWORK", help="address or network")
    add.add_argument("--customer", help="customer id")
    add.add_argument("--problem", help="problem of the catalogue")
    add.add_argument("--feed", help="feed, as `abusehandler ticket show` names it")
    add.add_argument("--ticket", type=int, help="one ticket")
    add.add_argument(
        "--until", required=True, help="for example 7d, 2026-12-31 (the whole day, UTC) or 2026-12-31T08:00"
    )
    add.add_argument("--reason", required=True, help="people read it beside each ticket")
    many = verbs.add_parser("list", help="mutes in force, those of rules.yaml too")
    many.add_argument("--all", action="store_true", help="those that are over, too")
    end = verbs.add_parser("end", help="end mutes now; what they held back is due at once")
    end.add_argument("numbers", type=int, nargs="+", metavar="MUTE")
    end.add_argument("--reason", default="")
    for verb in (add, end):
        verb.add_argument("--as", dest="author", default="", metavar="NAME", help="who does it; your login if left out")
    for verb in (add, many, end):
        verb.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    database = Database(configuration.database.dsn)
    if arguments.verb == "list":
        print_rows(mutes.listed(database, ended=arguments.all), as_json=arguments.json)
        return 0
    author = arguments.author or getpass.getuser()
    if arguments.verb == "end":
        rows = [
            {"mute": number, "result": "ended" if mutes.end(database, number, author=author, reason=arguments.reason)
             else "was over already"}
            for number in arguments.numbers
        ]  # fmt: skip
        print_rows(rows, as_json=arguments.json)
        return 0
    problems = Catalogue.load(configuration.reading.catalogue).problems
    if arguments.problem is not None and arguments.problem not in problems:
        raise AbusehandlerError(f"{arguments.problem!r:.60} is not a problem of the catalogue")
    scope = mutes.Scope(
        ticket=arguments.ticket, network=arguments.prefix, customer=arguments.customer, problem=arguments.problem,
        feed=arguments.feed,
    )  # fmt: skip
    ends_at = moments.until(arguments.until)
    number = mutes.add(database, scope, ends_at, author=author, reason=arguments.reason)
    print_rows([{"mute": number, "until": ends_at, "result": "in force"}], as_json=arguments.json)
    return 0
