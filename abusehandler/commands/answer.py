# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler answer list|show|seen|new-secret`."""

from __future__ import annotations

import getpass
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.tickets.answers import listing
from abusehandler.tickets.database import Database

if TYPE_CHECKING:
    import argparse

KINDS = ("reply", "bounce", "delivery-news", "auto-reply", "receipt", "complaint")


def configure(parser: argparse.ArgumentParser) -> None:
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="list|show|seen|new-secret")
    many = verbs.add_parser("list", help="what came back by mail, the newest first")
    many.add_argument("--unread", action="store_true", help="only what somebody at the desk must still look at")
    many.add_argument("--kind", choices=KINDS)
    many.add_argument("--ticket", type=int, metavar="NUMBER", help="only those on this ticket")
    many.add_argument("--limit", type=int, default=100)
    one = verbs.add_parser("show", help="one answer with its text, tickets, files, and what was said about recipients")
    one.add_argument("number", type=int)
    for verb in (many, one):
        verb.add_argument("--json", action="store_true", help="for scripts")
    seen = verbs.add_parser("seen", help="note that somebody has looked at answers")
    seen.add_argument("numbers", type=int, nargs="+", metavar="NUMBER")
    seen.add_argument("--author", default="", help="who; the name of the login when left out")
    secret = verbs.add_parser(
        "new-secret", help="make the file that mail.answer_secret_file of abusehandler.yaml names"
    )
    secret.add_argument("--file", type=Path, help="another file")
    secret.add_argument(
        "--renew",
        action="store_true",
        help="put a new secret in front of those in the file, which go on being good for checking",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "new-secret":
        return _new_secret(arguments.file, renew=arguments.renew)
    database = Database(load().database.dsn)
    if arguments.verb == "list":
        rows = listing.answers(
            database,
            kind=arguments.kind,
            ticket=arguments.ticket,
            unread=arguments.unread,
            limit=arguments.limit,
        )
        print_rows(rows, as_json=arguments.json)
    elif arguments.verb == "seen":
        new = listing.mark_seen(database, who=arguments.author or getpass.getuser(), answers=arguments.numbers)
        print(f"{len(new)} answers were unread.")
    else:
        _show(database, arguments.number, as_json=arguments.json)
    return 0


def _show(database: Database, number: int, *, as_json: bool) -> None:
    shown = listing.answer(database, number)
    if shown is None:
        raise AbusehandlerError(f"there is no answer {number}; 'abusehandler answer list' shows those that there are")
    if as_json:
        for rows in shown.values():
            print_rows(rows, as_json=True)
        return
    (record,) = shown["answer"]
    said = str(record.pop("said"))
    for name, value in record.items():
        if value not in ("", None):
            print_line(f"{name:12} {value}")
    print()
    for line in said.splitlines():
        print_line(f"    {line}")
    for heading in ("tickets", "files", "recipients"):
        if shown[heading]:
            print(f"\n{heading}")
            print_rows(shown[heading])


def print_line(text: str) -> None:
    """A line that strangers wrote: nothing in it may reach the terminal as a control sequence."""
    print("".join(character if character.isprintable() else " " for character in text))


def _new_secret(path: Path | None, *, renew: bool) -> int:
    path = path or load().mail.answer_secret_file
    if path is None:
        raise AbusehandlerError(
            "abusehandler.yaml names no file: write 'answer_secret_file: answer-secret' below 'mail:', or use --file"
        )
    before = ""
    try:
        if path.exists():
            if not renew:
                raise AbusehandlerError(
                    f"{path} is there already; with another secret, answers to what was sent would no longer find their "
                    "notice; --renew keeps it good for checking"
                )
            before = path.read_text(encoding="utf-8")
        temporary = path.with_name(f".{path.name}.new")
        temporary.unlink(missing_ok=True)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{secrets.token_urlsafe(32)}\n{before}")
        if path.exists():
            owner = path.stat()
            os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(path)
    except OSError as error:
        raise AbusehandlerError(f"{path}: the secret cannot be written: {error}") from error
    print(f"{path} holds a new secret; the bots read it when they start, and must be able to: see its owner.")
    return 0
