-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What people do to tickets: the statements of `tickets/actions.py` and `tickets/merging.py`.

-- Locked in the order of numbers, as the intake does.
-- name: lock
SELECT id, key::text, customer_id, resource, network::text, problem, state, customer_state, severity, severity_floor, severity_fixed,
       assignee, notify_due, escalated_at, escalated_by, merged_into, notified_event_id, last_event_id, event_count, notified_at
FROM tickets WHERE id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE

-- name: other_open
SELECT key::text, id FROM tickets WHERE key = ANY(%(keys)s::uuid[]) AND state <> 'closed'

-- name: worst_events
SELECT t.id, (SELECT coalesce(max(e.severity), 0) FROM events e WHERE e.ticket_id = t.id) FROM tickets t WHERE t.id = ANY(%(ids)s)

-- name: write
UPDATE tickets t SET
    state = n.state, customer_state = n.customer_state, severity = n.severity, severity_floor = n.severity_floor,
    severity_fixed = n.severity_fixed, assignee = n.assignee, notify_due = n.notify_due,
    muted_by = CASE WHEN n.notify_due IS NULL THEN NULL ELSE t.muted_by END,
    escalated_at = n.escalated_at, escalated_by = n.escalated_by, merged_into = n.merged_into,
    state_at = CASE WHEN t.state <> n.state THEN now() ELSE t.state_at END
FROM jsonb_to_recordset(%(rows)s::jsonb)
     AS n (id bigint, state text, customer_state text, severity smallint, severity_floor smallint, severity_fixed smallint,
           assignee text, notify_due timestamptz, escalated_at timestamptz, escalated_by text, merged_into bigint)
WHERE t.id = n.id

-- name: act
INSERT INTO desk_actions (author, verb, reason, details) VALUES (%(author)s, %(verb)s, %(reason)s, %(details)s::jsonb) RETURNING id

-- name: keep
INSERT INTO desk_action_tickets (action_id, ticket_id, before, after)
SELECT %(action)s, n.id, n.before, n.after FROM jsonb_to_recordset(%(rows)s::jsonb) AS n (id bigint, before jsonb, after jsonb)

-- name: audit
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT %(actor)s, 'ticket', n.id::text, n.change, %(reason)s
FROM unnest(%(ids)s::bigint[], %(changes)s::text[]) WITH ORDINALITY AS n (id, change, number) ORDER BY number

-- name: add_notes
INSERT INTO notes (ticket_id, author, public, text)
SELECT n.id, %(author)s, %(public)s, %(text)s FROM unnest(%(ids)s::bigint[]) AS n (id)
WHERE NOT EXISTS (SELECT FROM notes o WHERE o.ticket_id = n.id AND o.author = %(author)s AND o.text = %(text)s AND o.public = %(public)s
                  AND o.withdrawn_at IS NULL AND o.at > now() - interval '10 minutes')
ORDER BY n.id RETURNING id, ticket_id

-- name: withdraw_notes
UPDATE notes SET withdrawn_at = now() WHERE id = ANY(%(notes)s) AND withdrawn_at IS NULL RETURNING ticket_id

-- name: last_action
SELECT id FROM desk_actions WHERE author = %(author)s AND undone_at IS NULL ORDER BY id DESC LIMIT 1

-- name: take_action
SELECT id, author, verb, details, undone_at FROM desk_actions WHERE id = %(action)s FOR UPDATE

-- name: kept
SELECT ticket_id, before, after FROM desk_action_tickets WHERE action_id = %(action)s ORDER BY ticket_id

-- name: mark_undone
UPDATE desk_actions SET undone_at = now(), undone_by = %(author)s WHERE id = %(action)s

-- What no notice has told goes on in the other ticket and gets new numbers there: a notice about the other tells what
-- lies above the last number that it told, and what was told stays where its notice finds it.
-- name: move_untold
WITH moved AS (
    UPDATE events SET ticket_id = %(into)s, id = DEFAULT WHERE ticket_id = %(source)s AND id > %(told)s RETURNING at, fingerprint)
INSERT INTO moved_events (source_id, into_id, at, fingerprint) SELECT %(source)s, %(into)s, at, fingerprint FROM moved

-- What of it is in the other ticket still, and the last of it that a notice about the other has told.
-- name: move_back
WITH gone AS (
    DELETE FROM moved_events WHERE source_id = %(source)s AND into_id = %(into)s RETURNING at, fingerprint),
     moved AS (
    UPDATE events e SET ticket_id = %(source)s FROM gone
    WHERE e.at = gone.at AND e.fingerprint = gone.fingerprint AND e.ticket_id = %(into)s RETURNING e.id)
SELECT count(*), max(moved.id) FILTER (WHERE moved.id <= t.notified_event_id), max(t.notified_at)
FROM moved JOIN tickets t ON t.id = %(into)s

-- name: move_part
UPDATE events SET ticket_id = %(into)s
WHERE ticket_id = %(source)s
  AND (%(network)s::cidr IS NULL OR ip <<= %(network)s::cidr) AND (%(port)s::integer IS NULL OR port = %(port)s)
  AND (%(problem)s::text IS NULL OR problem = %(problem)s) AND (%(feed)s::text IS NULL OR feed = %(feed)s)
  AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(until)s::timestamptz IS NULL OR at < %(until)s)

-- name: move_all
UPDATE events SET ticket_id = %(into)s WHERE ticket_id = %(source)s

-- Counts and times from the events that are there; those that were dropped for their age still count.
-- name: recount
UPDATE tickets t SET
    event_count = greatest(t.event_count + n.added, 0),
    first_seen = CASE WHEN l.count = 0 THEN t.first_seen WHEN l.count >= t.event_count + n.added THEN l.first
                      ELSE least(t.first_seen, l.first) END,
    last_seen = coalesce(l.last, t.last_seen),
    severity = coalesce(t.severity_fixed, greatest(t.severity_floor, CASE
        WHEN l.count = 0 THEN t.severity WHEN l.count >= t.event_count + n.added THEN l.severity ELSE greatest(t.severity, l.severity) END)),
    last_event_id = coalesce(l.last_id, t.notified_event_id)
FROM unnest(%(ids)s::bigint[], %(added)s::bigint[]) AS n (id, added)
CROSS JOIN LATERAL (SELECT count(*), min(e.at) AS first, max(e.at) AS last, max(e.severity) AS severity, max(e.id) AS last_id
                    FROM events e WHERE e.ticket_id = n.id) l
WHERE t.id = n.id

-- name: lead_key
INSERT INTO merged_keys (key, ticket_id, merged_from) VALUES (%(key)s, %(into)s, %(source)s)
ON CONFLICT (key) DO UPDATE SET ticket_id = excluded.ticket_id, merged_from = excluded.merged_from

-- name: lead_on
UPDATE merged_keys SET ticket_id = %(into)s WHERE ticket_id = %(source)s RETURNING key::text

-- name: lead_back
DELETE FROM merged_keys WHERE merged_from = %(source)s AND key = %(key)s

-- name: lead_others_back
UPDATE merged_keys SET ticket_id = %(source)s WHERE ticket_id = %(into)s AND key = ANY(%(keys)s::uuid[])

-- name: link
INSERT INTO ticket_links (ticket_id, other_id, kind, author) VALUES (%(ticket)s, %(other)s, %(kind)s, %(author)s)
ON CONFLICT (ticket_id, other_id, kind) DO UPDATE SET at = now(), author = excluded.author

-- name: unlink
DELETE FROM ticket_links WHERE ticket_id = %(ticket)s AND other_id = %(other)s AND kind = %(kind)s

-- name: due_earlier
UPDATE tickets SET notify_due = least(notify_due, %(due)s) WHERE id = %(ticket)s AND state NOT IN ('closed', 'ignored')

-- name: told_through
UPDATE tickets SET notified_event_id = greatest(notified_event_id, %(last)s), notified_at = coalesce(notified_at, %(at)s)
WHERE id = %(ticket)s

-- A part of its own: no event finds it by its key. What a notice that is not sent yet was to tell of it, it tells itself.
-- name: cut_out
INSERT INTO tickets (key, customer_id, resource, network, problem, feed, severity, state, customer_state, opened_at, severity_floor,
                     severity_fixed, assignee, notified_at, notified_event_id, notify_due)
SELECT gen_random_uuid(), s.customer_id, coalesce(%(resource)s, s.resource), coalesce(%(network)s::cidr, s.network), coalesce(%(problem)s, s.problem), s.feed,
       s.severity_floor, CASE WHEN s.state = 'closed' THEN 'open' ELSE s.state END, s.customer_state, s.opened_at, s.severity_floor,
       s.severity_fixed, s.assignee, s.notified_at, least(s.notified_event_id, u.first),
       CASE WHEN s.state IN ('closed', 'ignored') THEN NULL WHEN u.first < s.notified_event_id THEN now() ELSE s.notify_due END
FROM tickets s CROSS JOIN LATERAL (
    SELECT min(nt.after_event) AS first FROM notice_tickets nt JOIN notices n ON n.id = nt.notice_id
    WHERE nt.ticket_id = s.id
      AND (n.state IN ('held', 'pending')
           OR EXISTS (SELECT FROM deliveries d WHERE d.notice_id = n.id AND d.state = 'waiting'))) u
WHERE s.id = %(source)s RETURNING id

-- name: events_left
SELECT EXISTS (SELECT FROM events WHERE ticket_id = %(ticket)s)
