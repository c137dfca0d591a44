# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Status codes of mail systems (RFC 3463, RFC 5321) and what they mean for the address that was tried."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from abusehandler.reports.answers.phrases import phrases

if TYPE_CHECKING:
    from abusehandler.reports.answers.value import Action, Weight

_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![.\d])")
_REPLY = re.compile(r"(?<![\d.:-])([245][0-9]{2})(?=[ -])(?![ ]?(?:bytes|kb|mb|seconds|minutes))", re.IGNORECASE)
_MOST = 5000


def enhanced_status(text: str) -> str:
    """The first RFC 3463 code in a text, or the class of the first RFC 5321 reply code as `5.0.0`; empty if none."""
    text = text[:_MOST]
    match = _ENHANCED.search(text)
    if match:
        return f"{match[1]}.{int(match[2])}.{int(match[3])}"
    plain = _REPLY.search(text)
    return f"{plain[1][0]}.0.0" if plain else ""


def better_status(status: str, diagnostic: str) -> str:
    """The status field, or what the diagnostic says where the field is missing or says nothing (5.0.0)."""
    told = enhanced_status(status)
    if told and not told.endswith(".0.0"):
        return told
    found = enhanced_status(diagnostic)
    if told and found[:1] not in ("", told[0]):
        return told
    return found if found and not (told and found.endswith(".0.0")) else told


def names_nobody(status: str, diagnostic: str) -> bool:
    """Whether the mail system says in so many words that nobody is behind the address."""
    if (status.startswith("5.1.") and status not in ("5.1.7", "5.1.8")) or status == "5.2.1":
        return True
    return bool(phrases("nobody").search(diagnostic[:_MOST]))


def weight_of(action: Action, status: str, diagnostic: str) -> Weight:
    """What a failure means for the address; other news mean nothing for it.

    Hard: the address or its domain is not there. Soft: mailbox full, too large, refused as spam, given up after days
    of trying: the mail is lost, the address may be good. Without any hint a final failure is hard.
    """
    if action != "failed":
        return "none"
    diagnostic = diagnostic[:_MOST]
    group, _, detail = status.partition(".")
    if status in ("4.2.2", "5.2.2") or group == "4":
        return "soft"
    if names_nobody(status, diagnostic):
        return "hard"
    if detail.startswith(("7.", "3.", "6.")) or status in ("5.2.3", "5.4.6", "5.4.7", "5.1.7", "5.1.8"):
        return "soft"
    return "soft" if phrases("passing").search(diagnostic) else "hard"
