-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What a person sees and does with notices: the statements of `tickets/notice_actions.py` and `tickets/notice_listing.py`.

-- name: lock_notices
SELECT id, state FROM notices WHERE id = ANY(%(notices)s) ORDER BY id FOR UPDATE

-- name: hold
UPDATE notices SET state = 'held', reason = %(reason)s WHERE id = ANY(%(notices)s)

-- Mails that no mail server was asked to take; the Message-ID stays for when they are released.
-- name: hold_mails
UPDATE deliveries SET state = 'replaced', answer = 'held back by a person', leased_by = NULL, lease_until = NULL
WHERE notice_id = ANY(%(notices)s) AND state = 'waiting'

-- name: release
UPDATE notices SET state = 'pending', reason = '', due_at = now() WHERE id = ANY(%(notices)s)

-- name: withdraw
UPDATE notices SET state = 'withdrawn', reason = %(reason)s WHERE id = ANY(%(notices)s)

-- name: retry_mails
UPDATE deliveries SET state = 'waiting', attempts = 0, next_try = now(), mail = NULL, leased_by = NULL, lease_until = NULL
WHERE notice_id = ANY(%(notices)s) AND state IN ('failed', 'waiting')
RETURNING id, notice_id

-- The domains of these mails may be tried at once.
-- name: forget_domains
DELETE FROM mail_domains WHERE domain IN (
    SELECT lower(substring(recipient FROM '[^@]*$')) FROM deliveries WHERE notice_id = ANY(%(notices)s))

-- name: resolve_sent
UPDATE deliveries SET state = 'sent', sent_at = now(), answer = 'a person says that it was sent: ' || answer
WHERE id = ANY(%(deliveries)s) AND state = 'in-doubt' RETURNING id

-- name: resolve_resend
UPDATE deliveries SET state = 'waiting', next_try = now() WHERE id = ANY(%(deliveries)s) AND state = 'in-doubt' RETURNING id

-- name: doubtful
SELECT id FROM deliveries WHERE state = 'in-doubt' AND (%(notices)s::bigint[] IS NULL OR notice_id = ANY(%(notices)s)) ORDER BY id

-- name: tickets_of_customer
SELECT id FROM tickets WHERE customer_id = %(customer)s AND state IN ('open', 'escalated')
  AND (%(all)s OR notify_due IS NOT NULL) ORDER BY severity DESC, id LIMIT 500

-- name: known_tickets
SELECT id, customer_id FROM tickets WHERE id = ANY(%(tickets)s) ORDER BY id

-- name: make_answer
INSERT INTO notices (customer_id, state, kind, body, author) VALUES (%(customer)s, 'pending', 'answer', %(body)s, %(author)s) RETURNING id

-- name: answer_tickets
INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of, kind)
SELECT %(notice)s, id, last_event_id, last_event_id, event_count, true, 'answer' FROM tickets
WHERE id = ANY(%(tickets)s) AND customer_id = %(customer)s

-- name: notices
SELECT n.id AS notice, n.customer_id AS customer, n.kind, n.state, d.recipient, d.state AS mail, d.attempts,
       coalesce(d.sent_at, n.created_at) AS at, coalesce(nullif(d.answer, ''), n.reason) AS reason
FROM notices n LEFT JOIN deliveries d ON d.notice_id = n.id
WHERE (%(state)s IS NULL OR n.state = %(state)s OR d.state = %(state)s)
  AND (%(customer)s IS NULL OR n.customer_id = %(customer)s)
  AND (%(before)s IS NULL OR n.id < %(before)s)
ORDER BY n.id DESC, d.id LIMIT %(limit)s

-- name: dead_letters
SELECT n.id AS notice, n.customer_id AS customer, n.kind, n.state, d.recipient, d.state AS mail, d.attempts,
       coalesce(d.sent_at, n.created_at) AS at, coalesce(nullif(d.answer, ''), n.reason) AS reason
FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE d.state = %(state)s AND (%(customer)s IS NULL OR n.customer_id = %(customer)s) AND (%(before)s IS NULL OR n.id < %(before)s)
ORDER BY d.id DESC LIMIT %(limit)s

-- name: notice
SELECT n.id AS notice, n.customer_id AS customer, c.name, n.kind, n.state, n.reason, n.created_at AS created, n.due_at AS due,
       n.author, n.body
FROM notices n JOIN customers c ON c.id = n.customer_id WHERE n.id = %(notice)s

-- name: notice_tickets
SELECT t.id AS ticket, nt.kind, t.state, t.severity, t.problem, t.resource, nt.event_count AS events
FROM notice_tickets nt JOIN tickets t ON t.id = nt.ticket_id WHERE nt.notice_id = %(notice)s ORDER BY t.severity DESC, t.id

-- name: notice_mails
SELECT id AS mail, recipient, language, state, attempts, next_try AS "next try", sent_at AS sent, message_id AS "message id", answer
FROM deliveries WHERE notice_id = %(notice)s ORDER BY id

-- name: notice_changes
SELECT at, actor, object, object_id AS number, change, reason FROM audit_trail
WHERE object = 'notice' AND object_id = %(notice)s::text
   OR object = 'delivery' AND object_id IN (SELECT id::text FROM deliveries WHERE notice_id = %(notice)s)
ORDER BY id
