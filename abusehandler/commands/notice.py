# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler notice list|show|preview|send|answer|hold|release|withdraw|retry|resolve-doubt`."""

from __future__ import annotations

import email
import email.policy
import getpass
import json
import sys
from typing import TYPE_CHECKING, Any

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import configuration_path, load
from abusehandler.configuration.sending import CustomerContacts, notice_schedule, notice_writer
from abusehandler.crm_connector import open_directory
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets import notice_actions, notice_listing
from abusehandler.tickets.database import Database
from abusehandler.tickets.outbox import made_mail

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from abusehandler.configuration import Configuration


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    many = verbs.add_parser("list", help="notices and their mails, the newest first")
    states = (*notice_listing.NOTICE_STATES, *notice_listing.MAIL_STATES)
    many.add_argument("--state", choices=states, help="of the notice or of a mail; failed and in-doubt are for you")
    many.add_argument("--customer", help="customer id")
    many.add_argument("--before", type=int, metavar="NOTICE", help="go on with older ones")
    many.add_argument("--limit", type=int, default=100)
    one = verbs.add_parser("show", help="one notice, its mails and changes; --raw prints a mail exactly as it was sent")
    one.add_argument("number", type=int)
    one.add_argument("--recipient", help="the mail to this address; the first if left out")
    one.add_argument("--raw", action="store_true", help="the bytes of the mail, nothing else")
    look = verbs.add_parser("preview", help="the mail that would go out now; nothing is sent")
    send = verbs.add_parser("send", help="tell a customer now, whatever is due, quiet or held")
    for verb in (look, send):
        verb.add_argument("tickets", type=int, nargs="*", metavar="TICKET")
        verb.add_argument(
            "--customer", help="instead of tickets: all of this customer that are due, else all open ones"
        )
    look.add_argument("--language", help="as a contact with this language would get it")
    look.add_argument("--raw", action="store_true", help="the bytes of the mail, nothing else")
    reply = verbs.add_parser("answer", help="write to a customer about tickets; the text comes from standard input")
    reply.add_argument("customer", help="customer id")
    reply.add_argument("tickets", type=int, nargs="+", metavar="TICKET")
    hold = verbs.add_parser("hold", help="keep notices back that have not gone out yet")
    release = verbs.add_parser("release", help="let held notices go")
    withdraw = verbs.add_parser("withdraw", help="held notices that are never to go out")
    retry = verbs.add_parser("retry", help="try failed mails, and notices without a contact, again now")
    for verb in (hold, release, withdraw, retry):
        verb.add_argument("numbers", type=int, nargs="+", metavar="NOTICE")
    doubt = verbs.add_parser("resolve-doubt", help="mails of which a crash left open whether they were sent")
    doubt.add_argument("numbers", type=int, nargs="*", metavar="NOTICE")
    doubt.add_argument("--all", action="store_true", help="all mails in doubt")
    which = doubt.add_mutually_exclusive_group(required=True)
    which.add_argument("--sent", action="store_true", help="they were sent")
    which.add_argument("--resend", action="store_true", help="send them again, exactly as they were")
    for verb in (send, reply, hold, release, withdraw, retry, doubt):
        verb.add_argument("--author", default="", help="who; the name of the login when left out")
        if verb is not reply:
            needed = verb in (hold, withdraw)
            verb.add_argument("--reason", default="", required=needed, help="why; stands in the audit trail")
    for verb in (many, one, look, send, reply, hold, release, withdraw, retry, doubt):
        verb.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    database = Database(configuration.database.dsn)
    try:
        if arguments.verb == "list":
            rows = notice_listing.notices(
                database, arguments.state, arguments.customer, arguments.limit, before=arguments.before
            )
            print_rows(rows, as_json=arguments.json)
        elif arguments.verb == "show":
            _show(database, arguments)
        elif arguments.verb == "preview":
            _preview(configuration, database, arguments)
        else:
            print_rows(_change(configuration, database, arguments), as_json=arguments.json)
    finally:
        database.close()
    return 0


def _show(database: Database, arguments: argparse.Namespace) -> None:
    shown = notice_listing.notice(database, arguments.number)
    if shown is None:
        raise AbusehandlerError(f"there is no notice {arguments.number}")
    wanted = [mail for mail in shown["mails"] if arguments.recipient in (None, mail["recipient"])]
    made = next((found for mail in wanted if (found := made_mail(database, mail["mail"])) is not None), None)
    if arguments.raw:
        if made is None:
            raise AbusehandlerError(
                f"no mail of notice {arguments.number} has gone out"
                + (f" to {arguments.recipient}" if arguments.recipient else "")
                + "; see 'abusehandler notice preview'"
            )
        _write_bytes(made)
        return
    if arguments.json:
        for heading, rows in shown.items():
            print_rows([{"part": heading, **row} for row in rows], as_json=True)
        if made is not None:
            print(json.dumps({"part": "mail", "raw": made.decode("ascii", "replace")}))
        return
    for heading, rows in shown.items():
        print(f"\n{heading}")
        print_rows(rows)
    if made is not None:
        print("\nmail")
        _print_mail(made)


def _preview(configuration: Configuration, database: Database, arguments: argparse.Namespace) -> None:
    catalogue = Catalogue.load(configuration.reading.catalogue)
    contacts = CustomerContacts(
        open_directory(configuration.customers, base=configuration_path().resolve().parent)
    )  # fmt: skip
    previews = notice_actions.preview(
        database, notice_schedule(configuration), catalogue, notice_writer(configuration, catalogue),
        _tickets(database, arguments), contacts.recipients, contacts.name,
        domain=configuration.message_id_domain, language=arguments.language,
    )  # fmt: skip
    for each in previews:
        if arguments.raw:
            _write_bytes(each.mail)
        elif arguments.json:
            print(
                json.dumps(
                    {"customer": each.notice.customer_id, "kind": each.notice.kind,
                     "recipients": [way.address for way in each.recipients], "raw": each.mail.decode("ascii", "replace")}
                )
            )  # fmt: skip
        else:
            whom = ", ".join(way.address for way in each.recipients) or "nobody: no contact can be written to"
            print(f"-- customer {each.notice.customer_id}, {each.notice.kind}, to: {whom}")
            _print_mail(each.mail)


def _change(configuration: Configuration, database: Database, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    author = arguments.author or getpass.getuser()
    verb = arguments.verb
    if verb == "answer":
        text = sys.stdin.read(notice_actions.MAX_ANSWER + 1)
        number = notice_actions.answer(database, arguments.customer, arguments.tickets, text, author=author)
        return [{"notice": number, "result": "goes out with the mailer's next round"}]
    if verb == "send":
        catalogue = Catalogue.load(configuration.reading.catalogue)
        numbers = notice_actions.send_now(
            database, notice_schedule(configuration), catalogue, _tickets(database, arguments),
            author=author, reason=arguments.reason,
        )  # fmt: skip
        return [{"notice": number, "result": "goes out with the mailer's next round"} for number in numbers]
    if verb == "resolve-doubt":
        if arguments.all == bool(arguments.numbers):
            raise AbusehandlerError("name notices, or write --all")
        mails = notice_actions.resolve_doubt(
            database, "sent" if arguments.sent else "resend", author=author, reason=arguments.reason,
            notices=None if arguments.all else arguments.numbers,
        )  # fmt: skip
        return [{"mail": number, "result": "sent" if arguments.sent else "waiting"} for number in mails]
    actions: dict[str, Any] = {
        "hold": notice_actions.hold,
        "release": notice_actions.release,
        "withdraw": notice_actions.withdraw,
        "retry": notice_actions.retry,
    }
    changed = set(actions[verb](database, arguments.numbers, author=author, reason=arguments.reason))
    done = {"hold": "held", "release": "released", "withdraw": "withdrawn", "retry": "tried again"}[verb]
    return [
        {"notice": number, "result": done if number in changed else "unchanged"}
        for number in dict.fromkeys(arguments.numbers)
    ]


def _tickets(database: Database, arguments: argparse.Namespace) -> Sequence[int]:
    if bool(arguments.tickets) == bool(arguments.customer):
        raise AbusehandlerError("name tickets, or a customer with --customer")
    if arguments.tickets:
        return list(arguments.tickets)
    found = notice_actions.tickets_to_tell(database, arguments.customer)
    if not found:
        raise AbusehandlerError(f"customer {arguments.customer} has no open ticket")
    return found


def _print_mail(content: bytes) -> None:
    """Headers and the text as a mail program shows them; names of the other parts."""
    mail = email.message_from_bytes(content, policy=email.policy.default)
    for name, value in mail.items():
        print(_printable(f"{name}: {value}"))
    body = mail.get_body(("plain",))
    print()
    for line in (str(body.get_content()) if body is not None else "").splitlines():
        print(_printable(line))
    for part in mail.walk():
        if part.get_filename():
            print(_printable(f"[{part.get_filename()}, {part.get_content_type()}]"))


def _printable(line: str) -> str:
    # what comes from outside must not reach a terminal as control sequences
    return "".join(character if character.isprintable() else " " for character in line)


def _write_bytes(content: bytes) -> None:
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()
