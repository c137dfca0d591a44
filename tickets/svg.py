# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An SVG with nothing left but shapes, text and colours: no script, no link, nothing of another site, no animation.

Kept is what stands in the lists below; all else goes, whatever it means today or in a browser of tomorrow.
https://www.w3.org/TR/SVG2/, https://cheatsheetseries.owasp.org/cheatsheets/File_Upload_Cheat_Sheet.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, ParseError, register_namespace, tostring  # for writing; defusedxml reads

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from abusehandler.errors import AbusehandlerError

if TYPE_CHECKING:
    from collections.abc import Iterator

SVG = "{http://www.w3.org/2000/svg}"
XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
MOST_ELEMENTS, DEEPEST = 20_000, 60
#: Each repeats what it names, and may name another one: a few hundred draw for hours.
MOST_USES = 12

_ELEMENTS = frozenset({
    "svg", "g", "defs", "symbol", "use", "title", "desc", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text",
    "tspan", "linearGradient", "radialGradient", "stop", "clipPath", "mask", "style",
})  # fmt: skip
_ATTRIBUTES = frozenset({
    "id", "class", "style", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r", "rx", "ry", "fx", "fy", "fr", "dx", "dy", "d", "points",
    "width", "height", "viewBox", "preserveAspectRatio", "version", "transform", "pathLength", "rotate", "textLength", "lengthAdjust",
    "offset", "gradientUnits", "gradientTransform", "spreadMethod", "clipPathUnits", "maskUnits", "maskContentUnits", "mask-type",
    "fill", "fill-opacity", "fill-rule", "stroke", "stroke-width", "stroke-opacity", "stroke-linecap", "stroke-linejoin",
    "stroke-miterlimit", "stroke-dasharray", "stroke-dashoffset", "opacity", "color", "display", "visibility", "overflow",
    "stop-color", "stop-opacity", "clip-path", "clip-rule", "mask", "font-family", "font-size", "font-style", "font-weight",
    "font-variant", "font-stretch", "letter-spacing", "word-spacing", "text-anchor", "text-decoration", "dominant-baseline",
    "alignment-baseline", "baseline-shift", "writing-mode", "paint-order", "vector-effect", "shape-rendering", "text-rendering",
    "color-interpolation", "mix-blend-mode", "isolation", "href", XLINK_HREF, "type",
})  # fmt: skip
register_namespace("", SVG.strip("{}"))
register_namespace("xlink", XLINK_HREF[1:].partition("}")[0])
_INSIDE = re.compile(r"#[\w.:-]{1,200}")
#: A colour or clip may be named by `url(#…)`; any other url( and whatever could hide one goes.
_URL = re.compile(r"url\(\s*(?:'#[\w.:-]{1,200}'|\"#[\w.:-]{1,200}\"|#[\w.:-]{1,200})\s*\)", re.IGNORECASE)
_SUSPECT = re.compile(r"url|[\\@<&]|expression|javascript|behavior|binding|image|src\s*\(", re.IGNORECASE)


def clean_svg(content: bytes) -> bytes:
    """The picture written anew. Raises AbusehandlerError for what is no SVG, or larger or deeper than a logo needs."""
    try:
        root = fromstring(content, forbid_dtd=False, forbid_entities=True, forbid_external=True)
    except DefusedXmlException:
        raise AbusehandlerError("the SVG declares entities of its own; save it as plain SVG") from None
    except (ParseError, ValueError, LookupError) as error:
        raise AbusehandlerError(f"the SVG cannot be read: {str(error)[:200]}") from None
    if root.tag != f"{SVG}svg":
        raise AbusehandlerError("the SVG does not begin with <svg xmlns='http://www.w3.org/2000/svg'>")
    _bound(root)
    _clean(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def _bound(root: Element) -> None:
    uses = 0
    for count, (element, depth) in enumerate(_walk(root), 1):
        uses += element.tag == f"{SVG}use"
        if count > MOST_ELEMENTS or depth > DEEPEST or uses > MOST_USES:
            raise AbusehandlerError(
                f"the SVG has more than {MOST_ELEMENTS} elements, {DEEPEST} levels or {MOST_USES} uses; simplify it, or save it as PNG"
            )


def _walk(root: Element) -> Iterator[tuple[Element, int]]:
    """All elements, without recursion."""
    waiting = [(root, 1)]
    while waiting:
        element, depth = waiting.pop()
        yield element, depth
        waiting.extend((child, depth + 1) for child in element)


def _clean(root: Element) -> None:
    for element, _ in list(_walk(root)):
        for child in list(element):
            if not _is_kept(child):
                element.remove(child)
        for name, value in list(element.attrib.items()):
            if name not in _ATTRIBUTES or not _is_harmless(name, value):
                del element.attrib[name]


def _is_kept(element: Element) -> bool:
    # comments and instructions have a function for a tag
    if not isinstance(element.tag, str) or not element.tag.startswith(SVG):
        return False
    name = element.tag.removeprefix(SVG)
    return name in _ELEMENTS and (name != "style" or (len(element) == 0 and _is_plain(element.text or "")))


def _is_harmless(name: str, value: str) -> bool:
    if name in ("href", XLINK_HREF):
        return _INSIDE.fullmatch(value.strip()) is not None
    return _is_plain(value)


def _is_plain(text: str) -> bool:
    return _SUSPECT.search(_URL.sub("", text)) is None
