# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler report list|show|export|replay`: what was received, its raw bytes, and reading it again."""

from __future__ import annotations

import argparse
import getpass
import os
import shutil
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from abusehandler.commands.printing import print_rows
from abusehandler.commands.replay_diff import Rereader, difference
from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError, EvidenceError
from abusehandler.tickets import listing
from abusehandler.tickets.database import Database
from abusehandler.tickets.evidence import EvidenceStore
from abusehandler.tickets.reports import ReportStore
from abusehandler.tickets.rereading import Rereading

if TYPE_CHECKING:
    from abusehandler.configuration import Configuration
    from abusehandler.tickets.reports import ReportRecord

VERBS = ("list", "show", "export", "replay")
STATES = ("received", "queued", "read", "partly", "unread", "not-a-report")


def configure(verbs: Any) -> None:
    """Adds the verbs to the subparsers of `abusehandler report`."""
    about = "reports that came in, the newest first"
    many = verbs.add_parser("list", help=about, description=about)
    _add_choice(many)
    many.add_argument("--limit", type=int, default=100)
    many.add_argument("--json", action="store_true", help="for scripts")
    about = "one report: what came of it, its events, what could not be read, and what was done with it"
    one = verbs.add_parser("show", help=about, description=about)
    one.add_argument("number", type=int)
    one.add_argument("--raw", action="store_true", help="print the raw bytes instead, as they were received")
    one.add_argument("--json", action="store_true", help="for scripts")
    about = "write the raw bytes of reports into a folder, one file each"
    export = verbs.add_parser("export", help=about, description=about)
    _add_choice(export, numbers=True)
    export.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="is made if it is not there")
    about = (
        "read reports again with today's readers and show which events would come, go or change; "
        "with --for-real the tickets are put right accordingly"
    )
    replay = verbs.add_parser("replay", help=about, description=about)
    _add_choice(replay, numbers=True)
    replay.add_argument("--for-real", action="store_true", help="let the running bots read them again")
    replay.add_argument("--reason", default="", help="why, for the audit trail")
    replay.add_argument("--json", action="store_true", help="one JSON object for each report")


def _add_choice(parser: argparse.ArgumentParser, *, numbers: bool = False) -> None:
    if numbers:
        parser.add_argument("numbers", nargs="*", type=int, metavar="NUMBER", help="numbers of reports")
    parser.add_argument("--state", choices=STATES, help="only reports in this state")
    time = "as 2026-11-20 or 2026-11-20T13:00, in the organisation's time zone unless it says another"
    parser.add_argument("--since", type=_time, metavar="TIME", help=f"received at this time or later; {time}")
    parser.add_argument("--until", type=_time, metavar="TIME", help="received before this time")
    parser.add_argument("--channel", help="the bot or command that took them")
    parser.add_argument("--reader", help="what read them, for example free-text or reporter:spamcop")


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith(("Z", "z")) else text)
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no time; write for example 2026-11-20 or 2026-11-20T13:00"
        ) from None


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    database = Database(configuration.database.dsn, application="abusehandler report")
    zone = ZoneInfo(configuration.organisation.time_zone)
    for name in ("since", "until"):
        moment = getattr(arguments, name, None)
        if moment is not None:
            setattr(
                arguments, name, (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(timezone.utc)
            )
    if arguments.verb == "list":
        choice = {name: getattr(arguments, name) for name in ("state", "since", "until", "channel", "reader", "limit")}
        print_rows(listing.reports(database, **choice), as_json=arguments.json)
        return 0
    if arguments.verb == "show":
        return _show(arguments, configuration, database)
    chosen = _chosen(arguments, database)
    if arguments.verb == "export":
        return _export([report for report, _ in chosen], EvidenceStore(configuration.evidence.path), arguments.to)
    if arguments.for_real:
        return _replay(chosen, database, arguments.reason)
    return _try_replay(chosen, configuration, database, as_json=arguments.json)


def _show(arguments: argparse.Namespace, configuration: Configuration, database: Database) -> int:
    shown = listing.report(database, arguments.number)
    if shown is None:
        raise AbusehandlerError(f"there is no report {arguments.number}; 'abusehandler report list' shows the newest")
    (record,) = shown["report"]
    if arguments.raw:
        with EvidenceStore(configuration.evidence.path).open(record["evidence"]) as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return 0
    if arguments.json:
        for rows in shown.values():
            print_rows(rows, as_json=True)
        return 0
    proposal = record.pop("proposal", None)
    shown["report"] = [{"field": name, "value": value} for name, value in record.items() if value not in (None, "")]
    if proposal:
        fields = [
            {"event": number, "field": name, "value": value}
            for number, one in enumerate(proposal[:20], 1)
            for name, value in sorted(one["event"].items())
        ]
        shown["proposal, not certain enough for a ticket"] = fields
    for heading, rows in shown.items():
        if rows:
            print(f"\n{heading}")
            print_rows(rows)
    return 0


def _chosen(arguments: argparse.Namespace, database: Database) -> list[tuple[ReportRecord, str]]:
    choice = {name: getattr(arguments, name) for name in ("state", "since", "until", "channel", "reader")}
    if not arguments.numbers and not any(choice.values()):
        raise AbusehandlerError("say which reports: their numbers, or --since, --until, --state, --channel, --reader")
    found = Rereading(database).choose(arguments.numbers or None, **choice)
    absent = set(arguments.numbers) - {report.id for report, _ in found}
    if absent:
        raise AbusehandlerError(f"there is no such report: {', '.join(map(str, sorted(absent)))}")
    return found


def _export(reports: list[ReportRecord], evidence: EvidenceStore, folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    for report in reports:
        target = folder / _file_name(report)
        handle, name = tempfile.mkstemp(dir=folder, prefix=".export-")
        try:
            with os.fdopen(handle, "wb") as file, evidence.open(report.evidence) as stream:
                shutil.copyfileobj(stream, file)
            Path(name).replace(target)
        except (EvidenceError, OSError, EOFError) as error:
            Path(name).unlink(missing_ok=True)
            print(f"abusehandler: report {report.id}: {error}", file=sys.stderr)
            failed += 1
        else:
            print(target)
    return 1 if failed else 0


def _file_name(report: ReportRecord) -> str:
    """`17.eml`, or `17-scan_dns.csv` after the name of a feed file, which tells its type."""
    if report.kind == "mail":
        return f"{report.id}.eml"
    name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in Path(report.name).name)[-150:]
    return f"{report.id}-{name or 'report'}"


def _replay(chosen: list[tuple[ReportRecord, str]], database: Database, reason: str) -> int:
    actor = f"{getpass.getuser()} (command line)"
    asked = Rereading(database).ask_again([report.id for report, _ in chosen], actor=actor, reason=reason)
    waiting = len(chosen) - len(asked)
    print(
        f"{len(asked)} reports will be read again by the running bots"
        + (f"; {waiting} wait for it anyway." if waiting else ".")
    )
    print("'abusehandler report list --state received' shows those that no collector has handed on yet.")
    return 0


def _try_replay(
    chosen: list[tuple[ReportRecord, str]], configuration: Configuration, database: Database, *, as_json: bool
) -> int:
    rereader, store = Rereader(configuration, ReportStore(database)), Rereading(database)
    changed = same = 0
    for report, state in chosen:
        reread = rereader.read(report)
        found = difference(reread, store.events(report.id), state)
        if found.nothing:
            same += 1
        else:
            changed += 1
        if as_json:
            print(found.as_json(report.id))
        elif not found.nothing:
            found.print(report.id, report.name)
    if not as_json:
        print(f"{changed} reports would change, {same} would not. Nothing was changed; --for-real does it.")
    return 0


__all__ = ["VERBS", "configure", "run"]
