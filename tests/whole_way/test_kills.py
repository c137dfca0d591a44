# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""kill -9 of ticket output, mailer and PostgreSQL while a feed runs; benchmarks/kills.py does the same for an hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import kills

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_lost_doubled_or_told_twice(server_folder: Path) -> None:
    result = kills.run(server_folder / "kills", rounds=2, seed=20261122)
    assert result["broken"] == []
    assert result["kills"] == {"ticket-output": 2, "notice-output": 2, "postgresql": 2}
    assert result["events"] == 6 * kills.ROWS
    assert result["mails"] >= 64
