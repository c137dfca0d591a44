# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Known senders as data: one YAML file each, samples beside it.

`read` and `refine` are what reading a mail calls; `load_definitions` is for those who list and check definitions.
"""

from __future__ import annotations

from abusehandler.reporters.apply import read, refine
from abusehandler.reporters.definition import Definition
from abusehandler.reporters.load import load_definitions

__all__ = ["Definition", "load_definitions", "read", "refine"]
