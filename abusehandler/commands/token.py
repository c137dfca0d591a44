# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler token add|list|revoke`: what programs use the API with."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.database import Database
from abusehandler.tickets.desk import api_tokens
from abusehandler.tickets.desk.users import UserStore

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    about = "a new token; it is printed once and stored nowhere"
    add = verbs.add_parser("add", help=about, description=about)
    add.add_argument("login", help="the user for whom it acts; it may do no more than this user")
    add.add_argument("--name", required=True, help="stands in the audit trail beside what the token did")
    add.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=api_tokens.SCOPES,
        help="what it may do; can be given more than once",
    )
    add.add_argument("--account", help="keep it to the customers of one account")
    add.add_argument("--days", type=int, default=365, help="until it ends; 0 for no end; default: 365")
    many = verbs.add_parser("list", help="tokens that were not revoked")
    many.add_argument("--json", action="store_true", help="for scripts")
    about = "end tokens at once"
    revoke = verbs.add_parser("revoke", help=about, description=about)
    revoke.add_argument("numbers", type=int, nargs="+", metavar="TOKEN", help="number, as 'token list' prints it")


def run(arguments: argparse.Namespace) -> int:
    database = Database(load().database.dsn)
    author = f"{getpass.getuser()} on the command line"
    if arguments.verb == "list":
        rows = [{**row, "scopes": " ".join(row["scopes"])} for row in api_tokens.listed(database)]
        print_rows(rows, as_json=arguments.json)
    elif arguments.verb == "add":
        user = UserStore(database).find(arguments.login)
        if user is None:
            raise AbusehandlerError(f"there is no user {arguments.login!r}; see 'abusehandler user list'")
        if arguments.days < 0:
            raise AbusehandlerError("--days is a number of days, 0 for no end")
        text = api_tokens.make(
            database, user, arguments.name, arguments.scope, days=arguments.days or None, author=author, account=arguments.account
        )  # fmt: skip
        print(text)
    else:
        gone = [number for number in arguments.numbers if api_tokens.revoke(database, number, author=author)]
        print_rows([
            {"token": number, "result": "revoked" if number in gone else "not there, or revoked before"}
            for number in arguments.numbers
        ])  # fmt: skip
    return 0
