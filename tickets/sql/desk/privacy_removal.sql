-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Erasing and pseudonymising: the statements of tickets/desk/privacy_removal.py, for one batch of tickets at a time.

-- name: lock_tickets
SELECT t.id FROM tickets t WHERE {operators only} AND t.id = ANY(%(tickets)s) ORDER BY t.id FOR UPDATE

-- Both ways: what has no meaning any more, or cannot be made nameless.
-- name: drop_withdrawn
DELETE FROM withdrawn_events WHERE {operators only} AND ticket_id = ANY(%(tickets)s)

-- name: drop_answer_files
DELETE FROM answer_files WHERE {operators only} AND answer_id IN (
    SELECT a.id FROM answers a JOIN answer_tickets w ON w.answer_id = a.id WHERE w.ticket_id = ANY(%(tickets)s)
    UNION SELECT a.id FROM answers a WHERE lower(a.sender) = ANY(%(mails)s)) RETURNING evidence

-- name: drop_undo
DELETE FROM desk_action_tickets WHERE {operators only} AND ticket_id = ANY(%(tickets)s) RETURNING action_id

-- name: drop_actions
DELETE FROM desk_actions a WHERE {operators only} AND a.id = ANY(%(actions)s)
  AND NOT EXISTS (SELECT FROM desk_action_tickets t WHERE t.action_id = a.id)

-- name: drop_alerts
DELETE FROM desk_alerts WHERE {operators only} AND ticket_id = ANY(%(tickets)s)

-- name: drop_rechecks
DELETE FROM rechecks WHERE {operators only} AND (ticket_id = ANY(%(tickets)s) OR customer_id = %(customer)s)

-- name: drop_webhook_messages
DELETE FROM webhook_deliveries WHERE {operators only} AND ticket_id = ANY(%(tickets)s)

-- name: drop_links
DELETE FROM selfhelp_tokens WHERE {operators only} AND (ticket_id = ANY(%(tickets)s) OR customer_id = %(customer)s)

-- name: drop_mutes
DELETE FROM mutes WHERE {operators only} AND (ticket_id = ANY(%(tickets)s) OR customer_id = %(customer)s) RETURNING id::text AS id

-- What was written about a mute or a report that is gone.
-- name: mask_audit_of
UPDATE audit_trail SET reason = '', change = '(removed)' WHERE {operators only} AND object = %(object)s AND object_id = ANY(%(names)s)

-- name: drop_moved
DELETE FROM moved_events WHERE {operators only} AND (source_id = ANY(%(tickets)s) OR into_id = ANY(%(tickets)s))

-- name: drop_merged_keys
DELETE FROM merged_keys WHERE {operators only} AND (merged_from = ANY(%(tickets)s) OR ticket_id = ANY(%(tickets)s))

-- Mails of notices that tell about other tickets, too: their text goes, with what it said about these.
-- name: forget_mail_texts
UPDATE deliveries d SET mail = NULL WHERE {operators only} AND d.mail IS NOT NULL AND d.notice_id IN (
    SELECT nt.notice_id FROM notice_tickets nt WHERE nt.ticket_id = ANY(%(tickets)s))

-- Erasing.
-- name: erase_events
DELETE FROM events WHERE {operators only} AND ticket_id = ANY(%(tickets)s)

-- name: erase_other_events
DELETE FROM events WHERE {operators only} AND ip <<= %(network)s::inet

-- Answers that belong to no other ticket.
-- name: erase_answers
DELETE FROM answers a WHERE {operators only} AND a.id IN (SELECT w.answer_id FROM answer_tickets w WHERE w.ticket_id = ANY(%(tickets)s))
  AND NOT EXISTS (SELECT FROM answer_tickets o WHERE o.answer_id = a.id AND o.ticket_id <> ALL(%(tickets)s))

-- name: erase_notice_tickets
DELETE FROM notice_tickets WHERE {operators only} AND ticket_id = ANY(%(tickets)s) RETURNING notice_id

-- name: erase_notices
DELETE FROM notices n WHERE {operators only} AND n.id = ANY(%(notices)s)
  AND NOT EXISTS (SELECT FROM notice_tickets t WHERE t.notice_id = n.id)

-- name: erase_audit
DELETE FROM audit_trail WHERE {operators only} AND object = 'ticket' AND object_id = ANY(%(names)s)

-- name: erase_tickets
DELETE FROM tickets WHERE {operators only} AND id = ANY(%(tickets)s)

-- Pseudonymising: counts, times, problems and the wider network stay; what says who goes.
-- name: mask_events
UPDATE events SET fingerprint = gen_random_uuid(), ip = network(set_masklen(ip, CASE family(ip) WHEN 4 THEN 24 ELSE 48 END))::inet,
    data = (SELECT coalesce(jsonb_object_agg(f.name, f.value), '{}') FROM jsonb_each(data) AS f (name, value) WHERE f.name = ANY(%(kept_fields)s))
WHERE {operators only} AND ticket_id = ANY(%(tickets)s)

-- name: mask_other_events
UPDATE events SET fingerprint = gen_random_uuid(), ip = network(set_masklen(ip, CASE family(ip) WHEN 4 THEN 24 ELSE 48 END))::inet,
    data = (SELECT coalesce(jsonb_object_agg(f.name, f.value), '{}') FROM jsonb_each(data) AS f (name, value) WHERE f.name = ANY(%(kept_fields)s))
WHERE {operators only} AND ip <<= %(network)s::inet

-- A ticket whose key nobody can make again is closed: nothing more can come to it.
-- name: mask_tickets
UPDATE tickets t SET key = gen_random_uuid(),
    network = w.wider, resource = coalesce(host(w.wider) || '/' || masklen(w.wider), 'erased'),
    customer_id = coalesce(%(pseudonym)s, t.customer_id), state = 'closed', notify_due = NULL, remind_due = NULL, muted_by = NULL,
    state_at = CASE WHEN t.state = 'closed' THEN t.state_at ELSE now() END
FROM (SELECT o.id, CASE WHEN masklen(o.network) > CASE family(o.network) WHEN 4 THEN 24 ELSE 48 END
                        THEN network(set_masklen(o.network::inet, CASE family(o.network) WHEN 4 THEN 24 ELSE 48 END)) ELSE o.network END AS wider
      FROM tickets o WHERE o.id = ANY(%(tickets)s)) w
WHERE {operators only} AND t.id = w.id

-- name: mask_notes
UPDATE notes SET text = '(removed)' WHERE {operators only} AND ticket_id = ANY(%(tickets)s)

-- name: mask_answers
UPDATE answers a SET sender = %(stand_in)s, sender_name = '', subject = '', message_id = '', said = '(removed)', whole_text = '',
    warning = '', report_id = NULL
WHERE {operators only} AND (lower(a.sender) = ANY(%(mails)s)
    OR a.id IN (SELECT w.answer_id FROM answer_tickets w WHERE w.ticket_id = ANY(%(tickets)s)))

-- Words of states stay, sentences with who and what go.
-- name: mask_audit
UPDATE audit_trail SET reason = '', change = CASE WHEN change ~ '^[a-z-]{3,12}( → [a-z-]{3,12})?$' THEN change ELSE '(removed)' END
WHERE {operators only} AND object = 'ticket' AND object_id = ANY(%(names)s)

-- The customer himself.
-- name: erase_customers_notices
DELETE FROM notices WHERE {operators only} AND customer_id = %(customer)s

-- name: erase_customers_days
DELETE FROM daily_customers WHERE {operators only} AND customer_id = %(customer)s

-- name: erase_customer
DELETE FROM customers WHERE {operators only} AND id = %(customer)s

-- name: make_stand_in
INSERT INTO customers (id, name, account_id, seen_at) SELECT %(pseudonym)s, '', c.account_id, c.seen_at FROM customers c
WHERE {operators only} AND c.id = %(customer)s

-- name: mask_customers_notices
UPDATE notices SET customer_id = %(pseudonym)s, reason = '', body = CASE WHEN body = '' THEN '' ELSE '(removed)' END
WHERE {operators only} AND customer_id = %(customer)s RETURNING id

-- name: mask_customers_mails
UPDATE deliveries SET recipient = 'erased-' || id || '@erased.invalid', mail = NULL, answer = '',
    state = CASE WHEN state IN ('waiting', 'in-doubt') THEN 'replaced' ELSE state END
WHERE {operators only} AND notice_id = ANY(%(notices)s)

-- name: mask_customers_days
UPDATE daily_customers SET customer_id = %(pseudonym)s WHERE {operators only} AND customer_id = %(customer)s

-- name: withdraw_notices
UPDATE notices SET state = 'withdrawn' WHERE {operators only} AND customer_id = %(pseudonym)s AND state IN ('held', 'pending')

-- Who changed something about the customer, or looked, stays in the trail, under the number of the erasure.
-- name: rename_in_audit
UPDATE audit_trail SET object_id = %(stand_in)s, reason = '', change = CASE WHEN object = 'privacy' THEN change ELSE '(removed)' END
WHERE {operators only} AND (object = 'customer' AND object_id = %(customer)s
    OR object = 'address' AND object_id = ANY(%(mails)s) OR object = 'privacy' AND object_id = %(subject)s)

-- Mail addresses.
-- name: drop_contacts
DELETE FROM proposed_contacts WHERE {operators only} AND (customer_id = %(customer)s OR lower(address) = ANY(%(mails)s))

-- name: drop_mail_addresses
DELETE FROM mail_addresses WHERE {operators only} AND address = ANY(%(mails)s)

-- name: mask_delivery_news
UPDATE delivery_news SET address = %(stand_in)s, named = '', diagnostic = '' WHERE {operators only} AND address = ANY(%(mails)s)

-- name: mask_deliveries
UPDATE deliveries SET recipient = 'erased-' || id || '@erased.invalid', mail = NULL, answer = '',
    state = CASE WHEN state IN ('waiting', 'in-doubt') THEN 'replaced' ELSE state END
WHERE {operators only} AND lower(recipient) = ANY(%(mails)s)

-- name: drop_answers_of_mails
DELETE FROM answers WHERE {operators only} AND lower(sender) = ANY(%(mails)s)

-- name: mask_reporter_mails
UPDATE reporter_mails SET recipient = 'erased-' || id || '@erased.invalid', subject = '', in_reply_to = '', report_references = '', answer = '',
    state = CASE WHEN state IN ('planned', 'waiting') THEN 'dropped' ELSE state END
WHERE {operators only} AND recipient = ANY(%(mails)s)

-- name: drop_login_failures
DELETE FROM login_failures WHERE {operators only} AND login = ANY(%(mails)s)

-- name: mask_in_notes
UPDATE notes SET text = regexp_replace(text, %(pattern)s, '(erased)', 'gi') WHERE {operators only} AND text ~* %(pattern)s

-- name: mask_in_audit
UPDATE audit_trail SET change = regexp_replace(change, %(pattern)s, '(erased)', 'gi'), reason = regexp_replace(reason, %(pattern)s, '(erased)', 'gi')
WHERE {operators only} AND (change ~* %(pattern)s OR reason ~* %(pattern)s)

-- name: mask_in_answers
UPDATE answers SET said = regexp_replace(said, %(pattern)s, '(erased)', 'gi'), whole_text = regexp_replace(whole_text, %(pattern)s, '(erased)', 'gi')
WHERE {operators only} AND (said ~* %(pattern)s OR whole_text ~* %(pattern)s)

-- name: drop_api_answers
DELETE FROM api_requests WHERE {operators only} AND body IS NOT NULL AND position(convert_to(%(subject)s, 'UTF8') IN body) > 0

-- Reports that are about nobody else.
-- name: drop_reports
DELETE FROM reports WHERE {operators only} AND id = ANY(%(reports)s) AND state NOT IN ('received', 'queued') RETURNING evidence, id::text AS id

-- name: still_named
SELECT evidence FROM reports WHERE {operators only} AND evidence = ANY(%(hashes)s)
UNION SELECT evidence FROM answer_files WHERE evidence = ANY(%(hashes)s)
