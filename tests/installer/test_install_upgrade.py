# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The parts of an upgrade that need no machine; the whole is tried by installer/try-install.sh."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import yaml

from abusehandler.installer.setup.ground import unit_text
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.system import System
from abusehandler.installer.setup.templates import shipped
from abusehandler.installer.setup.upgrade import Upgrade, switch

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def system(tmp_path: Path) -> System:
    system = System(Layout(tmp_path))
    for name in ("1.0", "2.0"):
        (system.layout.program / "releases" / name).mkdir(parents=True)
    switch(system, system.layout.program / "releases" / "1.0")
    return system


def test_switching_is_one_step_and_can_be_done_again(system: System) -> None:
    for name in ("2.0", "2.0", "1.0"):
        switch(system, system.layout.program / "releases" / name)
        assert system.layout.current.resolve().name == name


def test_an_upgrade_that_was_cut_off_is_found(system: System) -> None:
    assert Upgrade.unfinished(system) is None
    releases = system.layout.program / "releases"
    begun = Upgrade(system, releases / "1.0", releases / "2.0")
    begun._mark(saved=False)
    found = Upgrade.unfinished(system)
    assert found is not None
    # nothing was saved, so nothing was changed
    assert not found.saved.exists()
    begun.saved.mkdir(parents=True)
    begun._mark(saved=True)
    switch(system, releases / "2.0")
    found = Upgrade.unfinished(system)
    assert found is not None
    assert (found.old, found.saved) == (releases / "1.0", begun.saved)


def test_units_are_told_that_an_upgrade_is_under_way_and_that_it_is_over(system: System) -> None:
    begun = Upgrade(system, system.layout.current, system.layout.current)
    begun._mark(saved=False)
    # gone after a boot, while the marker stays: then the bots do not start (ConditionPathExists of their unit)
    assert begun.under_way == system.layout.at("/run/abusehandler-upgrade")
    assert begun.marker.exists()
    assert begun.under_way.exists()
    begun.unmark()
    assert not begun.marker.exists()
    assert not begun.under_way.exists()
    # what calls it after a failure may have called it before
    begun.unmark()


@pytest.mark.parametrize("name", ["abusehandler-bot@.service", "abusehandler-portal.service"])
def test_nothing_starts_on_tables_that_are_half_way(name: str) -> None:
    lines = unit_text(name).splitlines()
    assert "ConditionPathExists=|!/opt/abusehandler/upgrading" in lines
    assert "ConditionPathExists=|/run/abusehandler-upgrade" in lines


def test_going_back_is_not_disturbed() -> None:
    """Ctrl-C twice: the second one reaches neither this program nor the tar that it runs."""
    program = (
        "import os, signal, threading, time\n"
        "from abusehandler.installer.setup.layout import Layout\n"
        "from abusehandler.installer.setup.system import System\n"
        "from abusehandler.installer.setup.upgrade import _undisturbed\n"
        "from pathlib import Path\n"
        "system = System(Layout(Path('/nowhere')))\n"
        "_undisturbed(system)\n"
        # as a terminal does it: to the whole group
        "threading.Timer(0.5, lambda: [os.killpg(0, one) for one in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)]).start()\n"
        "print(system.run('sh', '-c', 'sleep 2; echo whole').stdout.strip())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=300,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "whole"), done.stderr


def test_two_savings_are_kept(system: System) -> None:
    for day in ("01", "02", "03"):
        (system.layout.backups / f"before-upgrade-202611{day}000000").mkdir(parents=True)
    Upgrade(system, system.layout.current, system.layout.current).keep_two()
    assert sorted(path.name for path in system.layout.backups.iterdir()) == [
        "before-upgrade-20261102000000",
        "before-upgrade-20261103000000",
    ]


def test_nothing_comes_in_or_goes_out_before_the_check_is_over(system: System) -> None:
    (system.layout.intelmq / "etc").mkdir(parents=True)
    (system.layout.intelmq / "etc/runtime.yaml").write_text(shipped("everything.yaml"), encoding="utf-8")
    working, others = Upgrade(system, system.layout.current, system.layout.current)._bots()
    bots = yaml.safe_load(shipped("everything.yaml"))
    assert {bots[name]["group"] for name in working} == {"Parser", "Expert", "Output"}
    assert [name for name in working if bots[name]["group"] == "Output"] == ["ticket-output"]
    assert {"notice-output", "abuse-timers", "feed-file-collector"} <= set(others)
