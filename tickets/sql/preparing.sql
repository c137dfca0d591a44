-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- From due tickets to notices: the statements of `tickets/preparing.py`, in the order of their use.

-- name: due_customers
SELECT customer_id FROM (
    (SELECT customer_id, notify_due AS due FROM tickets WHERE notify_due <= now() - %(patience)s ORDER BY notify_due LIMIT 5000)
    UNION ALL
    (SELECT customer_id, remind_due FROM tickets WHERE remind_due <= now() ORDER BY remind_due LIMIT 5000)
) AS due GROUP BY customer_id ORDER BY min(due), customer_id LIMIT %(limit)s

-- Reports that no reader has finished: what will come of them belongs into the same mail.
-- name: reports_under_way
SELECT EXISTS (SELECT FROM reports WHERE state IN ('received', 'queued') AND state_at > now() - %(patience)s)

-- Only one sender prepares a customer's notices at a time, so that what is due goes in one mail.
-- name: only_me
SELECT customer FROM unnest(%(customers)s::text[]) AS customer WHERE pg_try_advisory_xact_lock(hashtextextended(customer, 20))

-- Tickets that are muted are not due until the mute ends: see the head of 0005_life_cycle.sql.
-- name: hold_muted
SELECT hold_muted_tickets(customer, now() + %(settle)s) FROM unnest(%(customers)s::text[]) AS customer
WHERE EXISTS (SELECT FROM mutes WHERE ended_at IS NULL)

-- In one order for all, so that two transactions wait for each other in one direction only.
-- name: due_tickets
SELECT t.id, t.customer_id, t.state, t.customer_state, t.problem, t.severity, t.notified_event_id, t.last_event_id, t.event_count,
       t.notified_at IS NOT NULL AS told, coalesce(t.notify_due <= now() + %(settle)s, false) AS news, t.reminders,
       t.state = 'escalated' AND coalesce(t.escalated_at > coalesce(t.notified_at, '-infinity'), true) AS newly_escalated,
       CASE WHEN t.remind_due <= now() AND EXISTS (SELECT FROM mutes WHERE ended_at IS NULL)
            THEN (SELECT muted_until FROM mute_of_ticket(t)) END AS reminder_muted_until
FROM tickets t WHERE t.id IN (
    SELECT id FROM (
        SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY id) AS place FROM tickets
        WHERE customer_id = ANY(%(customers)s) AND (notify_due <= now() + %(settle)s OR remind_due <= now())
    ) AS due WHERE place <= %(limit)s)
ORDER BY t.id FOR NO KEY UPDATE OF t

-- name: forget
UPDATE tickets SET notify_due = NULL, remind_due = NULL WHERE id = ANY(%(tickets)s)

-- name: forget_reminder
UPDATE tickets SET remind_due = NULL WHERE id = ANY(%(tickets)s)

-- name: postpone
UPDATE tickets t SET
    notify_due = CASE WHEN t.notify_due < p.until THEN p.until ELSE t.notify_due END,
    remind_due = CASE WHEN t.remind_due < p.until THEN p.until ELSE t.remind_due END
FROM unnest(%(tickets)s::bigint[], %(untils)s::timestamptz[]) AS p (id, until) WHERE t.id = p.id

-- name: make_notices
INSERT INTO notices (customer_id, state, kind, digest, most_per_day, author) VALUES %s RETURNING id

-- name: add_tickets
INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of, kind) VALUES %s

-- name: mark_notified
UPDATE tickets t SET notified_at = now(), notified_event_id = t.last_event_id, notify_due = NULL,
                     reminders = n.reminders, remind_due = now() + n.pause
FROM unnest(%(tickets)s::bigint[], %(reminders)s::smallint[], %(pauses)s::interval[]) AS n (id, reminders, pause)
WHERE t.id = n.id

-- For a notice that a person asks for, whatever is due.
-- name: tickets_to_tell
SELECT id, customer_id, state, customer_state, problem, severity, notified_event_id, last_event_id, event_count,
       notified_at IS NOT NULL, true, reminders,
       state = 'escalated' AND coalesce(escalated_at > coalesce(notified_at, '-infinity'), true), NULL
FROM tickets WHERE id = ANY(%(tickets)s) ORDER BY id FOR NO KEY UPDATE
