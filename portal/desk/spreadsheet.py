# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Cells of CSV files for people who open them in a spreadsheet: text that would be a formula stays text."""

from __future__ import annotations

_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def safe_cell(value: object) -> object:
    """The value, with an apostrophe before text that Excel or LibreOffice would calculate.

    https://owasp.org/www-community/attacks/CSV_Injection; numbers and times are no text and stay as they are.
    """
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return value
    text = str(value).replace("\0", "")
    return "'" + text if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text
