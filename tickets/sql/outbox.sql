-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- From due tickets to mails: the statements of `tickets/outbox.py`.

-- name: due_customers
SELECT customer_id FROM (
    SELECT customer_id, notify_due FROM tickets WHERE notify_due <= now() - %(patience)s ORDER BY notify_due LIMIT 5000
) AS due GROUP BY customer_id ORDER BY min(notify_due) LIMIT %(limit)s

-- Reports that no reader has finished: what will come of them belongs into the same mail.
-- name: reports_under_way
SELECT EXISTS (SELECT FROM reports WHERE state IN ('received', 'queued') AND state_at > now() - %(patience)s)

-- Only one sender prepares a customer's notice at a time, so that what is due goes in one mail.
-- name: only_me
SELECT pg_try_advisory_xact_lock(hashtextextended(%(customer)s, 20))

-- name: due_tickets
SELECT id, notified_event_id, last_event_id, event_count, notified_at IS NOT NULL
FROM tickets
WHERE customer_id = %(customer)s AND notify_due <= now() + %(settle)s
  AND state IN ('open', 'escalated')
ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE

-- name: make_notice
INSERT INTO notices (customer_id, state) VALUES (%(customer)s, %(state)s) RETURNING id

-- name: mark_notified
UPDATE tickets SET notified_at = now(), notified_event_id = last_event_id, notify_due = NULL WHERE id = ANY(%(tickets)s)

-- Whoever has closed, ignored or resolved a ticket meanwhile wants no notice about it.
-- name: forget_closed
UPDATE tickets SET notify_due = NULL WHERE customer_id = %(customer)s AND notify_due <= now()
  AND state NOT IN ('open', 'escalated')

-- name: take_pending
SELECT id, customer_id FROM notices WHERE state = 'pending' AND due_at <= now()
ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: set_notice_state
UPDATE notices SET state = %(state)s, reason = %(reason)s WHERE id = %(notice)s

-- What this sender took before and did not come to (the mail server or the database went away) is its own still.
-- name: lease
UPDATE deliveries SET leased_by = %(me)s, lease_until = now() + interval '15 minutes'
WHERE id IN (
    SELECT id FROM deliveries
    WHERE state = 'waiting' AND next_try <= now() AND (lease_until IS NULL OR lease_until < now() OR leased_by = %(me)s)
    ORDER BY next_try, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING id, notice_id, recipient, language, message_id, attempts

-- A mail whose lease another sender took over meanwhile is not ours any more.
-- name: mark_sending
UPDATE deliveries SET state = 'sending', attempts = attempts + 1, lease_until = now() + interval '15 minutes'
WHERE id = %(delivery)s AND state = 'waiting' AND leased_by = %(me)s

-- name: mark_sent
UPDATE deliveries SET state = 'sent', sent_at = now(), answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(delivery)s

-- name: mark_waiting
UPDATE deliveries SET state = 'waiting', next_try = now() + %(pause)s, answer = %(answer)s, leased_by = NULL, lease_until = NULL
WHERE id = %(delivery)s

-- name: mark_failed
UPDATE deliveries SET state = 'failed', answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(delivery)s

-- name: mark_in_doubt
UPDATE deliveries SET state = 'in-doubt', answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(delivery)s

-- What a sender that died had in hand: by its own name at its next start, by anybody once the lease is over.
-- name: find_doubt
UPDATE deliveries SET state = 'in-doubt', answer = 'the sender stopped before the mail server''s answer was noted',
                      leased_by = NULL, lease_until = NULL
WHERE state = 'sending' AND (leased_by = %(me)s AND %(starting)s OR lease_until < now())
RETURNING id

-- name: release
UPDATE deliveries SET leased_by = NULL, lease_until = NULL WHERE state = 'waiting' AND leased_by = %(me)s

-- name: resend_doubtful
UPDATE deliveries SET state = 'waiting', next_try = now() WHERE state = 'in-doubt' RETURNING id

-- name: tickets_of_notice
SELECT t.id, t.resource, t.problem, t.severity, t.first_seen, t.last_seen, n.event_count, n.after_event, n.through_event, n.update_of
FROM notice_tickets n JOIN tickets t ON t.id = n.ticket_id
WHERE n.notice_id = %(notice)s ORDER BY t.severity DESC, t.id

-- name: events_of_ticket
SELECT at, data FROM events
WHERE ticket_id = %(ticket)s AND id > %(after)s AND id <= %(through)s ORDER BY id DESC LIMIT %(limit)s

-- The mails about the same tickets that this recipient already has, for threading.
-- name: earlier_mails
SELECT d.message_id FROM deliveries d
WHERE d.recipient = %(recipient)s AND d.state = 'sent' AND d.notice_id < %(notice)s
  AND d.notice_id IN (SELECT n.notice_id FROM notice_tickets n
                      WHERE n.ticket_id IN (SELECT ticket_id FROM notice_tickets WHERE notice_id = %(notice)s))
ORDER BY d.id DESC LIMIT 5

-- name: next_due
SELECT least(
    (SELECT min(notify_due) FROM tickets WHERE notify_due IS NOT NULL),
    (SELECT min(due_at) FROM notices WHERE state = 'pending'),
    (SELECT min(greatest(next_try, lease_until)) FROM deliveries WHERE state = 'waiting'))
