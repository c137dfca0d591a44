# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler harmonization merge|check`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.configuration import configuration_path
from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.fields import merge_file, missing

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("verb", choices=("merge", "check"), help="add our fields, or say whether they are there")
    parser.add_argument("--file", type=Path, help="the harmonization.conf; IntelMQ's own if left out")


def run(arguments: argparse.Namespace) -> int:
    path = arguments.file or configuration_path().parent / "harmonization.conf"
    if arguments.verb == "merge":
        added = merge_file(path)
        print(f"{path}: added {', '.join(added)}." if added else f"{path}: all our fields were there.")
        return 0
    try:
        lacking = missing(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path}: {error}") from None
    if lacking:
        raise ConfigurationError(f"{path}: lacks {', '.join(lacking)}; run 'abusehandler harmonization merge'")
    print(f"{path}: all our fields are there.")
    return 0
