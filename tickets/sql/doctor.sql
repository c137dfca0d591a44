-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What `abusehandler doctor` asks the database: the statements of `installer/doctor/store.py` and `keeping.py`.

-- name: server
SELECT to_regclass('schema_versions') IS NOT NULL,
       (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::int,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,
       pg_is_in_recovery() OR current_setting('default_transaction_read_only')::boolean

-- name: schema
SELECT coalesce(max(number), 0) FROM schema_versions

-- The month that is, and the one that a week from now is in.
-- name: months
SELECT DISTINCT m.name, to_regclass(m.name) IS NOT NULL
FROM (VALUES (%(now)s::timestamptz), (%(now)s::timestamptz + interval '7 days')) AS w (moment)
CROSS JOIN LATERAL (SELECT 'events_' || to_char(w.moment AT TIME ZONE 'UTC', 'YYYY_MM') AS name) m ORDER BY m.name

-- name: other_events
SELECT greatest(reltuples, 0)::bigint, has_schema_privilege(current_schema(), 'CREATE') FROM pg_class WHERE oid = 'events_other'::regclass

-- name: timers
SELECT max(at) FROM timer_marks

-- name: notices
SELECT (SELECT count(*) FROM deliveries WHERE state = 'in-doubt'),
       (SELECT count(*) FROM deliveries WHERE state = 'failed' AND next_try > now() - interval '7 days'),
       (SELECT count(*) FROM notices WHERE state = 'held'),
       (SELECT count(*) FROM notices WHERE state = 'no-contact'),
       (SELECT count(*) FROM deliveries WHERE state = 'waiting'),
       (SELECT min(n.due_at) FROM deliveries d JOIN notices n ON n.id = d.notice_id
        WHERE d.state = 'waiting' AND d.attempts = 0 AND d.next_try < now())

-- name: reports
SELECT (SELECT count(*) FROM reports WHERE state IN ('received', 'queued')),
       (SELECT min(state_at) FROM reports WHERE state IN ('received', 'queued')),
       (SELECT count(*) FROM reports WHERE state = 'unread'),
       (SELECT min(received_at) FROM reports WHERE state = 'unread'),
       (SELECT count(*) FROM desk_alerts WHERE seen_at IS NULL)

-- name: sources
SELECT CASE WHEN feed = '' THEN channel ELSE feed || ' (' || channel || ')' END AS source, max(received_at), count(*)
FROM reports WHERE received_at > %(now)s - interval '30 days' GROUP BY 1 ORDER BY 2 LIMIT 200

-- Some of the newest and some of any age.
-- name: some_evidence
(SELECT evidence FROM reports WHERE size <= %(most)s ORDER BY id DESC LIMIT 5)
UNION
(SELECT r.evidence FROM generate_series(1, %(some)s) AS g (n)
 CROSS JOIN LATERAL (SELECT (random() * (SELECT max(id) FROM reports) + g.n * 0)::bigint AS at) p
 CROSS JOIN LATERAL (SELECT evidence FROM reports WHERE id >= p.at AND size <= %(most)s ORDER BY id LIMIT 1) r)
