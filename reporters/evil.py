# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Measure patterns on evil texts in a process of its own: JSON list on standard input, one line per pattern out.

The linter starts it and ends it when it takes too long; `python -m abusehandler.reporters.evil` is no public command.
"""

from __future__ import annotations

import json
import re
import sys
import time

from abusehandler.reporters.patterns import evil_texts
from abusehandler.reporters.take import PATTERN_READ

#: seconds of processor time for one pattern on one text; measured 5 to 50 times below it for all shipped patterns
MOST_SECONDS = 0.25


def main() -> int:
    """Print `done N` or `slow N` for each pattern."""
    for index, text in enumerate(json.load(sys.stdin)):
        pattern = re.compile(text, re.IGNORECASE | re.MULTILINE)
        word = "done"
        for evil in evil_texts(pattern, PATTERN_READ):
            begun = time.process_time()
            for count, _ in enumerate(pattern.finditer(evil)):
                if count > 20_000:
                    break
            if time.process_time() - begun > MOST_SECONDS:
                word = "slow"
                break
        print(word, index, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
