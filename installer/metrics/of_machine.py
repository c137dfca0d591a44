# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Numbers of this machine: queues, bots, disks, the last backup."""

from __future__ import annotations

import json
import os
from datetime import datetime
from typing import TYPE_CHECKING, Any

from abusehandler.installer.doctor.flow import queue_lengths, queue_names
from abusehandler.installer.doctor.keeping import BACKUP_NOTE
from abusehandler.installer.metrics.exposition import Metric, by_label, gauge
from abusehandler.installer.run_bot import running

if TYPE_CHECKING:
    from abusehandler.installer.doctor.examined import Examined


def queue_metrics(examined: Examined) -> list[Metric]:
    """Raises redis.RedisError and ConfigurationError."""
    names = list(dict.fromkeys(queue_names(examined).values()))
    with examined.queues() as client:
        lengths, memory = queue_lengths(client, names), client.info("memory")
    bots = list(examined.bots())
    statistics = (examined.runtime.get("global") or {}).get("statistics_database", 3)
    with examined.queues(database=int(statistics)) as client:
        keys = [f"{bot}.stats.{what}" for bot in bots for what in ("success", "failure")]
        values = client.mget(keys) if keys else []
    counted = {
        key: float(value) for key, value in zip(keys, values, strict=True) if value is not None and value.isdigit()
    }
    messages = tuple(
        ({"bot": bot, "result": what}, counted[f"{bot}.stats.{what}"])
        for bot in bots
        for what in ("success", "failure")
        if f"{bot}.stats.{what}" in counted
    )
    return [
        by_label(
            "queue_messages",
            "Messages that wait for the queue's bot.",
            "queue",
            {name: float(length) for name, (length, _) in lengths.items()},
        ),
        by_label(
            "queue_messages_in_hand",
            "Messages that the queue's bot works on.",
            "queue",
            {name: float(hand) for name, (_, hand) in lengths.items()},
        ),
        Metric("bot_messages_total", "counter", "Messages since the bot's start.", messages),
        gauge("redis_memory_bytes", "What Redis uses.", float(memory.get("used_memory", 0))),
        gauge("redis_memory_limit_bytes", "What Redis may use; 0 without a limit.", float(memory.get("maxmemory", 0))),
    ]


def bot_metrics(examined: Examined) -> list[Metric]:
    """Which enabled bots run on this machine."""
    up = {
        bot_id: float(running(examined.root, bot_id, str(bot.get("module"))) is not None)
        for bot_id, bot in examined.bots().items()
    }
    return [by_label("bot_up", "1 if the bot runs.", "bot", up)]


def disk_metrics(examined: Examined) -> list[Metric]:
    """Free space where evidence and logs lie, and the last backup."""
    free = {}
    for name, folder in (("evidence", examined.configuration.evidence.path), ("logs", examined.root / "var" / "log")):
        try:
            status = os.statvfs(folder)
        except OSError:
            continue
        free[name] = float(status.f_bavail * status.f_frsize)
    note: dict[str, Any] = {}
    made = None
    try:
        note = json.loads((examined.state / BACKUP_NOTE).read_text(encoding="utf-8"))
        made = datetime.fromisoformat(str(note["made_at"])).timestamp()
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return [
        by_label("disk_free_bytes", "Free space of the disk with this folder.", "folder", free),
        gauge("backup_timestamp_seconds", "When the last backup was made.", made),
        gauge(
            "backup_faults",
            "What the last backup found wrong.",
            None if made is None else float(len(note.get("faults") or ())),
        ),
    ]
