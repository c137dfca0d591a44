# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Raw bytes of a mail to a plain value: the one place that knows MIME, charsets, archives and nesting."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from abusehandler.reports.mail import archive, authenticate, envelope
from abusehandler.reports.mail.charset import to_text
from abusehandler.reports.mail.header import address_of, date_of, decode_value
from abusehandler.reports.mail.html_text import html_to_text
from abusehandler.reports.mail.limits import DEFAULT_LIMITS, Budget, Limits
from abusehandler.reports.mail.message import Authentication, Mail, Part, PartKind
from abusehandler.reports.mail.mime import Entity, parse_entity, split_multipart
from abusehandler.reports.mail.sheet import sheets_as_csv

if TYPE_CHECKING:
    from collections.abc import Collection

_TEXT_TYPES = re.compile(
    r"(?:application|message|image|multipart)/(?:[\w.-]{1,40}\+)?"
    r"(?:json|xml|yaml|x-yaml|csv|x-csv|ndjson|x-ndjson|jsonl|sql|feedback-report|delivery-status|disposition-notification"
    r"|global-delivery-status|tracking-status)$"
)
_TEXT_NAMES = (
    ".csv", ".tsv", ".txt", ".log", ".json", ".jsonl", ".ndjson", ".xml", ".yaml", ".yml", ".md", ".iodef", ".xarf",
    ".ini",
)  # fmt: skip
_DATA_NAMES = (
    ".csv",
    ".tsv",
    ".json",
    ".jsonl",
    ".ndjson",
    ".xml",
    ".yaml",
    ".yml",
    ".iodef",
    ".xarf",
    ".asc",
    ".sig",
    ".vcf",
    ".ics",
)
_MAIL_NAMES = (".eml", ".mime", ".mbox")
_NO_TEXT = {"application/pgp-signature", "application/pgp-keys", "application/pgp-encrypted"}
_SMIME = {"application/pkcs7-mime", "application/x-pkcs7-mime"}
_LOOKS_LIKE_HEADERS = re.compile(
    rb"\A\s{0,50}(?:>?From [^\n]{1,300}\n)?(?:(?:return-path|received|delivered-to|from|to|subject|date|message-id"
    rb"|mime-version|x-[\w-]{1,40}|dkim-signature|authentication-results|arc-[\w-]{1,40}|content-type|reply-to)"
    rb"[ \t]{0,5}:[^\n]*\n(?:[ \t][^\n]*\n)*){2}",
    re.I,
)


def decode(
    raw: bytes,
    *,
    limits: Limits = DEFAULT_LIMITS,
    dns: authenticate.TxtLookup | None = None,
    own_mail_hosts: Collection[str] = (),
    proven: Authentication | None = None,
) -> Mail:
    """Decode a mail (RFC 5322, MIME). Never raises: what cannot be decoded is left out and named in `Mail.limits`.

    `dns` looks up TXT records for DKIM and ARC; without it nothing is verified. Authentication-Results headers are
    believed only when their server is one of `own_mail_hosts`. `proven` is what an earlier decoding of the same bytes
    could verify; it stays true when the keys are gone.
    """
    budget = Budget(limits)
    if len(raw) > limits.total_bytes:
        budget.note(f"mail cut after {limits.total_bytes} bytes")
        raw = raw[: limits.total_bytes]
    mail = Mail()
    try:
        mail = _Decoder(budget).mail(raw, "", 0)
        verdict = authenticate.authenticate(raw, mail.headers, dns=dns, own_mail_hosts=own_mail_hosts)
        if proven is not None:
            verdict = authenticate.with_proven(verdict, proven)
        if verdict != Authentication():
            mail = replace(mail, authentication=verdict)
    except Exception as error:  # a mail must never be lost because of a fault in here
        budget.note(f"decoding stopped: {type(error).__name__}: {str(error)[:200]}")
        if not mail.parts:
            mail = replace(mail, parts=(Part("1", "text", "text/plain", to_text(raw[: limits.html_bytes]), raw),))
    return replace(mail, limits=tuple(budget.notes))


def looks_like_mail(content: bytes) -> bool:
    """Whether bytes of unknown kind begin like a mail: at least two header lines that mails have."""
    return bool(_LOOKS_LIKE_HEADERS.match(content[:20_000]))


class _Decoder:
    """Walks one mail; depth is counted for all nesting together, `Part.depth` only for mails."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.limits = budget.limits

    def mail(self, raw: bytes, prefix: str, level: int) -> Mail:
        entity = parse_entity(raw, header_bytes=self.limits.header_bytes, headers=self.limits.headers)
        parts = self.entity(entity, prefix, "", level) if entity.has_body() else []
        return _with_headers(entity, tuple(parts))

    def entity(self, entity: Entity, prefix: str, place: str, level: int) -> list[Part]:
        """All leaves below this node. `place` is the dotted place within its mail, `prefix` the path of the mail."""
        path = prefix + (place or "1")
        if level > self.limits.depth:
            self.budget.note(f"part {path}: nested deeper than {self.limits.depth}, left out")
            return []
        if entity.content_type.startswith("multipart/"):
            children = split_multipart(entity, most=self.limits.parts)
            if children:
                return self.multipart(entity, children, prefix, place, level)
            entity.content_type = "text/plain"
        if not self.budget.another_part(path):
            return []
        content = self.budget.take(entity.content(), path)
        if entity.content_type == "message/feedback-report" and not content.strip():
            content = _fields_among_headers(entity)
        return self.leaf(entity, content, path, level)

    def multipart(
        self, entity: Entity, children: list[tuple[int, int]], prefix: str, place: str, level: int
    ) -> list[Part]:
        default = "message/rfc822" if entity.content_type == "multipart/digest" else "text/plain"
        parts: list[Part] = []
        for number, (start, end) in enumerate(children, 1):
            path = f"{place}.{number}" if place else str(number)
            if not self.budget.room_for_parts(prefix + path):
                break
            node = parse_entity(
                entity.source, start, end,
                header_bytes=self.limits.header_bytes, headers=self.limits.headers, default_type=default,
            )  # fmt: skip
            parts += self.entity(node, prefix, path, level + 1)
        return parts

    def leaf(self, entity: Entity, content: bytes, path: str, level: int) -> list[Part]:
        """One part with content, and what is inside it."""
        kind = entity.content_type
        name = entity.filename.lower()
        # A text with a name is the letter itself when it stands first and nobody calls it an attachment.
        letter = kind in ("text/plain", "text/html") and not path.rpartition("/")[2].replace("1.", "").strip("1")
        attached = entity.disposition == "attachment" or (bool(name) and not letter)
        if kind in _SMIME or name.endswith(".p7m"):
            inner = envelope.signed_content(content)
            if inner is not None:
                node = parse_entity(inner, header_bytes=self.limits.header_bytes, headers=self.limits.headers)
                return self.entity(node, path + "/", "", level + 1)
        if kind in ("message/rfc822", "message/global") or (
            (name.endswith(_MAIL_NAMES) or kind in ("message/partial", "text/rfc822"))
            and _LOOKS_LIKE_HEADERS.match(content)
        ):
            return self.nested_mail(content, path, kind, entity.filename, attached, level)
        if kind in ("text/rfc822-headers", "message/rfc822-headers", "message/global-headers"):
            return [self.headers_part(content, path, kind, entity.filename, attached)]
        charset = entity.type_parameters.get("charset", "")
        return self.file(content, path, kind, charset, entity.filename, attached, level)

    def nested_mail(
        self, content: bytes, path: str, kind: str, filename: str, attached: bool, level: int
    ) -> list[Part]:
        nested = self.mail(content, path + "/", level + 1)
        holder = Part(path, "mail", kind, "", content, filename, 0, attached, nested)
        return [holder, *(replace(part, depth=part.depth + 1) for part in nested.parts)]

    def headers_part(self, content: bytes, path: str, kind: str, filename: str, attached: bool) -> Part:
        entity = parse_entity(content, header_bytes=self.limits.header_bytes, headers=self.limits.headers)
        text = self.budget.take_text(to_text(content), path)
        return Part(path, "headers", kind, text, content, filename, 0, attached, _with_headers(entity, ()))

    def file(
        self, content: bytes, path: str, kind: str, charset: str, filename: str, attached: bool, level: int
    ) -> list[Part]:
        """A leaf that is text, HTML, an archive, a workbook or other data."""
        packed = archive.archive_kind(content)
        if packed == "zip" and archive.is_workbook(content, filename):
            return [Part(path, "data", kind, "", content, filename, 0, attached), *self.workbook(content, path)]
        if packed:
            return [
                Part(path, "data", kind, "", content, filename, 0, attached),
                *self.packed(content, packed, path, filename, level),
            ]
        name = filename.lower()
        if kind in ("text/html", "application/xhtml+xml") or name.endswith((".html", ".htm")):
            if len(content) > self.limits.html_bytes:
                self.budget.note(f"part {path}: only the first {self.limits.html_bytes} bytes of the HTML were read")
            source = to_text(content[: self.limits.html_bytes], charset, html=True)
            shown, whole = html_to_text(source, self.budget.late)
            if not whole:
                self.budget.note(f"part {path}: the HTML was read in part only, no time left")
            text = envelope.open_clearsigned(shown)
            return [Part(path, "html", kind, self.budget.take_text(text, path), content, filename, 0, attached)]
        if not _is_text(kind, name, content):
            return [Part(path, "data", kind, "", content, filename, 0, attached)]
        text = envelope.open_clearsigned(to_text(content, charset))
        as_text: PartKind = "text"
        if (
            (kind != "text/plain" and kind.partition("/")[0] != "text")
            or kind in _DATA_TEXT
            or name.endswith(_DATA_NAMES)
        ):
            as_text = "text" if name.endswith((".txt", ".log")) and "feedback" not in kind else "data"
        return [Part(path, as_text, kind, self.budget.take_text(text, path), content, filename, 0, attached)]

    def workbook(self, content: bytes, path: str) -> list[Part]:
        parts = []
        for name, text in sheets_as_csv(content, path, self.budget):
            inner = f"{path}/{name}.csv"
            if not self.budget.another_part(inner, made=True):
                break
            text = self.budget.take_text(text, inner)
            data = self.budget.take(text.encode("utf-8", "replace"), inner)
            parts.append(Part(inner, "data", "text/csv", text, data, f"{name}.csv", 0, True))
        return parts

    def packed(self, content: bytes, packed: str, path: str, filename: str, level: int) -> list[Part]:
        parts: list[Part] = []
        if level >= self.limits.depth:
            self.budget.note(f"part {path}: archive nested deeper than {self.limits.depth}, not opened")
            return parts
        seen: set[str] = set()
        for name, data in archive.unpack(content, packed, filename, path, self.budget):
            inner = f"{path}/{name}"
            while inner in seen:
                inner += "+"
            seen.add(inner)
            if not self.budget.another_part(inner, made=True):
                break
            data = self.budget.take(data, inner)
            if name.lower().endswith(_MAIL_NAMES) and _LOOKS_LIKE_HEADERS.match(data):
                parts += self.nested_mail(data, inner, "message/rfc822", name, True, level + 1)
            else:
                parts += self.file(data, inner, "application/octet-stream", "", name, True, level + 1)
        return parts


_DATA_TEXT = {
    "text/csv",
    "text/tab-separated-values",
    "text/xml",
    "text/json",
    "text/yaml",
    "text/x-yaml",
    "text/calendar",
    "text/x-vcard",
    "text/vcard",
}


def _fields_among_headers(entity: Entity) -> bytes:
    """Some senders forget the empty line, so that the report's fields stand among the part's headers."""
    return b"\n".join(
        name.encode("ascii", "replace") + b": " + value
        for name, value in entity.fields
        if not name.startswith("content-")
    )


def _is_text(kind: str, name: str, content: bytes) -> bool:
    if kind in _NO_TEXT or content.startswith(
        (b"%PDF", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"\xd0\xcf\x11\xe0", b"MZ")
    ):
        return False
    if name.endswith((".asc", ".sig", ".p7s", ".pdf", ".png", ".jpg", ".gif", ".doc", ".xls", ".rtf")):
        return False
    if kind.startswith("text/") or _TEXT_TYPES.match(kind) or name.endswith(_TEXT_NAMES):
        # A few NULs are dirt (or hide a letter from its readers); many are another file.
        return content[:4096].count(0) * 10 <= len(content[:4096]) or content.startswith((b"\xff\xfe", b"\xfe\xff"))
    if kind.startswith(("image/", "audio/", "video/", "font/")):
        return False
    sample = content[:4096]
    if not sample or b"\0" in sample or name.endswith((".p7b", ".cer", ".crt", ".key")):
        return False
    printable = sum(byte >= 32 or byte in (9, 10, 13) for byte in sample)
    try:
        content[:65536].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > 60_000 and printable == len(sample)
    return printable == len(sample)


def _with_headers(entity: Entity, parts: tuple[Part, ...]) -> Mail:
    headers = tuple((name, decode_value(value)) for name, value in entity.fields)
    first: dict[str, str] = {}
    for name, value in headers:
        first.setdefault(name, value)
    sender, sender_name = address_of(first.get("from", ""))
    return Mail(
        headers=headers,
        subject=first.get("subject", ""),
        sender=sender,
        sender_name=sender_name,
        sent_at=date_of(first.get("date", "")),
        message_id=first.get("message-id", "").strip(),
        parts=parts,
    )
