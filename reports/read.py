# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The order of reading: what is certainly no report, machine formats, known senders, free text; and what follows from
it.

Nothing here raises: a reader that fails is named in the warnings and the next one is asked.
"""

from __future__ import annotations

import importlib
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.reports.complete import complete, is_partial
from abusehandler.reports.context import ReadContext
from abusehandler.reports.formats.acns import read_acns
from abusehandler.reports.formats.aggregate import read_aggregate
from abusehandler.reports.formats.arf import read_arf
from abusehandler.reports.formats.intelmq_json import read_intelmq_json
from abusehandler.reports.formats.iodef import read_iodef
from abusehandler.reports.formats.loglines import read_loglines
from abusehandler.reports.formats.tables import read_tables
from abusehandler.reports.formats.xarf import read_xarf
from abusehandler.reports.formats.xarf_legacy import read_xarf_legacy
from abusehandler.reports.links.find import with_links
from abusehandler.reports.loops import came_back
from abusehandler.reports.mail.decode import decode
from abusehandler.reports.mail.limits import DEFAULT_LIMITS, Limits
from abusehandler.reports.mail.message import Authentication, Mail, Part
from abusehandler.reports.ours import keep_ours
from abusehandler.reports.reading import Reading

if TYPE_CHECKING:
    from collections.abc import Callable

    from abusehandler.reports.mail.authenticate import TxtLookup

    Reader = Callable[[Mail, ReadContext], Reading | None]

#: The most exact first: a copyright notice inside an IODEF wrapper says more than the wrapper.
MACHINE_FORMATS: tuple[Reader, ...] = (
    read_aggregate, read_arf, read_xarf, read_xarf_legacy, read_acns, read_iodef, read_intelmq_json, read_tables,
    read_loglines,
)  # fmt: skip
NOTHING_OF_OURS = "nothing of ours in it: every address and name belongs to other networks"
_DEEPEST_MAIL = 3


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What to leave out (for measuring), the limits of decoding, and the seconds of processor time for all readers."""

    machine_formats: bool = True
    reporters: bool = True
    limits: Limits = DEFAULT_LIMITS
    seconds: float = 2.0


def read_mail(
    raw: bytes,
    context: ReadContext,
    *,
    options: ReadOptions | None = None,
    dns: TxtLookup | None = None,
    proven: Authentication | None = None,
) -> tuple[Mail, Reading]:
    """Decode and read one mail. Never raises; `dns` and `proven` are for DKIM and ARC, see `decode`."""
    options = options or ReadOptions()
    mail = decode(raw, limits=options.limits, dns=dns, own_mail_hosts=context.own_mail_hosts, proven=proven)
    return mail, read_decoded(mail, context, options=options)


def read_decoded(mail: Mail, context: ReadContext, *, options: ReadOptions | None = None) -> Reading:
    """Read a mail that is decoded already. Never raises."""
    options = options or ReadOptions()
    return with_links(_with_types(_Order(context, options).read(mail, 0)), mail, context)


def _with_types(reading: Reading) -> Reading:
    """Every event has a class; `undetermined` is IntelMQ's word for a report that does not say what it is about."""
    if all("classification.type" in read.event for read in reading.events):
        return reading
    events = tuple(
        read
        if "classification.type" in read.event
        else replace(read, event={**read.event, "classification.type": "undetermined"})
        for read in reading.events
    )
    return replace(reading, events=events)


def read_file(
    source: Path | bytes, filename: str, context: ReadContext, *, options: ReadOptions | None = None
) -> tuple[Mail, Reading]:
    """Read a file that came without a mail (CSV, JSON, XML, ZIP, or a mail as `.eml`). Never raises, except for
    OSError of a path.

    A file that is no mail is read as the attachment of an empty one, so that every reader of attachments works.
    """
    content = source.read_bytes() if isinstance(source, Path) else source
    if _is_mail(content, filename):
        return read_mail(content, context, options=options)
    return read_mail(_as_attachment(content, filename), context, options=options)


def _is_mail(content: bytes, filename: str) -> bool:
    if filename.lower().endswith((".eml", ".mime", ".mbox", ".msg")):
        return True
    from abusehandler.reports.mail.decode import looks_like_mail

    return looks_like_mail(content)


def _as_attachment(content: bytes, filename: str) -> bytes:
    name = (
        "".join(char if char.isascii() and (char.isalnum() or char in "._-") else "_" for char in Path(filename).name)
        or "file"
    )
    boundary = b"=-abusehandler-file-" + str(len(content)).encode()
    return b"\n".join((
        b"Content-Type: multipart/mixed; boundary=\"" + boundary + b"\"", b"", b"--" + boundary,
        b"Content-Type: application/octet-stream",
        b"Content-Disposition: attachment; filename=\"" + name.encode() + b"\"",
        b"Content-Transfer-Encoding: binary", b"", content, b"--" + boundary + b"--", b"",
    ))  # fmt: skip


@cache
def load() -> None:
    """Load what the readers need (vocabularies, definitions, suffix list), which takes a second and no mail's time.

    Called by the first mail of a process; a program that starts slowly anyway may call it before.
    """
    mail = Mail(subject="Port scan from 192.0.2.1", parts=(Part("1", "text", "text/plain", "192.0.2.1 scanned us."),))
    for reader in (_free_text("not_a_report"), _reporters(), _free_text("read")):
        try:
            reader(mail, ReadContext())
        except Exception:  # noqa: S112  # it will say so for each mail, where somebody sees it
            continue


class _Order:
    """Asks the readers one after another for one mail."""

    def __init__(self, context: ReadContext, options: ReadOptions) -> None:
        self.context = context
        self.options = options
        load()
        self.deadline = time.thread_time() + options.seconds
        self.warnings: list[str] = []

    def read(self, mail: Mail, depth: int) -> Reading:
        reading = self.choose(mail)
        # Not where a mail is certainly none: a bounce holds our own notice, and that holds a report.
        if reading.verdict == "unread" and not reading.events and depth < _DEEPEST_MAIL:
            inner = self.forwarded(mail, depth)
            if inner is not None:
                reading = inner
        if self.warnings and depth == 0:
            reading = replace(reading, warnings=(*reading.warnings, *self.warnings))
        return reading

    def choose(self, mail: Mail) -> Reading:
        loop = self.ask(came_back, mail)
        if loop is not None:
            return loop
        certain = self.ask(_free_text("certainly_no_report"), mail)
        if certain is not None and certain.confidence >= 0.9 and not _is_feedback_report(mail):
            return certain
        machine = self.machine(mail) if self.options.machine_formats else None
        if machine is not None and machine.verdict != "report":
            return machine
        if machine is not None:
            machine = self.refine(machine, mail)
            if any(is_partial(read) for read in machine.events) and not self.late():
                machine = complete(machine, self.ask(_free_text("read"), mail), mail)
            return self.finish(machine)
        known = self.ask(_reporters(), mail) if self.options.reporters and not self.late() else None
        # A definition that no longer fits its sender finds nothing; the text is read as anybody's then.
        if known is not None and (known.events or known.verdict == "not-a-report"):
            return self.finish(known)
        if certain is None:
            certain = self.ask(_free_text("not_a_report"), mail)
        if certain is not None:
            return certain
        if self.late():
            return Reading("unread", "none", f"reading took more than {self.options.seconds:g} s")
        text = self.ask(_free_text("read"), mail)
        if (text is None or (text.verdict == "unread" and not text.events)) and (reason := _sealed(mail)):
            return Reading("unread", "none", reason, kind="encrypted")
        return self.finish(text) if text is not None else Reading("unread", "none", "no reader understood it")

    def machine(self, mail: Mail) -> Reading | None:
        for reader in MACHINE_FORMATS:
            if self.late():
                self.warnings.append("not all machine formats were tried: no time left")
                return None
            found = self.ask(reader, mail)
            if found is not None:
                return found
        return None

    def refine(self, machine: Reading, mail: Mail) -> Reading:
        """Let the sender's definition correct class or zone of what a machine format said."""
        if not self.options.reporters:
            return machine
        try:
            refined = _part("abusehandler.reporters", "refine")(mail, machine, self.context)
        except Exception as error:
            self.warnings.append(f"reporter definitions failed: {type(error).__name__}: {str(error)[:200]}")
            return machine
        return refined if isinstance(refined, Reading) else machine

    def finish(self, reading: Reading) -> Reading:
        if reading.verdict != "report":
            return reading
        kept = keep_ours(reading, self.context)
        if self.context.own and not kept.events:
            return replace(reading, reason=NOTHING_OF_OURS)
        return kept

    def forwarded(self, mail: Mail, depth: int) -> Reading | None:
        """A report that somebody sent on as an attachment: read the mail inside as if it had come itself."""
        for part in mail.own_parts():
            if part.kind == "mail" and part.nested is not None and part.nested.parts and not self.late():
                inner = self.read(part.nested, depth + 1)
                if inner.events:
                    return replace(inner, reason=f"in the attached mail (part {part.path}): {inner.reason}")
        return None

    def ask(self, reader: Reader, mail: Mail) -> Reading | None:
        try:
            return reader(mail, self.context)
        except Exception as error:  # one reader's fault must not lose the mail
            name = f"{reader.__module__.rsplit('.', 1)[-1]}.{reader.__name__}"
            self.warnings.append(f"{name} failed: {type(error).__name__}: {str(error)[:200]}")
            return None

    def late(self) -> bool:
        return time.thread_time() > self.deadline


def _is_feedback_report(mail: Mail) -> bool:
    """Nobody sends ARF but those who report, whatever their headers say of automatic answers."""
    return mail.header("content-type").lower().startswith("multipart/report") and any(
        part.content_type == "message/feedback-report" for part in mail.own_parts()
    )


def _sealed(mail: Mail) -> str:
    """Why nobody can read it: encrypted to a key that a person has."""
    for part in mail.own_parts():
        if part.content_type == "application/pgp-encrypted" or "-----BEGIN PGP MESSAGE-----" in part.text[:5000]:
            return "encrypted with OpenPGP: decrypt it and hand it in again"
        if part.content_type in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
            return "encrypted with S/MIME: decrypt it and hand it in again"
    return ""


def _free_text(name: str) -> Reader:
    reader: Reader = _part("abusehandler.reports.freetext", name)
    return reader


def _reporters() -> Reader:
    reader: Reader = _part("abusehandler.reporters", "read")
    return reader


@cache
def _part(module: str, name: str) -> Any:
    """A function of a part that is imported only when it is needed, because its data is large."""
    return getattr(importlib.import_module(module), name)
