# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Who gets a message can check that it is ours: HMAC-SHA256 over number, time and body, in the form of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

BEGINS = "whsec_"


def new_secret() -> bytes:
    """256 random bits."""
    return secrets.token_bytes(32)


def secret_text(secret: bytes) -> str:
    """The secret as the receiver's library wants it."""
    return BEGINS + base64.b64encode(secret).decode()


def signed_headers(secret: bytes, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The three headers of the specification. `at` is the time of this try (aware): old messages can be refused."""
    moment = str(int(at.timestamp()))
    signed = hmac.new(secret, f"{message_id}.{moment}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }
