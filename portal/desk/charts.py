# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Charts as SVG, drawn by pygal on our side: no script, no other site, colours for light and dark."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pygal
from pygal.style import Style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# pygal hooks itself into every import for plug-ins that we do not use, in a way that Python 3.11 warns of
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

#: Eight colours that stay apart for colour-blind people (after Okabe and Ito), dark enough for white ground.
_LIGHT = ("#1d5fd1", "#b35900", "#007a5a", "#a4388f", "#7a6a00", "#007c99", "#b3263e", "#6b7480")
_DARK = ("#7fb0ff", "#f2a65a", "#5fd0a8", "#e39ad3", "#e3d26a", "#6fd0e8", "#ff8f9f", "#b4bdc8")

#: Up to so many columns stand in a chart.
FEW_DAYS = 62


def _style(dark: bool, opacity: str = ".9") -> Any:
    ink, quiet = ("#e7ebf0", "#a3adb9") if dark else ("#1a2129", "#57616d")
    return Style(
        background="transparent", plot_background="transparent", foreground=quiet, foreground_strong=ink, foreground_subtle=quiet,
        guide_stroke_color="#303944" if dark else "#dfe3e8", major_guide_stroke_color="#303944" if dark else "#dfe3e8",
        guide_stroke_dasharray="0", major_guide_stroke_dasharray="0", opacity=opacity, opacity_hover="1", transition="none",
        colors=_DARK if dark else _LIGHT, font_family="system-ui, 'DejaVu Sans', sans-serif", label_font_size=13,
        major_label_font_size=13, legend_font_size=14, tooltip_font_size=13, no_data_font_size=20, value_font_size=12,
    )  # fmt: skip


def _options(dark: bool, **other: Any) -> dict[str, Any]:
    return {
        "style": _style(dark),
        "js": [],  # pygal would load its script from its own site
        "width": 900,
        "height": 350,
        "margin": 8,
        "margin_bottom": 40,
        "show_legend": True,
        "legend_at_bottom": True,
        "legend_at_bottom_columns": 3,
        "legend_box_size": 11,
        "show_minor_x_labels": False,
        "no_data_text": "Nothing yet",
        "truncate_legend": 28,
        "truncate_label": -1,
        "spacing": 12,
        **other,
    }


def stacked(days: Sequence[object], lines: Mapping[str, Sequence[int]], *, dark: bool) -> bytes:
    """Columns one above the other, each for as many days as `days_each` says, and named after the first of them."""
    chart = pygal.StackedBar(**_options(dark, rounded_bars=0))
    each = days_each(len(days))
    # the last column is whole, so that the newest figures do not seem to fall; the first may have fewer days
    begins = [0, *range(len(days) % each or each, len(days), each)] if days else []
    ends = [*begins[1:], len(days)] if days else []
    sums = {
        name: [sum(numbers[begin:end]) for begin, end in zip(begins, ends, strict=True)]
        for name, numbers in lines.items()
    }
    return _drawn(chart, [days[begin] for begin in begins], sums)


def days_each(days: int) -> int:
    """How many days stand in one column of a chart over so many: more columns than these can neither be seen nor drawn soon."""
    return 1 if days <= FEW_DAYS else 7 if days <= FEW_DAYS * 7 else 28


def line(days: Sequence[object], lines: Mapping[str, Sequence[int]], *, dark: bool) -> bytes:
    """Lines over days, filled where there is one."""
    alone = len(lines) == 1
    options = _options(
        dark, show_dots=False, show_legend=not alone, fill=alone, stroke_style={"width": 2}, include_x_axis=True
    )
    chart = pygal.Line(**{**options, "style": _style(dark, ".35" if alone else ".9")})
    return _drawn(chart, days, lines)


def columns(names: Sequence[str], values: Mapping[str, Sequence[int]], *, dark: bool) -> bytes:
    """Columns side by side."""
    chart = pygal.Bar(**_options(dark, show_minor_x_labels=True))
    chart.x_labels = list(names)
    for name, numbers in values.items():
        chart.add(name, list(numbers) if any(numbers) else [])
    rendered: bytes = chart.render()
    return rendered


def _drawn(chart: Any, days: Sequence[object], lines: Mapping[str, Sequence[int]]) -> bytes:
    chart.x_labels = [str(day)[5:] for day in days]
    step = max(1, len(days) // 8)
    chart.x_labels_major = chart.x_labels[::step]
    chart.show_minor_x_labels = False
    for name, numbers in lines.items():
        chart.add(name, list(numbers))
    rendered: bytes = chart.render()
    return rendered
