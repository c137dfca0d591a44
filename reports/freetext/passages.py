# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cut a mail into the passages that free text is read from, and each into lines whose kind is known.

A line of a pasted mail header, of a whois answer or of a signature means something else than a line of the complaint.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.reports.freetext.refang import Refanged, refang

if TYPE_CHECKING:
    from abusehandler.reports.mail.message import Mail, Part

LineKind = Literal["text", "header", "whois", "signature", "closing"]
PassageKind = Literal["subject", "body", "attachment", "nested"]

#: Text beyond is counted, not read: 300 kB are 4,000 lines of log, and the culprit stands in the first.
MOST_TEXT = 300_000
_MOST_ATTACHMENTS = 10
_MOST_LINES = 12_000
_CLOSING_LINES = 14
_CONTACT_LINES = 5

_HEADER = re.compile(
    r"(?i)(?:received|return-path|delivered-to|envelope-to|delivery-date|message-id|mime-version|"
    r"content-(?:type|transfer-encoding|"
    r"disposition|language|description)|x-[\w-]{1,60}|authentication-results(?:-original)?|arc-[\w-]{1,40}|"
    r"dkim-signature|received-spf|"
    r"reply-to|in-reply-to|references|list-[\w-]{1,30}|domainkey-signature|user-agent|thread-(?:topic|index)|"
    r"accept-language|"
    r"errors-to|precedence|auto-submitted|feedback-id|importance|sender|old-received|spamdiagnostic\w{1,20}|"
    r"date|from|to|cc|subject|"
    r"importance|status|bcc|return-receipt-to|disposition-notification-to|organization)[ \t]?:"
)
#: Fields that no person writes by hand; two of them make a block a mail header.
_SURE_HEADER = re.compile(
    r"(?i)(?:received|return-path|delivered-to|envelope-to|message-id|mime-version|content-(?:type|"
    r"transfer-encoding)|"
    r"authentication-results(?:-original)?|arc-[\w-]{1,40}|dkim-signature|received-spf|x-(?!case|ticket|report)"
    r"[\w-]{1,60}|domainkey-signature)[ \t]?:"
)
_WHOIS = re.compile(
    r"(?i)%?[ \t]*(?:inetnum|inet6num|netrange|netname|cidr|nethandle|nettype|originas|org(?:name|id|"
    r"abuse\w{0,12}|tech\w{0,12}|noc\w{0,12})|"
    r"mnt-(?:by|ref|lower|routes|domains)|nic-hdl|admin-c|tech-c|abuse-c|aut-num|route6?|regdate|stateprov|"
    r"postalcode|"
    r"allocated|inetrev|nserver|nsstat|nslastaa|name ?server|registrar\b[\w ]{0,30}|registry expiry date|"
    r"updated date|creation date|"
    r"domain status|dnssec)[ \t]{0,20}:"
)
_RELAYED = re.compile(
    r"(?i)[ \t]*(?:received:[ \t]*(?:from|by)\b|(?:from|by)"
    r"[ \t]+[\w.-]+[ \t]+[(\[].{0,150}\bwith[ \t]*(?:microsoft|e?smtps?a?|https?|lmtp|mapi|[ \t]*$)|"
    r"\([\w.:]+\)[ \t](?:by|with)[ \t])"
)
_SIGNATURE = re.compile(r"--[ ]?$")
_CLOSING = re.compile(
    r"(?i)(?:with )?(?:kind|best|warm|many|yours|kindest)?[ ]?(?:regards|sincerely|faithfully|truly)|thank(?:s|"
    r" you)[\w ,!.]{0,40}$|"
    r"cordialement|cordialmente|atenciosamente|saludos|mit freundlichen gr|freundliche gr|viele gr|"
    r"met vriendelijke groet|"
    r"distinti saluti|cordiali saluti|s pozdravem|z powa|с уважением|respectfully|sincerely"
)
_CONTACT = re.compile(r"(?i)(?:tel|telephone|phone|fax|mobile|mob|cell|telefon|tel[eé]fono)\b[.: ]{1,3}[+(]?\d")
_QUOTE = re.compile(r"(?:[>|][ \t]?)+")


@dataclass(frozen=True, slots=True)
class Line:
    """`text[start:end]` of the passage, without quote marks at its front.

    `number` counts from 0; `filled` counts the lines up to here that are not blank: HTML mails are full of blank ones.
    """

    number: int
    start: int
    end: int
    kind: LineKind
    quoted: int = 0
    filled: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """One text of the mail, defanging undone. `part` is the path of the part it came from (`subject` for the subject)."""

    part: str
    kind: PassageKind
    refanged: Refanged
    lines: tuple[Line, ...] = ()
    cut: bool = False

    @property
    def text(self) -> str:
        return self.refanged.text


def passage(part: str, kind: PassageKind, text: str) -> Passage:
    """A passage with its lines told apart."""
    refanged = refang(text[:MOST_TEXT])
    return Passage(part, kind, refanged, _lines(refanged.text), len(text) > MOST_TEXT)


def passages(mail: Mail) -> list[Passage]:
    """Subject and body of the mail, in this order; the HTML form instead of the plain one if only that says something."""
    found = [passage("subject", "subject", mail.subject)]
    body = mail.body()
    if body is not None:
        one = passage(body.path, "body", body.text)
        if body.text.lstrip()[:9].lower().startswith(("<!doctype", "<html")):
            one = other_body(mail, one) or one  # HTML source sent as plain text
        elif len(body.text) < 150:
            other = other_body(mail, one)  # "This is a HTML mail": the message itself is in the other form
            one = other if other is not None and len(other.text) > 3 * len(body.text) + 100 else one
        found.append(one)
    return found


def other_body(mail: Mail, than: Passage | None) -> Passage | None:
    """The HTML beside the plain text: some senders leave the plain form empty or cut."""
    for part in mail.own_parts():
        if (
            part.kind in ("text", "html")
            and not part.attached
            and part.text.strip()
            and (than is None or part.path != than.part)
        ):
            return passage(part.path, "body", part.text)
    return None


def attachments(mail: Mail) -> list[Passage]:
    """Texts that came along: logs, tables, notes; those of mails inside are `nested`."""
    body = mail.body()
    found: list[Passage] = []
    for part in mail.parts:
        if len(found) >= _MOST_ATTACHMENTS:
            break
        if not part.text.strip() or (body is not None and part.path == body.path):
            continue
        if part.depth == 0 and (part.attached or part.kind in ("data", "headers", "text")) and not _is_signature(part):
            found.append(passage(part.path, "nested" if part.kind == "headers" else "attachment", part.text))
        elif part.depth > 0 and part.kind in ("text", "html"):
            found.append(passage(part.path, "nested", part.text))
    return found


def _is_signature(part: Part) -> bool:
    return part.content_type in (
        "application/pgp-signature",
        "application/pgp-keys",
        "application/pkcs7-signature",
        "text/calendar",
    )


def _lines(text: str) -> tuple[Line, ...]:
    raw: list[tuple[int, int, int, str]] = []
    offset = 0
    for piece in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        quote = _QUOTE.match(piece, 0, 40)
        front = quote.end() if quote else 0
        depth = piece[:front].count(">")
        raw.append((offset + front, offset + len(piece), depth, piece[front : front + 200]))
        offset += len(piece) + 1
    kinds = _kinds(raw)
    _mark_closing(raw, kinds)
    lines = []
    filled = 0
    for number, (start, end, depth, head) in enumerate(raw):
        filled += bool(head.strip())
        lines.append(Line(number, start, end, kinds[number], depth, filled))
    return tuple(lines)


def _mark_closing(raw: list[tuple[int, int, int, str]], kinds: list[LineKind]) -> None:
    """The lines behind "Kind regards": names, telephone numbers and web sites of the sender, up to a rule or a quote."""
    left = 0
    for number, (_, _, depth, head) in enumerate(raw):
        if kinds[number] != "text":
            continue
        stripped = head.strip()
        if stripped and len(head) < 60 and _CLOSING.match(stripped):
            left = _CLOSING_LINES
        elif not left and _CONTACT.match(stripped):
            left = _CONTACT_LINES
        elif left:
            left -= 1
            if (
                stripped.startswith(("---", "===", "***", "___", "###"))
                or depth != raw[number - 1][2]
                or len(stripped) > 180
            ):
                left = 0
            else:
                kinds[number] = "closing"


def _kinds(raw: list[tuple[int, int, int, str]]) -> list[LineKind]:
    kinds: list[LineKind] = ["text"] * len(raw)
    number = 0
    signature = False
    while number < len(raw):
        head = raw[number][3]
        if _RELAYED.match(head) and not _HEADER.match(head):
            kinds[number] = "header"
        elif _WHOIS.match(head):
            kinds[number] = "whois"
            signature = False
        elif _HEADER.match(head):
            end, sure = _block(raw, number)
            if sure >= 2 or (sure and end - number <= 3):
                kinds[number:end] = ["header"] * (end - number)
                signature = False
            elif _RELAYED.match(head):  # a whole header in one line
                kinds[number] = "header"
                end = number + 1
            number = end
            continue
        elif _SIGNATURE.match(head) and number > 0:
            signature = True
        elif signature and (head.startswith(("---", "===", "***")) or raw[number][2] != raw[number - 1][2]):
            signature = False
        if signature:
            kinds[number] = "signature"
        number += 1
    return kinds


def _block(raw: list[tuple[int, int, int, str]], first: int) -> tuple[int, int]:
    """Where the header block that begins here ends, and how many of its fields no person writes by hand."""
    sure = 0
    number = first
    blanks = 0
    in_folded = False
    while number < len(raw):
        head = raw[number][3]
        if _HEADER.match(head):
            sure += bool(_SURE_HEADER.match(head))
            in_folded = True
            blanks = 0
        elif not head.strip():
            blanks += 1
            if blanks > 1 or not _header_ahead(raw, number + 1):
                break
        elif (
            re.match(r"[ \t]", head)
            or (in_folded and _header_ahead(raw, number))
            or (in_folded and re.match(r"[A-Za-z][\w-]{2,40}:[ \t]", head))
            or (in_folded and _folded(head))
        ):
            blanks = 0
        else:
            break
        number += 1
    while number > first and not raw[number - 1][3].strip():
        number -= 1
    return max(number, first + 1), sure


def _header_ahead(raw: list[tuple[int, int, int, str]], number: int) -> bool:
    """Whether a header that no person writes stands within the next lines: mail programs re-wrap without indenting."""
    return any(_SURE_HEADER.match(line[3]) for line in raw[number : number + 6])


def _folded(head: str) -> bool:
    return bool(
        re.match(
            r"(?i)(?:by|from|with|for|via|id|\(|h=|b=|bh=|d=|s=|t=|client-ip|helo|envelope-from|smtp\.|spf=|"
            r"dkim=|dmarc=|reason=)|[A-Za-z0-9+/=:._-]{30,}$",
            head,
        )
    )
