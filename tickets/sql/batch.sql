-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The statements by which a batch of events becomes tickets and events, in the order of their use, all in one
-- transaction. Each takes its rows in a fixed order, so that two workers cannot block each other for ever.
-- `tickets/aggregate.py` uses them: a statement begins with a line `-- name: ...`.

-- name: known_customers
INSERT INTO customers (id, name, language)
SELECT id, name, language FROM unnest(%(ids)s::text[], %(names)s::text[], %(languages)s::text[]) AS c (id, name, language)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, language = excluded.language, seen_at = now()
WHERE (customers.name, customers.language) IS DISTINCT FROM (excluded.name, excluded.language)

-- What is stored already is left out before anything else, so that a batch delivered twice touches no ticket.
-- name: known_events
SELECT e.fingerprint::text
FROM unnest(%(ats)s::timestamptz[], %(fingerprints)s::uuid[]) AS b (at, fingerprint)
JOIN events e ON e.at = b.at AND e.fingerprint = b.fingerprint

-- From here on nobody else changes these tickets: event ids of a ticket grow in the order of commits.
-- name: lock_tickets
SELECT t.key::text, t.id FROM tickets t
WHERE t.state <> 'closed' AND t.key = ANY(%(keys)s::uuid[])
ORDER BY t.id FOR NO KEY UPDATE

-- name: number_events
SELECT nextval('events_id_seq') FROM generate_series(1, %(count)s)

-- Fewer rows than asked for: another worker has opened one of them meanwhile, and everything starts again.
-- name: open_tickets
INSERT INTO tickets (key, customer_id, resource, network, problem, severity, event_count, first_seen, last_seen, last_event_id, notify_due)
SELECT * FROM unnest(%(keys)s::uuid[], %(customers)s::text[], %(resources)s::text[], %(networks)s::cidr[], %(problems)s::text[],
                     %(severities)s::smallint[], %(counts)s::bigint[], %(firsts)s::timestamptz[], %(lasts)s::timestamptz[],
                     %(last_ids)s::bigint[], %(dues)s::timestamptz[]) AS n (key)
ORDER BY n.key
ON CONFLICT (key) WHERE state <> 'closed' DO NOTHING
RETURNING key::text, id

-- name: continue_tickets
UPDATE tickets t SET
    event_count = t.event_count + n.count,
    first_seen = least(t.first_seen, n.first),
    last_seen = greatest(t.last_seen, n.last),
    severity = greatest(t.severity, n.severity),
    last_event_id = greatest(t.last_event_id, n.last_id),
    relapses = t.relapses + (t.state = 'resolved')::integer,
    state_at = CASE WHEN t.state = 'resolved' THEN now() ELSE t.state_at END,
    state = CASE WHEN t.state = 'resolved' THEN 'open' ELSE t.state END,
    notify_due = CASE
        WHEN t.state = 'ignored' OR n.due IS NULL THEN t.notify_due
        WHEN t.notified_at IS NULL THEN least(t.notify_due, n.due)
        ELSE least(t.notify_due, greatest(n.due, t.notified_at + n.again))
    END
FROM unnest(%(ids)s::bigint[], %(severities)s::smallint[], %(counts)s::bigint[], %(firsts)s::timestamptz[],
            %(lasts)s::timestamptz[], %(last_ids)s::bigint[], %(dues)s::timestamptz[], %(agains)s::interval[])
     AS n (id, severity, count, first, last, last_id, due, again)
WHERE t.id = n.id

-- The database refuses an event that another worker has stored since `known_events`, and everything starts again.
-- name: store_events
COPY events (id, ticket_id, at, fingerprint, report_id, customer_match, ip, port, problem, severity, feed, data) FROM STDIN
