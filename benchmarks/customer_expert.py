# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the customer look-up costs a bot: our expert beside experts that do nothing, one by one with a full queue.

    python benchmarks/customer_expert.py [--quick] --json

- stock_empty: an IntelMQ expert whose `process` is receive, send, acknowledge;
- batch_empty: one on our batches whose `handle` gives back what it got;
- customer: ours, with 10,000 prefixes.

Each takes the same events, and all take turns several times; the best turn of each counts. CPU seconds are the bot's
process alone: on a machine that others share they are what to compare.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _rows, _stage

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

CUSTOMERS = 10_000
TURNS = 3
STOCK_EMPTY = """
from intelmq.lib.bot import ExpertBot


class EmptyExpertBot(ExpertBot):
    def process(self):
        self.send_message(self.receive_message())
        self.acknowledge_message()


BOT = EmptyExpertBot
"""
BATCH_EMPTY = """
from abusehandler.bots._batch import BatchBot
from intelmq.lib.bot import ExpertBot


class EmptyBatchExpertBot(BatchBot, ExpertBot):
    batch_size = 1000

    def handle(self, messages):
        return [("_default", message) for message in messages]


BOT = EmptyBatchExpertBot
"""
START = """#!{python}
import sys

sys.path.insert(0, {folder!r})
from {name} import BOT

BOT.run()
"""


def events(number: int) -> Iterator[bytes]:
    """Events as a Shadowserver parser makes them."""
    now = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=1)
    for count, line in enumerate(_rows.rows(number)):
        if not count:
            continue
        _, severity, address = line.replace('"', "").split(",")[:3]
        yield json.dumps(
            {
                "__type": "Event", "feed.name": "DNS-Open-Resolvers", "feed.provider": "Shadowserver", "feed.accuracy": 100.0,
                "time.observation": now.isoformat(), "time.source": (now - timedelta(seconds=count % 86400)).isoformat(),
                "source.ip": address, "source.port": 53, "source.asn": 64496, "source.geolocation.cc": "AT",
                "source.geolocation.region": "WIEN", "source.geolocation.city": "VIENNA", "protocol.transport": "udp",
                "source.reverse_dns": f"host-{count}.example.net", "protocol.application": "dns",
                "classification.taxonomy": "vulnerable", "classification.type": "vulnerable-system",
                "classification.identifier": "dns-open-resolver", "extra.severity": severity, "extra.tag": "openresolver,dns",
                "extra.naics": 517311, "extra.hostname_source": "ptr", "extra.min_amplification": 2.5, "rtir_id": count,
                "event_description.text": "an answer of the size of a small mail to a question of the size of a line",
            }
        ).encode()  # fmt: skip


def prepare(stage: _stage.Stage) -> None:
    """Writes the configuration, and a program for each expert that does nothing."""
    prefix = "intelmq.bots.experts.abusehandler"
    modules = {"customer": f"{prefix}.customer", "stock-empty": f"{prefix}.empty", "batch-empty": f"{prefix}.empty"}
    # The stock bot has no queue_limit, and does not mind it.
    parameters = {"destination_queues": {"_default": ["sent-queue"]}, "queue_limit": 10**7}
    bots = {bot: {"module": module, "parameters": parameters} for bot, module in modules.items()}
    configuration = {
        "organisation": {"name": "Benchmark", "abuse_address": "abuse@example.net"},
        "networks": {"prefixes": [str(_rows.NETWORK)]},
        "evidence": {"path": "../var/lib/evidence"},
        "customers": {"connector": "csv", "path": "customers.csv"},
        "database": {"dsn": stage.postgres.dsn()},
    }
    stage.configure(bots, configuration, _rows.customers(CUSTOMERS))
    for name, text in (("stock_empty", STOCK_EMPTY), ("batch_empty", BATCH_EMPTY)):
        (stage.folder / f"{name}.py").write_text(text, encoding="utf-8")
        program = stage.folder / f"start-{name}"
        program.write_text(START.format(python=sys.executable, folder=str(stage.folder), name=name), encoding="utf-8")
        program.chmod(0o755)
        stage.use_program(name.replace("_", "-"), program)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far (man 5 proc, `stat`)."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def turn(stage: _stage.Stage, bot: str, messages: list[bytes]) -> tuple[float, float]:
    """Events a second of one bot with a full queue: by the wall clock, by its own CPU seconds."""
    stage.start_bots(bot)
    before = cpu_seconds(stage.pid(bot))
    queues = [f"{bot}-queue", f"{bot}-queue-internal"]
    with stage.clock() as seconds:
        stage.push(queues[0], messages)
        stage.wait(lambda: not stage.client.exists(*queues), f"{bot} to finish")
    used = cpu_seconds(stage.pid(bot)) - before
    stage.stop_bots()
    sent = stage.client.llen("sent-queue")
    stage.client.delete("sent-queue")
    if sent != len(messages):
        raise RuntimeError(f"{bot} sent {sent} of {len(messages)} events")
    return len(messages) / seconds[0], len(messages) / used


def measure(stage: _stage.Stage, number: int, stock_number: int) -> dict[str, Any]:
    messages = list(events(number))
    best: dict[str, tuple[float, float]] = {}
    for round_number in range(TURNS):
        for bot in ("batch-empty", "customer", "stock-empty"):
            _stage.say(f"turn {round_number + 1}: {bot}")
            wall, cpu = turn(stage, bot, messages if bot != "stock-empty" else messages[:stock_number])
            known = best.get(bot, (0.0, 0.0))
            best[bot] = (max(known[0], wall), max(known[1], cpu))
    figures: dict[str, Any] = {
        bot.replace("-", "_"): {"events_per_second": round(wall), "events_per_cpu_second": round(cpu)}
        for bot, (wall, cpu) in best.items()
    }
    ours = best["customer"]
    for other in ("stock-empty", "batch-empty"):
        figures[f"times_{other.replace('-', '_')}"] = {
            "wall": round(ours[0] / best[other][0], 2),
            "cpu": round(ours[1] / best[other][1], 2),
        }
    return figures


def configure_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--events", type=int, help="how many (200,000)")


def main() -> None:
    parsed = _stage.arguments(__doc__, configure_arguments)
    number = parsed.events or (5_000 if parsed.quick else 200_000)
    with _stage.Stage() as stage:
        prepare(stage)
        figures = measure(stage, number, min(number, 1_000 if parsed.quick else 10_000))
    _stage.finish({"benchmark": "customer_expert", "events": number, "customers": CUSTOMERS, **figures})


if __name__ == "__main__":
    main()
