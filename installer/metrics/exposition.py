# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/), written by hand: it is a page long."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PREFIX = "abusehandler_"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
#: Label values come from outside (feeds, bots); nobody needs longer ones.
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. `samples`: labels and value; a counter's name ends in _total."""

    name: str
    kind: Literal["gauge", "counter"]
    about: str
    samples: tuple[tuple[Mapping[str, str], float], ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or (self.kind == "counter") != self.name.endswith("_total"):
            raise ValueError(f"{self.name}: no name for a {self.kind}")


def gauge(name: str, about: str, value: float | None) -> Metric:
    """One value without labels; None gives no sample."""
    return Metric(name, "gauge", about, () if value is None else (({}, value),))


def by_label(
    name: str, about: str, label: str, values: Mapping[str, float], kind: Literal["gauge", "counter"] = "gauge"
) -> Metric:
    """One sample for each value of a label."""
    return Metric(name, kind, about, tuple(({label: key}, value) for key, value in values.items()))


def as_text(metrics: Iterable[Metric]) -> str:
    """The page. Families without a sample are left out."""
    lines = []
    for metric in metrics:
        if not metric.samples:
            continue
        name = PREFIX + metric.name
        lines += [f"# HELP {name} {_escaped(metric.about)}", f"# TYPE {name} {metric.kind}"]
        for labels, value in metric.samples:
            words = ",".join(f'{label}="{_quoted(text)}"' for label, text in labels.items())
            lines.append(f"{name}{{{words}}} {_number(value)}" if words else f"{name} {_number(value)}")
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")


def _quoted(text: str) -> str:
    return _escaped(text[:LONGEST_VALUE]).replace('"', '\\"')


def _number(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
