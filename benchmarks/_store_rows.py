# SPDX-FileCopyrightText: 2026 the abusehandler authors
# SPDX-License-Identifier: AGPL-3.0-or-later
"""Events as the customer expert sends them, and a store that is full already."""

from __future__ import annotations

import ipaddress
import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks._rows import CITIES, NETWORK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from abusehandler.tickets.database import Database

#: So many addresses have each customer.
ADDRESSES = 10
#: Statements that fill in parts, so that no transaction grows too large.
PART = 500_000


def events(number: int, *, tickets: int, first: int = 0, seed: int = 1) -> Iterator[bytes]:
    """Messages of IntelMQ about `tickets` addresses in turn, from the address of that number on; 30 fields, 1.3 kB each."""
    dice = random.Random(seed)
    lowest = int(NETWORK.network_address)
    start = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(days=2)
    for count in range(number):
        host = first + (count * 7919) % tickets
        country, region, city = dice.choice(CITIES)
        yield orjson.dumps(
            {
                "__type": "Event",
                "feed.name": "DNS-Open-Resolvers", "feed.code": "scan_dns", "feed.provider": "Shadowserver", "feed.accuracy": 100.0,
                "time.observation": "2026-11-21T00:00:00+00:00", "time.source": (start + timedelta(seconds=dice.randrange(86400))).isoformat(),
                "report.id": 1, "report.evidence": "ab" * 32, "report.reader": "shadowserver", "report.line": count + 2,
                "report.mark": f"{dice.getrandbits(64):016x}", "raw": "cmF3" * 60,
                "classification.taxonomy": "vulnerable", "classification.type": "vulnerable-system", "classification.identifier": "open-dns",
                "severity": "medium", "protocol.transport": "udp", "protocol.application": "dns",
                "source.ip": str(ipaddress.ip_address(lowest + host)), "source.port": 53, "source.asn": 64496,
                "source.reverse_dns": f"host-{host}.example.net", "source.geolocation.cc": country,
                "source.geolocation.region": region, "source.geolocation.city": city,
                "extra.tag": "openresolver,dns", "extra.naics": 517311, "extra.hostname_source": "ptr",
                "extra.sector": "Communications, Service Provider", "extra.min_amplification": round(dice.uniform(1, 9), 4),
                "extra.dns_version": f"dnsmasq-2.{dice.randrange(40, 90)}", "extra.sic": dice.randrange(100),
                "customer.id": f"C-{host // ADDRESSES}", "customer.name": f"Customer {host // ADDRESSES}",
                "customer.language": "en", "customer.match": "one", "customer.source": "customers.csv",
            }
        )  # fmt: skip


def fill(database: Database, *, tickets: int, events: int, months: int = 6, open_share: int = 10) -> None:
    """Puts tickets of other customers and their events into the store by SQL: one in `open_share` is open, the others are closed.

    Their times are spread over the last `months` months; events have the fields of `events` above.
    """
    database.fetch(
        "INSERT INTO customers (id, name) SELECT 'F-' || n, 'Filled ' || n FROM generate_series(0, %s) AS n",
        (tickets // ADDRESSES,),
    )
    for back in range(months + 1):
        database.fetch("SELECT make_events_month(now() - %s * interval '1 month')", (back,))
    for start in range(0, tickets, PART):
        database.fetch(
            """
            INSERT INTO tickets (key, customer_id, resource, network, problem, feed, severity, state, event_count, first_seen,
                                 last_seen, opened_at, state_at, notified_at, close_check)
            SELECT md5('filled' || n)::uuid, 'F-' || n / %(each)s, host(a.address), a.address::cidr, 'open-service', 'scan_dns', n %% 5,
                   CASE WHEN n %% %(share)s = 0 THEN 'open' ELSE 'closed' END, %(events)s, t.at, t.at + interval '7 days', t.at,
                   t.at + interval '8 days', t.at + interval '1 hour', now() + interval '10 days'
            FROM generate_series(%(start)s, %(end)s - 1) AS n, LATERAL (SELECT '198.18.0.0'::inet + n::bigint %% 131072 AS address) AS a,
                 LATERAL (SELECT now() - %(months)s * interval '1 month' * (1 - n::double precision / %(tickets)s) AS at) AS t
            """,
            {"each": ADDRESSES, "share": open_share, "events": events // tickets, "start": start,
             "end": min(start + PART, tickets), "months": months, "tickets": tickets},
        )  # fmt: skip
    ((lowest,),) = database.fetch("SELECT coalesce(min(id), 1) FROM tickets WHERE customer_id LIKE 'F-%%'", ())
    example: dict[str, Any] = orjson.loads(next(_one()))
    for start in range(0, events, PART):
        database.fetch(
            """
            INSERT INTO events (at, fingerprint, report_id, ticket_id, customer_match, ip, port, problem, severity, feed, data)
            SELECT now() - %(months)s * interval '1 month' * (1 - n::double precision / %(events)s), md5('filled' || n)::uuid, n / 1000,
                   %(lowest)s + n::bigint * %(tickets)s / %(events)s, 'one', '198.18.0.0'::inet + n::bigint %% 131072, 53, 'open-service', 2,
                   'scan_dns', %(data)s::jsonb
            FROM generate_series(%(start)s, %(end)s - 1) AS n
            """,
            {"months": months, "events": events, "lowest": lowest, "tickets": tickets, "start": start,
             "end": min(start + PART, events), "data": orjson.dumps(example).decode()},
        )  # fmt: skip
    connection = database.connection()
    connection.autocommit = True
    with connection.cursor() as cursor:
        # what would otherwise go on beside the measurement
        cursor.execute("VACUUM ANALYZE tickets")
        cursor.execute("VACUUM ANALYZE events")
        cursor.execute("CHECKPOINT")
    connection.autocommit = False


def _one() -> Iterator[bytes]:
    for message in events(1, tickets=1):
        told = orjson.loads(message)
        for name in (
            "raw",
            "__type",
            "report.id",
            "report.evidence",
            "customer.id",
            "customer.name",
            "customer.language",
            "customer.match",
        ):
            del told[name]
        yield orjson.dumps(told)
