# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler selfhelp link|list|revoke|brand`: links to customers' own pages, and what these look like."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.configuration.sending import link_terms
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets import selfhelp_links
from abusehandler.tickets.database import Database
from abusehandler.tickets.logo import LARGEST_LOGO
from abusehandler.tickets.selfhelp_brand import set_brand

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    link = verbs.add_parser("link", help="make a link, for a customer on the telephone; it is shown once")
    whom = link.add_mutually_exclusive_group(required=True)
    whom.add_argument("--customer", help="all open tickets of this customer")
    whom.add_argument("--ticket", type=int, help="this ticket alone")
    many = verbs.add_parser("list", help="links that are good, the newest first")
    many.add_argument("--customer", help="of this customer alone")
    many.add_argument("--all", action="store_true", help="also those that are good no more")
    many.add_argument("--limit", type=int, default=100)
    many.add_argument("--json", action="store_true", help="for scripts")
    end = verbs.add_parser("revoke", help="end links at once")
    which = end.add_mutually_exclusive_group(required=True)
    which.add_argument("--customer", help="all links of this customer")
    which.add_argument("--link", type=int, help="the link with this number, see list")
    end.add_argument("--reason", default="", help="for the audit trail")
    brand = verbs.add_parser("brand", help="colour, logo and own words of an account's pages")
    brand.add_argument("account", help="key of the account; the operator's own are in abusehandler.yaml")
    brand.add_argument("--colour", help="for example '#1d5fd1'; an empty word for none")
    brand.add_argument("--logo", help="file with a PNG, JPEG, WebP or SVG; an empty word for none")
    brand.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="PLACE:LANGUAGE=WORDS",
        help="greeting, contact or footer, as footer:en=...",
    )
    for verb in (link, end, brand):
        verb.add_argument("--as", dest="author", default=getpass.getuser(), help="who does it, for the audit trail")


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    database = Database(configuration.database.dsn)
    if arguments.verb == "list":
        rows = selfhelp_links.links(database, arguments.customer, ended=arguments.all, limit=arguments.limit)
        print_rows(rows, as_json=arguments.json)
    elif arguments.verb == "brand":
        texts = {}
        for one in arguments.text:
            where, _, words = one.partition("=")
            place, _, language = where.partition(":")
            texts[place, language or "en"] = words
        logo = None if arguments.logo is None else _file(arguments.logo)
        set_brand(database, arguments.account, author=arguments.author, colour=arguments.colour, logo=logo, texts=texts)
        print(f"saved; pages of {arguments.account} show it within a minute")
    elif arguments.verb == "revoke":
        ended = selfhelp_links.revoke(
            database, link=arguments.link, customer=arguments.customer, author=arguments.author, reason=arguments.reason
        )
        print(f"{ended} links ended")
    else:
        url = configuration.portal.public_url
        if not url:
            raise AbusehandlerError("there is no portal: write 'portal:' with 'public_url:' into abusehandler.yaml")
        customer = arguments.customer or _customer_of(database, arguments.ticket)
        token = selfhelp_links.make_link(
            database, customer, arguments.ticket, terms=link_terms(configuration),
            made_for=f"{arguments.author} on the command line", author=arguments.author,
        )  # fmt: skip
        print(selfhelp_links.address_of(url, token, arguments.ticket))
    return 0


def _file(name: str) -> bytes:
    if not name:
        return b""
    try:
        with Path(name).open("rb") as file:
            return file.read(LARGEST_LOGO + 1)
    except OSError as error:
        raise AbusehandlerError(f"{name}: cannot be read: {error.strerror}") from None


def _customer_of(database: Database, ticket: int) -> str:
    rows = database.fetch("SELECT customer_id FROM tickets WHERE id = %s", (ticket,))
    if not rows:
        raise AbusehandlerError(f"there is no ticket {ticket}")
    return str(rows[0][0])
