# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which program listens on a port that a server of ours needs."""

from __future__ import annotations

import psutil


def listeners(port: int) -> list[str]:
    """The programs that listen on this TCP port, as words for a message; empty if it is free."""
    found: dict[str, str] = {}
    for connection in psutil.net_connections(kind="tcp"):
        if connection.status != psutil.CONN_LISTEN or connection.laddr.port != port:
            continue
        if not connection.pid:
            found[""] = "a program that cannot be seen"
            continue
        try:
            name = psutil.Process(connection.pid).name()
        except psutil.Error:
            continue
        found.setdefault(name, f"{name} (process {connection.pid})")
    return list(found.values())
