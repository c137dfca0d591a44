# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Keeps the secret of customers' links out of the portal's own log."""

from __future__ import annotations

import logging
import re

_TOKEN = re.compile(r"(/help/)[\w%-]{10,}")


class TokensLeftOut(logging.Filter):
    """Writes `/help/…` where a request's path holds a token."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Changes the record; lets all through."""
        if isinstance(record.args, tuple):
            record.args = tuple(_TOKEN.sub(r"\1…", one) if isinstance(one, str) else one for one in record.args)
        return True


def leave_tokens_out() -> None:
    """For all requests that uvicorn logs from now on."""
    logger = logging.getLogger("uvicorn.access")
    if not any(isinstance(each, TokensLeftOut) for each in logger.filters):
        logger.addFilter(TokensLeftOut())
