# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Times in the languages of the pages are what Babel makes of them, and quick."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from babel.dates import format_date, format_datetime, format_time

from abusehandler.portal.selfhelp.date_forms import date_forms
from abusehandler.portal.selfhelp.words import languages

YEAR = [datetime(2026, 1, 1, 3, 4, 5, tzinfo=timezone.utc) + timedelta(hours=29 * step) for step in range(310)]


@pytest.mark.parametrize("language", [*languages(), "sv", "ja", "ar"])
def test_as_babel_has_it(language: str) -> None:
    forms = date_forms(language)
    for at in YEAR:
        day, hour = format_date(at, "full", locale=forms.locale), format_time(at, "short", locale=forms.locale)
        assert forms.long(at) == f"{day}, {hour}"
        assert forms.short(at) == format_datetime(at, "medium", locale=forms.locale)


def test_english_is_not_american() -> None:
    at = datetime(2026, 11, 2, 14, 3, 9, tzinfo=timezone.utc)
    assert date_forms("en").long(at) == "Monday, 2 November 2026, 14:03"
    assert date_forms("en").short(at) == "2 Nov 2026, 14:03:09"
