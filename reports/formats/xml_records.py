# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Lists in XML of nobody's standard, as rows: elements whose children (or attributes) are plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree as SafeTree
from defusedxml.common import DefusedXmlException

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_LARGEST = 5 * 1024 * 1024
_MOST = 20_000
_MOST_FIELDS = 100


def xml_records(text: str) -> list[dict[str, str]]:
    """The records of an XML text; empty if it is none, too large, or uses entities. Never raises.

    `<host><ip>192.0.2.1</ip><seen at="…"/></host>` and `<host ip="192.0.2.1"/>` are one record each; what stands above a
    record (`<list zone="UTC">`) is not taken into it.
    """
    if len(text) > _LARGEST:
        return []
    start = text.find("<")
    body = text[start:] if start >= 0 else ""
    if body.startswith("<?xml"):
        body = body[body.find("?>") + 2 :]  # the encoding named there is that of the bytes, not of this text
    try:
        root = SafeTree.fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, RecursionError):
        return []
    records: list[dict[str, str]] = []
    for element in root.iter():
        record = _record(element)
        if len(record) >= 2:
            records.append(record)
            if len(records) >= _MOST:
                break
    return records


def _record(element: Element) -> dict[str, str]:
    record = {_name(name): value for name, value in list(element.attrib.items())[:_MOST_FIELDS]}
    for child in list(element)[:_MOST_FIELDS]:
        if isinstance(child.tag, str) and not len(child) and (value := (child.text or "").strip()):
            record.setdefault(_name(child.tag), value)
    return record


def _name(name: str) -> str:
    return name.rsplit("}", 1)[-1]
