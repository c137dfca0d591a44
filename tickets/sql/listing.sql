-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What the commands show; column names are what people read.

-- name: reports
SELECT id AS report, received_at AS received, kind, state, events, unread_parts AS "not read", reader, sender,
       coalesce(nullif(subject, ''), name) AS subject, reason
FROM reports
WHERE (%(state)s IS NULL OR state = %(state)s) AND (%(channel)s IS NULL OR channel = %(channel)s)
  AND (%(reader)s IS NULL OR reader = %(reader)s)
  AND (%(since)s IS NULL OR received_at >= %(since)s) AND (%(until)s IS NULL OR received_at < %(until)s)
ORDER BY id DESC LIMIT %(limit)s

-- name: report
SELECT id AS report, received_at AS received, times_received AS times, kind, channel, name, feed, sender, subject, size,
       state, state_at AS since, reason, reader, reading, confidence, events, unread_parts AS "not read", evidence,
       authentication, proposal
FROM reports WHERE id = %(number)s

-- name: unread_parts
SELECT number, part, line, reason, raw FROM unread_parts WHERE report_id = %(number)s ORDER BY number

-- name: report_events
SELECT id AS event, at, host(ip) AS ip, port, problem, severity, ticket_id AS ticket, customer_match AS customer
FROM events WHERE report_id = %(number)s ORDER BY id LIMIT 100

-- name: tickets
SELECT t.id AS ticket, t.state, t.severity, t.problem, t.resource, t.customer_id AS customer, c.name, t.event_count AS events,
       t.first_seen AS "first seen", t.last_seen AS "last seen", t.notified_at AS notified
FROM tickets t JOIN customers c ON c.id = t.customer_id
WHERE CASE WHEN %(state)s IS NULL THEN t.state <> 'closed' ELSE t.state = %(state)s END
  AND (%(customer)s IS NULL OR t.customer_id = %(customer)s)
ORDER BY t.severity DESC, t.last_seen DESC, t.id LIMIT %(limit)s

-- name: ticket
SELECT t.id AS ticket, t.state, t.customer_state AS "customer says", t.severity, t.problem, t.resource, t.customer_id AS customer,
       c.name, t.event_count AS events, t.first_seen AS "first seen", t.last_seen AS "last seen", t.relapses,
       t.opened_at AS opened, t.notified_at AS notified, t.notify_due AS "notice due"
FROM tickets t JOIN customers c ON c.id = t.customer_id WHERE t.id = %(number)s

-- name: ticket_events
SELECT e.id AS event, e.at, host(e.ip) AS ip, e.port, e.feed, e.severity, e.report_id AS report,
       e.data ->> 'report.line' AS line, e.data ->> 'report.reader' AS reader
FROM events e WHERE e.ticket_id = %(number)s ORDER BY e.id DESC LIMIT 50

-- name: ticket_notices
SELECT n.id AS notice, d.recipient, d.state, d.sent_at AS sent, d.message_id AS "message id", d.answer
FROM notice_tickets nt JOIN notices n ON n.id = nt.notice_id LEFT JOIN deliveries d ON d.notice_id = n.id
WHERE nt.ticket_id = %(number)s ORDER BY n.id, d.id

-- name: changes
SELECT at, actor, change, reason FROM audit_trail WHERE object = %(object)s AND object_id = %(number)s ORDER BY id

-- name: deliveries
SELECT d.notice_id AS notice, n.customer_id AS customer, d.recipient, d.state, d.attempts, d.sent_at AS sent,
       d.message_id AS "message id", d.answer
FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE %(state)s IS NULL OR d.state = %(state)s ORDER BY d.id DESC LIMIT %(limit)s
