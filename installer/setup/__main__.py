# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What installer/install.sh calls once the release is there: `python -m abusehandler.installer.setup [--answers FILE] …`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler import __version__
from abusehandler.cli import COMMANDS
from abusehandler.errors import AbusehandlerError
from abusehandler.installer.setup.answers import Answers, load_answers, missing_files
from abusehandler.installer.setup.configuration import ConfigurationFiles, require_right_configuration
from abusehandler.installer.setup.ground import room_for
from abusehandler.installer.setup.layout import Layout
from abusehandler.installer.setup.order import all_steps
from abusehandler.installer.setup.questions import ask_all
from abusehandler.installer.setup.steps import run_steps
from abusehandler.installer.setup.system import System
from abusehandler.installer.setup.units import intelmq_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from abusehandler.installer.setup.steps import Step
    from abusehandler.installer.setup.three_way import Choice


def install(system: System, answers: Answers, choice: Choice | None, *, dry_run: bool, start: bool = True) -> int:
    """Sets up or repairs, and starts the bots if `start`; returns the number of changes. Raises AbusehandlerError with what to do."""
    if lacking := missing_files(answers, system):
        raise AbusehandlerError("the answers name files that cannot be read:\n" + "\n".join(lacking))
    wanted = all_steps(system, answers, choice, start=start)
    if dry_run:
        return _dry_run(wanted, system)
    count = 0
    for number, step in enumerate(wanted):
        count += run_steps(wanted[number : number + 1], system)
        if isinstance(step, ConfigurationFiles):
            require_right_configuration(system)
    return count


def _dry_run(wanted: list[Step], system: System) -> int:
    count = 0
    for step in wanted:
        try:
            count += run_steps([step], system, dry_run=True)
        except (AbusehandlerError, OSError) as error:
            # it looks at what an earlier step would have made
            print(f"     cannot be told before the steps above are done: {error}")
            count += 1
    return count


def answers_for(system: System, file: Path | None, secrets: Path) -> Answers:
    """The answers of the file, else those kept from last time, else asked on the terminal."""
    if file is not None:
        return load_answers(file)
    if system.layout.answers.exists():
        return load_answers(system.layout.answers)
    return ask_all(secrets)


def summary(system: System, answers: Answers, count: int, *, started: bool = True) -> list[str]:
    """What to know at the end."""
    lines = [
        f"abusehandler {__version__} is set up; "
        + (f"{count} changes, each in {system.layout.log}/install.log" if count else "nothing had to be changed.")
    ]
    if not started:
        lines.append("No bot was started (--no-start); install.sh without it starts them.")
    elif not system.systemd:
        lines.append(
            "systemd does not run here: the units are installed for the next boot, the bots were started by intelmqctl"
            + (", the portal was not started." if answers.web.host_name else ".")
        )
    lines += ["", "Addresses"]
    if answers.web.host_name:
        lines.append(f"  the desk            https://{answers.web.host_name}/")
    lines += [
        f"  configuration       {system.layout.etc} (answers.yaml holds what you were asked)",
        f"  put feed files into {system.layout.state}/feeds",
        f"  logs                {system.layout.log}",
        "",
        "Next",
    ]
    if answers.customers.connector is None and answers.customers.file is None:
        lines.append(f"  your customers      fill in {system.layout.etc}/customers.csv, then: abusehandler crm check")
    if answers.shadowserver.api_key_file is None and answers.pipeline != "mail":
        lines.append(
            "  Shadowserver        set api_key_file and secret_file in answers.yaml, then run install.sh again"
        )
    if answers.mailbox.kind == "later" and answers.pipeline != "shadowserver":
        lines.append("  abuse mail          set mailbox in answers.yaml, then run install.sh again")
    if answers.web.host_name and answers.administrator.password_file is None:
        lines.append(f"  the first login     abusehandler user add {answers.administrator.mail} --role admin")
    if answers.web.host_name and answers.web.tls == "proxy":
        lines.append(f"  your web server     must pass requests to {system.layout.portal_socket} (docs/portal.md)")
    lines.append("  what is wrong       " + ("abusehandler doctor" if "doctor" in COMMANDS else "intelmqctl check"))
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="installer/install.sh", description="Sets abusehandler up, or repairs it.")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="take all answers from this file")
    conflict = parser.add_mutually_exclusive_group()
    conflict.add_argument(
        "--keep", action="store_const", const="keep", dest="choice", help="on conflict, your values stay"
    )
    conflict.add_argument(
        "--take", action="store_const", const="take", dest="choice", help="on conflict, new values come in"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would be changed")
    parser.add_argument("--no-start", action="store_true", help="start no bot and no portal; before a restore")
    parser.add_argument("--check-answers", action="store_true", help="only say whether the answers are right")
    parser.add_argument("--into", type=Path, default=Path("/"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    system = System(Layout(arguments.into.resolve()))
    try:
        # questions are asked before anything is changed; the secrets typed in lie in a folder of root's until they are kept
        with tempfile.TemporaryDirectory(prefix="abusehandler-") as asked:
            answers = answers_for(system, arguments.answers, Path(asked))
            if arguments.check_answers:
                if lacking := missing_files(answers, system):
                    raise AbusehandlerError("the answers name files that cannot be read:\n" + "\n".join(lacking))
                print("the answers are right.")
                return 0
            if not arguments.dry_run:
                system.log(f"install {__version__}")
            count = install(system, answers, arguments.choice, dry_run=arguments.dry_run, start=not arguments.no_start)
        if arguments.dry_run:
            print(f"\n{count} changes would be made." if count else "\nNothing would be changed.")
            return 0
        for fault in intelmq_faults(system) if system.real else ():
            print(f"intelmqctl check says: {fault}", file=sys.stderr)
        print("\n" + "\n".join(summary(system, answers, count, started=not arguments.no_start)))
    except AbusehandlerError as error:
        system.log(f"stopped: {error}")
        print(
            f"\ninstall.sh stopped: {error}{room_for(error, system)}\nWhat was done stays; started again it goes on from there.",
            file=sys.stderr,
        )
        return 1
    except OSError as error:
        system.log(f"stopped: {error}")
        print(
            f"\ninstall.sh stopped: {error}.{room_for(error, system)}\nMend it and start again; it goes on from there.",
            file=sys.stderr,
        )
        return 1
    except (KeyboardInterrupt, EOFError):
        print("\ninstall.sh was stopped; started again it goes on from there.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
