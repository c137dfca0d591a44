# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""One GET without a library: a probe wants the first bytes of the answer, no redirects, no proxies, no names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from abusehandler.tickets.recheck.exchange import ask_tcp

if TYPE_CHECKING:
    from abusehandler.tickets.recheck.probe import Budget, Target


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """Status 0: what came back is not HTTP."""

    status: int
    text: str


def get(target: Target, path: str, budget: Budget) -> WebAnswer:
    """The answer, cut at the budget's bytes. Raises what `ask_tcp` raises."""
    host = f"[{target.address}]" if ":" in target.address else target.address
    question = (
        f"GET {path} HTTP/1.0\r\nHost: {host}\r\nUser-Agent: abusehandler-recheck\r\nAccept: application/json\r\n\r\n"
    )
    said = ask_tcp(target, question.encode("ascii"), budget)
    head, _, body = said.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split(b" ", 2)
    if not said.startswith(b"HTTP/1.") or len(words) < 2 or not words[1].isdigit() or len(words[1]) != 3:
        return WebAnswer(0, said[:200].decode("latin-1"))
    return WebAnswer(int(words[1]), body.decode("utf-8", "replace"))
