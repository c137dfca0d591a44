# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The probes, one a file with a `PROBE` (or `PROBES`) in it; a new file is found by itself.

A probe is harmless: one question that such a service answers every day, nothing that changes, guesses a password, or
reads more than it takes to see that the service answers strangers.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.tickets.recheck.probe import Probe, Transport


@functools.cache
def probes() -> dict[str, Probe]:
    """All probes by their name."""
    found: dict[str, Probe] = {}
    for entry in sorted(pkgutil.iter_modules(__path__), key=lambda one: one.name):
        module = importlib.import_module(f"{__name__}.{entry.name}")
        for probe in getattr(module, "PROBES", None) or [module.PROBE]:
            if probe.name in found:
                raise AssertionError(f"two probes are called {probe.name}")
            found[probe.name] = probe
    return found


def probe_for(problem: str, transport: Transport | None = None, allowed: tuple[str, ...] = ()) -> Probe | None:
    """The probe that tests this problem, over this transport where the events named one; None if there is none.

    `allowed` are names of probes, empty: all.
    """
    fitting = [
        probe for probe in probes().values() if problem in probe.problems and (not allowed or probe.name in allowed)
    ]
    return next((probe for probe in fitting if transport in (None, probe.transport)), None)
