# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Runs all bots of runtime.yaml in one container: starts them, starts again what fails, follows changes of the file.

A bot that ends well (`intelmqctl stop`) stays down until the container starts again. SIGTERM ends all, SIGHUP makes all
read their configuration again.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.installer.setup.bot_units import bots

if TYPE_CHECKING:
    from types import FrameType

#: Seconds between two looks at processes, and at runtime.yaml.
LOOK_SECONDS = 0.5
FILE_SECONDS = 15.0
#: A bot that fails is started again after these pauses; one that stayed up for longer than the last begins anew.
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0
#: A bot that waits for its next poll does not hear of the end; its messages are safe.
PATIENCE_SECONDS = 20.0


@dataclass
class Supervised:
    """One bot: its process if it has one, and when it may be started again (monotonic seconds; None: it ended well)."""

    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    again_at: float | None = 0.0
    pause: float = 0.0


class Supervisor:
    """`run` returns when SIGTERM or SIGINT came and all bots are gone."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._bots: dict[str, Supervised] = {}
        self._ending = False
        self._reload = False

    def run(self) -> int:
        signal.signal(signal.SIGTERM, self._end)
        signal.signal(signal.SIGINT, self._end)
        signal.signal(signal.SIGHUP, self._hang_up)
        next_file = 0.0
        while not self._ending:
            if time.monotonic() >= next_file or self._reload:
                self._follow_file()
                next_file = time.monotonic() + FILE_SECONDS
            if self._reload:
                self._reload = False
                self._read_again()
            for name, bot in self._bots.items():
                self._look(name, bot)
            time.sleep(LOOK_SECONDS)
        self._stop(list(self._bots))
        return 0

    def _end(self, _: int, __: FrameType | None) -> None:
        self._ending = True

    def _hang_up(self, _: int, __: FrameType | None) -> None:
        self._reload = True

    def _follow_file(self) -> None:
        try:
            wanted = bots(self._root)
        except ConfigurationError as error:
            say(f"{error}; the bots that run go on")
            return
        for name in wanted:
            self._bots.setdefault(name, Supervised())
        gone = [name for name in self._bots if name not in wanted]
        if gone:
            say(f"no longer enabled: {', '.join(gone)}")
            self._stop(gone)
            for name in gone:
                del self._bots[name]

    def _look(self, name: str, bot: Supervised) -> None:
        now = time.monotonic()
        if bot.process is not None:
            code = bot.process.poll()
            if code is None:
                return
            bot.process = None
            if code == 0:
                say(f"{name} ended")
                bot.again_at = None
                return
            if code == -signal.SIGHUP:
                # it was just starting and had perhaps read the old configuration already
                bot.again_at = now
                return
            bot.pause = (
                FIRST_PAUSE
                if now - bot.started > LONGEST_PAUSE
                else min(max(FIRST_PAUSE, bot.pause * 2), LONGEST_PAUSE)
            )
            bot.again_at = now + bot.pause
            say(f"{name} failed ({code}), its log tells why; it is started again in {bot.pause:.0f} seconds")
        if bot.again_at is not None and now >= bot.again_at:
            bot.process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "abusehandler.installer.run_bot", name], stdin=subprocess.DEVNULL
            )
            bot.started = now
            say(f"{name} started as process {bot.process.pid}")

    def _read_again(self) -> None:
        """Whoever runs reads its configuration again; whoever failed over it need not wait any longer."""
        for bot in self._bots.values():
            if bot.process is not None:
                if bot.process.poll() is None:
                    bot.process.send_signal(signal.SIGHUP)
            elif bot.again_at is not None:
                bot.again_at, bot.pause = 0.0, 0.0

    def _stop(self, names: list[str]) -> None:
        running = [bot.process for name in names if (bot := self._bots[name]).process is not None]
        processes = [process for process in running if process is not None]
        for process in processes:
            process.terminate()
        deadline = time.monotonic() + PATIENCE_SECONDS
        for process in processes:
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def say(text: str) -> None:
    print(f"supervise: {text}", flush=True)


if __name__ == "__main__":
    sys.exit(Supervisor(Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq")).run())
