# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The configuration that a test's bots read, and the dump files that they write."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

import yaml

STOCK_HARMONIZATION = Path(str(resources.files("intelmq"))) / "etc" / "harmonization.conf"


def configure(etc: Path, **sections: Any) -> None:
    """Writes abusehandler.yaml."""
    (etc / "abusehandler.yaml").write_text(
        yaml.safe_dump(
            {
                "organisation": {"name": "Example Networks", "abuse_address": "abuse@example.net"},
                "networks": {"prefixes": ["192.0.2.0/24", "2001:db8::/32"]},
                "evidence": {"path": "../var/evidence"},
                "customers": {"connector": "csv", "path": "customers.csv"},
                "notices": {"settle_seconds": 0, "policy": "at-once"},
                **sections,
            }
        ),
        encoding="utf-8",
    )


def dumped(tmp_path: Path, bot_id: str = "test") -> list[dict[str, Any]]:
    """What the bot put into its dump file."""
    path = tmp_path / f"{bot_id}.dump"
    if not path.exists():
        return []
    return list(json.loads(path.read_text(encoding="utf-8")).values())
