# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""HTML becomes lines that say what a person would see."""

from __future__ import annotations

import pytest

from abusehandler.reports.mail.html_text import html_to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>one</p><p>two</p>", "one\ntwo"),
        ("one<br>two<br/>three", "one\ntwo\nthree"),
        ("<b>192.0</b>.2.1", "192.0.2.1"),
        ("a &lt;b&gt; &amp; &nbsp; c", "a <b> & c"),
        ("<style>p{}</style><script>var a='<p>x</p>'</script>text", "text"),
        ("<!-- hidden -->text<!-- open", "text"),
        ('<a href="http://bad.example/x">click</a>', "click <http://bad.example/x>"),
        ('<a href="http://bad.example/">http://bad.example</a>', "http://bad.example"),
        ('<a href="mailto:a@example.net">a@example.net</a>', "a@example.net"),
        ('<a href="javascript:x()">x</a>', "x"),
        ('<img alt="a > b" src="x">text', "text"),
        ("<ul><li>one<li>two</ul>", "- one\n- two"),
        ("<pre>a  b\nc</pre>", "a  b\nc"),
        ("1 < 2 and a<b", "1 < 2 and a<b"),
    ],
)
def test_text(source: str, text: str) -> None:
    assert html_to_text(source)[0] == text


def test_rows_of_a_table_are_lines() -> None:
    source = "<table><tr><th>IP</th><th>Port</th></tr><tr><td><p>192.0.2.1</p></td><td>22</td></tr></table>"
    assert html_to_text(source)[0] == "IP | Port\n\n192.0.2.1 | 22"


def test_tables_for_layout_are_paragraphs() -> None:
    source = (
        "<table><tr><td><p>one</p><p>two</p></td><td><table><tr><td>a</td><td>b</td></tr></table></td></tr></table>"
    )
    assert html_to_text(source)[0] == "one\ntwo\na | b"


@pytest.mark.parametrize(
    "bait",
    [
        "<",
        "<a ",
        '<a href="',
        "<!--",
        "<a>",
        "<table>",
        "<td>",
        '<a "',
        "<style>",
        "&#",
        "<b",
        "<table><tr><td>",
        "</table>",
        '<a ">',
    ],
)
def test_evil_input_is_linear(bait: str) -> None:
    # A quadratic reader would take hours for this; the test's own time limit would stop it.
    assert html_to_text(bait * (300_000 // len(bait)))[1]


def test_it_stops_when_it_is_late() -> None:
    text, whole = html_to_text("<p>x</p>" * 20_000, lambda: True)
    assert text.startswith("x\nx") and not whole
