# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""How fast customers are found: a million prefixes from a CSV file, and ten million leases of a month.

    python benchmarks/customers.py [--quick] [--json]

Each part runs in a process of its own, so that its memory is its own. Wall clock and CPU seconds are both given: on a
machine that others share, the second is the one to compare. `--quick` takes a tenth of everything.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import _stage

_stage.require_environment()

from abusehandler.crm_connector import Assignment, Directory, Query, open_directory
from abusehandler.crm_connector.layer import Problems, build_layer
from abusehandler.crm_connector.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

SEED = 7
#: As many as the expert bot asks about at once.
BATCH = 1000
MONTH = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Clock:
    """Wall and CPU seconds since it was made."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def wall(self) -> float:
        return time.perf_counter() - self._wall

    def cpu(self) -> float:
        return time.process_time() - self._cpu


def memory() -> float:
    """The largest memory of this process so far, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_customers(path: Path, rows: int) -> None:
    """Seven tenths IPv4 prefixes of all lengths in use, the rest IPv6, of 50,000 customers; no prefix twice."""
    dice = random.Random(SEED)
    seen: set[tuple[int, int]] = set()
    with path.open("w", encoding="utf-8") as stream:
        stream.write("customer_id,prefix,email\n")
        while len(seen) < rows * 7 // 10:
            length = dice.choice((20, 22, 24, 26, 27, 28, 29, 30, 32, 32, 32))
            network = dice.getrandbits(32) >> (32 - length) << (32 - length)
            if (network, length) in seen:
                continue
            seen.add((network, length))
            customer = dice.randrange(50_000)
            stream.write(f"C-{customer},{IPv4Address(network)}/{length},c{customer}@example.net\n")
        for number in range(rows - len(seen)):
            customer = dice.randrange(50_000)
            network6 = IPv6Address((0x20010DB8 << 96) + (number << 72))
            stream.write(f"C-{customer},{network6}/56,c{customer}@example.net\n")


def queries_for(path: Path, count: int) -> list[Query]:
    """Addresses within random rows of the file, and one in ten that is nobody's."""
    dice = random.Random(SEED)
    now = datetime.now(timezone.utc)
    with path.open(encoding="utf-8") as stream:
        next(stream)
        prefixes = [line.split(",")[1] for line in stream]
    queries = []
    for prefix in dice.choices(prefixes, k=count):
        network, _, length = prefix.partition("/")
        if ":" in network:
            address = str(IPv6Address(int(IPv6Address(network)) + dice.getrandbits(128 - int(length))))
        elif dice.random() < 0.1:
            address = str(IPv4Address(dice.getrandbits(32)))
        else:
            address = str(IPv4Address(int(IPv4Address(network)) + dice.getrandbits(32 - int(length))))
        queries.append(Query(address, now))
    return queries


def ask(directory: Directory | Snapshot, queries: list[Query]) -> tuple[float, float, int]:
    """(look-ups a second by the wall clock, by CPU seconds, how many found one customer)."""
    found = 0
    clock = Clock()
    for at in range(0, len(queries), BATCH):
        for answer in directory.lookup_many(queries[at : at + BATCH]):
            found += answer.outcome == "one"
    return len(queries) / clock.wall(), len(queries) / clock.cpu(), found


def prefixes(rows: int) -> dict[str, Any]:
    """Load the CSV file and ask."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "customers.csv"
        subprocess.run(
            [sys.executable, __file__, "--part", "write", "--rows", str(rows), "--path", str(path)], check=True
        )
        before = memory()
        clock = Clock()
        directory = open_directory({"connector": "csv", "path": str(path)}, base=Path(folder))
        wall, cpu, peak = clock.wall(), clock.cpu(), memory()
        queries = queries_for(path, max(100_000, rows // 2))
        by_wall, by_cpu, found = ask(directory, queries)
    return {
        "prefixes": rows,
        "load_seconds": round(wall, 2),
        "load_cpu_seconds": round(cpu, 2),
        "memory_mb": round(peak),
        "memory_added_mb": round(peak - before),
        "lookups": len(queries),
        "found": found,
        "lookups_per_second": round(by_wall),
        "lookups_per_cpu_second": round(by_cpu),
    }


def lease_items(rows: int) -> Iterator[Assignment]:
    """A month of leases in order of time: a pool with one address for 40 leases, ends before or at the next begin."""
    dice = random.Random(SEED)
    addresses = [str(IPv4Address(0x0A000000 + number)) for number in range(max(1, rows // 40))]
    step = timedelta(days=30) / 40
    for turn in range(40):
        start = MONTH + turn * step
        for address in addresses:
            begin = start + timedelta(seconds=dice.randrange(3600))
            yield Assignment(
                address,
                f"L{dice.randrange(200_000)}",
                begin,
                begin + step - timedelta(seconds=3600),
                None,
                "leases",
                turn,
            )


def leases(rows: int) -> dict[str, Any]:
    """Build the table of leases and ask for random moments of the month."""
    dice = random.Random(SEED)
    clock = Clock()
    for _ in lease_items(rows // 10):
        pass
    making = clock.cpu() * 10
    clock = Clock()
    layer = build_layer(lease_items(rows), Problems())
    wall, cpu, peak = clock.wall(), clock.cpu(), memory()
    snapshot = Snapshot([layer], skew=60)
    queries = [
        Query(
            str(IPv4Address(0x0A000000 + dice.randrange(max(1, rows // 40)))),
            MONTH + timedelta(seconds=dice.randrange(30 * 86400)),
        )
        for _ in range(300_000)
    ]
    by_wall, by_cpu, found = ask(snapshot, queries)
    return {
        "leases": len(layer.index),
        "build_seconds": round(wall, 2),
        "build_cpu_seconds": round(cpu, 2),
        "of_that_making_the_leases": round(making, 2),
        "memory_mb": round(peak),
        "lookups": len(queries),
        "found": found,
        "lookups_per_second": round(by_wall),
        "lookups_per_cpu_second": round(by_cpu),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything")
    parser.add_argument("--json", action="store_true", help="print the figures only")
    parser.add_argument("--part", choices=("prefixes", "leases", "write"), help=argparse.SUPPRESS)
    parser.add_argument("--rows", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--path", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part == "write":
        write_customers(arguments.path, arguments.rows)
        return
    if arguments.part:
        print(json.dumps(prefixes(arguments.rows) if arguments.part == "prefixes" else leases(arguments.rows)))
        return
    figures = {}
    share = 10 if arguments.quick else 1
    for part, rows in (("prefixes", 1_000_000 // share), ("leases", 10_000_000 // share)):
        done = subprocess.run(
            [sys.executable, __file__, "--part", part, "--rows", str(rows)], check=True, capture_output=True, text=True
        )
        figures[part] = json.loads(done.stdout)
        if not arguments.json:
            print(part, *(f"  {name}: {value:,}" for name, value in figures[part].items()), sep="\n")
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
