# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler notice list`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.tickets import listing
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list")
    many = verbs.add_parser("list", help="mails to customers, the newest first")
    many.add_argument("--state", help="waiting, sending, sent, in-doubt, failed; all if left out")
    many.add_argument("--limit", type=int, default=100)
    many.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    database = Database(load().database.dsn)
    print_rows(listing.deliveries(database, arguments.state, arguments.limit), as_json=arguments.json)
    return 0
