# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""The operator's rules as data: rules.yaml, checked with file and line."""

from __future__ import annotations

from abusehandler.tickets.rules.model import EscalationRule, MuteRule
from abusehandler.tickets.rules.rules import KeyRule, Rules, Times

__all__ = ["EscalationRule", "KeyRule", "MuteRule", "Rules", "Times"]
