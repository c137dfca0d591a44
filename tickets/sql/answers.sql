-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What comes back: the statements of `tickets/answers/`.

-- name: mails_by_message_id
SELECT message_id, notice_id, id, NULL::bigint FROM deliveries WHERE message_id = ANY(%(ids)s)
UNION ALL
SELECT message_id, NULL, NULL, id FROM reporter_mails WHERE message_id = ANY(%(ids)s)

-- name: delivery_by_number
SELECT notice_id, id FROM deliveries WHERE id = %(number)s

-- name: notice_by_number
SELECT id, (SELECT CASE WHEN count(*) = 1 THEN min(d.id) END FROM deliveries d WHERE d.notice_id = n.id)
FROM notices n WHERE id = %(number)s

-- name: delivery_to
SELECT id FROM deliveries WHERE notice_id = %(notice)s AND lower(recipient) = ANY(%(addresses)s) LIMIT 2

-- name: other_addresses
SELECT host(a) FROM unnest(%(addresses)s::inet[]) AS a
WHERE NOT EXISTS (SELECT FROM tickets t WHERE t.id = ANY(%(tickets)s) AND t.network >>= a)

-- name: who_answers
SELECT n.customer_id,
       EXISTS (SELECT FROM deliveries d JOIN notices o ON o.id = d.notice_id
               WHERE lower(d.recipient) = lower(%(sender)s) AND o.customer_id = n.customer_id)
FROM notices n WHERE n.id = %(notice)s

-- name: answers_today
SELECT count(*) FROM answers WHERE notice_id = %(notice)s AND at > %(at)s - interval '24 hours' AND report_id IS DISTINCT FROM %(report)s

-- name: same_answer
SELECT id FROM answers
WHERE message_id = %(message_id)s AND sender = %(sender)s AND notice_id IS NOT DISTINCT FROM %(notice)s
  AND reporter_mail_id IS NOT DISTINCT FROM %(reporter_mail)s AND report_id <> %(report)s
ORDER BY id LIMIT 1

-- name: lock_report
SELECT EXISTS (SELECT FROM answers WHERE report_id = %(report)s) FROM reports WHERE id = %(report)s FOR NO KEY UPDATE

-- name: keep_answer
INSERT INTO answers (report_id, kind, at, sender, sender_name, sender_is, proven, subject, message_id, tied_by, notice_id,
                     delivery_id, reporter_mail_id, said, whole_text, warning)
VALUES (%(report)s, %(kind)s, %(at)s, %(sender)s, %(sender_name)s, %(sender_is)s, %(proven)s, %(subject)s, %(message_id)s,
        %(tied_by)s, %(notice)s, %(delivery)s, %(reporter_mail)s, %(said)s, %(whole_text)s, %(warning)s)
ON CONFLICT (report_id) DO UPDATE
SET kind = excluded.kind, sender = excluded.sender, sender_name = excluded.sender_name, sender_is = excluded.sender_is,
    proven = answers.proven OR excluded.proven, subject = excluded.subject, message_id = excluded.message_id,
    tied_by = excluded.tied_by, notice_id = excluded.notice_id, delivery_id = excluded.delivery_id,
    reporter_mail_id = excluded.reporter_mail_id, said = excluded.said, whole_text = excluded.whole_text,
    warning = excluded.warning
RETURNING id

-- The tickets of the notice, or of the report that brought a reporter's mail about, and those into which they were merged.
-- name: link_tickets
WITH RECURSIVE meant AS (
    (SELECT ticket_id FROM notice_tickets WHERE notice_id = %(notice)s
     UNION
     SELECT t.ticket_id FROM reporter_mail_tickets t WHERE t.reporter_mail_id = %(reporter_mail)s)
    UNION
    SELECT t.merged_into FROM tickets t JOIN meant m ON m.ticket_id = t.id WHERE t.merged_into IS NOT NULL
)
INSERT INTO answer_tickets (answer_id, ticket_id, unread)
SELECT %(answer)s, t.id, %(unread)s FROM tickets t WHERE t.id IN (SELECT ticket_id FROM meant)
ON CONFLICT (answer_id, ticket_id) DO UPDATE SET unread = answer_tickets.unread AND excluded.unread
RETURNING ticket_id

-- name: unlink_other_tickets
DELETE FROM answer_tickets WHERE answer_id = %(answer)s AND NOT ticket_id = ANY(%(tickets)s)

-- name: forget_files
DELETE FROM answer_files WHERE answer_id = %(answer)s

-- name: forget_news
DELETE FROM delivery_news WHERE answer_id = %(answer)s RETURNING address

-- name: recipient_of
SELECT lower(recipient) FROM deliveries WHERE id = %(delivery)s
UNION ALL
SELECT recipient FROM reporter_mails WHERE id = %(reporter_mail)s

-- Nobody is left who could have got the notice.
-- name: note_no_contact
UPDATE notices SET state = 'no-contact', reason = %(reason)s
WHERE id = %(notice)s AND state = 'addressed' AND NOT EXISTS (
    SELECT FROM deliveries d WHERE d.notice_id = %(notice)s AND d.state NOT IN ('failed', 'replaced')
      AND NOT EXISTS (SELECT FROM delivery_news b WHERE b.delivery_id = d.id AND b.action = 'failed' AND b.weight <> 'none'))
RETURNING id

-- name: alert_desk
INSERT INTO desk_alerts (kind, ticket_id, text)
SELECT 'no-contact', t.id, %(text)s FROM notice_tickets n JOIN tickets t ON t.id = n.ticket_id
WHERE n.notice_id = %(notice)s ORDER BY t.severity DESC, t.id LIMIT 20

-- name: customer_works
UPDATE tickets SET customer_state = 'working'
WHERE id = ANY(%(tickets)s) AND customer_state = 'open' AND state IN ('open', 'escalated') RETURNING id

-- name: address_row
INSERT INTO mail_addresses (address) VALUES (%(address)s) ON CONFLICT (address) DO NOTHING

-- name: lock_address
SELECT state, set_by, cleared_at, reason FROM mail_addresses WHERE address = %(address)s FOR UPDATE

-- Each mail of ours counts once, however many bounces it brought.
-- name: weigh_bounces
SELECT count(DISTINCT mail) FILTER (WHERE weight = 'hard'),
       count(DISTINCT mail) FILTER (WHERE weight = 'soft' AND at > now() - interval '30 days'),
       count(DISTINCT mail), max(at),
       (array_agg(btrim(status || ' ' || diagnostic) ORDER BY weight = 'hard' DESC, at DESC))[1]
FROM (SELECT coalesce(delivery_id, -reporter_mail_id) AS mail, weight, at, status, diagnostic FROM delivery_news
      WHERE address = %(address)s AND action = 'failed' AND weight <> 'none' AND at > %(cleared)s) AS news

-- name: set_address
UPDATE mail_addresses
SET state = %(state)s, reason = %(reason)s, set_by = %(set_by)s, bounces = %(bounces)s, last_bounce = %(last)s,
    cleared_at = %(cleared)s, since = CASE WHEN state = %(state)s THEN since ELSE now() END
WHERE address = %(address)s

-- name: addresses
SELECT address, state, since, bounces, last_bounce AS "last bounce", set_by AS "set by", reason FROM mail_addresses
WHERE (%(state)s IS NULL OR state = %(state)s) AND (%(state)s IS NOT NULL OR state <> 'ok' OR bounces > 0)
ORDER BY since DESC, address LIMIT %(limit)s

-- name: address
SELECT address, state, since, bounces, last_bounce AS "last bounce", set_by AS "set by", reason,
       nullif(cleared_at, 'epoch') AS "cleared" FROM mail_addresses WHERE address = %(address)s

-- name: address_news
SELECT n.at, n.action, n.status, n.weight, n.answer_id AS answer, d.notice_id AS notice, n.named, n.diagnostic
FROM delivery_news n LEFT JOIN deliveries d ON d.id = n.delivery_id
WHERE n.address = %(address)s ORDER BY n.id DESC LIMIT 50

-- name: answers
SELECT a.id AS answer, a.at AS received, a.kind, EXISTS (SELECT FROM answer_tickets t WHERE t.answer_id = a.id AND t.unread) AS unread,
       a.sender, a.sender_is AS "who", a.notice_id AS notice,
       (SELECT min(t.ticket_id) FROM answer_tickets t WHERE t.answer_id = a.id) AS ticket,
       (SELECT count(*) FROM answer_tickets t WHERE t.answer_id = a.id) AS tickets, a.subject
FROM answers a
WHERE (%(kind)s IS NULL OR a.kind = %(kind)s)
  AND (%(ticket)s IS NULL OR a.id IN (SELECT t.answer_id FROM answer_tickets t WHERE t.ticket_id = %(ticket)s))
  AND (NOT %(unread)s OR a.id IN (SELECT t.answer_id FROM answer_tickets t WHERE t.unread))
ORDER BY a.id DESC LIMIT %(limit)s

-- name: answer
SELECT a.id AS answer, a.at AS received, a.kind, a.sender, a.sender_name AS "name", a.sender_is AS "who", a.proven,
       a.subject, a.message_id AS "message id", a.tied_by AS "tied by", a.notice_id AS notice, a.report_id AS report,
       a.warning, a.said
FROM answers a WHERE a.id = %(answer)s

-- name: answer_tickets
SELECT t.ticket_id AS ticket, k.state, k.customer_id AS customer, k.resource, k.problem, t.unread, t.seen_by AS "seen by",
       t.seen_at AS "seen" FROM answer_tickets t JOIN tickets k ON k.id = t.ticket_id
WHERE t.answer_id = %(answer)s ORDER BY t.ticket_id

-- name: answer_files
SELECT number, name, content_type AS type, size, evidence FROM answer_files WHERE answer_id = %(answer)s ORDER BY number

-- name: answer_news
SELECT address, named, action, status, weight, diagnostic FROM delivery_news WHERE answer_id = %(answer)s ORDER BY id

-- name: answers_of_ticket
SELECT a.id AS answer, a.at, a.kind, a.sender AS author, a.sender_name AS "name", a.sender_is AS "who", a.proven, a.subject,
       a.notice_id AS notice, a.report_id AS report, t.unread, a.warning, a.said AS text,
       (SELECT count(*) FROM answer_files f WHERE f.answer_id = a.id) AS files
FROM answer_tickets t JOIN answers a ON a.id = t.answer_id
WHERE t.ticket_id = %(ticket)s ORDER BY a.at, a.id LIMIT %(limit)s

-- name: mark_seen
UPDATE answer_tickets SET unread = false, seen_by = %(who)s, seen_at = now()
WHERE unread AND (answer_id = ANY(%(answers)s) OR ticket_id = ANY(%(tickets)s)) RETURNING answer_id
