# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Checks of what moves messages: Redis, queues, bots, dumps."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from abusehandler.installer.doctor.finding import critical, ok, unknown, warning
from abusehandler.installer.run_bot import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.installer.doctor.examined import Examined
    from abusehandler.installer.doctor.finding import Finding

#: Collectors and parsers stop at so many messages, if not told otherwise.
QUEUE_LIMIT = 20_000
#: A queue below this does not "grow".
FEW = 500
#: A message at the head of a queue for so long is stuck, seconds.
STUCK_SECONDS = 300
NOTES = "doctor-queues.json"


def redis_settings(examined: Examined) -> Iterator[Finding]:
    """Redis keeps messages on disk, throws none away, and has room."""
    with examined.queues() as client:
        memory, persistence = client.info("memory"), client.info("persistence")
    policy = memory.get("maxmemory_policy")
    if not persistence.get("aof_enabled"):
        yield critical(
            "Redis keeps messages in memory only: a crash loses them",
            "set 'appendonly yes' in redis.conf (CONFIG SET appendonly yes)",
        )
    elif persistence.get("aof_last_write_status") != "ok":
        yield critical("Redis could not write its append-only file", "look at the disk of Redis' folder and at its log")
    else:
        yield ok("Redis writes messages to disk (appendonly)")
    if policy != "noeviction":
        yield critical(
            f"Redis throws messages away when memory is short ({policy})",
            "set 'maxmemory-policy noeviction' in redis.conf",
        )
    used, most = int(memory.get("used_memory", 0)), int(memory.get("maxmemory", 0))
    if most and used > 0.8 * most:
        yield warning(
            f"Redis uses {used / 1e6:.0f} of {most / 1e6:.0f} MB",
            "raise maxmemory, or see which queue is long ('intelmqctl list queues -q')",
        )
    else:
        yield ok(f"Redis uses {used / 1e6:.0f} MB" + (f" of {most / 1e6:.0f}" if most else ", without a limit"))


def queue_names(examined: Examined) -> dict[str, str]:
    """Bot → its source queue; collectors have none."""
    return {
        bot_id: str(examined.parameter(bot, "source_queue") or f"{bot_id}-queue")
        for bot_id, bot in examined.bots().items()
        if bot.get("group") != "Collector"
    }


def queue_lengths(client: Any, names: list[str]) -> dict[str, tuple[int, int]]:
    """Queue → messages that wait, messages in hand."""
    pipe = client.pipeline(transaction=False)
    for name in names:
        pipe.llen(name)
        pipe.llen(f"{name}-internal")
    numbers = pipe.execute()
    return {name: (int(numbers[2 * at]), int(numbers[2 * at + 1])) for at, name in enumerate(names)}


def queues(examined: Examined) -> Iterator[Finding]:
    """Queues that are long, that grew since the last look, or whose next message has not moved."""
    names = queue_names(examined)
    wanted = list(dict.fromkeys(names.values()))
    with examined.queues() as client:
        lengths = queue_lengths(client, wanted)
        heads = {name: _mark(client.lindex(name, -1)) for name in wanted if lengths[name][0]}
    before = _last_look(examined)
    now = time.time()
    notes: dict[str, Any] = {}
    wrong = False
    for name in wanted:
        waiting, _ = lengths[name]
        old = before.get(name) or {}
        head = heads.get(name, "")
        since = old.get("since", now) if head and old.get("head") == head else now
        earlier, at = int(old.get("waiting", 0)), float(old.get("at", now))
        recent = old if old and now - at < 30 else {"waiting": waiting, "at": now}
        notes[name] = {**recent, "head": head, "since": since}
        if head and now - since >= STUCK_SECONDS:
            wrong = True
            yield critical(f"{name}: {waiting} messages wait and the next one has not moved for {(now - since) / 60:.0f} minutes",
                           "is its bot running? see the check 'bots' and the bot's log")  # fmt: skip
        elif waiting >= QUEUE_LIMIT:
            wrong = True
            yield warning(
                f"{name}: {waiting} messages; collectors have stopped until there are fewer",
                "see the log of the bot that reads it; docs/grow.md",
            )
        elif waiting > FEW and old and waiting > 1.2 * earlier and now - at > 30:
            wrong = True
            yield warning(
                f"{name} grows: {earlier} messages {(now - at) / 60:.0f} minutes ago, {waiting} now",
                "look again soon; see the log of the bot that reads it",
            )
    _note_look(examined, notes)
    if not wrong:
        yield ok(f"{sum(waiting for waiting, _ in lengths.values())} messages in {len(wanted)} queues")


def _mark(message: Any) -> str:
    return hashlib.sha256(message).hexdigest()[:16] if isinstance(message, bytes) else ""


def _last_look(examined: Examined) -> dict[str, Any]:
    try:
        found = json.loads((examined.state / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()) else {}


def _note_look(examined: Examined, notes: dict[str, Any]) -> None:
    """For the next run; a folder that cannot be written is told of by the check 'permissions'."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=examined.state, prefix=f".{NOTES}.")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(notes, file)
        Path(temporary).replace(examined.state / NOTES)
    except OSError:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def bots(examined: Examined) -> Iterator[Finding]:
    """Bots that are enabled and down, and bots that never came up to what they should."""
    wanted = examined.bots()
    if not wanted:
        yield critical(
            f"{examined.runtime_path} enables no bot", "copy runtime/everything.yaml there; see docs/install.md"
        )
        return
    if (examined.root.parent / "upgrading").exists():
        # beside IntelMQ's root directory, where install.sh has set it up
        yield critical(
            "an upgrade was cut off, and the bots are held back", "sudo installer/upgrade.sh goes back first"
        )
    down = [bot_id for bot_id, bot in wanted.items() if running(examined.root, bot_id, str(bot.get("module"))) is None]
    for bot_id in down:
        yield critical(
            f"{bot_id} is enabled and does not run",
            f"intelmqctl start {bot_id}; why: {examined.root / 'var/log' / bot_id}.log",
        )
    if not down:
        yield ok(f"{len(wanted)} bots run")


def dumps(examined: Examined) -> Iterator[Finding]:
    """Messages that a bot could not handle, in IntelMQ's dump files."""
    folder = examined.root / "var" / "log"
    try:
        found = [path for path in folder.glob("*.dump") if path.stat().st_size > 2]
    except OSError as error:
        yield unknown(f"{folder}: {error.strerror}", "let the bots' user read it")
        return
    for path in sorted(found)[:20]:
        yield warning(f"{path.name} holds messages that the bot could not handle", f"intelmqdump {path.stem}")
    if not found:
        yield ok("no messages in dump files")
