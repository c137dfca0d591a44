# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes mails from a Maildir."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from intelmq.lib.bot import CollectorBot

from abusehandler.bots._intake import IntakeCollector

if TYPE_CHECKING:
    from collections.abc import Mapping


class AbuseMaildirCollectorBot(IntakeCollector, CollectorBot):
    """Takes every mail of a Maildir, whatever it is: evidence first, then it is moved from new/ to cur/ and handed on.

    Nothing is deleted. A mail that was taken has the flag S (seen) in cur/.

    Parameters:
        maildir: path of the Maildir (the folder that holds new/, cur/ and tmp/)
        rate_limit: seconds between two looks
    """

    maildir: str = ""
    rate_limit: int = 5

    def take_new(self) -> None:
        folder = self.path_of(self.maildir)
        new, current = folder / "new", folder / "cur"
        for path in sorted(new.iterdir()):
            if path.name.startswith(".") or not path.is_file():
                continue
            name = path.name.partition(":2,")[0]
            self.take(path, name=name)
            path.rename(current / f"{name}:2,S")

    @classmethod
    def check_values(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        found = super().check_values(parameters)
        maildir = parameters.get("maildir")
        if not maildir:
            found.append(
                ["error", "Parameter 'maildir' is missing; write the path of the Maildir, for example /var/mail/abuse."]
            )
        elif not all((cls.path_of(str(maildir)) / name).is_dir() for name in ("new", "cur")):
            found.append(
                [
                    "error",
                    f"Parameter 'maildir': {cls.path_of(str(maildir))} has no folders new and cur; name the folder that holds them.",
                ]
            )
        return found


BOT = AbuseMaildirCollectorBot
