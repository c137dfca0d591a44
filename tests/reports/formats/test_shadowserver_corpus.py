# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Field by field against what IntelMQ's stock parser makes of real reports; each difference that we want has its reason.

The reports are not part of the project: set ABUSEHANDLER_CORPUS to the folder that holds `shadowserver/`.
"""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from intelmq.lib.message import Event as IntelMQEvent

from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.reports.formats.shadowserver import is_shadowserver, read, rows
from abusehandler.reports.reading import BadPart

FOLDER = Path(os.environ.get("ABUSEHANDLER_CORPUS", "/nonexistent")) / "shadowserver"

pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="ABUSEHANDLER_CORPUS names no folder with shadowserver/ in it"),
]


class Allowed(NamedTuple):
    """A difference that is wanted; `field` and `report` are patterns."""

    field: str
    report: str
    reason: str


ALLOWED = (
    Allowed("severity", "*", "stock leaves out the report's default severity"),
    Allowed("feed.provider", "*", "stock leaves it to the caller"),
    Allowed("feed.code", "*", "the report type; stock keeps it nowhere"),
    Allowed("extra.naics", "*", "one name in all reports: extra.source.naics; stock has both"),
    Allowed("extra.source.naics", "*", "see extra.naics"),
    Allowed("extra.sic", "*", "one name in all reports: extra.source.sic; stock also keeps the 0 that means nothing"),
    Allowed("extra.source.sic", "*", "see extra.sic"),
    Allowed("extra.sector", "*", "one name in all reports: extra.source.sector"),
    Allowed("extra.source.sector", "*", "see extra.sector"),
    Allowed("extra.tag", "*", "kept in all reports; stock drops it in some"),
    Allowed("protocol.transport", "scan_ssl*", "TLS runs over TCP; the report has no column that says so"),
    Allowed("protocol.application", "event?_honeypot_brute_force", "ssh or telnet is a protocol, no extra"),
    Allowed("extra.application", "event?_honeypot_brute_force", "see protocol.application"),
    Allowed("destination.account", "event?_honeypot_brute_force", "the account that was tried"),
    Allowed("extra.username", "event?_honeypot_brute_force", "see destination.account"),
    Allowed("classification.t*", "event?_honeypot_darknet", "scanner, or infected-system with a worm's name; stock: other"),
    Allowed("classification.t*", "population_http_proxy", "potentially-unwanted-accessible instead of other"),
    Allowed("classification.t*", "scan_quic", "potentially-unwanted-accessible instead of other"),
    Allowed("classification.t*", "scan_ssl", "potentially-unwanted-accessible instead of other"),
    Allowed("classification.*", "scan*_smb", "an implant means that somebody is in"),
    Allowed("classification.*", "scan*_http_vulnerable", "web shells and implants mean that somebody is in"),
    Allowed("classification.*", "special", "hosts that were broken into are told apart"),
    Allowed("classification.identifier", "scan_rdp", "a machine with BlueKeep is another problem than an open door"),
    Allowed("classification.identifier", "event?_sinkhole_http_referer", "stock leaves it out"),
    Allowed("malware.name", "event?_sinkhole_http_referer", "from the family, where no infection is named"),
    Allowed("source.*", "event?_sinkhole_http_referer", "all that is known of the referring site, stock takes its address"),
    Allowed("extra.*http_referer*", "event?_sinkhole_http_referer", "see source.*"),
)  # fmt: skip

#: Reports that stock gives up on and we read.
STOCK_FAILS = {"sandbox_url"}


def cases() -> list[dict[str, Any]]:
    if not FOLDER.is_dir():
        return []
    return [json.loads(line) for line in (FOLDER / "expected.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("case", cases(), ids=lambda case: case["report"])
def test_a_report_gives_the_stock_parsers_events_or_better(case: dict[str, Any]) -> None:
    path = FOLDER / "reports" / case["report"]
    said: list[str] = []
    with path.open("rb") as stream:
        found = list(
            read(
                stream,
                filename=path.name,
                catalogue=Catalogue.load(),
                received_at=datetime.now(timezone.utc),
                warn=said.append,
            )
        )
    events = [event for event in found if not isinstance(event, BadPart)]
    assert len(events) == len(found)
    assert said == []
    if path.stem not in STOCK_FAILS:
        assert len(events) == len(case["events"])
    for ours, stock in zip(events, case["events"], strict=path.stem not in STOCK_FAILS):
        for field in sorted(set(ours) | set(stock)):
            if ours.get(field) == stock.get(field) or any(
                fnmatchcase(field, allowed.field) and fnmatchcase(path.stem, allowed.report) for allowed in ALLOWED
            ):
                continue
            pytest.fail(f"{field}: ours {ours.get(field)!r}, stock {stock.get(field)!r}")
    for event in events:
        message = IntelMQEvent()
        for field, value in event.items():
            assert message.add(field, value, sanitize=False) is not False, field


@pytest.mark.parametrize("case", cases(), ids=lambda case: case["report"])
def test_a_report_is_known_by_its_header_and_gives_back_its_lines(case: dict[str, Any]) -> None:
    path = FOLDER / "reports" / case["report"]
    lines = path.read_text(encoding="utf-8").splitlines()
    assert is_shadowserver([name.strip('"') for name in lines[0].split(",")])
    with path.open("rb") as stream:
        for number, raw, _ in rows(
            stream, filename=path.name, catalogue=Catalogue.load(), received_at=datetime.now(timezone.utc)
        ):
            assert raw == lines[number - 1]
