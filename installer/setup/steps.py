# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A step of the set-up, and how steps are run: look, change what is missing, look again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from abusehandler.installer.setup.system import SetupError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abusehandler.installer.setup.system import System


class Step(Protocol):
    """One thing that must be so. `name` is shown as progress."""

    name: str

    def missing(self) -> list[str]:
        """What would be changed, one line each; empty if all is as it should be. Changes nothing."""

    def apply(self) -> None:
        """Changes it. Raises SetupError with what to do."""


def run_steps(steps: Iterable[Step], system: System, *, dry_run: bool = False) -> int:
    """Runs the steps in order and returns how many changes were made (or would be).

    A step that still misses something after its work has failed: SetupError. Begun again, the steps before it find
    nothing to do, so that a half-finished run goes on where it stopped.
    """
    count = 0
    for step in steps:
        wanted = step.missing()
        count += len(wanted)
        if not wanted:
            print(f"-- {step.name}: as it should be", flush=True)
            continue
        print(f"-- {step.name}", flush=True)
        for line in wanted:
            print(f"     {'would change: ' if dry_run else ''}{line}", flush=True)
        if dry_run:
            continue
        step.apply()
        left = [line for line in step.missing() if line in wanted]
        if left:
            raise SetupError(f"{step.name}: tried, and still: {'; '.join(left)}. See {system.layout.log}/install.log")
        for line in wanted:
            system.changed(f"{step.name}: {line}")
    return count
