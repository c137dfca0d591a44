# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler webhook add|list|test|deliveries|retry|enable|remove`: other programs that are told what happens."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.database import Database
from abusehandler.tickets.webhooks.store import KINDS, STATES, WebhookStore
from abusehandler.tickets.webhooks.target import Reach

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    about = "a new webhook; the secret that signs its messages is printed once"
    add = verbs.add_parser("add", help=about, description=about)
    add.add_argument("url", help="for example https://hooks.example.net/abuse")
    add.add_argument(
        "--on", action="append", choices=KINDS, help="what it is told of; can be given more than once; default: all"
    )
    add.add_argument("--account", help="only what concerns this account's customers")
    many = verbs.add_parser("list", help="all webhooks")
    many.add_argument("--json", action="store_true", help="for scripts")
    messages = verbs.add_parser("deliveries", help="the newest messages of a webhook, with what came of them")
    messages.add_argument("--state", choices=STATES, help="dead: given up")
    messages.add_argument("--json", action="store_true", help="for scripts")
    verbs.add_parser("test", help="send a message that says nothing; the bot abuse-webhooks must run")
    verbs.add_parser("retry", help="try again what was given up")
    verbs.add_parser("enable", help="let a webhook go on that was switched off")
    verbs.add_parser("remove", help="remove a webhook with its messages")
    for verb in ("deliveries", "test", "retry", "enable", "remove"):
        verbs.choices[verb].add_argument(
            "number", type=int, metavar="WEBHOOK", help="number, as 'webhook list' prints it"
        )


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    store = WebhookStore(Database(configuration.database.dsn))
    author = f"{getpass.getuser()} on the command line"
    if arguments.verb == "list":
        print_rows([{**row, "kinds": " ".join(row["kinds"])} for row in store.listed()], as_json=arguments.json)
        return 0
    if arguments.verb == "add":
        reach = Reach.of(configuration.webhooks.allowed_networks, configuration.networks.prefixes)
        made = store.add(arguments.url, arguments.on or KINDS, reach, author=author, account=arguments.account)
        print(f"webhook {made.id}, secret {made.secret}")
        return 0
    number = arguments.number
    if store.find(number) is None:
        raise AbusehandlerError(f"there is no webhook {number}; see 'abusehandler webhook list'")
    if arguments.verb == "deliveries":
        print_rows(store.deliveries(number, state=arguments.state), as_json=arguments.json)
    elif arguments.verb == "test":
        store.test(number, author=author)
        print(f"a test waits; 'abusehandler webhook deliveries {number}' shows what came of it")
    elif arguments.verb == "retry":
        print(f"{store.try_again(number, author=author)} message(s) are tried again")
    elif arguments.verb == "enable":
        store.enable(number, author=author)
        print(f"webhook {number} goes on")
    else:
        store.remove(number, author=author)
        print(f"webhook {number} is removed")
    return 0
