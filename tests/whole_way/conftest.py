# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A whole desk with running bots, in a folder of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.installer.tryout import TryOut
from abusehandler.tickets.database import Database
from abusehandler.tickets.migrate import upgrade

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Desk(TryOut):
    """A try-out whose servers run and whose bots the test starts and kills."""

    def open(self) -> None:
        self.lay_out()
        self.start_servers()
        self.database = Database(self.postgres.dsn())
        upgrade(self.database)

    def count(self, table: str, where: str = "true") -> int:
        return int(self.database.fetch(f"SELECT count(*) FROM {table} WHERE {where}")[0][0])


@pytest.fixture
def desk(server_folder: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    desk = Desk(server_folder / f"d{abs(hash(request.node.name)) % 10000}")
    desk.open()
    yield desk
    desk.database.close()
    desk.remove()
