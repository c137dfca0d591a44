# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler doctor`: what is wrong, and how to mend it. Exit codes are those of Nagios plugins."""

from __future__ import annotations

import json
import re
import sys
import traceback
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from abusehandler import __version__
from abusehandler.errors import AbusehandlerError
from abusehandler.installer.doctor.checks import CHECKS, chosen
from abusehandler.installer.doctor.examined import examine
from abusehandler.installer.doctor.finding import Outcome, State, critical, worst
from abusehandler.installer.doctor.running import run_checks

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print JSON, for monitoring")
    parser.add_argument(
        "--only", action="append", default=[], metavar="CHECK", help="only this check; may stand several times"
    )
    parser.add_argument("--list", action="store_true", help="list the checks")
    parser.add_argument("--quiet", action="store_true", help="print only what is not ok")
    parser.add_argument(
        "--send-test-mail", default="", metavar="ADDRESS", help="send a mail there by the configured server"
    )


def run(arguments: argparse.Namespace) -> int:
    """0 all is well, 1 warning, 2 critical, 3 something could not be looked at."""
    if arguments.list:
        for check in CHECKS:
            print(f"{check.name:14}{check.about}")
        return 0
    try:
        outcomes = _outcomes(arguments)
    except AbusehandlerError as error:
        # 1 would mean a mere warning here
        print(f"abusehandler: {error}", file=sys.stderr)
        return int(State.UNKNOWN)
    except Exception:
        # a fault of ours: Python's own exit code would be 1, too
        traceback.print_exc()
        return int(State.CRITICAL)
    state = worst(outcome.state for outcome in outcomes)
    if arguments.json:
        print(as_json(outcomes))
    else:
        for line in _lines(outcomes, quiet=arguments.quiet):
            print(line)
    return int(state)


def _outcomes(arguments: argparse.Namespace) -> list[Outcome]:
    address = arguments.send_test_mail
    if address and not re.fullmatch(r"[^@\s<>\"]+@[^@\s<>\"]+", address):
        raise AbusehandlerError(
            f"{address!r:.100} is no mail address; write for example --send-test-mail you@example.net"
        )
    examined, faults = examine(test_mail_to=address)
    outcomes = []
    if faults or not arguments.only:
        found = tuple(critical(fault, "mend the file; 'abusehandler config explain KEY' helps") for fault in faults)
        outcomes.append(Outcome("configuration", found, 0.0))
    if examined is None:
        return outcomes
    only = [*arguments.only, "smtp"] if arguments.only and address else arguments.only
    return outcomes + run_checks(chosen(only, () if only else examined.configuration.monitoring.skip), examined)


def as_json(outcomes: Sequence[Outcome]) -> str:
    """One object: state, counts, and the findings of each check."""
    states = [outcome.state for outcome in outcomes]
    return json.dumps(
        {
            "state": worst(states).word,
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "version": __version__,
            "counts": {state.word: states.count(state) for state in State},
            "checks": [
                {
                    "name": outcome.check,
                    "state": outcome.state.word,
                    "seconds": round(outcome.seconds, 3),
                    "findings": [
                        {"state": finding.state.word, "message": finding.message, "mend": finding.mend}
                        for finding in outcome.findings
                    ],
                }
                for outcome in outcomes
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def _lines(outcomes: Sequence[Outcome], *, quiet: bool) -> list[str]:
    lines = []
    for outcome in outcomes:
        for finding in outcome.findings:
            if quiet and finding.state is State.OK:
                continue
            lines.append(f"{finding.state.word:9}{outcome.check:14}{_printable(finding.message)}")
            if finding.mend:
                lines.append(f"{'':23}→ {_printable(finding.mend)}")
    states = [outcome.state for outcome in outcomes]
    counts = ", ".join(f"{states.count(state)} {state.word}" for state in State if states.count(state))
    return [*lines, f"{worst(states).word}: {counts}"]


def _printable(text: str) -> str:
    """What comes from outside must not drive the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
