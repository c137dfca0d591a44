# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""HTML to text that still says what a person would see: lines, table rows as `cell | cell`, links as `text <url>`.

Done by hand because the standard library's HTMLParser took quadratic time on unfinished tags in several Python
releases, and because mails need less than a browser: one pass, no tree.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_TAG_NAME = re.compile(r"/?[A-Za-z][A-Za-z0-9:-]{0,30}")
_HREF = re.compile(r"""href\s{0,9}=\s{0,9}(?:"([^"]{0,4000})"|'([^']{0,4000})'|([^\s"'>]{1,4000}))""", re.I)
_SPACES = re.compile(r"[ \t\r\f\v\xa0\u2000-\u200a\u202f\u3000]+")
_BLANK_LINES = re.compile(r"\n[ \n]*\n")
_SKIPPED = {"style", "script", "title", "noscript", "template", "svg", "xml"}
_BLOCKS = {
    "p", "div", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "dl", "dt", "dd", "pre", "blockquote", "hr",
    "section",
    "article", "header", "footer", "address", "form", "center", "fieldset", "figure", "main", "nav", "body", "html",
    "caption",
}  # fmt: skip
_DEEPEST_TABLE = 30


class _Writer:
    """Collects text; tables are buffers on a stack: table → rows → cells."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.stack: list[tuple[list[str], list[str]]] = []  # (buffer outside, finished cells of the row)
        self.pre = 0
        self.link = ""
        self.link_start = 0
        self.next_end = -1
        self.unclosed: set[str] = set()

    def text(self, raw: str) -> None:
        text = html.unescape(raw) if "&" in raw else raw
        if not self.pre:
            text = _SPACES.sub(" ", text.replace("\n", " "))
            if text == " " and self.out and self.out[-1].endswith(("\n", " ")):
                return
        self.out.append(text)

    def newline(self) -> None:
        if self.out and self.out[-1] != "\n":
            self.out.append("\n")

    def open_link(self, tag: str) -> None:
        self.close_link()
        if match := _HREF.search(tag):
            target = html.unescape(match[1] or match[2] or match[3] or "").strip()
            if target.lower().startswith(("http:", "https:", "hxxp", "ftp:", "ftps:", "mailto:", "//")):
                self.link, self.link_start = target, len(self.out)

    def close_link(self) -> None:
        if not self.link:
            return
        shown = "".join(self.out[self.link_start :]).strip()
        bare = self.link.removeprefix("mailto:")
        if bare.rstrip("/") not in (
            shown.rstrip("/"),
            "http://" + shown.rstrip("/"),
            "https://" + shown.rstrip("/"),
        ) and not (self.link.startswith("mailto:") and (not bare.strip() or (shown and shown in bare))):
            self.out.append(f" <{bare}>" if shown else f"<{bare}>")
        self.link = ""

    def open_table(self) -> None:
        self.close_link()
        if len(self.stack) < _DEEPEST_TABLE:
            self.stack.append((self.out, []))
            self.out = []

    def end_cell(self) -> None:
        self.close_link()
        if not self.stack:
            return
        cells = self.stack[-1][1]
        cells.append(_tidy("".join(self.out)))
        self.out = []

    def end_row(self) -> None:
        if not self.stack:
            self.newline()
            return
        if "".join(self.out).strip():
            self.end_cell()
        outer, cells = self.stack[-1]
        self.out = []
        said = [cell for cell in cells if cell]
        if said:
            # A grid for layout holds paragraphs; a table of data holds one line in each cell.
            layout = len(said) == 1 or any("\n" in cell for cell in said)
            outer.append("\n" + ("\n".join(said) if layout else " | ".join(cells)) + "\n")
        cells.clear()

    def close_table(self) -> None:
        if self.stack:
            self.end_row()
            self.out = self.stack.pop()[0]
            self.newline()


def html_to_text(source: str, late: Callable[[], bool] = lambda: False) -> tuple[str, bool]:
    """The text of an HTML mail part, and whether all of it was read; never raises, linear in the length of the source.

    `late` is asked now and then whether to stop.
    """
    writer = _Writer()
    position, length, tags = 0, len(source), 0
    while position < length:
        tags += 1
        if tags % 5000 == 0 and late():
            break
        start = source.find("<", position)
        if start < 0:
            writer.text(source[position:])
            position = length
            break
        if start > position:
            writer.text(source[position:start])
        position = _tag(source, start, writer)
    writer.close_link()
    while writer.stack:
        writer.close_table()
    return _tidy("".join(writer.out)), position >= length


def _tag(source: str, start: int, writer: _Writer) -> int:
    """Handle what begins with `<` at this place and return the place after it."""
    if source.startswith("<!--", start):
        end = source.find("-->", start + 4)
        return len(source) if end < 0 else end + 3
    if source.startswith(("<!", "<?"), start):
        end = source.find(">", start)
        return len(source) if end < 0 else end + 1
    match = _TAG_NAME.match(source, start + 1)
    end = _end_of_tag(source, start, writer) if match else -1
    if not match or end < 0:
        writer.text("<")
        return start + 1
    name = match[0].lower()
    if name in _SKIPPED and not source.startswith("/>", end - 1):
        close = _find_close(source, name, end, writer)
        return end + 1 if close < 0 else close
    _render(name, source[start : end + 1], writer)
    return end + 1


def _end_of_tag(source: str, start: int, writer: _Writer) -> int:
    if writer.next_end < start:  # remembered, so that many unfinished tags cost one search
        found = source.find(">", start)
        writer.next_end = found if found >= 0 else len(source)
    end = writer.next_end
    if end == len(source):
        return -1
    if source.count('"', start, min(end, start + 20_000)) % 2:  # a `>` within a quoted value
        quote = source.find('"', end, end + 4096)
        further = source.find(">", quote, quote + 4096) if quote > 0 else -1
        if further > 0:
            return further
    return end


def _find_close(source: str, name: str, position: int, writer: _Writer) -> int:
    """The place after `</name>`, or -1; looked for in vain once only."""
    if name in writer.unclosed:
        return -1
    close = re.compile(rf"</{name}\s{{0,9}}>", re.I).search(source, position)
    if close is None:
        writer.unclosed.add(name)
        return -1
    return close.end()


def _render(name: str, tag: str, writer: _Writer) -> None:
    if name == "br":
        writer.out.append("\n")
    elif name == "a":
        writer.open_link(tag)
    elif name == "/a":
        writer.close_link()
    elif name == "table":
        writer.open_table()
    elif name == "/table":
        writer.close_table()
    elif name in ("tr", "/tr"):
        writer.end_row()
    elif name in ("td", "th"):
        if writer.stack and "".join(writer.out).strip():
            writer.end_cell()
        else:
            writer.out.append("" if writer.stack else " ")
    elif name in ("/td", "/th"):
        writer.end_cell()
    elif name in ("pre", "/pre"):
        writer.pre = max(0, writer.pre + (1 if name == "pre" else -1))
        writer.newline()
    elif name.lstrip("/") in _BLOCKS:
        writer.newline()
        if name == "li":
            writer.out.append("- ")


def _tidy(text: str) -> str:
    lines = [line.strip(" \t") for line in text.split("\n")]
    return _BLANK_LINES.sub("\n\n", "\n".join(lines)).strip()
