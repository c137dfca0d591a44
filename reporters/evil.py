# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure patterns on evil texts in a process of its own: JSON list on standard input, one line per pattern out.

The linter starts it and ends it when it takes too long; `python -m abusehandler.reporters.evil` is no public command.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import time

from abusehandler.reporters.patterns import evil_texts
from abusehandler.reporters.take import PATTERN_READ

#: seconds of processor time for one pattern on a text of PATTERN_READ characters, less for smaller ones in proportion
MOST_SECONDS = 0.25
#: small texts first, so that a slow pattern is found before it takes minutes
SIZES = (120, 1_000, 8_000, PATTERN_READ)


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    begun = time.process_time()
    for count, _ in enumerate(pattern.finditer(text)):
        if count > 20_000:
            break
    return time.process_time() - begun


def _is_slow(pattern: re.Pattern[str], text: str, most: float) -> bool:
    """Whether it takes more than `most` seconds, three times in a row: a busy machine makes any pattern slow once."""
    return all(_seconds(pattern, text) > most for _ in range(3))


def main() -> int:
    """Print `done N` or `slow N` for each pattern. The argument: seconds of processor time after which the kernel ends this."""
    most = int(sys.argv[1])
    resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
    for index, text in enumerate(json.load(sys.stdin)):
        pattern = re.compile(text, re.IGNORECASE | re.MULTILINE)
        word = "done"
        if any(
            _is_slow(pattern, evil, max(MOST_SECONDS * size / PATTERN_READ, 0.02))
            for size in SIZES
            for evil in evil_texts(pattern, size)
        ):
            word = "slow"
        print(word, index, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
