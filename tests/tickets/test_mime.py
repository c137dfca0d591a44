# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whatever is put into a mail, the standard library's parser takes the same out of it."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abusehandler.tickets.mime import Attachment, ascii_address, header, mailbox, make_mail

if TYPE_CHECKING:
    from email.message import EmailMessage

HEADERS = [("From", "abuse@example.net"), ("Subject", "test")]
# line ends become CRLF, and half surrogate pairs are no text
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=300)


def read(content: bytes) -> EmailMessage:
    return email.message_from_bytes(content, policy=email.policy.default)  # type: ignore[return-value]


@given(lines=st.lists(TEXTS, max_size=6), html=TEXTS, file=st.binary(max_size=500))
def test_all_parts_come_back(lines: list[str], html: str, file: bytes) -> None:
    text = "\n".join(lines)
    content = make_mail(HEADERS, text, f"<p>{html}", [Attachment("a.bin", "application/octet-stream", file)])
    mail = read(content)
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().rstrip("\r\n").splitlines() == text.rstrip("\n").splitlines()
    assert rich.get_content().rstrip("\r\n") == f"<p>{html}"
    assert next(mail.iter_attachments()).get_content() == file


@given(lines=st.lists(TEXTS, max_size=6))
def test_every_mail_is_ascii_with_short_lines_that_end_in_crlf(lines: list[str]) -> None:
    content = make_mail(HEADERS, "\n".join(lines), "x" * 3000)
    assert content.isascii()
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == content.count(b"\r")
    assert max(len(line) for line in content.split(b"\r\n")) <= 78


@given(value=TEXTS)
def test_header_comes_back(value: str) -> None:
    value = " ".join(value.split())
    mail = read((header("Subject", value) + "\r\n").encode("ascii"))
    assert str(mail["Subject"]) == value


def test_long_header_is_folded() -> None:
    references = " ".join(f"<notice.{n}.0123456789abcdef@mail.example.net>" for n in range(5))
    folded = header("References", references)
    assert max(len(line) for line in folded.split("\r\n")) <= 78
    assert read((folded + "\r\n").encode("ascii"))["References"] == references


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\0", "\x1b"])
def test_header_with_a_line_end_is_refused(end: str) -> None:
    with pytest.raises(ValueError, match="newline"):
        header("Subject", f"x{end}Bcc: everybody@example.com")
    with pytest.raises(ValueError, match="newline"):
        mailbox(f"x{end}Bcc: everybody@example.com", "abuse@example.net")


def test_endless_header_is_refused() -> None:
    with pytest.raises(ValueError, match="longer than"):
        header("Subject", "x" * 100_000)


def test_lines_that_mail_servers_change_are_encoded() -> None:
    content = make_mail(HEADERS, "From here\n.\nFrom there \n-- \n")
    assert b"\r\nFrom " not in content
    assert b"\r\n.\r\n" not in content
    assert b" \r\n" not in content
    assert read(content).get_content().replace("\r\n", "\n") == "From here\n.\nFrom there \n-- \n"


@pytest.mark.parametrize(
    ("address", "expected"),
    [("a@example.com", "a@example.com"), ("a@bücher.example", "a@xn--bcher-kva.example"), ("ü@example.com", None),
     ("no-at", None), ("a b@example.com", None), ("a@x\r\nRCPT TO:<b@c>", None), ("<a@example.com>", None), ("a@\udcff", None)],
)  # fmt: skip
def test_addresses(address: str, expected: str | None) -> None:
    assert ascii_address(address) == expected
