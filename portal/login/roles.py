# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""What each role may do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from abusehandler.tickets.desk.scope import Scope

if TYPE_CHECKING:
    from abusehandler.tickets.desk.users import Role, User

#: see: tickets, customers, notices. act: change tickets. statistics: numbers of the whole box. evidence: raw reports, with
#: whoever else's data is in them.
#: inbox: decide about reports. rules: mutes and rules. administer: users, accounts, tokens of others, erasure.
Permission = Literal["see", "act", "statistics", "evidence", "inbox", "rules", "administer"]

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    "admin": frozenset({"see", "act", "statistics", "evidence", "inbox", "rules", "administer"}),
    "desk": frozenset({"see", "act", "statistics", "evidence", "inbox", "rules"}),
    "read-only": frozenset({"see", "statistics", "evidence"}),
    "tenant": frozenset({"see", "act"}),
}
#: A report may name several companies' customers, rules and the inbox serve all: not for the people of one account.
_FOR_ALL_ACCOUNTS: frozenset[Permission] = frozenset({"statistics", "evidence", "inbox", "rules", "administer"})


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks at a page, through which session (0: none, by token), and whose data that person may see."""

    user: User
    session: int = 0
    wide: bool = False

    @property
    def scope(self) -> Scope:
        """The limit for every query."""
        return Scope(self.user.account, self.wide)

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        allowed = PERMISSIONS.get(self.user.role, frozenset())
        return permission in allowed and not (self.user.account is not None and permission in _FOR_ALL_ACCOUNTS)
