# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""A customer's link into a portal with the samples of desk_samples.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from abusehandler.tickets.selfhelp_links import LinkTerms, make_link
from tests.portal.selfhelp.visiting import Visitor

if TYPE_CHECKING:
    from tests.portal.running import Portal


@pytest.fixture
def visitor(desk: Portal) -> Visitor:
    """Customer C2 with the link of a notice."""
    return Visitor(desk, make_link(desk.database, "C2", terms=LinkTerms(), made_for="test"), "C2")
