# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Damaged mails through the reader: none may raise, each ends as a report, an unread report with a reason or not-a-report.

100,000 of them made from the mails that `read_mail.py` reads (2,000 with --quick; another number with --number). Some
of them (2,000; 100 with --quick) also stand as samples beside a reporter definition when the linter checks it.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from importlib import resources
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


def through_linter(contents: list[bytes], number: int, first_seed: int) -> dict[str, object]:
    """The linter on a definition with `number` damaged samples: it must find fault with them and not fail itself."""
    from abusehandler.reporters.lint import check_files
    from abusehandler.reporters.load import load_definitions

    shipped = Path(str(resources.files("abusehandler.reporters")))
    with tempfile.TemporaryDirectory() as folder:
        definition = Path(shutil.copy(shipped / "fail2ban.yaml", folder))
        samples = Path(folder, "samples", "fail2ban")
        samples.mkdir(parents=True)
        for count in range(number):
            (samples / f"{count}.eml").write_bytes(mutated(contents[count % len(contents)], first_seed + count))
        start = time.process_time()
        findings = check_files([definition], load_definitions())
    return {"samples": number, "findings": len(findings), "seconds": round(time.process_time() - start, 1)}


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
    seconds = time.perf_counter() - start
    # of reading; the linter holds all its samples at once
    memory = _stage.peak_memory(os.getpid())
    linter = through_linter(contents, 100 if parsed.quick else 2_000, parsed.seed * 1_000_000)
    _stage.finish(
        {
            "benchmark": "mutated_mails",
            "mails": {"number": number, "made_of": what, "verdicts": verdicts},
            "raised": raised[:20],
            "without_a_reason": silent,
            "slowest": [{"seconds": seconds, "seed": seed} for seconds, seed in slow],
            "rate": {"value": round(number / seconds), "unit": "mails/s"},
            "linter": linter,
            "memory_mb": memory,
        }
    )
    sys.exit(bool(raised or silent or not linter["findings"]))


if __name__ == "__main__":
    main()
