-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- One ticket with all that is told of it.

-- name: ticket
SELECT t.id, t.state, t.state_at, t.customer_state, t.severity, t.severity_fixed, t.problem, t.resource, t.network,
       t.customer_id, c.name AS customer_name, c.language AS customer_language, c.account_id, t.event_count, t.first_seen, t.last_seen,
       t.opened_at, t.relapses, t.notified_at, t.notify_due, t.last_event_id, t.notified_event_id, t.assignee, t.escalated_at,
       t.escalated_by, t.merged_into, m.mute_id, m.muted_until, m.mute_reason
FROM tickets t JOIN customers c ON c.id = t.customer_id LEFT JOIN LATERAL mute_of_ticket(t) m ON true
WHERE {visible t.account_id} AND t.id = %(ticket)s

-- name: events
SELECT e.id, e.at, host(e.ip) AS ip, e.port, e.feed, e.severity, e.report_id, e.problem, e.data
FROM events e JOIN tickets t ON t.id = e.ticket_id
WHERE {visible t.account_id} AND e.ticket_id = %(ticket)s AND e.id < %(before)s
ORDER BY e.id DESC LIMIT %(limit)s

-- Of the newest events what days, parts and reports are counted from: one walk through the months instead of five.
-- name: newest
SELECT (e.at AT TIME ZONE %(zone)s)::date AS day, host(e.ip) AS ip, e.port, e.feed, e.report_id
FROM events e JOIN tickets t ON t.id = e.ticket_id
WHERE {visible t.account_id} AND e.ticket_id = %(ticket)s ORDER BY e.id DESC LIMIT 3000

-- name: reports
SELECT r.id, r.received_at, r.kind, r.sender, coalesce(nullif(r.subject, ''), r.name) AS subject, r.reader, r.feed
FROM reports r WHERE {operators only} AND r.id = ANY(%(reports)s) ORDER BY r.id DESC

-- name: notices
SELECT n.id, n.created_at, n.state, n.reason, n.kind, n.author, n.body, d.id AS delivery_id, d.recipient, d.state AS delivery, d.sent_at, d.answer
FROM notice_tickets nt JOIN notices n ON n.id = nt.notice_id LEFT JOIN deliveries d ON d.notice_id = n.id
WHERE {visible n.customer_id} AND nt.ticket_id = %(ticket)s ORDER BY n.id DESC, d.id LIMIT 100

-- name: answers
SELECT a.id, a.at, a.kind, a.sender, a.sender_name, a.sender_is, a.proven, a.subject, a.said, a.warning, at.unread, a.report_id,
       (SELECT jsonb_agg(jsonb_build_object('number', f.number, 'name', f.name, 'size', f.size) ORDER BY f.number)
        FROM answer_files f WHERE f.answer_id = a.id) AS files
FROM answer_tickets at JOIN answers a ON a.id = at.answer_id JOIN tickets t ON t.id = at.ticket_id
WHERE {visible t.account_id} AND at.ticket_id = %(ticket)s ORDER BY a.id DESC LIMIT 100

-- name: answer_file
SELECT f.name, f.content_type, f.evidence FROM answer_files f
JOIN answer_tickets at ON at.answer_id = f.answer_id JOIN tickets t ON t.id = at.ticket_id
WHERE {visible t.account_id} AND at.ticket_id = %(ticket)s AND f.answer_id = %(answer)s AND f.number = %(number)s

-- name: notes
SELECT n.id, n.at, n.author, n.public, n.text, n.withdrawn_at FROM notes n JOIN tickets t ON t.id = n.ticket_id
WHERE {visible t.account_id} AND n.ticket_id = %(ticket)s ORDER BY n.id DESC LIMIT 200

-- name: changes
SELECT a.at, a.actor, a.change, a.reason FROM audit_trail a JOIN tickets t ON t.id = %(ticket)s
WHERE {visible t.account_id} AND a.object = 'ticket' AND a.object_id = %(ticket)s::text ORDER BY a.id DESC LIMIT 200

-- name: links
SELECT l.kind, l.at, l.author, l.ticket_id, l.other_id FROM ticket_links l JOIN tickets t ON t.id = %(ticket)s
WHERE {visible t.account_id} AND (l.ticket_id = %(ticket)s OR l.other_id = %(ticket)s) ORDER BY l.at DESC LIMIT 100

-- name: alerts
SELECT d.id, d.at, d.kind, d.text, d.seen_at FROM desk_alerts d JOIN tickets t ON t.id = d.ticket_id
WHERE {visible t.account_id} AND d.ticket_id = %(ticket)s ORDER BY d.id DESC LIMIT 50

-- name: siblings
SELECT t.id, t.state, t.severity, t.problem, t.resource, t.event_count, t.last_seen FROM tickets t
WHERE {visible t.account_id} AND t.customer_id = %(customer)s AND t.id <> %(ticket)s
ORDER BY t.id DESC LIMIT 8

-- name: same_resource
SELECT t.id, t.state, t.severity, t.problem, t.resource, t.event_count, t.last_seen, t.customer_id FROM tickets t
WHERE {visible t.account_id} AND t.network = %(network)s::cidr AND t.id <> %(ticket)s ORDER BY t.id DESC LIMIT 8

-- name: last_action
SELECT d.id, d.verb, d.author, d.at FROM desk_actions d JOIN desk_action_tickets dt ON dt.action_id = d.id
JOIN tickets t ON t.id = dt.ticket_id
WHERE {visible t.account_id} AND dt.ticket_id = %(ticket)s AND d.undone_at IS NULL ORDER BY d.id DESC LIMIT 1

-- name: answers_seen
UPDATE answer_tickets at SET unread = false, seen_by = %(author)s, seen_at = now()
FROM tickets t WHERE t.id = at.ticket_id AND {visible t.account_id} AND at.ticket_id = %(ticket)s AND at.unread

-- Who can have this ticket in hand: those who may see it and may act.
-- name: people
SELECT u.login, u.name FROM users u, tickets t
WHERE {visible t.account_id} AND t.id = %(ticket)s AND u.disabled_at IS NULL AND u.role IN ('admin', 'desk', 'tenant')
  AND (u.account_id IS NULL OR u.account_id = (SELECT c.account_id FROM customers c WHERE c.id = t.customer_id))
ORDER BY u.login LIMIT 200

-- Null stands for a ticket that may not be seen.
-- name: tickets_of_action
SELECT CASE WHEN {visible t.account_id} THEN t.id END AS ticket_id
FROM desk_action_tickets d JOIN tickets t ON t.id = d.ticket_id WHERE d.action_id = %(action)s
