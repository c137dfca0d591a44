# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The first login of the portal; there is no default password."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.installer.setup.answers import Answers
    from abusehandler.installer.setup.system import System


class Administrator:
    """The administrator that the answers name, where a password file is named and nobody is administrator yet."""

    name = "administrator"

    def __init__(self, system: System, answers: Answers) -> None:
        self.system = system
        self.answers = answers

    def missing(self) -> list[str]:
        file = self.answers.administrator.password_file
        if not self.system.real or not self.answers.web.host_name or file is None or not file.is_file():
            return []
        said = self.system.ours("abusehandler", "user", "list", "--json", check=False)
        # before the tables are there, in a dry run
        there = self.answers.administrator.mail.lower() in said.stdout.lower()
        return [] if there else [f"login {self.answers.administrator.mail} for the portal"]

    def apply(self) -> None:
        file = self.answers.administrator.password_file
        assert file is not None
        self.system.ours(
            "abusehandler", "user", "add", self.answers.administrator.mail, "--role", "admin", "--password-stdin",
            stdin=file.read_text(encoding="utf-8").splitlines()[0] + "\n",
        )  # fmt: skip
