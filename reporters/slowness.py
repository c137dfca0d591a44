# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Find patterns that are slow on hostile texts, by trying them in a process that can be ended."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

    from abusehandler.reporters.definition import Definition


def patterns_of(definition: Definition) -> list[tuple[int, re.Pattern[str]]]:
    """All patterns of a definition with the line of the entry they stand in."""
    found: list[tuple[int, re.Pattern[str] | None]] = []
    for alternative in definition.recognise:
        found += [(alternative.line, alternative.subject), *((alternative.line, one) for _, one in alternative.headers)]
    found += [(rule.line, rule.when) for rule in definition.problem]
    if definition.inside is not None:
        found += [(0, definition.inside.start), (0, definition.inside.end)]
    for step in definition.take:
        found += [(step.line, step.start), (step.line, step.end), (step.line, step.pattern)]
    return [(line, pattern) for line, pattern in found if pattern is not None]


def slow_patterns(patterns: list[str], seconds: float = 60.0) -> list[int]:
    """The indexes of patterns that took too long on evil texts. They run in a process of their own that can be ended.

    `seconds` of processor time are enough for all; on a machine that is busy otherwise they may last ten times as long.
    """
    if not patterns:
        return []
    command = [sys.executable, "-m", "abusehandler.reporters.evil", str(math.ceil(seconds))]
    try:
        ran = subprocess.run(
            command, input=json.dumps(patterns), capture_output=True, text=True, timeout=10 * seconds, check=True
        )
        output = ran.stdout
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as ended:
        if isinstance(ended, subprocess.CalledProcessError) and ended.returncode != -signal.SIGXCPU:
            raise
        output = (ended.stdout or b"").decode() if isinstance(ended.stdout, bytes) else ended.stdout or ""
        done = {int(line.split()[1]) for line in output.splitlines() if line.startswith("done")}
        return [index for index in range(len(patterns)) if index not in done][:1]
    return [int(line.split()[1]) for line in output.splitlines() if line.startswith("slow")]
