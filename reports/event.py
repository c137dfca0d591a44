# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""An event as the readers make it: a dict in IntelMQ's data format.

The outside world is a dict here on purpose. Keys are IntelMQ field names (`source.ip`, `classification.type`,
`extra.tag`); values are JSON values as IntelMQ's own `Event.to_dict(hierarchical=False)` would hold them after its
sanitation: addresses in canonical text, ports and ASNs as int, times as `YYYY-MM-DDTHH:MM:SS+00:00` (UTC, with
microseconds only where the report gave them), host names lower case without trailing dot, IDNs as A-labels.
A value that its field does not allow never stands there: readers put it to `extra.` or leave it out.
"""

from __future__ import annotations

from typing import Any

Event = dict[str, Any]
