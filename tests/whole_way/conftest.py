# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole desk with running bots, in a folder of its own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.installer.tryout import TryOut
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Short names for folders: sockets live in them.
_number = itertools.count(1)


class Desk(TryOut):
    """A try-out whose servers run and whose bots the test starts and kills."""

    def open(self) -> None:
        self.lay_out()
        self.start_servers()
        self.database = Database(self.postgres.dsn())
        upgrade(self.database)

    def hold_notices(self) -> None:
        """Before the bots start: no notice is due until the test says so, however long the reports of one are under way."""
        path = self.root / "etc/abusehandler.yaml"
        settings = yaml.safe_load(path.read_text(encoding="utf-8"))
        settings["notices"]["settle_seconds"] = 86_400
        path.write_text(yaml.safe_dump(settings), encoding="utf-8")

    def make_due(self) -> None:
        """What the settle time holds back goes out now."""
        self.database.fetch("UPDATE tickets SET notify_due = now() WHERE notify_due IS NOT NULL")

    def count(self, table: str, where: str = "true") -> int:
        return int(self.database.fetch(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


@pytest.fixture
def desk(server_folder: Path) -> Iterator[Desk]:
    desk = Desk(server_folder / f"d{next(_number)}")
    try:
        desk.open()
        yield desk
        desk.database.close()
    finally:
        desk.remove()
