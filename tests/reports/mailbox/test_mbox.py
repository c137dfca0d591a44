# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An mbox file falls into its mails, byte for byte."""

from __future__ import annotations

import io
import mailbox
import time
from typing import TYPE_CHECKING

import pytest

from abusehandler.reports.mailbox.mbox import is_mbox, mails

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = b"From reporter@example.org Fri Nov 20 10:00:00 2026\n"
ONE = b"Subject: one\n\nfirst line\n\nFrom here it is text.\nlast line\n"
TWO = b"Subject: two\n\ntext\n"


def split(content: bytes) -> list[bytes]:
    return [b"".join(pieces) for pieces in mails(io.BytesIO(content))]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (BEGIN + ONE + b"\n" + BEGIN + TWO + b"\n", [ONE, TWO]),
        (BEGIN + ONE + b"\n" + BEGIN + TWO, [ONE, TWO]),
        (BEGIN + TWO[:-1], [TWO[:-1]]),
        (BEGIN.replace(b"\n", b"\r\n") + TWO + b"\r\n" + BEGIN + TWO, [TWO, TWO]),
        (BEGIN + TWO + b"\n>From me\n>>From you\n", [TWO + b"\nFrom me\n>From you\n"]),
        (BEGIN, [b""]),
        (b"", []),
        (b"\n\n" + BEGIN + TWO, [TWO]),
        (TWO, []),
        (BEGIN + b"x" * 200_000 + b"From \n", [b"x" * 200_000 + b"From \n"]),
    ],
)
def test_split(content: bytes, expected: list[bytes]) -> None:
    assert split(content) == expected


def test_what_python_writes_comes_back(tmp_path: Path) -> None:
    written = mailbox.mbox(tmp_path / "box")
    for text in (ONE, TWO, ONE):
        written.add(text)
    written.close()
    content = (tmp_path / "box").read_bytes()
    assert is_mbox(io.BytesIO(content))
    assert split(content) == [ONE, TWO, ONE]


def test_a_single_mail_is_no_mbox() -> None:
    assert not is_mbox(io.BytesIO(TWO))
    assert not is_mbox(io.BytesIO(b"From the desk of somebody"))


def test_evil_lines_take_no_time() -> None:
    for evil in (
        b"From " * 20_000,
        b"From " + b"1:" * 50_000,
        b">" * 100_000,
        b"\n" * 100_000,
        (b"From x " + b"9" * 90 + b"\n\n") * 1000,
    ):
        begin = time.process_time()
        split(BEGIN + evil)
        # two orders of magnitude above what is normal: only what grows with the square of the length comes near
        assert time.process_time() - begin < 2
