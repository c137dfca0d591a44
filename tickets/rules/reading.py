# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads rules.yaml and says, when it is wrong, in which line and what to write instead."""

from __future__ import annotations

import difflib
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from abusehandler.errors import ConfigurationError
from abusehandler.harmonization.located_yaml import Located
from abusehandler.harmonization.located_yaml import load as load_located
from abusehandler.tickets.rules.model import RuleFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from abusehandler.harmonization.catalogue import Catalogue

Place = tuple[str | int, ...]
Fault = tuple[Place, str]
#: So many faults are told at once; more of them help nobody.
MOST_FAULTS = 50


def read_rule_file(path: Path, catalogue: Catalogue) -> RuleFile:
    """The checked file. Raises ConfigurationError with one line for each fault: file, line, key, what to write instead."""
    document = load_located(path)
    if document.value is None:
        return RuleFile()
    document.mapping("the file")
    try:
        found = RuleFile.model_validate(_plain(document))
    except ValidationError as error:
        # a union tells each of its branches
        said: dict[Place, str] = {}
        for place, words in (_explained(fault) for fault in error.errors(include_url=False)):
            said[place] = f"{said[place]}; or: {words}" if place in said else words
        faults = list(said.items())
    else:
        faults = list(_unknown_names(found, catalogue))
        if not faults:
            return found
    raise ConfigurationError("\n".join(_told(path, document, fault) for fault in faults[:MOST_FAULTS]))


def _plain(located: Located) -> Any:
    if isinstance(located.value, dict):
        return {key: _plain(value) for key, value in located.value.items()}
    if isinstance(located.value, tuple):
        return [_plain(value) for value in located.value]
    return located.value


def _told(path: Path, document: Located, fault: Fault) -> str:
    place, words = fault
    at, line = document, document.line
    for step in place:
        inner: Any = None
        if isinstance(at.value, dict):
            inner = at.value.get(str(step))
        elif isinstance(at.value, tuple) and isinstance(step, int) and step < len(at.value):
            inner = at.value[step]
        if inner is None:
            break
        at, line = inner, inner.line
    key = ".".join(str(step) for step in place) or "the file"
    return f"{path}, line {line}: {key}: {words}"


def _explained(fault: Any) -> Fault:
    # pydantic adds the branch of a union to the place; those steps stand in no file
    place = tuple(step for step in fault["loc"] if not (isinstance(step, str) and _is_branch(step)))
    kind = fault["type"]
    if kind in ("extra_forbidden", "missing"):
        model = _model_at(place[:-1])
        fields = model.model_fields if model is not None else {}
        if kind == "missing":
            field = fields.get(str(place[-1]))
            return place, "is missing" + (f": {field.description}" if field is not None else "")
        near = difflib.get_close_matches(str(place[-1]), list(fields), 1)
        return place, "is not known here; " + (f"write {near[0]!r}" if near else "known: " + ", ".join(fields))
    said = str(fault["msg"]).removeprefix("Value error, ")
    return place, f"{said} (found {fault['input']!r:.100})"


def _is_branch(step: str) -> bool:
    return step.startswith(("literal[", "constrained-", "function-", "QuietHours")) or step in (
        "int",
        "datetime",
        "date",
    )


def _model_at(place: Place) -> type[BaseModel] | None:
    """The model that stands at a place of the file."""
    kind: Any = RuleFile
    for step in place:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(step))
            kind = None if field is None else field.annotation
        else:
            # a list or a mapping: what it holds
            kind = next(iter(_inner(kind)), None)
    models = [kind, *_inner(kind)]
    return next((model for model in models if isinstance(model, type) and issubclass(model, BaseModel)), None)


def _inner(kind: Any) -> Iterator[Any]:
    for argument in reversed(typing.get_args(kind)):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            yield argument
        else:
            yield from _inner(argument)


def _unknown_names(rules: RuleFile, catalogue: Catalogue) -> Iterator[Fault]:
    """Names of problems and groups that the catalogue does not have; they would never fit anything."""
    problems = list(catalogue.problems)
    groups = sorted({problem.group.id for problem in catalogue.problems.values()})
    wanted: list[tuple[Place, str, list[str], str]] = []
    wanted += [(("groups", name), name, groups, "group") for name in rules.groups]
    wanted += [(("problems", name), name, problems, "problem") for name in rules.problems]
    for customer, times in rules.customers.items():
        wanted += [(("customers", customer, "problems", name), name, problems, "problem") for name in times.problems]
    for number, rule in enumerate(rules.escalation):
        here = ("escalation", number)
        wanted += [((*here, "problems", at), name, problems, "problem") for at, name in enumerate(rule.problems)]
        wanted += [((*here, "groups", at), name, groups, "group") for at, name in enumerate(rule.groups)]
    for number, mute in enumerate(rules.mutes):
        if mute.problem is not None:
            wanted.append((("mutes", number, "problem"), mute.problem, problems, "problem"))
    for place, name, known, kind in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            yield place, f"{name!r} is not a {kind} of the catalogue" + (f"; write {near[0]!r}" if near else "")
    for section, names in (
        ("escalation", [r.name for r in rules.escalation]),
        ("mutes", [m.name for m in rules.mutes]),
    ):
        for number, name in enumerate(names):
            if name in names[:number]:
                yield (section, number, "name"), f"{name!r} stands twice; each rule needs a name of its own"
    for place, words in rules.notices.faults(problems, groups):
        yield ("notices", *place), words
