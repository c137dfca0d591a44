# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler metrics`: a page that Prometheus reads, whatever is away."""

from __future__ import annotations

import json
import re
import stat
import threading
import urllib.error
import urllib.request
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from installation import Installation

from abusehandler.cli import main
from abusehandler.errors import AbusehandlerError
from abusehandler.installer.metrics.exposition import Metric, as_text, by_label, gauge
from abusehandler.installer.metrics.page import Page
from abusehandler.installer.metrics.serving import CONTENT_TYPE, MetricsServer, address_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.installer.services import RedisServer
    from abusehandler.tickets.database import Database

SAMPLE = re.compile(
    r'^([a-z_]+)(\{[a-z]+="(?:[^"\\\n]|\\["\\n])*"(?:,[a-z]+="(?:[^"\\\n]|\\["\\n])*")*\})? (-?[0-9.e+]+|NaN)$'
)


@pytest.fixture
def here(
    tmp_path: Path, dsn: str, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    installation = Installation(tmp_path / "root", dsn, redis_server)
    installation.enter(monkeypatch)
    yield installation
    redis_server.client().flushdb()


def samples(page: str) -> dict[str, float]:
    """Each line, checked against the format."""
    found = {}
    for line in page.splitlines():
        if line.startswith("#"):
            assert re.match(r"# (HELP|TYPE) abusehandler_[a-z_]+ ", line)
            continue
        match = SAMPLE.match(line)
        assert match, line
        found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_page_of_a_small_desk(here: Installation, database: Database) -> None:
    database.fetch("INSERT INTO customers (id) VALUES ('1001')")
    database.fetch(
        "INSERT INTO tickets (key, customer_id, resource, problem) SELECT gen_random_uuid(), '1001', 'r', 'p' FROM generate_series(1, 3)"
    )
    database.fetch("UPDATE tickets SET state = 'closed' WHERE id = 1")
    database.fetch(
        "INSERT INTO reports (evidence, kind, channel, feed, size) VALUES (repeat('a', 64), 'feed', 'x', 'Shadow\"server', 1)"
    )
    here.redis.client().lpush("mail-parser-queue", "one", "two")
    here.redis.client(3).set("mail-parser.stats.success", 17)
    page = Page(here.examined())
    found = samples(page.text())
    page.close()
    assert found['abusehandler_tickets{state="open"}'] == 2
    assert found['abusehandler_tickets{state="closed"}'] == 1
    assert found["abusehandler_tickets_opened_total"] == 3
    assert found['abusehandler_reports{state="received"}'] == 1
    assert 'abusehandler_source_last_report_timestamp_seconds{source="Shadow\\"server"}' in found
    assert found['abusehandler_queue_messages{queue="mail-parser-queue"}'] == 2
    assert found['abusehandler_bot_messages_total{bot="mail-parser",result="success"}'] == 17
    assert found['abusehandler_bot_up{bot="mail-parser"}'] == 0
    assert {
        found[f'abusehandler_source_up{{source="{name}"}}'] for name in ("database", "queues", "bots", "disks")
    } == {1}
    here.redis.client(3).flushdb()


def test_page_without_servers(here: Installation) -> None:
    here.configure(database={"dsn": "dbname=x host=/nowhere"})
    here.bots(**{"global": {"source_pipeline_host": "/nowhere/redis.sock"}})
    page = Page(here.examined())
    found = samples(page.text())
    page.close()
    assert found['abusehandler_source_up{source="database"}'] == found['abusehandler_source_up{source="queues"}'] == 0
    assert 'abusehandler_bot_up{bot="mail-parser"}' in found


def test_served(here: Installation) -> None:
    page = Page(here.examined())
    with MetricsServer(("127.0.0.1", 0), page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with urllib.request.urlopen(f"{address}/metrics", timeout=120) as answer:
            assert answer.headers["Content-Type"] == CONTENT_TYPE
            assert samples(answer.read().decode())["abusehandler_schema"] > 0
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{address}/etc/passwd", timeout=120)
        refused.value.close()
        assert refused.value.code == 404
        server.shutdown()
    page.close()


def test_written_for_node_exporter(here: Installation, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "abusehandler.prom"
    assert main(["metrics", "--output", str(target)]) == 0
    assert samples(target.read_text(encoding="utf-8")) and stat.S_IMODE(target.stat().st_mode) == 0o644
    assert main(["metrics", "--output", str(tmp_path / "away" / "x.prom")]) == 1
    assert "let this user write" in capsys.readouterr().err
    assert main(["metrics"]) == 0
    assert "abusehandler_info" in capsys.readouterr().out


def test_exposition() -> None:
    text = as_text([by_label("x", "About\nlines.", "label", {'a"b\\c\nd': 1.5}), gauge("none", "Nothing.", None)])
    assert (
        text
        == '# HELP abusehandler_x About\\nlines.\n# TYPE abusehandler_x gauge\nabusehandler_x{label="a\\"b\\\\c\\nd"} 1.5\n'
    )
    with pytest.raises(ValueError, match="no name for a counter"):
        Metric("x", "counter", "", ())


def test_addresses() -> None:
    assert address_of(":9427") == ("127.0.0.1", 9427)
    assert address_of("[::1]:9427") == ("::1", 9427)
    with pytest.raises(AbusehandlerError, match="write for example"):
        address_of("everywhere")


def test_dashboard_asks_only_for_what_there_is(here: Installation) -> None:
    page = Page(here.examined())
    there = set(re.findall(r"^# TYPE (\S+)", page.text(), re.MULTILINE))
    page.close()
    folder = resources.files("abusehandler.installer") / "grafana"
    board = json.loads((folder / "abusehandler.json").read_text(encoding="utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel.get("targets", ())
        for name in re.findall(r"abusehandler_\w+", target["expr"])
    }
    assert asked
    # without a sample these families are left out
    sometimes = {
        "abusehandler_bot_messages_total", "abusehandler_backup_timestamp_seconds", "abusehandler_source_last_report_timestamp_seconds",
        "abusehandler_timers_timestamp_seconds", "abusehandler_oldest_report_waiting_timestamp_seconds",
    }  # fmt: skip
    assert asked <= there | sometimes
