# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What the unit abusehandler-bot@.service starts: writes IntelMQ's PID file and becomes the bot.

With the PID file, `intelmqctl status|stop|reload` see a bot of systemd as their own. A process of the same bot that
`intelmqctl start` has started outside of systemd is ended first: one queue belongs to one process.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Sequence

#: A bot that waits for its next poll hears of SIGTERM only then; its messages are safe, so it is killed after this.
PATIENCE_SECONDS = 20.0
EX_CONFIG = 78


def running(root: Path, bot: str, module: str) -> int | None:
    """The process id of a bot, None if it does not run. Told from the PID file and from the process's own words."""
    try:
        number = int((root / "var/run" / f"{bot}.pid").read_text(encoding="ascii"))
        words = Path(f"/proc/{number}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except (OSError, ValueError):
        return None
    return number if len(words) > 2 and words[1].endswith(f"/{module}") and words[2] == bot else None


def bot_settings(root: Path, bot: str) -> dict[str, Any]:
    """The bot's entry of runtime.yaml. Raises SystemExit (78) with what is wrong."""
    path = root / "etc" / "runtime.yaml"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))[bot]
        module = found["module"]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        print(f"{path}: cannot tell what {bot} is: {type(error).__name__}: {error}", file=sys.stderr)
        raise SystemExit(EX_CONFIG) from None
    if not isinstance(module, str) or not re.fullmatch(r"[A-Za-z0-9_.]+", module):
        print(f"{path}: {bot}: module must be the name of a bot, see 'intelmqctl list bots'", file=sys.stderr)
        raise SystemExit(EX_CONFIG)
    return dict(found)


def end(number: int, root: Path, bot: str, module: str, patience: float = PATIENCE_SECONDS) -> None:
    """Ends a process of the bot and waits until it is gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(number, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while running(root, bot, module) == number:
            if time.monotonic() > deadline:
                os.kill(number, signal.SIGKILL)
                deadline += patience
            time.sleep(0.1)


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or not re.fullmatch(r"[A-Za-z0-9-]+", arguments[0]):
        print("usage: python -m abusehandler.installer.run_bot BOT", file=sys.stderr)
        return 2
    bot, root = arguments[0], Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq")
    settings = bot_settings(root, bot)
    if not settings.get("enabled", True):
        print(f"{bot} is not enabled in runtime.yaml")
        return 0
    module = settings["module"]
    other = running(root, bot, module)
    if other is not None and other != os.getpid():
        print(f"{bot} runs as process {other}, started by intelmqctl: taking it over")
        end(other, root, bot, module)
    program = Path(sys.executable).parent / module
    if not program.exists():
        print(f"{program}: there is no such bot in this release; see 'intelmqctl list bots'", file=sys.stderr)
        return EX_CONFIG
    # exec keeps the process id
    (root / "var/run" / f"{bot}.pid").write_text(str(os.getpid()), encoding="ascii")
    sys.stdout.flush()
    os.execv(program, [str(program), bot])  # noqa: S606
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
