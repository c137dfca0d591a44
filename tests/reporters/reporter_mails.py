# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Mails and definitions for the tests of reporters, made from a few lines."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler.reporters.schema import parse_definition
from abusehandler.reports.context import ReadContext
from abusehandler.reports.mail.message import Mail, Part

if TYPE_CHECKING:
    from pathlib import Path

    from abusehandler.reporters.definition import Definition

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)
CONTEXT = ReadContext(received_at=NOON)
HEAD = """\
name: desk
about: the desk of example.net
documented: https://example.net/abuse
recognise:
  - from: example.net
"""


def definition(rest: str, head: str = HEAD) -> Definition:
    return parse_definition(head + rest, "desk.yaml")


def knowing(tmp_path: Path, rest: str, head: str = HEAD) -> ReadContext:
    """The context of an operator whose folder holds one definition."""
    (tmp_path / "desk.yaml").write_text(head + rest, encoding="utf-8")
    return ReadContext(received_at=NOON, reporter_folders=(str(tmp_path),))


def mail(text: str, subject: str = "", *more: Part, sender: str = "desk@example.net") -> Mail:
    return Mail(subject=subject, sender=sender, sent_at=NOON, parts=(Part("1", "text", "text/plain", text), *more))


def attachment(name: str, text: str, content_type: str = "application/octet-stream") -> Part:
    return Part(f"2/{name}", "data", content_type, text, text.encode(), name, attached=True)
