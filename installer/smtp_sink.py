# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An SMTP server for trying and testing: each mail becomes a file named after its Message-ID."""

from __future__ import annotations

import asyncio
import email
import email.policy
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP


class FileHandler:
    """Writes mails; the same Message-ID again is written beside the first with a number, so that doubles are seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        content = envelope.original_content or envelope.content
        identity = email.message_from_bytes(content, policy=email.policy.compat32).get("Message-ID", "no-message-id")
        name = re.sub(r"[^0-9A-Za-z.@-]", "", str(identity))[:150]
        target = self._folder / f"{name}.eml"
        count = 1
        while target.exists():
            count += 1
            target = self._folder / f"{name}.{count}.eml"
        temporary = target.with_suffix(".part")
        told = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {', '.join(envelope.rcpt_tos)}\r\n"
        temporary.write_bytes(told.encode() + content)
        os.replace(temporary, target)  # noqa: PTH105
        return "250 2.0.0 kept"


async def serve(port: int, folder: Path) -> None:
    """Takes mails on 127.0.0.1 until SIGTERM."""
    folder.mkdir(parents=True, exist_ok=True)
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    server = await loop.create_server(
        lambda: SMTP(FileHandler(folder), loop=loop, hostname="sink.example.net"), "127.0.0.1", port
    )
    await done.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
