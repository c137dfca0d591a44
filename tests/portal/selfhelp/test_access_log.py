# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What uvicorn writes of a request to a customer's page."""

from __future__ import annotations

import logging

import pytest

from abusehandler.portal.selfhelp.access_log import TokensLeftOut, leave_tokens_out


@pytest.mark.parametrize(
    ("path", "told"),
    [
        (f"/help/{'aB3-_' * 8}xyz/12?lang=de", "/help/…/12?lang=de"),
        (f"/help/{'a' * 43}", "/help/…"),
        ("/help/brand/acme/logo", "/help/brand/acme/logo"),
        ("/tickets?next=/help/" + "a" * 43, "/tickets?next=/help/…"),
    ],
)
def test_tokens_are_left_out(path: str, told: str) -> None:
    record = logging.LogRecord(
        "uvicorn.access", 20, "", 0, '%s - "%s %s HTTP/%s" %d', ("192.0.2.1:5", "GET", path, "1.1", 200), None
    )
    assert TokensLeftOut().filter(record)
    assert record.getMessage() == f'192.0.2.1:5 - "GET {told} HTTP/1.1" 200'


def test_it_is_put_there_once() -> None:
    leave_tokens_out()
    leave_tokens_out()
    assert sum(isinstance(each, TokensLeftOut) for each in logging.getLogger("uvicorn.access").filters) == 1
