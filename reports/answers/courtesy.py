# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether a mail may be answered by a program at all (RFC 3834), and where such an answer goes.

Everything that is not certainly a sender who wants one answer gets none: a missing acknowledgement is a pity, one to a
forged sender is spam, and one to another program may come back for ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses
from typing import TYPE_CHECKING

from abusehandler.reports.answers.sender import is_proven

if TYPE_CHECKING:
    from collections.abc import Collection

    from abusehandler.reports.mail.message import Mail

_NOBODY_PIECES = (
    r"(?:no|not|never|do[._-]?not|dont|please[._-]?do[._-]?not)[._-]?(?:reply|respond|answer)s?.{0,40}|.{0,40}[._-]no[._-]?reply",
    r"nobody|null|mailer[._-]?daemon|postmaster|daemon|root|cron|robot|feedback(?:loop|[._-]loop)|fbl|arf",
    r"bounces?(?:[._+=-].{0,200})?|.{0,60}[._+-]bounces?|owner-.{1,60}|.{1,60}-(?:request|owner|relay|bounce|errors?)",
    r"listserv|majordomo|mailman|sympa|news(?:letter)?s?|notifications?|alerts?",
    r"auto(?:mated|matic|mailer|reply|responder)?(?:[._-].{0,40})?",
)
_NOBODY = re.compile("|".join(_NOBODY_PIECES), re.IGNORECASE)
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe", "list-help", "mailing-list", "x-mailing-list", "x-loop")
_AUTO_FLAGS = (
    "x-autoreply",
    "x-autorespond",
    "x-auto-reply-from",
    "x-mailer-daemon",
    "feedback-id",
    "x-failed-recipients",
)
_ADDRESS = re.compile(r"[^\s<>@\"(),;:\\]{1,64}@[A-Za-z0-9.-]{1,253}")


@dataclass(frozen=True, slots=True)
class Answerable:
    """Where an automatic answer may go (lower case), or why there must be none."""

    address: str = ""
    reason: str = ""


def answerable(mail: Mail, *, own_addresses: Collection[str], not_to: Collection[str]) -> Answerable:
    """Whether a program may answer. `not_to` holds addresses and domains that the operator excluded."""
    address = mail.sender.lower()
    reason = _against(mail, address, own_addresses) or _excluded(address, not_to)
    if reason:
        return Answerable(reason=reason)
    back = mail.header("return-path").strip().strip("<>").lower()
    if back and back != address:
        # RFC 3834, 4: answers go to the return path; one of another domain is not the person that the signature proves
        if back.rpartition("@")[2] != address.rpartition("@")[2] or not _ADDRESS.fullmatch(back):
            return Answerable(reason="its return path leads elsewhere than its From")
        if _NOBODY.fullmatch(back.rpartition("@")[0]):
            return Answerable(reason="nobody reads what comes to its return path")
        address = back
    return Answerable(address=address)


def _against(mail: Mail, address: str, own_addresses: Collection[str]) -> str:
    if not _ADDRESS.fullmatch(address):
        return "it names no sender"
    named = [each for _, each in getaddresses([value[:4000] for value in mail.header_all("from")]) if "@" in each]
    if len(named) != 1:
        return "it names several senders"
    if mail.header("return-path").strip() == "<>":
        return "its return path is empty (RFC 5321, 4.5.5)"
    if mail.header("auto-submitted").strip().lower() not in ("", "no"):
        return "a program sent it (RFC 3834)"
    if mail.header("precedence").strip().lower() in ("bulk", "junk", "list", "auto_reply"):
        return "it is bulk mail"
    if mail.header("x-auto-response-suppress").strip().lower() not in ("", "none"):
        return "its sender wants no automatic answer"
    present = next((name for name in (*_LIST_HEADERS, *_AUTO_FLAGS) if mail.header(name)), "")
    if present:
        return f"it has the header {present} of lists and programs"
    if address in own_addresses:
        return "it is from ourselves"
    if _NOBODY.fullmatch(address.rpartition("@")[0]):
        return "nobody reads what comes to its sender's address"
    if any(part.content_type == "message/feedback-report" for part in mail.own_parts()):
        return "a feedback loop sent it"
    return "" if is_proven(mail) else "nothing proves that its sender is who he says"


def _excluded(address: str, not_to: Collection[str]) -> str:
    domain = address.rpartition("@")[2]
    for entry in not_to:
        wanted = entry.lower().strip().lstrip("@")
        if wanted and (wanted == address or domain == wanted or domain.endswith("." + wanted)):
            return f"answers.not_to of abusehandler.yaml names {entry}"
    return ""
