# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The `abusehandler` command: finds the module of a noun and calls it.

Each module in `abusehandler/commands/` offers `configure(parser)`, which adds its arguments, and `run(arguments)`,
which does the work and returns the exit code. Only the module that was asked for is imported.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import TYPE_CHECKING

from abusehandler import __version__
from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from collections.abc import Sequence

#: noun → one line for the list of commands
COMMANDS = {
    "config": "check and explain abusehandler.yaml",
    "doctor": "say what is wrong, and how to mend it",
    "backup": "save database, evidence, configuration and keys",
    "restore": "put a backup back, or verify one",
    "metrics": "numbers for Prometheus",
    "db": "make and upgrade the database",
    "harmonization": "add our fields to IntelMQ's harmonization.conf",
    "deliver": "take one mail from standard input, for the mail server's pipe",
    "report": "what came in, and what would be read from a file",
    "reporters": "check the definitions of known senders",
    "crm": "ask and test the customer connector",
    "ticket": "look at tickets and work on them",
    "mute": "hold notices back for a while",
    "rules": "check the rules, and try what they would have done",
    "notice": "look at notices",
    "help": "the texts that help customers, and the state of their translations",
    "answer": "look at what came back: replies, bounces",
    "address": "mail addresses: which bounce, which are blocked",
    "portal": "serve the web desk and self-help",
    "units": "systemd's units follow runtime.yaml",
    "user": "who may use the portal",
    "token": "tokens with which programs use the API",
    "webhook": "programs that are told what happens",
    "selfhelp": "links to customers' own pages",
    "recheck": "look again from outside, on request",
    "privacy": "what is stored about a person; erase or pseudonymise it",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0 for done, 1 for an error that was explained, 2 for a wrong call."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="abusehandler", description="An abuse desk in a box.")
    parser.add_argument("--version", action="version", version=f"abusehandler {__version__}")
    nouns = parser.add_subparsers(dest="noun", metavar="COMMAND", required=True)
    asked = next((word for word in arguments if not word.startswith("-")), None)
    module = None
    for name, about in COMMANDS.items():
        command = nouns.add_parser(name, help=about, description=about)
        if name == asked:
            module = importlib.import_module(f"abusehandler.commands.{name}")
            module.configure(command)
    parsed = parser.parse_args(arguments)
    assert module is not None
    try:
        return int(module.run(parsed))
    except AbusehandlerError as error:
        print(f"abusehandler: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
