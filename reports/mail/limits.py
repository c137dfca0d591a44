# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How much of one mail is looked at, and the account kept while decoding it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one mail. Sizes are in bytes, `seconds` is processor time for decoding (wall time
    would make a busy machine read less).

    `depth` counts all nesting (multiparts, mails in mails, archives in archives); `archive_ratio` is the unpacked size
    by the packed size above which a file of more than a megabyte is taken for a bomb.
    """

    total_bytes: int = 64 * 1024 * 1024
    parts: int = 200
    depth: int = 8
    seconds: float = 2.0
    text_chars: int = 32 * 1024 * 1024
    html_bytes: int = 2 * 1024 * 1024
    header_bytes: int = 256 * 1024
    headers: int = 1000
    archive_files: int = 100
    archive_ratio: int = 400
    sheet_rows: int = 20_000
    sheet_columns: int = 200


DEFAULT_LIMITS = Limits()


@dataclass
class Budget:
    """What is left of the limits while one mail is decoded; `notes` become `Mail.limits`."""

    limits: Limits
    notes: list[str] = field(default_factory=list)
    parts: int = 0
    used_bytes: int = 0
    used_chars: int = 0
    deadline: float = 0.0

    def __post_init__(self) -> None:
        self.deadline = time.thread_time() + self.limits.seconds

    def note(self, text: str) -> None:
        """Remember once, in words, that something was left out."""
        if text not in self.notes and len(self.notes) < 50:
            self.notes.append(text)

    def left_bytes(self) -> int:
        """How many more decoded bytes may be kept."""
        return max(0, self.limits.total_bytes - self.used_bytes)

    def take(self, data: bytes, path: str) -> bytes:
        """Charge decoded bytes to the account; what is above the limit is cut off."""
        left = self.left_bytes()
        if len(data) > left:
            self.note(
                f"part {path}: cut after {left} bytes, the mail's decoded content is above {self.limits.total_bytes}"
            )
            data = data[:left]
        self.used_bytes += len(data)
        return data

    def take_text(self, text: str, path: str) -> str:
        """Charge decoded characters to the account."""
        left = max(0, self.limits.text_chars - self.used_chars)
        if len(text) > left:
            self.note(f"part {path}: text cut after {left} characters")
            text = text[:left]
        self.used_chars += len(text)
        return text

    def room_for_parts(self, path: str, *, made: bool = False) -> bool:
        """Whether one more part may be decoded, in number and time; `made` ones have had their time already."""
        if self.parts >= self.limits.parts:
            self.note(f"part {path} and later ones left out: more than {self.limits.parts} parts")
            return False
        if not made and self.late():
            self.note(f"part {path} and later ones left out: decoding took more than {self.limits.seconds:g} s")
            return False
        return True

    def another_part(self, path: str, *, made: bool = False) -> bool:
        """As `room_for_parts`, and count it."""
        room = self.room_for_parts(path, made=made)
        self.parts += room
        return room

    def late(self) -> bool:
        """Whether the time for this mail is used up."""
        return time.thread_time() > self.deadline
