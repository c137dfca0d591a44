# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Takes report files from a folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from intelmq.lib.bot import CollectorBot

from abusehandler.bots._intake import IntakeCollector

if TYPE_CHECKING:
    from collections.abc import Mapping


class AbuseFeedFileCollectorBot(IntakeCollector, CollectorBot):
    """Takes report files of any size from a folder: as evidence first, then they move to its sub-folder done/.

    Only the way to the evidence goes through Redis, so that a report of a gigabyte costs no memory. Put files into the
    folder by renaming, as `mv` within one file system does; names that begin with a dot or end in .part are left alone.

    Parameters:
        folder: where the files are put; a relative path is taken from IntelMQ's root directory
        postfixes: endings of names that are taken
        rate_limit: seconds between two looks
    """

    folder: str = ""
    postfixes: list[str] = [".csv", ".csv.gz", ".csv.zip", ".zip", ".gz"]  # noqa: RUF012 - IntelMQ's form of a parameter
    rate_limit: int = 10

    _kind = "feed"

    def take_new(self) -> None:
        folder = self.path_of(self.folder)
        done = folder / "done"
        done.mkdir(exist_ok=True)
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or not path.name.endswith(tuple(self.postfixes)) or not path.is_file():
                continue
            self.take(path, name=path.name)
            path.replace(done / path.name)

    @classmethod
    def check_values(cls, parameters: Mapping[str, Any]) -> list[list[str]]:
        found = super().check_values(parameters)
        folder = parameters.get("folder")
        if not folder:
            found.append(["error", "Parameter 'folder' is missing; write the folder in which report files are put."])
        elif not cls.path_of(str(folder)).is_dir():
            found.append(
                ["error", f"Parameter 'folder': {cls.path_of(str(folder))} is no folder; make it, or name another."]
            )
        return found


BOT = AbuseFeedFileCollectorBot
