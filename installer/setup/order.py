# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Which steps make up a set-up, and in which order."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from abusehandler.installer.setup.administrator import Administrator
from abusehandler.installer.setup.configuration import (
    AnswerSecret,
    ConfigurationFiles,
    Harmonization,
    KeptAnswers,
    ask_on_terminal,
)
from abusehandler.installer.setup.ground import Account, CommandsOnPath, Folders, Packages
from abusehandler.installer.setup.mail_server import Exim, Postfix
from abusehandler.installer.setup.services import DatabaseServer, Queues, Schema
from abusehandler.installer.setup.units import Running, UnitFiles
from abusehandler.installer.setup.web_server import Nginx

if TYPE_CHECKING:
    from abusehandler.installer.setup.answers import Answers
    from abusehandler.installer.setup.steps import Step
    from abusehandler.installer.setup.system import System
    from abusehandler.installer.setup.three_way import Choice


def all_steps(system: System, answers: Answers, choice: Choice | None, *, start: bool = True) -> list[Step]:
    """The steps for these answers; each may rely on those before it. `start` is whether the bots are started at the end.

    In a folder that only looks like a machine there are no accounts, packages and servers: those steps find nothing to do
    there, and tables and logins, which need a server, are left out.
    """
    ask = ask_on_terminal if sys.stdin.isatty() else None
    found: list[Step] = [
        Packages(system, answers),
        Account(system),
        Folders(system),
        KeptAnswers(system, answers),
        CommandsOnPath(system),
        Queues(system),
        DatabaseServer(system),
        ConfigurationFiles(system, answers, choice=choice, ask=ask),
        Harmonization(system),
        AnswerSecret(system, answers),
    ]
    if answers.mailbox.kind == "postfix":
        found.append(Postfix(system, answers))
    elif answers.mailbox.kind == "exim":
        found.append(Exim(system, answers))
    if system.real:
        found.append(Schema(system))
    found.append(UnitFiles(system, start=start))
    if system.real and answers.web.host_name:
        found.append(Administrator(system, answers))
    if answers.web.host_name and answers.web.tls != "proxy":
        found.append(Nginx(system, answers))
    if start:
        found.append(Running(system))
    return found
