-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The statements by which a batch of events becomes tickets and events, in the order of their use.
-- All of one batch run in one transaction; each takes its rows in a fixed order, so that two workers cannot block
-- each other. `tickets/aggregate.py` reads this file: a statement begins with a line `-- name: ...`.

-- name: make_table
CREATE TEMPORARY TABLE IF NOT EXISTS batch (
    at timestamptz NOT NULL, fingerprint uuid NOT NULL, report_id bigint, customer_id text, customer_match text NOT NULL,
    resource text, network cidr, ip inet, port integer, problem text NOT NULL, severity smallint NOT NULL,
    feed text NOT NULL, notify_due timestamptz, notify_again interval, data jsonb NOT NULL
) ON COMMIT DELETE ROWS

-- name: copy_in
COPY batch (at, fingerprint, report_id, customer_id, customer_match, resource, network, ip, port, problem, severity,
            feed, notify_due, notify_again, data) FROM STDIN

-- What is stored already is left out before anything else, so that a batch delivered twice touches no ticket.
-- name: drop_known
DELETE FROM batch b USING events e WHERE e.at = b.at AND e.fingerprint = b.fingerprint

-- name: open_tickets
INSERT INTO tickets (customer_id, resource, network, problem)
SELECT DISTINCT ON (b.customer_id, b.resource, b.problem) b.customer_id, b.resource, b.network, b.problem
FROM batch b
WHERE b.customer_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM tickets t WHERE t.customer_id = b.customer_id AND t.resource = b.resource
                  AND t.problem = b.problem AND t.state <> 'closed')
ORDER BY b.customer_id, b.resource, b.problem
ON CONFLICT (customer_id, resource, problem) WHERE state <> 'closed' DO NOTHING

-- From here on nobody else changes these tickets: event ids of a ticket grow in the order of commits.
-- name: lock_tickets
SELECT t.id FROM tickets t
WHERE t.state <> 'closed'
  AND (t.customer_id, t.resource, t.problem) IN (SELECT b.customer_id, b.resource, b.problem FROM batch b)
ORDER BY t.id FOR NO KEY UPDATE

-- name: store_events
WITH added AS (
    INSERT INTO events (at, fingerprint, report_id, ticket_id, customer_match, ip, port, problem, severity, feed, data)
    SELECT b.at, b.fingerprint, b.report_id, t.id, b.customer_match, b.ip, b.port, b.problem, b.severity, b.feed, b.data
    FROM batch b
    LEFT JOIN tickets t ON t.customer_id = b.customer_id AND t.resource = b.resource AND t.problem = b.problem
                       AND t.state <> 'closed'
    WHERE b.customer_id IS NULL OR t.id IS NOT NULL
    ORDER BY b.at, b.fingerprint
    ON CONFLICT (at, fingerprint) DO NOTHING
    RETURNING id, at, ticket_id, severity
), sums AS (
    SELECT ticket_id, count(*) AS n, min(at) AS first, max(at) AS last, max(severity) AS severity, max(id) AS last_id
    FROM added WHERE ticket_id IS NOT NULL GROUP BY ticket_id
), due AS (
    SELECT t.id, min(b.notify_due) AS first_due, min(b.notify_again) AS again
    FROM batch b JOIN tickets t ON t.customer_id = b.customer_id AND t.resource = b.resource AND t.problem = b.problem
                               AND t.state <> 'closed'
    GROUP BY t.id
), changed AS (
    UPDATE tickets t SET
        event_count = t.event_count + s.n,
        first_seen = least(t.first_seen, s.first),
        last_seen = greatest(t.last_seen, s.last),
        severity = greatest(t.severity, s.severity),
        last_event_id = greatest(t.last_event_id, s.last_id),
        relapses = t.relapses + (t.state = 'resolved')::integer,
        state_at = CASE WHEN t.state = 'resolved' THEN now() ELSE t.state_at END,
        state = CASE WHEN t.state = 'resolved' THEN 'open' ELSE t.state END,
        notify_due = CASE
            WHEN t.state = 'ignored' OR d.first_due IS NULL THEN t.notify_due
            WHEN t.notified_at IS NULL THEN least(t.notify_due, d.first_due)
            ELSE least(t.notify_due, greatest(d.first_due, t.notified_at + d.again))
        END
    FROM sums s JOIN due d ON d.id = s.ticket_id
    WHERE t.id = s.ticket_id
    RETURNING t.id
)
SELECT (SELECT count(*) FROM added), (SELECT count(*) FROM changed),
       (SELECT count(*) FROM added WHERE ticket_id IS NULL)

-- A ticket of ours without an event can stand only where another worker stored the same events first.
-- name: drop_empty
DELETE FROM tickets t USING batch b
WHERE t.customer_id = b.customer_id AND t.resource = b.resource AND t.problem = b.problem
  AND t.state <> 'closed' AND t.event_count = 0

-- A ticket closed by somebody between the opening and the lock: the batch is tried again from the start.
-- name: count_homeless
SELECT count(*) FROM batch b
WHERE b.customer_id IS NOT NULL
  AND NOT EXISTS (SELECT FROM tickets t WHERE t.customer_id = b.customer_id AND t.resource = b.resource
                  AND t.problem = b.problem AND t.state <> 'closed')

-- name: known_customers
INSERT INTO customers (id, name, language)
SELECT id, name, language FROM unnest(%(ids)s::text[], %(names)s::text[], %(languages)s::text[]) AS c (id, name, language)
ORDER BY id
ON CONFLICT (id) DO UPDATE SET name = excluded.name, language = excluded.language, seen_at = now()
WHERE (customers.name, customers.language) IS DISTINCT FROM (excluded.name, excluded.language)
