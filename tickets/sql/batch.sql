-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The statements by which a batch of events becomes tickets and events, in the order of their use, all in one
-- transaction. Each takes its rows in a fixed order, so that two workers cannot block each other for ever.
-- `tickets/aggregate.py` uses them: a statement begins with a line `-- name: ...`.

-- name: known_customers
INSERT INTO customers (id, name, language)
SELECT id, name, language FROM unnest(%(ids)s::text[], %(names)s::text[], %(languages)s::text[]) AS c (id, name, language)
WHERE NOT EXISTS (SELECT FROM customers k WHERE k.id = c.id AND k.name = c.name AND k.language = c.language)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, language = excluded.language, seen_at = now()
WHERE (customers.name, customers.language) IS DISTINCT FROM (excluded.name, excluded.language)

-- What is stored already is left out before anything else, so that a batch delivered twice touches no ticket. OFFSET 0 asks
-- for one look into the index for each row: a join was planned by statistics that are not there yet for a new month, and
-- read all of it for each batch.
-- name: known_events
SELECT e.fingerprint::text
FROM unnest(%(ats)s::timestamptz[], %(fingerprints)s::uuid[]) AS b (at, fingerprint)
CROSS JOIN LATERAL (SELECT x.fingerprint FROM events x WHERE x.at = b.at AND x.fingerprint = b.fingerprint OFFSET 0) e

-- From here on nobody else changes these tickets: event ids of a ticket grow in the order of commits.
-- name: lock_tickets
SELECT t.key::text, t.id, t.state, t.state_at FROM tickets t
WHERE t.state <> 'closed' AND t.key = ANY(%(keys)s::uuid[])
ORDER BY t.id FOR NO KEY UPDATE

-- For keys that have no open ticket: where a person has merged the ticket of this key into another, that other one (or the
-- one that is open for its key), else the ticket of this key that was closed last.
-- name: earlier_tickets
SELECT k.key::text, coalesce(m.id, c.id)
FROM unnest(%(keys)s::uuid[]) AS k (key)
LEFT JOIN LATERAL (
    SELECT coalesce(o.id, t.id) AS id
    FROM merged_keys g JOIN tickets t ON t.id = g.ticket_id AND t.merged_into IS NULL
    LEFT JOIN tickets o ON o.key = t.key AND o.state <> 'closed'
    WHERE g.key = k.key) m ON true
LEFT JOIN LATERAL (
    SELECT t.id FROM tickets t
    WHERE t.key = k.key AND t.state = 'closed' AND t.merged_into IS NULL
    ORDER BY t.state_at DESC, t.id DESC LIMIT 1) c ON true
WHERE coalesce(m.id, c.id) IS NOT NULL

-- name: lock_earlier_tickets
SELECT t.id, t.state, t.state_at, t.merged_into FROM tickets t WHERE t.id = ANY(%(ids)s::bigint[]) ORDER BY t.id FOR NO KEY UPDATE

-- name: number_events
SELECT nextval('events_id_seq') FROM generate_series(1, %(count)s)

-- Fewer rows than asked for: another worker has opened one of them meanwhile, and everything starts again.
-- name: open_tickets
INSERT INTO tickets (key, customer_id, resource, network, problem, feed, follows, severity, event_count, first_seen, last_seen,
                     last_event_id, notify_due, account_id)
SELECT n.*, CASE WHEN EXISTS (SELECT FROM accounts) THEN (SELECT c.account_id FROM customers c WHERE c.id = n.customer) END
FROM unnest(%(keys)s::uuid[], %(customers)s::text[], %(resources)s::text[], %(networks)s::cidr[], %(problems)s::text[],
                     %(feeds)s::text[], %(follows)s::bigint[], %(severities)s::smallint[], %(counts)s::bigint[],
                     %(firsts)s::timestamptz[], %(lasts)s::timestamptz[], %(last_ids)s::bigint[], %(dues)s::timestamptz[]) AS n (key, customer)
ORDER BY n.key
ON CONFLICT (key) WHERE state <> 'closed' DO NOTHING
RETURNING key::text, id

-- A closed ticket that is not reopened takes late events in silence, as an ignored one does.
-- name: continue_tickets
UPDATE tickets t SET
    event_count = t.event_count + n.count,
    first_seen = least(t.first_seen, n.first),
    last_seen = greatest(t.last_seen, n.last),
    severity = coalesce(t.severity_fixed, greatest(t.severity_floor, t.severity, n.severity)),
    last_event_id = greatest(t.last_event_id, n.last_id),
    relapses = t.relapses + n.relapse::integer,
    state = CASE WHEN n.relapse THEN 'open' ELSE t.state END,
    state_at = CASE WHEN n.relapse THEN now() ELSE t.state_at END,
    customer_state = CASE WHEN n.relapse AND t.customer_state = 'resolved' THEN 'open' ELSE t.customer_state END,
    close_check = CASE WHEN n.relapse AND t.state = 'closed' THEN now() + interval '1 day' ELSE t.close_check END,
    notify_due = CASE
        WHEN t.state IN ('ignored', 'resolved', 'closed') AND NOT n.relapse OR n.due IS NULL THEN t.notify_due
        WHEN t.notified_at IS NULL THEN least(t.notify_due, n.due)
        ELSE least(t.notify_due, greatest(n.due, t.notified_at + n.again))
    END
FROM unnest(%(ids)s::bigint[], %(severities)s::smallint[], %(counts)s::bigint[], %(firsts)s::timestamptz[],
            %(lasts)s::timestamptz[], %(last_ids)s::bigint[], %(dues)s::timestamptz[], %(agains)s::interval[], %(relapses)s::boolean[])
     AS n (id, severity, count, first, last, last_id, due, again, relapse)
WHERE t.id = n.id

-- name: audit_relapses
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT 'intake', 'ticket', n.id, 'reopened', n.reason FROM unnest(%(ids)s::text[], %(reasons)s::text[]) AS n (id, reason)

-- The timers look at these for escalation; one row for each batch.
-- name: touch_tickets
INSERT INTO touched_tickets (tickets) VALUES (%(ids)s::bigint[])

-- The database refuses an event that another worker has stored since `known_events`, and everything starts again.
-- name: store_events
COPY events (id, ticket_id, at, fingerprint, report_id, customer_match, ip, port, problem, severity, feed, data) FROM STDIN WITH (NULL '')
