# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Reads abusehandler.yaml and says, when it is wrong, in which line and what to write instead."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from abusehandler.configuration.model import Configuration
from abusehandler.errors import ConfigurationError

MAX_BYTES = 1_000_000
Where = dict[tuple[str | int, ...], int]
Model = TypeVar("Model", bound=BaseModel)


def configuration_path() -> Path:
    """The file that applies: `$ABUSEHANDLER_CONFIG`, else `etc/abusehandler.yaml` under IntelMQ's root directory."""
    named = os.environ.get("ABUSEHANDLER_CONFIG")
    if named:
        return Path(named)
    if os.environ.get("INTELMQ_PATHS_NO_OPT"):
        return Path("/etc/intelmq/abusehandler.yaml")
    return Path(os.environ.get("INTELMQ_ROOT_DIR") or "/opt/intelmq") / "etc" / "abusehandler.yaml"


def load(path: Path | None = None) -> Configuration:
    """The checked configuration; relative paths in it are taken from the file's folder.

    Raises ConfigurationError with one line for each fault: file, line, key, what is wrong and what to write.
    """
    return load_checked(path or configuration_path(), Configuration)


def load_checked(path: Path, model: type[Model]) -> Model:
    """As `load`, for any YAML file of ours whose keys a pydantic model describes (the installer's answers, for example)."""
    data, where = _read(path)
    try:
        configuration = model.model_validate(data)
    except ValidationError as error:
        faults = [_explain(path, where, fault, model) for fault in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(faults)) from None
    checked: Model = _with_absolute_paths(configuration, path.resolve().parent)
    return checked


def _read(path: Path) -> tuple[dict[str, Any], Where]:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ConfigurationError(f"{path}: larger than {MAX_BYTES} bytes; this is not a configuration file")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ConfigurationError(
            f"{path}: there is no such file; copy runtime/abusehandler.yaml there, or name yours in ABUSEHANDLER_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: cannot be read: {error}") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigurationError(
            f"{path}, line {line}: not YAML: {error.problem}; look at indentation and quotes"
        ) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigurationError(f"{path}: not YAML: {error}") from None
    where: Where = {}
    if node is not None:
        _mark(node, (), where, path)
    if not isinstance(data, dict):
        raise ConfigurationError(f"{path}: must hold 'key: value' lines such as 'organisation:'")
    return data, where


def _mark(node: yaml.Node, at: tuple[str | int, ...], where: Where, path: Path) -> None:
    """Notes the line of each key, and refuses a key that stands twice (YAML would silently take the last)."""
    where.setdefault(at, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = (*at, str(key.value))
            if name in where:
                raise ConfigurationError(
                    f"{path}, line {key.start_mark.line + 1}: {key.value!r} stands twice; the first is in line {where[name]}"
                )
            where[name] = key.start_mark.line + 1
            _mark(value, name, where, path)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            _mark(value, (*at, number), where, path)


def _explain(path: Path, where: Where, fault: Any, root: type[BaseModel]) -> str:
    at = tuple(fault["loc"])
    line = next((where[at[:length]] for length in range(len(at), -1, -1) if at[:length] in where), 1)
    key = ".".join(str(step) for step in at) or "the file"
    if fault["type"] == "extra_forbidden":
        known = list(_section(root, at[:-1]).model_fields)
        near = difflib.get_close_matches(str(at[-1]), known, 1)
        advice = f"write {near[0]!r}" if near else "known here: " + ", ".join(known)
        return f"{path}, line {line}: {key} is not a key of this file; {advice}"
    if fault["type"] == "missing":
        field = _section(root, at[:-1]).model_fields.get(str(at[-1]))
        about = f": {field.description}" if field is not None else ""
        return f"{path}, line {line}: {key} is missing{about}"
    said = fault["msg"].removeprefix("Value error, ")
    return f"{path}, line {line}: {key}: {said} (found {fault['input']!r:.100})"


def _section(root: type[BaseModel], at: tuple[Any, ...]) -> type[BaseModel]:
    model = root
    for step in at:
        field = model.model_fields.get(str(step))
        if field is None or not isinstance(field.annotation, type) or not issubclass(field.annotation, BaseModel):
            break
        model = field.annotation
    return model


def _with_absolute_paths(section: Any, base: Path) -> Any:
    changed: dict[str, Any] = {}
    for name in type(section).model_fields:
        value = getattr(section, name)
        if isinstance(value, Path):
            changed[name] = base / value.expanduser()
        elif isinstance(value, BaseModel):
            changed[name] = _with_absolute_paths(value, base)
    return section.model_copy(update=changed)
