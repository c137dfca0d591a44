# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler report read`: what would be read from a file, and why. Without a database; the other verbs: report_store."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.commands import report_store
from abusehandler.errors import AbusehandlerError
from abusehandler.reports.context import ReadContext
from abusehandler.reports.read import ReadOptions, read_file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from abusehandler.reports.mail.message import Mail
    from abusehandler.reports.reading import ReadEvent, Reading, Span

_AROUND = 30
_MOST_SHOWN = 20


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the verbs; `read` is the only one that needs no database."""
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    report_store.configure(verbs)
    about = "show what would be read from mails or files, and why; changes nothing"
    read = verbs.add_parser("read", help=about, description=about)
    read.add_argument(
        "files", nargs="+", metavar="FILE", type=Path, help="a mail, a CSV, JSON, XML or ZIP file, or a folder of them"
    )
    read.add_argument("--json", action="store_true", help="print one JSON object for each file")
    read.add_argument("--jsonl", metavar="OUT", type=Path, help="write one line for each file of the folder to OUT")
    read.add_argument("--free-text-only", action="store_true", help="leave out the definitions of known senders")
    read.add_argument("--no-machine", action="store_true", help="leave out the readers of machine formats")


def run(arguments: argparse.Namespace) -> int:
    """Do what was asked; 0 if every file is a report or certainly none, 1 if one of them needs a person."""
    if arguments.verb in report_store.VERBS:
        return report_store.run(arguments)
    options = ReadOptions(machine_formats=not arguments.no_machine, reporters=not arguments.free_text_only)
    context = ReadContext()
    if arguments.jsonl:
        return _write_lines(arguments.files, arguments.jsonl, context, options)
    unread = 0
    for path in _files(arguments.files):
        mail, reading = _read(path, context, options)
        unread += reading.verdict == "unread"
        if arguments.json:
            print(json.dumps(_as_object(path, mail, reading), ensure_ascii=False))
        else:
            _print(path, mail, reading)
    return 1 if unread else 0


def _read(path: Path, context: ReadContext, options: ReadOptions) -> tuple[Mail, Reading]:
    try:
        return read_file(path, path.name, context, options=options)
    except OSError as error:
        raise AbusehandlerError(
            f"{path}: cannot be read ({error.strerror}); name a file or folder that you may read"
        ) from error


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(child for child in path.iterdir() if child.is_file() and not child.name.startswith("."))
        else:
            yield path


def _write_lines(paths: list[Path], out: Path, context: ReadContext, options: ReadOptions) -> int:
    count, slowest, begin = 0, (0.0, ""), time.perf_counter()
    with out.open("w", encoding="utf-8") as stream:
        for path in _files(paths):
            start = time.perf_counter()
            _, reading = _read(path, context, options)
            slowest = max(slowest, (time.perf_counter() - start, path.name))
            # A proposal that waits for a person is an answer as well; what is certainly no report has none.
            events = [] if reading.verdict == "not-a-report" else [read.event for read in reading.events]
            line = {
                "mail": path.name,
                "rejected": reading.verdict == "not-a-report",
                "events": events,
                "reader": reading.reader,
            }
            stream.write(json.dumps(line, ensure_ascii=False, default=str) + "\n")
            count += 1
    seconds = time.perf_counter() - begin
    print(f"{count} files in {seconds:.1f} s; the slowest took {slowest[0]:.2f} s ({slowest[1]})", file=sys.stderr)
    return 0


def _as_object(path: Path, mail: Mail, reading: Reading) -> dict[str, Any]:
    return {
        "file": str(path), "sender": mail.sender, "subject": mail.subject, "verdict": reading.verdict,
        "reader": reading.reader,
        "kind": reading.kind, "reason": reading.reason, "confidence": reading.confidence,
        "events": [
            {"event": read.event, "confidence": read.confidence,
             "spans": {name: [span.part, span.start, span.end] for name, span in read.spans.items()}}
            for read in reading.events
        ],
        "bad": [{"reason": bad.reason, "part": bad.part, "line": bad.line, "raw": bad.raw} for bad in reading.bad],
        "warnings": [*mail.limits, *reading.warnings],
    }  # fmt: skip


def _print(path: Path, mail: Mail, reading: Reading) -> None:
    print(f"{path}")
    print(f"  from     {mail.sender or '-'}   {mail.subject}")
    if mail.authentication.dkim:
        print(f"  signed   {', '.join(mail.authentication.dkim)}")
    kind = f" ({reading.kind})" if reading.kind else ""
    print(f"  verdict  {reading.verdict}{kind}, reader {reading.reader}, confidence {reading.confidence:.2f}")
    if reading.reason:
        print(f"  because  {reading.reason}")
    for number, read in enumerate(reading.events[:_MOST_SHOWN], 1):
        print(f"  event {number}  (confidence {read.confidence:.2f})")
        _print_event(read, mail)
    if len(reading.events) > _MOST_SHOWN:
        print(f"  … and {len(reading.events) - _MOST_SHOWN} more events")
    for bad in reading.bad[:_MOST_SHOWN]:
        print(f"  unreadable  part {bad.part} line {bad.line}: {bad.reason}")
    for warning in (*mail.limits, *reading.warnings):
        print(f"  note     {warning}")
    print()


def _print_event(read: ReadEvent, mail: Mail) -> None:
    for name, value in sorted(read.event.items(), key=lambda item: (item[0].startswith("extra."), item[0])):
        said = _seen_at(read.spans[name], mail) if name in read.spans else ""
        print(f"    {name:28} {str(value)[:200]}{said}")


def _seen_at(span: Span, mail: Mail) -> str:
    text = _text_of(span.part, mail)
    if not text:
        return ""
    before = text[max(0, span.start - _AROUND) : span.start].replace("\n", "⏎")
    after = text[span.end : span.end + _AROUND].replace("\n", "⏎")
    return f"\n{'':33}{span.part}: …{before}[{text[span.start : span.end]}]{after}…"


def _text_of(part: str, mail: Mail) -> str:
    if part == "subject":
        return mail.subject
    if part.startswith("header:"):
        return mail.header(part.removeprefix("header:"))
    return next((one.text for one in mail.parts if one.path == part), "")
