# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Load definitions from folders: ours, and the operator's, whose definitions go before ours of the same name."""

from __future__ import annotations

import logging
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from abusehandler.errors import ConfigurationError
from abusehandler.reporters.match import Matcher
from abusehandler.reporters.schema import parse_definition

if TYPE_CHECKING:
    from collections.abc import Iterable

    from abusehandler.reporters.definition import Definition

log = logging.getLogger(__name__)
#: the definitions that come with the program
SHIPPED = Path(__file__).resolve().parent


def load_file(path: Path) -> Definition:
    """One definition; raises ConfigurationError naming file, line and what to write instead."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from error
    return parse_definition(text, str(path), path)


def definition_files(folder: Path) -> list[Path]:
    """The definitions of a folder: `*.yaml` in it, not below it (samples are there)."""
    if not folder.is_dir():
        raise ConfigurationError(f"{folder}: is no folder; write the folder that holds your definitions")
    return sorted(path for path in folder.glob("*.yaml") if not path.name.startswith((".", "_")))


def load_definitions(folders: Iterable[str | Path] = ()) -> tuple[Definition, ...]:
    """Ours and those of an operator's folders, by name; later folders win. Read once, then kept.

    Raises ConfigurationError for the first file that is wrong.
    """
    return _load(tuple(str(folder) for folder in folders), True)


def matcher_for(folders: Iterable[str | Path] = ()) -> Matcher:
    """The index over the definitions, made once. A file that is wrong is logged and left out: the others still read."""
    return _matcher(tuple(str(folder) for folder in folders))


def forget() -> None:
    """Read definitions anew when they are asked for next; for those who have just changed a file."""
    _load.cache_clear()
    _matcher.cache_clear()


@lru_cache(maxsize=16)
def _load(folders: tuple[str, ...], strict: bool) -> tuple[Definition, ...]:
    found: dict[str, Definition] = {}
    for folder in dict.fromkeys((SHIPPED, *(Path(name).resolve() for name in folders))):
        here: dict[str, Path] = {}
        for path in _files(folder, strict):
            try:
                definition = load_file(path)
                if definition.name in here:
                    raise ConfigurationError(
                        f"{path}: the name {definition.name!r} is taken by {here[definition.name].name}; give it another"
                    )
            except ConfigurationError as error:
                if strict:
                    raise
                log.error("A definition is left out until it is mended: %s", error)
                continue
            here[definition.name] = path
            found[definition.name] = definition
    return tuple(found[name] for name in sorted(found))


def _files(folder: Path, strict: bool) -> list[Path]:
    try:
        return definition_files(folder)
    except ConfigurationError as error:
        if strict:
            raise
        log.error("A folder of definitions is left out: %s", error)
        return []


@lru_cache(maxsize=16)
def _matcher(folders: tuple[str, ...]) -> Matcher:
    return Matcher(_load(folders, False))
