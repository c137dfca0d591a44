# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler privacy report|erase|pseudonymise WHO`: what is stored about a person or customer, and how it goes."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.tickets.database import Database
from abusehandler.tickets.desk import privacy, privacy_removal
from abusehandler.tickets.desk.scope import EVERYTHING
from abusehandler.tickets.evidence import EvidenceStore

if TYPE_CHECKING:
    import argparse

    from abusehandler.tickets.desk.privacy import Stored


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="report|erase|pseudonymise")
    report = verbs.add_parser("report", help="what is stored; that you looked is noted")
    report.add_argument("--json", action="store_true", help="everything itself, one JSON object a line")
    erase = verbs.add_parser("erase", help="delete it; without --yes only say what would go")
    mask = verbs.add_parser(
        "pseudonymise", help="keep the figures, take away who; without --yes only say what would go"
    )
    for verb in (report, erase, mask):
        verb.add_argument("who", metavar="WHO", help="a customer's number, a mail address, an IP address or a prefix")
    for verb in (erase, mask):
        verb.add_argument("--yes", action="store_true", help="really do it; it cannot be undone")
        verb.add_argument("--reason", default="", help="stays in the audit trail; needed with --yes")


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    database = Database(configuration.database.dsn)
    author = f"{getpass.getuser()} on the command line"
    subject = privacy.Subject.of(arguments.who)
    if arguments.verb == "report" and arguments.json:
        for kind, row in privacy.handed_out(database, EVERYTHING, subject, author=author):
            print_rows([{"kind": kind, **row}], as_json=True)
        return 0
    if arguments.verb == "report" or not arguments.yes:
        found = privacy.stored(database, EVERYTHING, subject, author=author)
        _tell(found)
        if arguments.verb != "report":
            print(f"Nothing was changed. With --yes and --reason all of this would be {arguments.verb}d.")
        return 0
    how: privacy_removal.How = "erase" if arguments.verb == "erase" else "pseudonymise"
    removed = privacy_removal.remove(
        database, EvidenceStore(configuration.evidence.path), subject, how, author=author, reason=arguments.reason
    )
    print(f"{how}d: {removed.tickets} tickets, {removed.reports} raw reports, {removed.bytes} bytes of evidence")
    for words in removed.kept:
        print(f"stays: {words}")
    print(f"In the audit trail as privacy {removed.number}. Backups still hold it until they are overwritten.")
    return 0


def _tell(found: Stored) -> None:
    print_rows([{"what": text, "stored": found.counts[name]} for name, text in privacy.COUNTED.items()])
    print(f"Raw reports about nobody else: {len(found.own_reports)}")
    if found.belongings.mails:
        print(f"Mail addresses: {', '.join(found.belongings.mails)}")
    for words in privacy_removal.kept(found):
        print(f"Stays: {words}")
