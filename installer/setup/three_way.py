# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Three-way merge of a YAML file: what the operator changed stays, what we changed comes in, both on one key is a conflict.

The keys decide, not the lines: IntelMQ Manager and `intelmqctl` write runtime.yaml anew without comments, and a merge of
lines would then find nothing but conflicts. Where a merge of lines (diff3, of Debian's essential diffutils) gives the same
values, its text is taken, because it keeps all comments of both sides; else the changes are set into the operator's text.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from ruamel.yaml import YAML

from abusehandler.configuration.secrets import masked_value
from abusehandler.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection

Way = tuple[str, ...]
Choice = Literal["keep", "take"]
#: A key that is not there.
ABSENT: Any = type("Absent", (), {"__repr__": lambda _self: "(not there)"})()


@dataclass(frozen=True, slots=True)
class Conflict:
    """A key that the operator and we have changed, differently. Values are ABSENT where the key is not there."""

    way: Way
    before: Any
    yours: Any
    ours: Any

    def __str__(self) -> str:
        yours, ours, before = (_shown(self.way, value) for value in (self.yours, self.ours, self.before))
        return f"{'.'.join(self.way)}: you have {yours}, new is {ours} (it was {before})"


@dataclass(frozen=True, slots=True)
class Merged:
    """The text to be written, what we changed in the operator's file, and the conflicts (with the operator's value in the text)."""

    text: str
    changes: tuple[str, ...]
    conflicts: tuple[Conflict, ...]


def merge(
    base: str, yours: str, ours: str, *, choice: Choice = "keep", take: Collection[Way] = (), name: str = "the file"
) -> Merged:
    """Merges the operator's text with our new one; `base` is what we shipped last ("" if that is not known).

    Without conflicts `choice` does not matter; with them `keep` leaves the operator's values, `take` sets ours. The keys
    named in `take` are taken whatever `choice` says.
    Raises ConfigurationError if one of the texts is not a YAML mapping.
    """
    old, mine, new = (_mapping(text, name) for text in (base, yours, ours))
    edits: list[tuple[Way, Any]] = []
    conflicts: list[Conflict] = []
    _compare((), old, mine, new, edits, conflicts)
    edits += [(conflict.way, conflict.ours) for conflict in conflicts if choice == "take" or conflict.way in take]
    if not edits:
        return Merged(yours, (), tuple(conflicts))
    changes = tuple(
        f"{'.'.join(way)}: {'taken out' if value is ABSENT else _shown(way, value)} (was {_shown(way, _at(mine, way))})"
        for way, value in edits
    )
    return Merged(_text(base, yours, ours, mine, edits, name), changes, tuple(conflicts))


def _compare(way: Way, old: Any, mine: Any, new: Any, edits: list[tuple[Way, Any]], conflicts: list[Conflict]) -> None:
    if isinstance(mine, dict) and isinstance(new, dict):
        before = old if isinstance(old, dict) else {}
        for key in [*new, *(key for key in mine if key not in new)]:
            _compare(
                (*way, str(key)), before.get(key, ABSENT), mine.get(key, ABSENT), new.get(key, ABSENT), edits, conflicts
            )
    elif mine == new or new == old or (old is ABSENT and new is ABSENT):
        return
    elif mine == old:
        edits.append((way, new))
    else:
        conflicts.append(Conflict(way, old, mine, new))


def _text(base: str, yours: str, ours: str, mine: Any, edits: list[tuple[Way, Any]], name: str) -> str:
    wanted = _edited(mine, edits)
    by_lines = _by_lines(base, yours, ours)
    if by_lines is not None and _same(by_lines, wanted):
        return by_lines
    if _same(ours, wanted) and _same(base, mine):
        return ours
    editor = round_trip()
    document = editor.load(yours)
    source = editor.load(ours)
    for way, value in edits:
        place = document
        for key in way[:-1]:
            place = place[key]
        if value is ABSENT:
            del place[way[-1]]
        else:
            # from our text, so that comments within a new bot come along
            place[way[-1]] = _at(source, way)
    written = io.StringIO()
    editor.dump(document, written)
    if not _same(written.getvalue(), wanted):
        raise ConfigurationError(f"{name}: could not be merged; start again with --keep or --take, or edit it by hand")
    return written.getvalue()


def round_trip() -> YAML:
    """Reads and writes YAML with its comments; makes no objects but plain ones (the type `rt` is a safe one)."""
    editor = YAML(typ="rt")
    editor.preserve_quotes = True
    editor.width = 4096
    editor.indent(mapping=2, sequence=4, offset=2)
    return editor


def _by_lines(base: str, yours: str, ours: str) -> str | None:
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, text in (("yours", yours), ("base", base), ("ours", ours)):
            path = Path(folder) / name
            path.write_text(text, encoding="utf-8")
            paths.append(str(path))
        try:
            done = subprocess.run(
                ["diff3", "-m", *paths],
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
                timeout=60,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    return done.stdout if done.returncode == 0 else None


def _same(text: str, wanted: Any) -> bool:
    try:
        return bool(yaml.safe_load(text) == wanted)
    except yaml.YAMLError:
        return False


def _edited(mine: Any, edits: list[tuple[Way, Any]]) -> Any:
    copy = yaml.safe_load(yaml.safe_dump(mine, sort_keys=False))
    for way, value in edits:
        place = copy
        for key in way[:-1]:
            place = place[key]
        if value is ABSENT:
            del place[way[-1]]
        else:
            place[way[-1]] = value
    return copy


def _at(document: Any, way: Way) -> Any:
    for key in way:
        if not isinstance(document, dict) or key not in document:
            return ABSENT
        document = document[key]
    return document


def _mapping(text: str, name: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigurationError(
            f"{name}{where}: not YAML: {getattr(error, 'problem', error)}; mend it and start again"
        ) from None
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigurationError(f"{name}: must hold 'key: value' lines; mend it and start again")
    return data


def _shown(way: Way, value: Any) -> str:
    """A value as people may read it: this goes to logs, and runtime.yaml holds the Shadowserver key."""
    value = masked_value(value, way[-1] if way else "")
    if isinstance(value, dict) and len(str(value)) > 80:
        return f"a section with {', '.join(map(str, value))}"[:160]
    return repr(value)[:160]
