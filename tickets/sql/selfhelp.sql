-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The customer's pages: the statements of `tickets/selfhelp_*.py`. Each one that reads tickets names the customer of the link.

-- name: make
INSERT INTO selfhelp_tokens (token_hash, customer_id, ticket_id, made_for, expires_at, time_zone)
SELECT %(hash)s, c.id, %(ticket)s, %(made_for)s, now() + %(lasts)s::interval, %(time_zone)s FROM customers c
WHERE c.id = %(customer)s AND (%(ticket)s::bigint IS NULL
      OR EXISTS (SELECT FROM tickets t WHERE t.id = %(ticket)s AND t.customer_id = c.id))
RETURNING id

-- A link ends some days after the last ticket behind it was closed. A merged ticket goes on in the one it was merged into.
-- name: open
SELECT s.id, s.customer_id, s.ticket_id, c.name, c.language, coalesce(c.account_id, ''),
       coalesce(nullif(s.time_zone, ''), (SELECT a.time_zone FROM accounts a WHERE a.id = c.account_id), '')
FROM selfhelp_tokens s JOIN customers c ON c.id = s.customer_id
WHERE s.token_hash = %(hash)s AND s.revoked_at IS NULL AND (s.expires_at IS NULL OR s.expires_at > now())
  AND CASE WHEN s.ticket_id IS NULL THEN EXISTS (
          SELECT FROM tickets t WHERE t.customer_id = s.customer_id
          AND (t.state <> 'closed' OR t.state_at > now() - %(after_close)s::interval))
      ELSE EXISTS (
          SELECT FROM tickets t LEFT JOIN tickets m ON m.id = t.merged_into
          WHERE t.id = s.ticket_id
          AND (coalesce(m.state, t.state) <> 'closed' OR coalesce(m.state_at, t.state_at) > now() - %(after_close)s::interval)) END

-- name: revoke
UPDATE selfhelp_tokens SET revoked_at = now()
WHERE revoked_at IS NULL AND (id = %(link)s OR customer_id = %(customer)s) RETURNING id, customer_id

-- name: links
SELECT id, customer_id, ticket_id, made_for, created_at, expires_at, revoked_at, used_at, uses FROM selfhelp_tokens
WHERE (%(customer)s::text IS NULL OR customer_id = %(customer)s) AND (%(all)s OR revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
ORDER BY id DESC LIMIT %(limit)s

-- name: used
UPDATE selfhelp_tokens SET used_at = now(), uses = uses + 1 WHERE id = %(link)s

-- name: drop_old
DELETE FROM selfhelp_tokens WHERE id IN (
    SELECT id FROM selfhelp_tokens WHERE expires_at < now() - interval '30 days' ORDER BY id LIMIT 20000)

-- name: drop_orphans
DELETE FROM answers a WHERE a.tied_by = 'self-help' AND NOT EXISTS (SELECT FROM answer_tickets t WHERE t.answer_id = a.id)

-- name: brand
SELECT name, colour, logo IS NOT NULL, coalesce(md5(logo), ''), texts FROM accounts WHERE id = %(account)s

-- name: logo
SELECT logo, logo_type FROM accounts WHERE id = %(account)s AND logo IS NOT NULL

-- name: account_texts
SELECT texts FROM accounts WHERE id = %(account)s FOR UPDATE

-- name: set_brand
UPDATE accounts SET colour = coalesce(%(colour)s, colour), texts = %(texts)s::jsonb,
       logo = CASE WHEN %(set_logo)s THEN %(logo)s::bytea ELSE logo END,
       logo_type = CASE WHEN %(set_logo)s THEN %(logo_type)s ELSE logo_type END
WHERE id = %(account)s

-- What the desk ignores, the customer hears nothing of.
-- name: open_tickets
SELECT t.id, t.problem, t.resource, t.severity, t.state, t.customer_state, t.first_seen, t.last_seen, t.event_count
FROM tickets t
WHERE t.customer_id = %(customer)s AND t.state IN ('open', 'escalated', 'resolved')
  AND (%(ticket)s::bigint IS NULL OR t.id IN (SELECT coalesce(o.merged_into, o.id) FROM tickets o WHERE o.id = %(ticket)s))
  AND (%(after)s::bigint IS NULL OR (t.state = 'resolved', - t.severity, - t.id) > (
    SELECT a.state = 'resolved', - a.severity, - a.id FROM tickets a WHERE a.id = %(after)s AND a.customer_id = %(customer)s))
ORDER BY t.state = 'resolved', t.severity DESC, t.id DESC LIMIT %(limit)s

-- name: ticket
SELECT t.id, t.problem, t.resource, t.network IS NOT NULL AS is_address, t.severity, t.state, t.state_at, t.customer_state, t.first_seen,
       t.last_seen, t.event_count, t.relapses, t.opened_at, t.merged_into, m.mute_id, m.muted_until,
       coalesce((SELECT mu.author = %(author)s AND mu.ticket_id = t.id FROM mutes mu WHERE mu.id = m.mute_id), false) AS muted_by_customer,
       EXISTS (SELECT FROM rechecks r WHERE r.ticket_id = t.id) AS was_checked
FROM tickets t LEFT JOIN LATERAL mute_of_ticket(t) m ON t.state <> 'closed'
WHERE t.customer_id = %(customer)s AND t.id = %(ticket)s AND t.state <> 'ignored'
  AND (t.state <> 'closed' OR t.state_at > now() - %(after_close)s::interval)
  AND (%(only)s::bigint IS NULL OR t.id IN (SELECT coalesce(o.merged_into, o.id) FROM tickets o WHERE o.id = %(only)s))

-- name: events
SELECT e.id, e.at, host(e.ip) AS ip, e.port, e.data FROM events e
WHERE e.ticket_id = %(ticket)s AND e.id < %(before)s ORDER BY e.id DESC LIMIT %(limit)s

-- What the customer may read of the ticket's history: public notes, mails to him, his own words from these pages, checks.
-- name: history
(SELECT 'note' AS kind, n.at, n.text AS text, '' AS detail FROM notes n
 WHERE n.ticket_id = %(ticket)s AND n.public AND n.withdrawn_at IS NULL ORDER BY n.id DESC LIMIT 50)
UNION ALL
(SELECT 'said', a.at, a.said, a.subject FROM answer_tickets at JOIN answers a ON a.id = at.answer_id
 WHERE at.ticket_id = %(ticket)s AND a.tied_by = 'self-help' ORDER BY a.id DESC LIMIT 50)
UNION ALL
(SELECT CASE n.kind WHEN 'answer' THEN 'answer' ELSE 'notice' END, d.sent_at, n.body, n.kind FROM notice_tickets nt
 JOIN notices n ON n.id = nt.notice_id JOIN LATERAL (SELECT min(d.sent_at) AS sent_at FROM deliveries d WHERE d.notice_id = n.id) d ON true
 WHERE nt.ticket_id = %(ticket)s AND d.sent_at IS NOT NULL ORDER BY n.id DESC LIMIT 50)
ORDER BY 2 DESC

-- name: lock_link
SELECT id FROM selfhelp_tokens WHERE id = %(link)s FOR NO KEY UPDATE

-- name: lately
SELECT count(*), coalesce(bool_or(a.said = %(said)s AND a.subject = %(kind)s AND a.at > now() - interval '10 minutes'
        AND EXISTS (SELECT FROM answer_tickets t WHERE t.answer_id = a.id AND t.ticket_id = ANY(%(tickets)s))), false)
FROM answers a WHERE a.tied_by = 'self-help' AND a.selfhelp_id = %(link)s AND a.at > now() - interval '1 hour'

-- name: say
INSERT INTO answers (kind, at, sender, sender_name, sender_is, proven, subject, tied_by, said, whole_text, selfhelp_id)
VALUES ('reply', now(), %(sender)s, %(sender_name)s, 'contact', false, %(kind)s, 'self-help', %(said)s, '', %(link)s)
RETURNING id

-- name: say_to
INSERT INTO answer_tickets (answer_id, ticket_id, unread) SELECT %(answer)s, unnest(%(tickets)s::bigint[]), true

-- name: tell_desk
INSERT INTO desk_alerts (kind, ticket_id, text) VALUES (%(kind)s, %(ticket)s, %(text)s)

-- name: pauses
SELECT count(*) FROM mutes WHERE ticket_id = %(ticket)s AND author = %(author)s AND created_at > now() - interval '90 days'

-- name: propose
INSERT INTO proposed_contacts (customer_id, ticket_id, selfhelp_id, address, name, phone, language, said)
SELECT %(customer)s, %(ticket)s, %(link)s, %(address)s, %(name)s, %(phone)s, %(language)s, %(said)s
WHERE NOT EXISTS (SELECT FROM proposed_contacts p WHERE p.customer_id = %(customer)s AND lower(p.address) = lower(%(address)s)
                  AND p.state IN ('waiting', 'approved'))
RETURNING id

-- name: proposed_lately
SELECT count(*) FROM proposed_contacts WHERE customer_id = %(customer)s AND (state = 'waiting' OR at > now() - interval '1 day')

-- name: decide
UPDATE proposed_contacts SET state = %(state)s, decided_at = now(), decided_by = %(author)s
WHERE id = %(contact)s AND state <> %(state)s RETURNING customer_id, address

-- name: approved
SELECT customer_id, address, name, language FROM proposed_contacts WHERE state = 'approved' ORDER BY id
