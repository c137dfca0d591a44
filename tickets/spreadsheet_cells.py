# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cells of CSV files for people who open them in a spreadsheet: text that would be a formula stays text.

https://owasp.org/www-community/attacks/CSV_Injection; numbers are no text and stay as they are.
"""

from __future__ import annotations

import re

#: What Excel or LibreOffice take for the beginning of a formula, full-width forms included.
_BEGINS = tuple("=+-@\t\r\n＝＋－＠")
#: Where decimals have a comma, a spreadsheet takes semicolons for the ends of cells whatever the file says, others take tabs; what
#: stands behind one inside a text would begin a cell.
_INSIDE = re.compile(r"([;\t\r\n][ \"]{0,8})(?=[=+@＝＋＠-])")


def safe_cell(value: object) -> object:
    """The value, with an apostrophe before whatever a spreadsheet would calculate; None as empty text."""
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return value
    text = _INSIDE.sub(r"\1'", str(value).replace("\0", ""))
    return "'" + text if text.startswith(_BEGINS) or text.lstrip(" ").startswith(_BEGINS) else text
