# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Where everything lies on a server that installer/install.sh has set up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

USER = "intelmq"
DATABASE = "abusehandler"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths, all under `root`: / on a server, a folder in tests and for a look."""

    root: Path = Path("/")

    def at(self, path: str) -> Path:
        """A path of the server."""
        return self.root / path.lstrip("/")

    @property
    def program(self) -> Path:
        return self.at("/opt/abusehandler")

    @property
    def current(self) -> Path:
        """The release in use: a link into releases/."""
        return self.program / "current"

    @property
    def intelmq(self) -> Path:
        """IntelMQ's root directory: links to the three folders below."""
        return self.program / "root"

    @property
    def etc(self) -> Path:
        return self.at("/etc/abusehandler")

    @property
    def state(self) -> Path:
        return self.at("/var/lib/abusehandler")

    @property
    def log(self) -> Path:
        return self.at("/var/log/abusehandler")

    @property
    def run(self) -> Path:
        return self.at("/run/abusehandler")

    @property
    def backups(self) -> Path:
        return self.at("/var/backups/abusehandler")

    @property
    def units(self) -> Path:
        return self.at("/etc/systemd/system")

    @property
    def answers(self) -> Path:
        return self.etc / "answers.yaml"

    @property
    def shipped(self) -> Path:
        """What we wrote last into each configuration file: the base of the three-way merge."""
        return self.state / "shipped"

    @property
    def redis_socket(self) -> Path:
        return self.run / "redis.sock"

    @property
    def portal_socket(self) -> Path:
        return self.run / "portal.sock"

    @property
    def secrets(self) -> Path:
        return self.etc / "secrets"
