# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Prose from a sender nobody has seen: subject, problem and time, with their places in the text."""

from __future__ import annotations

from abusehandler.reports.freetext.nonreport import certainly_no_report, not_a_report
from abusehandler.reports.freetext.reader import read

__all__ = ["certainly_no_report", "not_a_report", "read"]
