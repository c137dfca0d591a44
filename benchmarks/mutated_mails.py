# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Damaged mails through the reader: none may raise, each ends as a report, an unread report with a reason or not-a-report.

100,000 of them made from the mails that `read_mail.py` reads (2,000 with --quick; another number with --number).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from typing import TYPE_CHECKING

from benchmarks import _stage
from benchmarks._mutation import mutated
from benchmarks.read_mail import mails

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--number", type=int, help="how many")
    parser.add_argument("--seed", type=int, default=1)


def main() -> None:
    parsed = _stage.arguments(__doc__, configure)
    from abusehandler.reports.context import ReadContext
    from abusehandler.reports.read import load, read_mail

    number = parsed.number or (2_000 if parsed.quick else 100_000)
    what, contents = mails(quick=False)
    context = ReadContext()
    load()
    verdicts: dict[str, int] = {}
    silent = 0
    raised: list[str] = []
    slow: list[tuple[float, int]] = []
    start = time.perf_counter()
    for count in range(number):
        seed = parsed.seed * 1_000_000 + count
        content = mutated(contents[count % len(contents)], seed)
        before = time.process_time()
        try:
            _, reading = read_mail(content, context)
        except Exception as error:
            raised.append(f"seed {seed}: {type(error).__name__}: {error}"[:200])
            continue
        slow = sorted([*slow, (round(time.process_time() - before, 2), seed)], reverse=True)[:5]
        verdicts[reading.verdict] = verdicts.get(reading.verdict, 0) + 1
        silent += reading.verdict != "report" and not reading.reason
    _stage.finish(
        {
            "benchmark": "mutated_mails",
            "mails": {"number": number, "made_of": what, "verdicts": verdicts},
            "raised": raised[:20],
            "without_a_reason": silent,
            "slowest": [{"seconds": seconds, "seed": seed} for seconds, seed in slow],
            "rate": {"value": round(number / (time.perf_counter() - start)), "unit": "mails/s"},
            "memory_mb": _stage.peak_memory(os.getpid()),
        }
    )
    sys.exit(bool(raised or silent))


if __name__ == "__main__":
    main()
