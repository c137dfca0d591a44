# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The sample reports of the try-out: templates in samples/, filled with yesterday's date."""

from __future__ import annotations

import base64
import io
import re
import zipfile
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from importlib import resources
from pathlib import Path

_ZIP = re.compile(rb"@ZIP:([\w.-]+)@")


def folder() -> Path:
    """Where the templates lie."""
    return Path(str(resources.files("abusehandler.installer"))) / "samples"


def write(kind: str, target: Path, day: datetime | None = None) -> list[Path]:
    """Writes the samples of a kind (`feeds`, `mails`) into a folder, dated `day` (aware; yesterday if left out).

    Each file appears under its name at once, whole.
    """
    day = day or datetime.now(timezone.utc) - timedelta(days=1)
    written = []
    for template in sorted((folder() / kind).iterdir()):
        name = f"{day:%Y-%m-%d}-{template.name}" if kind == "feeds" else template.name
        temporary = target / f".{name}"
        temporary.write_bytes(filled(template.read_bytes(), day))
        written.append(temporary.rename(target / name))
    return written


def filled(template: bytes, day: datetime) -> bytes:
    """The template with its dates and attachments."""
    moment = day.replace(hour=14, minute=2, second=11, microsecond=0)
    for word, text in (
        ("@DAY@", f"{day:%Y-%m-%d}"),
        ("@DATE@", format_datetime(moment)),
        ("@SYSLOG@", f"{moment:%b %d %H:%M:%S}"),
    ):
        template = template.replace(word.encode(), text.encode())
    return _ZIP.sub(lambda match: _zipped(match[1].decode(), day), template)


def _zipped(name: str, day: datetime) -> bytes:
    content = filled((folder() / "attachments" / name).read_bytes(), day)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"{day:%Y-%m-%d}-{name}", (day.year, day.month, day.day, 6, 0, 0)), content)
    return base64.encodebytes(packed.getvalue())
