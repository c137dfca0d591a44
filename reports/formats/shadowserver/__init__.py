# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Shadowserver's reports: CSV files, one type of report each, driven by column names and the catalogue.

https://www.shadowserver.org/what-we-do/network-reporting/ — all types work offline, also types and columns that
came out yesterday: unknown columns go to `extra.<column>`, an unknown type is classified by the shape of its name.
"""

from __future__ import annotations

from abusehandler.reports.formats.shadowserver.members import Limits
from abusehandler.reports.formats.shadowserver.reader import read, rows
from abusehandler.reports.formats.shadowserver.report_types import detect_report_type, is_shadowserver

__all__ = ["Limits", "detect_report_type", "is_shadowserver", "read", "rows"]
