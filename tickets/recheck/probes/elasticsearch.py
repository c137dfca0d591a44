# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Open Elasticsearch or OpenSearch: the page with its name and version, which a server with logins answers with 401.

https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-info
"""

from __future__ import annotations

from abusehandler.tickets.recheck.probe import Budget, Finding, Probe, Target
from abusehandler.tickets.recheck.web_answer import get


def ask(target: Target, budget: Budget) -> Finding:
    answer = get(target, "/", budget)
    if answer.status in (401, 403):
        return Finding.of("gone", f"wants a login (HTTP {answer.status})")
    if answer.status == 200 and '"cluster_name"' in answer.text:
        return Finding.of("there", "answers strangers without a login")
    return Finding.of("unclear", f"HTTP {answer.status}" if answer.status else "takes connections, but speaks no HTTP")


PROBE = Probe("elasticsearch", frozenset({"open-elasticsearch"}), "tcp", 9200, ask)
