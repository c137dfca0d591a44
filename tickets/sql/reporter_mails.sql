-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Acknowledgements and outcomes for reporters: the statements of `tickets/answers/reporter_mails.py`.

-- Nothing if this report has one already, or this sender had an acknowledgement today.
-- name: plan
INSERT INTO reporter_mails (report_id, kind, recipient, language, subject, in_reply_to, report_references, message_id, state, next_try)
SELECT %(report)s, %(kind)s, %(recipient)s, %(language)s, %(subject)s, %(in_reply_to)s, %(references)s, %(message_id)s, %(state)s,
       now() + %(pause)s
WHERE NOT EXISTS (SELECT FROM mail_addresses WHERE address = %(recipient)s AND state <> 'ok')
ON CONFLICT DO NOTHING
RETURNING id

-- name: take_planned
SELECT id, report_id, looked_up, made_at < now() - interval '180 days' FROM reporter_mails
WHERE state = 'planned' AND next_try <= now() ORDER BY next_try LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: look_up_tickets
INSERT INTO reporter_mail_tickets (reporter_mail_id, ticket_id)
SELECT DISTINCT %(mail)s::bigint, e.ticket_id FROM events e WHERE e.report_id = %(report)s AND e.ticket_id IS NOT NULL
ON CONFLICT DO NOTHING

-- name: tickets_of_mail
SELECT count(*), count(*) FILTER (WHERE t.state IN ('open', 'escalated') OR t.state_at > now() - %(settle)s),
       bool_and(t.state = 'ignored'), bool_or(t.state = 'resolved' OR t.customer_state = 'resolved')
FROM reporter_mail_tickets m JOIN tickets t ON t.id = m.ticket_id WHERE m.reporter_mail_id = %(mail)s

-- name: put_off
UPDATE reporter_mails SET looked_up = true, next_try = now() + %(pause)s WHERE id = %(mail)s

-- name: make_due
UPDATE reporter_mails SET looked_up = true, state = 'waiting', next_try = now(), outcome = %(outcome)s WHERE id = %(mail)s

-- name: drop
UPDATE reporter_mails SET state = 'dropped', answer = %(reason)s, leased_by = NULL, lease_until = NULL WHERE id = %(mail)s

-- name: release
UPDATE reporter_mails SET leased_by = NULL, lease_until = NULL WHERE state = 'waiting' AND leased_by = %(me)s

-- name: find_doubt
UPDATE reporter_mails SET state = 'in-doubt', answer = 'the sender stopped before the mail server''s answer was noted',
                          leased_by = NULL, lease_until = NULL
WHERE state = 'sending' AND (leased_by = %(me)s AND %(starting)s OR lease_until < now()) RETURNING id

-- name: resend_doubtful
UPDATE reporter_mails SET state = 'waiting', next_try = now() WHERE state = 'in-doubt' RETURNING id

-- name: lease
UPDATE reporter_mails SET leased_by = %(me)s, lease_until = now() + interval '15 minutes'
WHERE id IN (
    SELECT id FROM reporter_mails
    WHERE state = 'waiting' AND next_try <= now() AND (lease_until IS NULL OR lease_until < now() OR leased_by = %(me)s)
    ORDER BY next_try, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
RETURNING id, report_id, kind, recipient, language, subject, in_reply_to, report_references, message_id, attempts, outcome,
          (SELECT received_at FROM reports r WHERE r.id = report_id)

-- All that this address had from us in the last 24 hours, notices included, and whether mail to it arrives.
-- name: had_today
SELECT (SELECT count(*) FROM reporter_mails WHERE recipient = %(recipient)s AND sent_at > now() - interval '24 hours')
     + (SELECT count(*) FROM deliveries WHERE lower(recipient) = %(recipient)s AND sent_at > now() - interval '24 hours'),
       EXISTS (SELECT FROM mail_addresses WHERE address = %(recipient)s AND state <> 'ok')

-- name: mark_sending
UPDATE reporter_mails SET state = 'sending', attempts = attempts + 1, lease_until = now() + interval '15 minutes'
WHERE id = %(mail)s AND state = 'waiting' AND leased_by = %(me)s

-- name: take_back
UPDATE reporter_mails SET state = 'waiting', attempts = attempts - 1, leased_by = NULL, lease_until = NULL
WHERE id = %(mail)s AND state = 'sending' AND leased_by = %(me)s

-- name: mark_sent
UPDATE reporter_mails SET state = 'sent', sent_at = now(), answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(mail)s

-- name: mark_waiting
UPDATE reporter_mails SET state = 'waiting', next_try = now() + %(pause)s, answer = %(answer)s, leased_by = NULL, lease_until = NULL
WHERE id = %(mail)s

-- A mail that cannot be written (a wrong template) is tried again some times and fails then.
-- name: unwritten
UPDATE reporter_mails
SET attempts = attempts + 1, state = CASE WHEN attempts + 1 >= %(most)s THEN 'failed' ELSE 'waiting' END,
    next_try = now() + %(pause)s, answer = %(answer)s, leased_by = NULL, lease_until = NULL
WHERE id = %(mail)s AND state = 'waiting'

-- name: mark_failed
UPDATE reporter_mails SET state = 'failed', answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(mail)s

-- name: mark_in_doubt
UPDATE reporter_mails SET state = 'in-doubt', answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(mail)s

-- name: of_report
SELECT kind, recipient, state, attempts, sent_at AS sent, message_id AS "message id", answer FROM reporter_mails
WHERE report_id = %(report)s ORDER BY id
