# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reports in gzip and ZIP, whole, broken and hostile."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from datetime import datetime, timezone
from typing import TYPE_CHECKING, BinaryIO, cast

import pytest

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.reports.formats.shadowserver import Limits, read
from abusehandler.reports.reading import BadPart

if TYPE_CHECKING:
    from abusehandler.reports.event import Event

RECEIVED = datetime(2026, 11, 21, 6, tzinfo=timezone.utc)
CATALOGUE = Catalogue.load()
REPORT = b"timestamp,ip,port,asn,geo\n" + b"".join(
    b"2026-11-20 01:02:03,192.0.2.%d,53,64496,AT\n" % last for last in range(1, 101)
)


def split(
    stream: BinaryIO | bytes, name: str = "2026-11-20-scan_dns-x.csv.zip", limits: Limits | None = None
) -> tuple[list[Event], list[str]]:
    stream = io.BytesIO(stream) if isinstance(stream, bytes) else stream
    found = list(read(stream, filename=name, catalogue=CATALOGUE, received_at=RECEIVED, limits=limits or Limits()))
    return (
        [event for event in found if not isinstance(event, BadPart)],
        [f"{bad.part}: {bad.reason}" for bad in found if isinstance(bad, BadPart)],
    )


def zipped(**members: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name + ".csv", data)
    return made.getvalue()


class Pipe(io.RawIOBase):
    """A stream that only goes forward, some bytes at a time, as from a socket."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._rest.read(7 if size < 0 else min(size, 7))


@pytest.mark.parametrize("packed", [REPORT, gzip.compress(REPORT), zipped(scan_dns=REPORT)], ids=["csv", "gzip", "zip"])
def test_packed_or_not_is_told_by_the_bytes_not_the_name(packed: bytes) -> None:
    for stream in (io.BytesIO(packed), cast("BinaryIO", Pipe(packed))):
        events, bad = split(stream, "scan_dns.bin")
        assert len(events) == 100
        assert not bad


def test_each_member_of_a_zip_is_a_report_of_its_own_type() -> None:
    events, bad = split(zipped(scan_ssh=REPORT, event4_honeypot_darknet=REPORT.replace(b",ip,", b",src_ip,")))
    assert {event["classification.identifier"] for event in events} == {"accessible-ssh", "darknet"}
    assert len(events) == 200
    assert not bad


def test_a_member_that_is_no_report_does_not_hide_the_others() -> None:
    events, bad = split(zipped(readme=b"Hello\n", scan_ssh=REPORT))
    assert len(events) == 100
    assert len(bad) == 1
    assert "readme.csv" in bad[0]


def test_gzip_of_several_pieces() -> None:
    events, bad = split(gzip.compress(REPORT[:500]) + gzip.compress(REPORT[500:]))
    assert len(events) == 100
    assert not bad


def test_a_gzip_that_was_cut_off_is_read_as_far_as_possible() -> None:
    large = REPORT + b"".join(
        b"2026-11-20 01:%02d:%02d,198.51.100.%d,%d,64496,AT\n" % (n // 60 % 60, n % 60, n % 250, n % 60000)
        for n in range(100_000)
    )
    events, bad = split(gzip.compress(large)[:-20_000])
    assert len(events) > 1000
    assert any("broken archive" in reason for reason in bad)


@pytest.mark.parametrize(
    "data",
    [
        b"\x1f\x8b",
        b"\x1f\x8b\x08\0rubbish" * 5,
        b"PK\x03\x04",
        b"PK\x03\x04" + b"rubbish" * 50,
        b"PK\x05\x06" + b"\0" * 18,
        zipped(scan_dns=REPORT)[:-30],
        zipped(scan_dns=REPORT).replace(b"scan_dns", b"scan_xyz", 1),
    ],
)
def test_a_broken_archive_is_named(data: bytes) -> None:
    events, bad = split(data)
    assert not events
    assert bad


def test_a_wrong_checksum_is_told() -> None:
    data = bytearray(zipped(scan_dns=REPORT))
    place = data.index(b"PK\x01\x02") + 16
    data[place : place + 4] = struct.pack("<I", 12345)
    _, bad = split(bytes(data))
    assert any("CRC" in reason for reason in bad)


def test_a_bomb_in_gzip_or_zip_stops_early() -> None:
    bomb = REPORT + b"2026-11-20 01:02:03,192.0.2.1,53,64496,AT\n" * 400_000
    for packed in (gzip.compress(bomb), zipped(scan_dns=bomb)):
        _, bad = split(packed, limits=Limits(ratio=20))
        assert any("20 times its size" in reason for reason in bad)
        _, bad = split(packed, limits=Limits(unpacked_bytes=5 * 1024**2))
        assert any("more than 5 MB" in reason for reason in bad)


def test_a_zip_with_too_many_members_is_not_even_listed() -> None:
    events, bad = split(zipped(**{f"scan_{number}": REPORT for number in range(30)}), limits=Limits(members=20))
    assert not events
    assert len(bad) == 1
    assert "it lists 30 members" in bad[0]


def test_an_archive_within_an_archive_is_not_opened() -> None:
    events, bad = split(zipped(scan_dns=zipped(scan_dns=REPORT), scan_ssh=gzip.compress(REPORT)))
    assert not events
    assert [reason.rpartition(": ")[2] for reason in bad] == ["an archive within the archive is not read"] * 2


def test_an_encrypted_member_is_named() -> None:
    data = bytearray(zipped(scan_dns=REPORT))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(mark) + offset
        data[place] |= 1
    events, bad = split(bytes(data))
    assert not events
    assert "encrypted" in bad[0]


def test_methods_other_than_deflate_are_not_used() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("scan_dns.csv", REPORT)
    events, bad = split(made.getvalue())
    assert not events
    assert "not by deflate" in bad[0]
