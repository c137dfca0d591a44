# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""`abusehandler config check|show|explain KEY`."""

from __future__ import annotations

import difflib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel

from abusehandler.configuration import Configuration, configuration_path, load
from abusehandler.configuration.faults import faults
from abusehandler.configuration.secrets import masked
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    import argparse


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--file", type=Path, help="another file than the one that applies")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="check|show|explain")
    verbs.add_parser("check", help="say whether the file, and what it names, is right")
    verbs.add_parser("show", help="print all values, defaults included, secrets masked")
    explain = verbs.add_parser("explain", help="tell what a key means")
    explain.add_argument("key", nargs="?", default="", help="for example notices.settle_seconds; all when left out")


def run(arguments: argparse.Namespace) -> int:
    if arguments.verb == "explain":
        return _explain(arguments.key)
    path = arguments.file or configuration_path()
    configuration = load(path)
    if arguments.verb == "show":
        print(yaml.safe_dump(masked(configuration), sort_keys=False, allow_unicode=True), end="")
        return 0
    found = faults(configuration)
    for fault in found:
        print(fault, file=sys.stderr)
    print(f"{path}: {len(found)} faults." if found else f"{path}: right.")
    return 1 if found else 0


def _explain(key: str) -> int:
    rows = dict(_fields(Configuration, ""))
    wanted = [name for name in rows if not key or name == key or name.startswith(key + ".")]
    if not wanted:
        near = difflib.get_close_matches(key, rows, 1)
        raise ConfigurationError(
            f"{key} is not a key of abusehandler.yaml" + (f"; did you mean {near[0]}?" if near else "")
        )
    for name in wanted:
        print(f"{name}\n    {rows[name]}")
    return 0


def _fields(model: type[BaseModel], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found.append((prefix + name, field.description or ""))
            found.extend(_fields(kind, prefix + name + "."))
        else:
            default = "" if field.is_required() else f" Default: {field.get_default(call_default_factory=True)!r}."
            found.append((prefix + name, (field.description or "") + default))
    return found
