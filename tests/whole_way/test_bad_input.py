# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bad input through running bots: the good part goes through, the bad part is kept with a reason, no bot dies."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.whole_way.conftest import Desk

HEADER = b'"timestamp","severity","ip","protocol","port","hostname","tag"\n'
GOOD = b'"2026-11-20 03:12:44","medium","%b","udp",53,"%b","openresolver"\n'
MAIL = b"From: someone@example.org\nTo: abuse@example.net\nSubject: %b\nMessage-ID: <%b@example.org>\n%b\n\n%b\n"


def row(address: bytes, host: bytes = b"cpe.example.net") -> bytes:
    return GOOD % (address, host)


def bomb() -> bytes:
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("2026-11-20-scan_dns-bomb.csv", "w", force_zip64=True) as member,
    ):
        member.write(HEADER + row(b"192.0.2.45"))
        for _ in range(60):
            member.write(b"\0" * 1_000_000)
    return packed.getvalue()


FEEDS = {
    "2026-11-20-scan_dns-short.csv": HEADER
    + row(b"192.0.2.1")
    + b'"2026-11-20 03:12:44","medium"\n'
    + row(b"192.0.2.2"),
    "2026-11-20-scan_dns-address.csv": HEADER + row(b"192.0.2.3") + row(b"192.0.2.999") + row(b"192.0.2.4"),
    "2026-11-20-scan_dns-cut.csv": HEADER + row(b"192.0.2.5") + b'"2026-11-20 03:12:44","med',
    "2026-11-20-scan_dns-cut.csv.gz": gzip.compress(
        HEADER + b"".join(row(b"192.0.2.6", b"h%d.example.net" % n) for n in range(2000))
    )[:-40],
    "2026-11-20-scan_dns-bomb.csv.zip": bomb(),
    "2026-11-20-scan_dns-latin.csv": HEADER + row(b"192.0.2.7", "müller.example.net".encode("latin-1")),
    "2026-11-20-scan_dns-empty.csv": b"",
    "2026-11-20-scan_dns-no.csv.zip": b"PK\x03\x04 this is no archive",
    "2026-11-20-scan_fresh_thing-x.csv": b'"timestamp","ip","port","brand_new_column"\n"2026-11-20 03:12:44","192.0.2.8",4711,"what"\n',
}
MAILS = {
    "mime": MAIL
    % (
        b"Attack from 192.0.2.10",
        b"m1",
        b'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="never"',
        b"no boundary",
    ),
    "charset": MAIL
    % (
        b"Spam from 192.0.2.11",
        b"m2",
        b"Content-Type: text/plain; charset=no-such-charset",
        b"\xff\xfe spam from 192.0.2.11",
    ),
    "headers": b"\xff\x00: x\nSubject" + b"A" * 100_000,
    "nothing": b"\n",
    "deep": MAIL % (b"x", b"m3", b"Content-Type: message/rfc822", (b"Content-Type: message/rfc822\n\n" * 3000)),
}


def test_the_good_part_goes_through_and_the_bad_part_waits_with_its_reason(desk: Desk) -> None:
    desk.intelmqctl("start")
    desk.require_running()
    for name, content in FEEDS.items():
        (desk.root / "var/lib/feeds" / name).write_bytes(content)
    for name, content in MAILS.items():
        (desk.root / "var/lib/maildir/new" / name).write_bytes(content)
    desk.wait_for_result()
    desk.require_running()

    states = {
        name: (state, reason) for name, state, reason in desk.database.fetch("SELECT name, state, reason FROM reports")
    }
    assert set(states) == {*FEEDS, *MAILS}
    for name in ("short", "address", "cut", "bomb"):
        state, reason = next(value for key, value in states.items() if name in key and "gz" not in key)
        assert (name, state) == (name, "partly")
        assert reason
    assert states["2026-11-20-scan_dns-cut.csv.gz"][0] == "partly"
    assert states["2026-11-20-scan_dns-latin.csv"] == ("read", "")
    assert states["2026-11-20-scan_fresh_thing-x.csv"][0] == "read"
    for name in ("2026-11-20-scan_dns-empty.csv", "2026-11-20-scan_dns-no.csv.zip", "headers", "nothing", "deep"):
        assert states[name][0] in ("unread", "not-a-report"), name
        assert states[name][1], name

    stored = {ip for (ip,) in desk.database.fetch("SELECT DISTINCT host(ip) FROM events")}
    assert {f"192.0.2.{last}" for last in range(1, 9)} <= stored
    assert "192.0.2.45" in stored
    assert {"192.0.2.10", "192.0.2.11"} <= stored
    ((column,),) = desk.database.fetch(
        "SELECT data ->> 'extra.brand_new_column' FROM events WHERE host(ip) = '192.0.2.8'"
    )
    assert column == "what"
    bad = desk.database.fetch(
        "SELECT p.line, p.reason FROM unread_parts p JOIN reports r ON r.id = p.report_id WHERE r.name LIKE '%address%'"
    )
    assert [(line, "192.0.2.999" in reason) for line, reason in bad] == [(3, True)]
    assert not list((desk.root / "var/log").glob("*.dump"))


def test_a_message_that_no_bot_can_handle_is_dumped_alone_and_intelmqdump_shows_it(desk: Desk) -> None:
    desk.intelmqctl("start", "ticket-output")
    desk.intelmqctl("start", "notice-output")
    good = {
        "__type": "Event", "source.ip": "192.0.2.1", "classification.type": "spam", "time.source": "2026-11-20T10:00:00+00:00",
        "time.observation": "2026-11-20T11:00:00+00:00", "customer.id": "C-1", "customer.match": "one", "feed.name": "Test",
    }  # fmt: skip
    without_source = {key: value for key, value in good.items() if key != "source.ip"}
    messages = [json.dumps({**good, "source.port": port}) for port in range(1, 20)]
    messages.insert(7, json.dumps(without_source))
    messages.insert(12, '{"__type": "Event", "cut')
    client = desk.redis.client()
    client.lpush("ticket-output-queue", *messages)
    client.close()
    desk.wait_for_result()
    assert desk.count("events") == 19
    assert desk.count("tickets") == 1
    dumped = json.loads((desk.root / "var/log/ticket-output.dump").read_text(encoding="utf-8"))
    assert len(dumped) == 2
    listing = subprocess.run(
        [str(Path(sys.executable).parent / "intelmqdump")],
        input="q\n",
        env=desk.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "ticket-output" in listing.stdout
    assert "2 dumps" in listing.stdout
