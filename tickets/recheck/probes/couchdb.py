# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open CouchDB: the list of databases, one name long, which is for administrators only since CouchDB 3.

https://docs.couchdb.org/en/stable/api/server/common.html#all-dbs
"""

from __future__ import annotations

from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target
from abusehandler.tickets.recheck.web_answer import get


def ask(target: Target, budget: Budget) -> Finding:
    answer = get(target, "/_all_dbs?limit=1", budget)
    if answer.status in (401, 403):
        return Finding.of("gone", f"wants a login (HTTP {answer.status})")
    if answer.status == 200 and answer.text.lstrip().startswith("["):
        return Finding.of("there", "lists its databases without a login")
    return Finding.of("unclear", f"HTTP {answer.status}" if answer.status else "takes connections, but speaks no HTTP")


PROBE = Probe("couchdb", frozenset({"open-couchdb"}), "tcp", 5984, ask)
