# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A small installation for tests: IntelMQ's root directory with configuration, folders, database and Redis."""

from __future__ import annotations

import shutil
from importlib import resources
from typing import TYPE_CHECKING, Any

import dns.resolver
import yaml

from abusehandler.configuration import load
from abusehandler.installer.doctor.examined import Examined, read_runtime

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from scripted_dns import ScriptedDns

    from abusehandler.installer.services import RedisServer


class Installation:
    """`root` is IntelMQ's root directory; `configure` and `bots` write its two files anew."""

    def __init__(self, root: Path, dsn: str, redis: RedisServer) -> None:
        self.root, self.dsn, self.redis = root, dsn, redis
        for name in (
            "etc",
            "var/log",
            "var/run",
            "var/lib/evidence",
            "var/lib/feeds",
            "var/lib/maildir/new",
            "var/lib/maildir/cur",
        ):
            (root / name).mkdir(parents=True)
        (root / "var/lib/evidence").chmod(0o750)
        shutil.copyfile(
            str(resources.files("abusehandler.installer") / "samples" / "customers.csv"), root / "etc/customers.csv"
        )
        self.configure()
        self.bots()

    def configure(self, **sections: Any) -> None:
        wanted: dict[str, Any] = {
            "organisation": {"name": "Example Networks", "abuse_address": "abuse@example.net"},
            "networks": {"prefixes": ["192.0.2.0/24"]},
            "database": {"dsn": self.dsn},
            "evidence": {"path": "../var/lib/evidence"},
            "customers": {"connector": "csv", "path": "customers.csv", "state_path": "../var/lib/customers"},
            "backup": {"path": "../backups"},
        }
        (self.root / "etc/abusehandler.yaml").write_text(yaml.safe_dump({**wanted, **sections}), encoding="utf-8")

    def bots(self, **changes: dict[str, Any]) -> None:
        """runtime.yaml as shipped, on this Redis; `changes`: bot (with _ for -) → keys."""
        shipped = resources.files("abusehandler.runtime") / "everything.yaml"
        runtime = yaml.safe_load(shipped.read_text(encoding="utf-8"))
        for key in ("source_pipeline_host", "destination_pipeline_host", "statistics_host"):
            runtime["global"][key] = self.redis.socket
        for name, keys in changes.items():
            entry = runtime[name.replace("_", "-") if name != "global" else name]
            entry.update({key: value for key, value in keys.items() if key != "parameters"})
            entry.setdefault("parameters", {}).update(keys.get("parameters", {}))
        (self.root / "etc/runtime.yaml").write_text(yaml.safe_dump(runtime), encoding="utf-8")
        (self.root / "etc/runtime.yaml").chmod(0o600)

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on commands see this installation."""
        monkeypatch.setenv("INTELMQ_ROOT_DIR", str(self.root))
        monkeypatch.delenv("ABUSEHANDLER_CONFIG", raising=False)

    def examined(self, names: ScriptedDns | None = None, **more: Any) -> Examined:
        """What the doctor looks at, with the name server of a test."""
        resolver = dns.resolver.Resolver(configure=False)
        if names is not None:
            resolver.nameservers, resolver.port = ["127.0.0.1"], names.port
        resolver.lifetime = more.pop("dns_seconds", 60.0)
        return Examined(
            load(self.root / "etc/abusehandler.yaml"), self.root, read_runtime(self.root), resolver=resolver, **more
        )
