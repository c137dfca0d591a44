# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The whole way of Shadowserver rows, IntelMQ's stock bots and ours, in one run on one machine.

Stock: parser → deduplicator → taxonomy → modify → SQL output. Ours: parser → customer expert → ticket output.
Each bot is measured alone with its queue full, then each chain from the report in the queue to the last row stored.
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _rows, _stage

if TYPE_CHECKING:
    import argparse

STOCK_CHAIN = ("stock-parser", "stock-deduplicator", "stock-taxonomy", "stock-modify", "stock-sql")
OUR_CHAIN = ("our-parser", "our-expert", "our-tickets")


def bots(stage: _stage.Stage, limit: int = 20_000) -> dict[str, dict[str, Any]]:
    """The bots of both sides; `limit` is the queue_limit of ours: measured alone, a bot must not wait for the next one."""
    stock, ours = "intelmq.bots", "intelmq.bots.{}.abusehandler.{}"
    redis = stage.redis.socket
    return {
        "stock-parser": {
            "module": f"{stock}.parsers.shadowserver.parser",
            "parameters": {"destination_queues": {"_default": ["stock-deduplicator-queue"]}, "auto_update": False},
        },
        "stock-deduplicator": {
            "module": f"{stock}.experts.deduplicator.expert",
            "parameters": {
                "destination_queues": {"_default": ["stock-taxonomy-queue"]}, "filter_keys": "raw,time.observation",
                "filter_type": "blacklist", "redis_cache_host": redis, "redis_cache_db": 6, "redis_cache_ttl": 86400,
            },
        },
        "stock-taxonomy": {
            "module": f"{stock}.experts.taxonomy.expert",
            "parameters": {"destination_queues": {"_default": ["stock-modify-queue"]}},
        },
        "stock-modify": {
            "module": f"{stock}.experts.modify.expert",
            "parameters": {
                "destination_queues": {"_default": ["stock-sql-queue"]},
                "configuration_path": str(stage.root / "etc" / "modify.conf"),
            },
        },
        "stock-sql": {
            "module": f"{stock}.outputs.sql.output",
            "parameters": {
                "engine": "postgresql", "host": str(stage.postgres.folder), "port": 5432, "database": "stock",
                "user": "abusehandler", "password": "", "sslmode": "prefer", "table": "events", "jsondict_as_string": True,
            },
        },
        "our-parser": {
            "module": ours.format("parsers", "shadowserver"),
            "parameters": {"destination_queues": {"_default": ["our-expert-queue"]}, "queue_limit": limit},
        },
        "our-expert": {
            "module": ours.format("experts", "customer"),
            "parameters": {"destination_queues": {"_default": ["our-tickets-queue"]}, "queue_limit": limit},
        },
        "our-tickets": {"module": ours.format("outputs", "tickets"), "parameters": {}},
        "our-collector": {
            "module": ours.format("collectors", "feed_files"),
            "parameters": {"destination_queues": {"_default": ["our-parser-queue"]}, "folder": str(stage.root / "feeds"), "rate_limit": 1},
        },
    }  # fmt: skip


CONFIGURATION = {
    "organisation": {"name": "Benchmark", "abuse_address": "abuse@example.net"},
    "networks": {"prefixes": [str(_rows.NETWORK)]},
    "evidence": {"path": "../var/lib/evidence"},
    "customers": {"connector": "csv", "path": "customers.csv"},
}


def prepare(stage: _stage.Stage) -> None:
    """Configuration, databases and the stock parser's schema for the one report type that is used here."""
    from abusehandler.tickets.database import Database
    from abusehandler.tickets.migrate import upgrade

    (stage.root / "feeds").mkdir()
    configure(stage, limit=10_000_000)
    stage.postgres.make_database("stock")
    stage.postgres.make_database()
    upgrade(Database(stage.postgres.dsn()))
    fields = json.loads((stage.root / "etc/harmonization.conf").read_text(encoding="utf-8"))["event"]
    types = {"Integer": "bigint", "ASN": "bigint", "Float": "real", "Boolean": "boolean", "IPAddress": "inet", "IPNetwork": "cidr",
             "DateTime": "timestamp with time zone", "JSONDict": "json", "JSON": "json"}  # fmt: skip
    columns = ", ".join(f'"{name}" {types.get(field["type"], "text")}' for name, field in fields.items())
    Database(stage.postgres.dsn("stock")).fetch(f"CREATE TABLE events (id bigserial PRIMARY KEY, {columns})")
    rules = [
        {"rulename": f"rule {number}", "if": {"source.port": number}, "then": {"comment": "a port"}}
        for number in (1, 2, 3, 4)
    ]
    (stage.root / "etc/modify.conf").write_text(json.dumps(rules), encoding="utf-8")
    optional = [["protocol.transport", "protocol"], ["source.reverse_dns", "hostname"], ["source.asn", "asn", "invalidate_zero"],
                ["source.geolocation.cc", "geo"], ["source.geolocation.region", "region"], ["source.geolocation.city", "city"],
                *(["extra.", name, "validate_to_none"] for name in ("severity", "tag", "naics", "hostname_source", "sector",
                  "min_amplification", "dns_version", "p0f_genre", "p0f_detail", "sic"))]  # fmt: skip
    schema = {
        "_meta": {"date_created": "2026-01-01", "change_log": []},
        "scan_dns": {
            "constant_fields": {"classification.identifier": "dns-open-resolver", "classification.taxonomy": "vulnerable",
                                "classification.type": "vulnerable-system", "protocol.application": "dns"},
            "feed_name": "DNS-Open-Resolvers", "file_name": "scan_dns", "date_created": "2026-01-01", "change_log": [],
            "optional_fields": optional,
            "required_fields": [["time.source", "timestamp", "add_UTC_to_timestamp"], ["source.ip", "ip", "validate_ip"], ["source.port", "port", "convert_int"]],
        },
    }  # fmt: skip
    (stage.root / "var/lib/bots/shadowserver-schema.json").write_text(json.dumps(schema), encoding="utf-8")
    (stage.root / "var/lib/shadowserver-schema.json").write_text(json.dumps(schema), encoding="utf-8")


def configure(stage: _stage.Stage, limit: int) -> None:
    stage.configure(bots(stage, limit), {**CONFIGURATION, "database": {"dsn": stage.postgres.dsn()}}, _rows.customers())


def report_message(number: int, seed: int) -> bytes:
    content = "\n".join(_rows.rows(number, seed=seed)).encode() + b"\n"
    message = {
        "__type": "Report", "raw": base64.b64encode(content).decode(), "feed.name": "Shadowserver", "feed.accuracy": 100.0,
        "time.observation": "2026-11-01T00:00:00+00:00", "extra.file_name": "2026-11-01-scan_dns-example.csv",
    }  # fmt: skip
    return json.dumps(message).encode()


def alone(
    stage: _stage.Stage, bot: str, messages: list[bytes], events: int, target: str | None
) -> tuple[float, list[bytes]]:
    """Events per second of one bot with a full queue, and what it sent."""
    stage.start_bots(bot)
    with stage.clock() as seconds:
        stage.push(f"{bot}-queue", messages)
        stage.wait(
            lambda: not stage.client.llen(f"{bot}-queue") and not stage.client.llen(f"{bot}-queue-internal"),
            f"{bot} to finish",
        )
    stage.stop_bots()
    sent = stage.drain(target) if target else []
    if target and len(sent) < events * 0.99:
        raise RuntimeError(f"{bot} made {len(sent)} of {events} events")
    return events / seconds[0], sent


def together(
    stage: _stage.Stage, chain: tuple[str, ...], message: bytes, events: int
) -> tuple[float, dict[str, float]]:
    """Events per second of a chain, from the report in its queue to the last event acknowledged by its output; memory by bot."""
    stage.start_bots(*chain)
    queues = [f"{bot}-queue{kind}" for bot in chain for kind in ("", "-internal")]
    with stage.clock() as seconds:
        stage.push(f"{chain[0]}-queue", [message])
        stage.wait(lambda: not stage.client.exists(*queues), "the chain to finish")
    return events / seconds[0], stage.stop_bots()


def count(stage: _stage.Stage, database: str) -> int:
    from abusehandler.tickets.database import Database

    ((number,),) = Database(stage.postgres.dsn(database)).fetch("SELECT count(*) FROM events")
    return int(number)


def measure(stage: _stage.Stage, number: int, stock_number: int) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    stages = {
        "parser": ("stock-parser", "our-parser"), "expert": ("stock-taxonomy", "our-expert"), "output": ("stock-sql", "our-tickets"),
    }  # fmt: skip
    following = {"stock-parser": "stock-deduplicator-queue", "stock-taxonomy": "stock-modify-queue",
                 "our-parser": "our-expert-queue", "our-expert": "our-tickets-queue"}  # fmt: skip
    for side, size in ((0, stock_number), (1, number)):
        messages = [report_message(size, seed=1)]
        for what, pair in stages.items():
            bot = pair[side]
            _stage.say(f"{bot} alone, {size} rows")
            rate, sent = alone(stage, bot, messages, size, following.get(bot))
            figures.setdefault(what, {})["stock" if side == 0 else "ours"] = round(rate)
            messages = sent
    for side, chain, size in (("stock", STOCK_CHAIN, stock_number), ("ours", OUR_CHAIN, number)):
        _stage.say(f"{side}: {' → '.join(chain)}, {size} rows")
        database = "stock" if side == "stock" else "abusehandler"
        before = count(stage, database)
        rate, memory = together(stage, chain, report_message(size, seed=2), size)
        stored = count(stage, database) - before
        if stored < size * 0.99:
            raise RuntimeError(f"{side}: {stored} of {size} events were stored")
        figures.setdefault("whole_way", {})[side] = round(rate)
        if side == "ours":
            figures["memory_mb"] = memory
    for entry in ("parser", "expert", "output", "whole_way"):
        figures[entry]["ratio"] = round(figures[entry]["ours"] / figures[entry]["stock"], 1)
        figures[entry]["unit"] = "events/s"
    return figures


def long_report(stage: _stage.Stage, number: int) -> dict[str, Any]:
    """One report of very many rows as a file through our collector: the most memory that each bot used."""
    _stage.say(f"one report of {number} rows from a file")
    waiting = stage.root / "feeds" / ".2026-11-02-scan_dns-example.csv"
    with waiting.open("w", encoding="utf-8") as file:
        for line in _rows.rows(number, seed=3):
            file.write(line + "\n")
    before = count(stage, "abusehandler")
    configure(stage, limit=20_000)
    queues = [f"{bot}-queue{kind}" for bot in OUR_CHAIN for kind in ("", "-internal")]
    stage.start_bots(*OUR_CHAIN)
    size = waiting.stat().st_size
    with stage.clock() as seconds:
        waiting.rename(waiting.with_name(waiting.name[1:]))
        stage.start_collector("our-collector")
        stage.wait(
            lambda: bool(stage.client.exists("our-parser-queue", "our-parser-queue-internal")), "the collector", 300
        )
        stage.wait(lambda: not stage.client.exists(*queues), "the long report", 3600)
    stored = count(stage, "abusehandler") - before
    if stored < number * 0.999:
        raise RuntimeError(f"{stored} of {number} events of the long report were stored")
    return {
        "rows": number, "file_mb": round(size / 1e6), "seconds": round(seconds[0]), "rate": round(number / seconds[0]),
        "memory_mb": stage.stop_bots(), "unit": "events/s",
    }  # fmt: skip


def configure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--long-rows", type=int, help="rows of the one long report (1,000,000); 0 leaves it out")


def main() -> None:
    parsed = _stage.arguments(__doc__, configure_arguments)
    number, stock_number = (5_000, 2_000) if parsed.quick else (100_000, 50_000)
    with _stage.Stage() as stage:
        prepare(stage)
        figures = measure(stage, number, stock_number)
        long_rows = (20_000 if parsed.quick else 1_000_000) if parsed.long_rows is None else parsed.long_rows
        if long_rows:
            figures["long_report"] = long_report(stage, long_rows)
    _stage.finish({"benchmark": "whole_way", "rows": {"ours": number, "stock": stock_number}, **figures})


if __name__ == "__main__":
    main()
