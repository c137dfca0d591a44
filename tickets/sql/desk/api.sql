-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Lists for programs: by keyset, in an order that an index serves, with filters put in by name.

-- Who wants to change it waits for whoever does so now.
-- name: lock
SELECT t.id FROM tickets t WHERE {visible t.customer_id} AND t.id = %(ticket)s FOR NO KEY UPDATE OF t

-- name: reports
SELECT r.id, r.received_at, r.kind, r.channel, r.name, r.feed, r.sender, r.subject, r.size, r.evidence, r.times_received, r.state,
       r.state_at, r.reason, r.reader, r.confidence, r.events, r.unread_parts
FROM reports r WHERE {operators only} AND r.id < %(before)s AND {filters} ORDER BY r.id DESC LIMIT %(limit)s

-- name: report_state
r.state = ANY(%(states)s)

-- name: report_reader
r.reader = %(reader)s

-- name: report_channel
r.channel = %(channel)s

-- name: report_sender
strpos(lower(r.sender), lower(%(sender)s)) > 0

-- name: report_evidence
r.evidence = %(evidence)s

-- name: report_since
r.received_at >= %(since)s

-- name: report_until
r.received_at < %(until)s

-- Events that are nobody's have no ticket; only operators see them.
-- name: events
SELECT e.id, e.at, host(e.ip) AS ip, e.port, e.problem, e.severity, e.feed, e.ticket_id AS ticket, e.report_id AS report,
       e.stored_at, e.customer_match, t.customer_id AS customer, e.data, e.fingerprint::text AS fingerprint
FROM events e LEFT JOIN tickets t ON t.id = e.ticket_id
WHERE {visible t.customer_id} AND e.at >= %(since)s AND e.at < %(until)s AND {filters}
ORDER BY e.at DESC, e.fingerprint DESC LIMIT %(limit)s

-- name: event
SELECT e.id, e.at, host(e.ip) AS ip, e.port, e.problem, e.severity, e.feed, e.ticket_id AS ticket, e.report_id AS report,
       e.stored_at, e.customer_match, t.customer_id AS customer, e.data
FROM events e LEFT JOIN tickets t ON t.id = e.ticket_id
WHERE {visible t.customer_id} AND e.id = %(event)s LIMIT 1

-- name: after_event
(e.at, e.fingerprint) < (%(after_at)s::timestamptz, %(after_fingerprint)s::uuid)

-- name: event_prefix
e.ip <<= %(prefix)s::inet

-- name: event_problem
e.problem = %(problem)s

-- name: event_feed
e.feed = %(feed)s

-- name: event_customer
t.customer_id = %(customer)s

-- name: event_report
e.report_id = %(report)s

-- name: event_match
e.customer_match = %(match)s

-- name: notices
SELECT n.id, n.customer_id AS customer, n.kind, n.state, n.reason, n.created_at, n.due_at, n.author FROM notices n
WHERE {visible n.customer_id} AND n.id < %(before)s AND {filters} ORDER BY n.id DESC LIMIT %(limit)s

-- name: notice_state
n.state = %(state)s

-- name: notice_mail
n.id IN (SELECT d.notice_id FROM deliveries d WHERE d.state = %(mail)s)

-- name: notice_customer
n.customer_id = %(customer)s

-- name: notice_ticket
n.id IN (SELECT nt.notice_id FROM notice_tickets nt WHERE nt.ticket_id = %(ticket)s)

-- name: notice
SELECT n.id, n.customer_id AS customer, n.kind, n.state, n.reason, n.created_at, n.due_at, n.author, n.body FROM notices n
WHERE {visible n.customer_id} AND n.id = %(notice)s

-- name: notice_tickets
SELECT nt.ticket_id AS ticket, nt.kind, nt.event_count AS events FROM notice_tickets nt JOIN notices n ON n.id = nt.notice_id
WHERE {visible n.customer_id} AND nt.notice_id = %(notice)s ORDER BY nt.ticket_id LIMIT 1000

-- name: mails
SELECT d.notice_id AS notice, d.id, d.recipient, d.language, d.state, d.attempts, d.next_try, d.sent_at, d.message_id, d.answer
FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE {visible n.customer_id} AND d.notice_id = ANY(%(notices)s) ORDER BY d.notice_id, d.id

-- name: visible_notices
SELECT n.id FROM notices n WHERE {visible n.customer_id} AND n.id = ANY(%(notices)s) ORDER BY n.id

-- name: customers
SELECT c.id, c.name, c.language, c.account_id AS account, c.seen_at FROM customers c
WHERE {visible c.id} AND c.id > %(after)s AND {filters} ORDER BY c.id LIMIT %(limit)s

-- name: customer_text
(c.id = %(text)s OR search_words(c.id || ' ' || c.name) @@ to_tsquery('simple', %(words)s))

-- name: mutes
SELECT m.id, m.name, m.by_file, m.ticket_id AS ticket, m.network::text AS network, m.customer_id AS customer, m.problem, m.feed,
       m.starts_at, m.ends_at, m.reason, m.author, m.ended_at, m.ended_by
FROM mutes m WHERE {operators only} AND m.id < %(before)s AND {filters} ORDER BY m.id DESC LIMIT %(limit)s

-- name: mute_in_force
m.ended_at IS NULL AND m.ends_at > now()

-- name: mute
SELECT m.id, m.name, m.by_file, m.ticket_id AS ticket, m.network::text AS network, m.customer_id AS customer, m.problem, m.feed,
       m.starts_at, m.ends_at, m.reason, m.author, m.ended_at, m.ended_by
FROM mutes m WHERE {operators only} AND m.id = %(mute)s

-- Mutes of a ticket, which whoever may act on the ticket may end.
-- name: mute_of_ticket
SELECT m.id FROM mutes m JOIN tickets t ON t.id = m.ticket_id WHERE {visible t.customer_id} AND m.id = %(mute)s

-- name: see_alerts
UPDATE desk_alerts SET seen_at = now(), seen_by = %(author)s WHERE {operators only} AND seen_at IS NULL AND id = ANY(%(alerts)s)
