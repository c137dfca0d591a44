# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open Docker API: asks for its version. https://docs.docker.com/reference/api/engine/#tag/System/operation/SystemVersion"""

from __future__ import annotations

from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target
from abusehandler.tickets.recheck.web_answer import get


def ask(target: Target, budget: Budget) -> Finding:
    answer = get(target, "/version", budget)
    if answer.status == 200 and '"ApiVersion"' in answer.text:
        return Finding.of("there", "takes commands of strangers")
    if answer.status in (400, 401, 403):
        return Finding.of("gone", f"wants a certificate or a login (HTTP {answer.status})")
    return Finding.of(
        "unclear", f"HTTP {answer.status}" if answer.status else "takes connections, but speaks no plain HTTP"
    )


PROBE = Probe("docker", frozenset({"open-docker"}), "tcp", 2375, ask)
