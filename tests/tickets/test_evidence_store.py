# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Raw reports: stored once, whole or not at all, and found again byte by byte."""

from __future__ import annotations

import gzip
import hashlib
import resource
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from abusehandler.errors import EvidenceError
from abusehandler.tickets.evidence import EvidenceStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")


def files(store: EvidenceStore) -> list[Path]:
    return sorted(path for path in store.folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("content", [b"", b"one mail", bytes(range(256)) * 20_000])
def test_what_is_kept_is_found_again(store: EvidenceStore, content: bytes) -> None:
    kept = store.keep(content)
    assert kept.sha256 == hashlib.sha256(content).hexdigest()
    assert kept.size == len(content)
    assert store.read(kept.sha256) == content
    with store.open(kept.sha256) as stream:
        assert stream.read() == content


def test_stream_is_the_same_as_its_bytes(store: EvidenceStore) -> None:
    assert store.keep(iter([b"one ", b"mail"])) == store.keep(b"one mail")


def test_same_content_is_stored_once(store: EvidenceStore) -> None:
    kept = store.keep(b"one mail")
    before = store.path(kept.sha256).stat()
    assert store.keep(b"one mail") == kept
    assert store.path(kept.sha256).stat().st_ino == before.st_ino
    assert files(store) == [store.path(kept.sha256)]


def test_many_at_once_leave_one_whole_file(store: EvidenceStore) -> None:
    content = b"x" * 300_000
    workers = [threading.Thread(target=store.keep, args=(content,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    (path,) = files(store)
    assert gzip.decompress(path.read_bytes()) == content


def test_source_that_breaks_off_leaves_nothing(store: EvidenceStore) -> None:
    def breaks() -> Iterator[bytes]:
        yield b"half a mail"
        raise ConnectionResetError("gone")

    with pytest.raises(EvidenceError, match="gone"):
        store.keep(breaks())
    assert files(store) == []


def test_full_disk_is_said_and_leaves_nothing(store: EvidenceStore) -> None:
    """A limit on the size of files stands for the full disk: the write fails half-way as it would there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    noise = b"".join(hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(20_000))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(EvidenceError, match="make room"):
            store.keep(noise)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert files(store) == []
    assert store.read(store.keep(noise).sha256) == noise


def test_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="ascii")
    with pytest.raises(EvidenceError, match=str(tmp_path / "file")):
        EvidenceStore(tmp_path / "file").keep(b"x")


@pytest.mark.parametrize("sha256", ["", "abc", "AB" * 32, "../" * 21 + "a", "zz" * 32, "ab" * 33, "ab" * 31 + "\n\n"])
def test_what_is_no_sha256_never_becomes_a_path(store: EvidenceStore, sha256: str) -> None:
    with pytest.raises(EvidenceError, match="SHA-256"):
        store.path(sha256)


def test_missing_evidence_says_what_to_restore(store: EvidenceStore) -> None:
    with pytest.raises(EvidenceError, match="restore it"):
        store.read("ab" * 32)


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "other bytes"])
def test_damaged_evidence_is_an_error_not_other_bytes(store: EvidenceStore, damage: str) -> None:
    content = b"".join(hashlib.sha256(bytes([number])).digest() for number in range(200))
    kept = store.keep(content)
    path = store.path(kept.sha256)
    packed = path.read_bytes()
    for position in (30, len(packed) // 2, len(packed) - 6):
        broken = {
            "cut": packed[:position],
            "flipped": packed[:position] + bytes([packed[position] ^ 0xFF]) + packed[position + 1 :],
            "emptied": b"",
            "other bytes": gzip.compress(b"something else"),
        }[damage]
        path.write_bytes(broken)
        with pytest.raises(EvidenceError, match="damaged"):
            store.read(kept.sha256)


def test_reading_has_a_limit(store: EvidenceStore) -> None:
    kept = store.keep(b"x" * 1000)
    with pytest.raises(EvidenceError, match="longer than 999"):
        store.read(kept.sha256, limit=999)


def test_killed_while_writing_leaves_no_evidence_that_is_not_whole(tmp_path: Path) -> None:
    writer = """
import sys, pathlib
from abusehandler.tickets.evidence import EvidenceStore
def pieces():
    yield b"x" * 1_000_000
    print("half", flush=True)
    sys.stdin.read()
EvidenceStore(pathlib.Path(sys.argv[1])).keep(pieces())
"""
    with subprocess.Popen(
        [sys.executable, "-c", writer, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "half\n"
        process.kill()
    assert not list(tmp_path.rglob("*.gz"))
    assert EvidenceStore(tmp_path).keep(b"x" * 1_000_000).size == 1_000_000
