# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Whether the domain of a mail's From is proven, by a signature or by our own mail server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abusehandler.reports.mail.message import Mail


def is_proven(mail: Mail) -> bool:
    """DKIM signed by the domain of From, one above or one below it (RFC 7489, 3.1.1, relaxed, without the suffix list), or a
    DMARC pass that our own server noted. ARC proves who forwarded a mail, not who wrote it, so it does not count.
    """
    domain = mail.sender.rpartition("@")[2].lower()
    if not domain:
        return False
    if any(_aligned(domain, signer) for signer in mail.authentication.dkim):
        return True
    return dict(mail.authentication.believed).get("dmarc") == "pass"


def _aligned(domain: str, signer: str) -> bool:
    return (
        domain == signer
        or ("." in signer and domain.endswith("." + signer))
        or ("." in domain and signer.endswith("." + domain))
    )
