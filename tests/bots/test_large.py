# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Messages that are larger than memory should be: read in pieces, the report in them stored as it comes."""

from __future__ import annotations

import json
import tracemalloc
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from desk_of_test import configure, dumped
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from intelmq.lib.exceptions import PipelineError

from abusehandler.bots._large import ORDINARY_BYTES, PIECE, LargeMessageQueue, evidence_taken_out
from abusehandler.bots.parsers.shadowserver import BOT as SHADOWSERVER
from abusehandler.errors import EvidenceError
from abusehandler.tickets.evidence import EvidenceStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import redis

    from abusehandler.tickets.database import Database
    from abusehandler.tickets.evidence import Kept

HEADER = '"timestamp","ip","port","protocol","asn","geo","tag"\n'


@pytest.fixture
def evidence(tmp_path: Path) -> EvidenceStore:
    return EvidenceStore(tmp_path / "evidence")


@pytest.fixture
def source(queues: redis.Redis, evidence: EvidenceStore) -> LargeMessageQueue:
    return LargeMessageQueue(queues, "q", evidence.keep)


def in_message(content: bytes, **more: str) -> bytes:
    return json.dumps({"feed.name": "F", "raw": b64encode(content).decode(), **more}).encode()


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, ORDINARY_BYTES - 1, ORDINARY_BYTES])
def test_ordinary_message_comes_as_it_is(queues: redis.Redis, source: LargeMessageQueue, size: int) -> None:
    queues.lpush("q", b"x" * size, b"next")
    assert source.take(1, 1, 0) == [b"x" * size]
    source.acknowledge(1)
    assert source.take(1, 1, 0) == [b"next"]
    source.acknowledge(1)
    assert source.take(1, 0.01, 0) == []
    assert queues.llen("q-internal") == 0


def test_report_of_a_large_message_becomes_evidence(
    queues: redis.Redis, source: LargeMessageQueue, evidence: EvidenceStore
) -> None:
    content = bytes(range(256)) * 20_000 + b"end"
    queues.lpush("q", in_message(content, __type="Report", note='not "raw": "this"'))
    (text,) = source.take(1, 1, 0)
    message = json.loads(text)
    assert evidence.read(message.pop("report.evidence")) == content
    assert message == {"feed.name": "F", "__type": "Report", "note": 'not "raw": "this"'}
    assert queues.llen("q-internal") == 1


def test_what_a_crash_left_is_read_in_pieces_too(
    queues: redis.Redis, source: LargeMessageQueue, evidence: EvidenceStore
) -> None:
    queues.lpush("q", in_message(b"a" * (2 * ORDINARY_BYTES)))
    first = source.take(1, 1, 0)
    assert LargeMessageQueue(queues, "q", evidence.keep).take(1, 1, 0) == first


@pytest.mark.parametrize("damage", ["no base64", "cut", "no report"])
def test_what_is_wrong_with_a_large_message_is_left_to_the_ordinary_way(
    queues: redis.Redis, source: LargeMessageQueue, damage: str
) -> None:
    message = in_message(b"a" * (2 * ORDINARY_BYTES))
    if damage == "no base64":
        message = message[:-1000] + b"***" + message[-997:]
    elif damage == "cut":
        message = message[:-10]
    else:
        message = message.replace(b'"raw"', b'"war"')
    queues.lpush("q", message)
    assert source.take(1, 1, 0) == [message]
    queues.lpush("q", b"next")
    source.acknowledge(1)
    assert source.take(1, 1, 0) == [b"next"]


def test_full_disk_leaves_the_message_where_it_is(queues: redis.Redis, evidence: EvidenceStore) -> None:
    full = True

    def keep(pieces: Iterable[bytes]) -> Kept:
        if full:
            next(iter(pieces))
            raise EvidenceError("no room")
        return evidence.keep(pieces)

    source = LargeMessageQueue(queues, "q", keep)
    assert source.take(1, 0.01, 0) == []
    queues.lpush("q", in_message(b"a" * (2 * ORDINARY_BYTES)))
    for _ in range(3):
        with pytest.raises(EvidenceError):
            source.take(1, 1, 0)
    full = False
    (text,) = source.take(1, 1, 0)
    assert evidence.read(json.loads(text)["report.evidence"]) == b"a" * (2 * ORDINARY_BYTES)


def test_other_kind_of_key_is_an_outage(queues: redis.Redis, source: LargeMessageQueue) -> None:
    queues.set("q", "no list")
    for _ in range(2):
        with pytest.raises(PipelineError, match="ResponseError"):
            source.take(1, 0.01, 0)


@given(content=st.binary(max_size=400), before=st.text(max_size=20), after=st.text(max_size=20), cuts=st.integers(1, 9))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_wherever_the_pieces_are_cut(
    evidence: EvidenceStore, content: bytes, before: str, after: str, cuts: int
) -> None:
    whole = json.dumps({"a": before, "raw": b64encode(content).decode(), "b": after}).encode()

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(whole), cuts):
            yield whole[start : start + cuts]

    message = json.loads(evidence_taken_out(pieces(), evidence.keep))
    assert evidence.read(message.pop("report.evidence")) == content
    assert message == {"a": before, "b": after}


def test_bot_reads_a_large_report_of_a_stock_collector(
    etc: Path, dsn: str, make_bot: Callable[..., Any], queues: redis.Redis, database: Database, tmp_path: Path
) -> None:
    configure(etc, database={"dsn": dsn})
    rows = "".join(
        f'"2026-11-20 03:04:05","192.0.2.{n % 256}","53","udp","64496","AT","dns{n}"\n' for n in range(60_000)
    )
    message = in_message((HEADER + rows).encode(), __type="Report", **{"extra.file_name": "2026-11-20-scan_dns-a.csv"})
    queues.lpush("test-queue", message)
    bot = make_bot(SHADOWSERVER, queue_limit=1_000_000)
    tracemalloc.start()
    bot.process()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(message) > 3 * ORDINARY_BYTES
    assert queues.llen("next-queue") == 60_000
    assert queues.llen("test-queue-internal") == 0
    assert dumped(tmp_path) == []
    assert database.fetch("SELECT kind, size, events FROM reports") == [("feed", len(HEADER + rows), 60_000)]
    # the events of one sending are held, the report is not
    assert most < len(message) + 8_000_000
