# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler rules check|try|times`: are the rules right, and what would they have done?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.commands.printing import print_rows
from abusehandler.configuration import load
from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.database import Database
from abusehandler.tickets.life_cycle_trial import KINDS, Sums, Trial
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    import argparse
    from datetime import timedelta

    from abusehandler.tickets.life_cycle_trial import Step, Tried

#: Tickets that are shown to people; scripts get all.
SHOWN = 200


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, help="another rules.yaml than the one that applies")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="check|times|try")
    verbs.add_parser("check", help="say whether the file is right, and what is not")
    times = verbs.add_parser("times", help="how long tickets of a problem live, and what is in their key")
    times.add_argument("problem", nargs="?", default="", help="problem of the catalogue; all if left out")
    times.add_argument("--customer", help="for this customer")
    trial = verbs.add_parser("try", help="what the rules would have done, against what happened; changes nothing")
    trial.add_argument("--days", type=float, default=7, help="how far back (default 7)")
    trial.add_argument("--different", action="store_true", help="only tickets for which it would have been different")
    for verb in (times, trial):
        verb.add_argument("--json", action="store_true", help="for scripts")


def run(arguments: argparse.Namespace) -> int:
    configuration = load()
    catalogue = Catalogue.load(configuration.reading.catalogue)
    path = arguments.file or configuration.rules.path
    if arguments.file is not None and not path.exists():
        raise ConfigurationError(f"{path}: there is no such file")
    rules = Rules.load(path, catalogue)
    if arguments.verb == "check":
        print(f"{path}: " + ("right." if path.exists() else "there is no such file; the defaults apply."))
        return 0
    if arguments.verb == "times":
        return _times(arguments, rules, catalogue)
    if not 0 < arguments.days <= 366:
        raise ConfigurationError(f"--days {arguments.days:g}: write a number from 1 to 366")
    return _try(arguments, Trial(Database(configuration.database.dsn), rules, arguments.days))


def _times(arguments: argparse.Namespace, rules: Rules, catalogue: Catalogue) -> int:
    if arguments.problem and arguments.problem not in catalogue.problems:
        raise ConfigurationError(f"{arguments.problem!r:.60} is not a problem of the catalogue")
    rows = []
    for problem in [arguments.problem] if arguments.problem else list(catalogue.problems):
        times, key = rules.times(problem, arguments.customer), rules.key(problem)
        parts = ["customer", "domain" if key.domain else "resource", "problem"]
        parts += [name for name in ("port", "feed") if getattr(key, name)]
        parts += [f"IPv6 /{key.ipv6_prefix}"] if key.ipv6_prefix is not None else []
        rows.append(
            {
                "problem": problem,
                "group": rules.group_of(problem),
                "reopen within": _days(times.reopen_within),
                "close after": _days(times.close_after),
                "close resolved after": _days(times.close_resolved_after),
                "close ignored after": _days(times.close_ignored_after),
                "one ticket for": ", ".join(parts),
            }
        )
    print_rows(rows, as_json=arguments.json)
    return 0


def _days(span: timedelta | None) -> str:
    return "never" if span is None else f"{span.days} days"


def _try(arguments: argparse.Namespace, trial: Trial) -> int:
    sums = Sums()
    rows: list[dict[str, object]] = []
    for tried in trial.run():
        sums.add(tried)
        if arguments.different and not tried.differs:
            continue
        if arguments.json:
            print_rows([_for_scripts(tried)], as_json=True)
        elif len(rows) < SHOWN:
            rows.append(
                {
                    "ticket": tried.ticket,
                    "customer": tried.customer,
                    "problem": tried.problem,
                    "resource": tried.resource,
                    "would": "; ".join(map(str, tried.would)) or "-",
                    "happened": "; ".join(map(str, tried.happened)) or "-",
                }
            )
    summed = [{"what": kind, "would": sums.would[kind], "happened": sums.happened[kind]} for kind in KINDS]
    if arguments.json:
        print_rows([{"tickets": sums.tickets, "different": sums.different, "sums": summed}], as_json=True)
        return 0
    print_rows(rows)
    if sums.tickets > len(rows) == SHOWN:
        print(f"… {SHOWN} are shown; --json gives all")
    print(f"\nfrom {trial.since:%Y-%m-%d %H:%M} to {trial.until:%Y-%m-%d %H:%M} UTC; nothing was changed")
    print_rows(summed)
    print(f"{sums.tickets} tickets, {sums.different} of them otherwise than it happened")
    return 0


def _for_scripts(tried: Tried) -> dict[str, object]:
    def steps(found: tuple[Step, ...]) -> list[dict[str, object]]:
        return [{"at": step.at, "what": step.kind, "why": step.why} for step in found]

    return {
        "ticket": tried.ticket, "customer": tried.customer, "problem": tried.problem, "resource": tried.resource,
        "differs": tried.differs, "would": steps(tried.would), "happened": steps(tried.happened),
    }  # fmt: skip
