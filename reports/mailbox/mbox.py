# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The mails of an mbox file (RFC 4155), one after the other, in flat memory. The file is only read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A longer line is handed on in pieces.
_LONGEST_LINE = 1 << 16
#: "From " and an address or `-` or MAILER-DAEMON, then a date with a time of day: not a sentence that begins with "From".
_BEGIN = re.compile(rb"From [^\r\n]{1,500} \d{1,2}:\d\d")
#: Mailers write `>` before lines that would look like the begin of a mail (mboxrd).
_QUOTED = re.compile(rb">+From ")


def is_mbox(stream: BinaryIO) -> bool:
    """Whether the stream begins as an mbox file does; leaves it at its begin."""
    first = stream.read(600)
    stream.seek(0)
    return bool(_BEGIN.match(first))


def mails(stream: BinaryIO) -> Iterator[Iterator[bytes]]:
    """Each mail as the pieces of its bytes, without the `From ` line; each must be taken to its end before the next.

    A mail begins with a `From ` line at the begin of the file or behind an empty line. That empty line belongs to the
    file, not to the mail, and is left out.
    """
    line = stream.readline(_LONGEST_LINE)
    while line and not _BEGIN.match(line):
        line = stream.readline(_LONGEST_LINE)
    while line:
        next_begin: list[bytes] = []
        yield _mail(stream, next_begin)
        line = next_begin[0] if next_begin else b""


def _mail(stream: BinaryIO, next_begin: list[bytes]) -> Iterator[bytes]:
    empty = b""
    whole = True
    while line := stream.readline(_LONGEST_LINE):
        if whole and empty and _BEGIN.match(line):
            next_begin.append(line)
            return
        if empty:
            yield empty
            empty = b""
        if whole and line in (b"\n", b"\r\n"):
            empty = line
            continue
        if whole and _QUOTED.match(line):
            line = line[1:]
        whole = line.endswith(b"\n")
        yield line
