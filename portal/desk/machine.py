# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Bots and queues of this machine, from runtime.yaml, PID files and Redis, as `abusehandler doctor` sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import redis

from abusehandler.errors import AbusehandlerError
from abusehandler.installer.doctor import flow
from abusehandler.installer.doctor.examined import Examined, intelmq_root, read_runtime
from abusehandler.installer.run_bot import running

if TYPE_CHECKING:
    from abusehandler.configuration import Configuration


@dataclass(frozen=True, slots=True)
class BotState:
    """One enabled bot. `waiting` and `in_hand` are messages; None for collectors, and while Redis does not answer."""

    id: str
    name: str
    group: str
    process: int | None
    waiting: int | None
    in_hand: int | None


@dataclass(frozen=True, slots=True)
class Machine:
    """The bots of this machine; `trouble` says why something could not be looked at."""

    bots: tuple[BotState, ...]
    trouble: str = ""


def look(configuration: Configuration) -> Machine:
    """The bots as they are now. Never raises: the portal may run on another machine than the bots."""
    try:
        root = intelmq_root()
        examined = Examined(configuration, root, read_runtime(root))
    except (AbusehandlerError, OSError) as error:
        return Machine((), f"The bots of this machine cannot be looked at: {error}")
    wanted, sources, trouble = examined.bots(), flow.queue_names(examined), ""
    lengths: dict[str, tuple[int, int]] = {}
    try:
        with examined.queues() as client:
            lengths = flow.queue_lengths(client, sorted(set(sources.values())))
    except (redis.RedisError, AbusehandlerError, OSError, ValueError) as error:
        trouble = f"Queues cannot be looked at: {error}"
    bots = []
    for bot_id, bot in wanted.items():
        waiting, in_hand = lengths.get(sources.get(bot_id, ""), (None, None))
        bots.append(
            BotState(
                bot_id, str(bot.get("name") or bot_id), str(bot.get("group") or ""),
                running(root, bot_id, str(bot.get("module"))), waiting, in_hand,
            )
        )  # fmt: skip
    return Machine(tuple(bots), trouble)
