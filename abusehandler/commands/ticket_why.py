# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler ticket why EVENT`: from the report to the notice, and which rule said what."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from abusehandler.configuration import load
from abusehandler.errors import AbusehandlerError
from abusehandler.harmonization.catalogue import Catalogue
from abusehandler.tickets.explaining import explain
from abusehandler.tickets.incoming import Incoming
from abusehandler.tickets.policy import NoticeSchedule
from abusehandler.tickets.rules import Rules

if TYPE_CHECKING:
    import argparse

    from abusehandler.tickets.database import Database


def configure(parser: argparse.ArgumentParser) -> None:
    """The arguments of the verb."""
    parser.add_argument("event", type=int, help="number of the event, as `ticket show` and `report show` print it")


def run(arguments: argparse.Namespace, database: Database) -> int:
    """Prints the explanation; --json gives the same facts as one object."""
    configuration = load()
    catalogue = Catalogue.load(configuration.reading.catalogue)
    rules = Rules.load(configuration.rules.path, catalogue)
    incoming = Incoming(catalogue, NoticeSchedule(), ipv6_prefix=configuration.tickets.ipv6_prefix, rules=rules)
    explanation = explain(database, arguments.event, incoming)
    if explanation is None:
        raise AbusehandlerError(
            f"there is no event {arguments.event}; 'abusehandler ticket show' lists those of a ticket"
        )
    if arguments.json:
        words = [{"part": part, "sentence": sentence} for part, sentence in explanation.words]
        print(json.dumps({**explanation.facts, "words": words}, default=str))
        return 0
    last = ""
    for part, sentence in explanation.words:
        if part != last:
            print(f"\n{part}" if last else part)
        last = part
        # what comes from outside must not reach a terminal as control sequences
        print("  " + "".join(character if character.isprintable() else " " for character in sentence))
    return 0
