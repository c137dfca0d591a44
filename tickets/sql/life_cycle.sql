-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What time does to tickets: the statements of `tickets/life_cycle.py` and `tickets/life_cycle_escalation.py`.

-- One look, by the ends of four indexes: most rounds find nothing and write nothing.
-- name: waiting
SELECT (SELECT min(close_check) FROM tickets WHERE state <> 'closed') <= now(),
       (SELECT min(id) FROM touched_tickets) IS NOT NULL,
       (SELECT min(ends_at) FROM mutes WHERE ended_at IS NULL) <= now(),
       (SELECT min(emptied_at) FROM emptied_tickets) < now() - %(empty_for)s,
       (SELECT mark = %(mark)s AND position IS NULL FROM timer_marks WHERE name = 'close')

-- Tickets that may have been silent for long enough. Whoever else has one in hand sees to it; the next round looks again.
-- name: perhaps_silent
SELECT id, problem, customer_id, state, greatest(last_seen, opened_at, state_at), notify_due IS NOT NULL AND muted_by IS NULL
FROM tickets WHERE state <> 'closed' AND close_check <= now()
ORDER BY close_check LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED

-- name: close
WITH closed AS (
    UPDATE tickets t SET state = 'closed', state_at = now(), notify_due = NULL, muted_by = NULL
    FROM unnest(%(ids)s::bigint[], %(reasons)s::text[]) AS n (id, reason)
    WHERE t.id = n.id AND t.state <> 'closed' RETURNING t.id, n.reason)
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT %(actor)s, 'ticket', id::text, 'closed', reason FROM closed ORDER BY id

-- name: put_off
UPDATE tickets t SET close_check = n.moment
FROM unnest(%(ids)s::bigint[], %(moments)s::timestamptz[]) AS n (id, moment) WHERE t.id = n.id

-- The rules have changed: each open ticket gets the moment that they name, if it is earlier.
-- name: first_mark
INSERT INTO timer_marks (name, mark) VALUES ('close', %(mark)s) ON CONFLICT (name) DO NOTHING

-- name: take_mark
SELECT mark, position, at > now() - interval '10 minutes' FROM timer_marks WHERE name = 'close' FOR UPDATE SKIP LOCKED

-- name: set_mark
UPDATE timer_marks SET mark = %(mark)s, position = %(position)s,
                       at = CASE WHEN mark = %(mark)s THEN at ELSE now() END WHERE name = 'close'

-- name: open_tickets_after
SELECT id, problem, customer_id, state, greatest(last_seen, opened_at, state_at), close_check
FROM tickets WHERE state <> 'closed' AND id > %(after)s ORDER BY id LIMIT %(limit)s

-- name: look_earlier
UPDATE tickets t SET close_check = n.moment
FROM unnest(%(ids)s::bigint[], %(moments)s::timestamptz[]) AS n (id, moment)
WHERE t.id = n.id AND t.close_check > n.moment AND t.state <> 'closed'

-- name: end_mutes
UPDATE mutes SET ended_at = now(), ended_by = %(actor)s WHERE ended_at IS NULL AND ends_at <= now() RETURNING id

-- What the mute held back is due now.
-- name: release_muted
UPDATE tickets SET notify_due = least(notify_due, now()), muted_by = NULL WHERE muted_by = ANY(%(mutes)s)

-- name: audit_mutes
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT %(actor)s, 'mute', m::text, 'ended', %(reason)s FROM unnest(%(mutes)s::bigint[]) m

-- Taken away in the transaction that looks at them: after a crash they are there again.
-- name: take_touched
WITH taken AS MATERIALIZED (SELECT id FROM touched_tickets ORDER BY id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
DELETE FROM touched_tickets t USING taken WHERE t.id = taken.id RETURNING t.tickets

-- name: touched
SELECT id, problem, customer_id, network::text, severity, event_count, relapses, opened_at, last_seen, escalated_at
FROM tickets WHERE id = ANY(%(ids)s) AND state = 'open' AND event_count > 0 ORDER BY id

-- How many events lie in a window, counted no further than is asked for.
-- name: events_in_windows
SELECT n.number, c.count
FROM unnest(%(tickets)s::bigint[], %(sinces)s::timestamptz[], %(severities)s::smallint[], %(enough)s::bigint[])
     WITH ORDINALITY AS n (ticket, since, severity, enough, number)
CROSS JOIN LATERAL (
    SELECT count(*) FROM (
        SELECT FROM events e WHERE e.ticket_id = n.ticket AND e.at > n.since AND e.severity >= n.severity LIMIT n.enough
    ) AS found) AS c

-- name: escalate
WITH escalated AS (
    UPDATE tickets t SET
        state = 'escalated', state_at = now(), escalated_at = now(), escalated_by = n.rule,
        severity_floor = greatest(t.severity_floor, n.severity),
        severity = coalesce(t.severity_fixed, greatest(t.severity, n.severity)),
        notify_due = CASE WHEN n.tell_customer THEN now() ELSE t.notify_due END
    FROM unnest(%(ids)s::bigint[], %(rules)s::text[], %(floors)s::smallint[], %(tell_customers)s::boolean[], %(tell_desks)s::boolean[],
                %(reasons)s::text[]) AS n (id, rule, severity, tell_customer, tell_desk, reason)
    WHERE t.id = n.id AND t.state = 'open' RETURNING t.id, n.reason, n.tell_desk),
     told AS (
    INSERT INTO desk_alerts (kind, ticket_id, text) SELECT 'escalation', id, reason FROM escalated WHERE tell_desk ORDER BY id
    RETURNING pg_notify('abusehandler_desk', ticket_id::text))
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT %(actor)s, 'ticket', id::text, 'escalated', reason FROM escalated ORDER BY id RETURNING object_id

-- name: claim
INSERT INTO timer_marks AS t (name) VALUES (%(name)s)
ON CONFLICT (name) DO UPDATE SET at = now() WHERE t.at < now() - %(every)s RETURNING name
