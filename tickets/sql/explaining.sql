-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Why an event went where it went: the statements of `tickets/explaining.py`.

-- name: event
SELECT id, at, fingerprint::text, report_id, ticket_id, customer_match, problem, severity, feed, stored_at, data, NULL::timestamptz AS withdrawn_at
FROM events WHERE id = %(event)s
UNION ALL
SELECT event_id, at, fingerprint::text, report_id, ticket_id, NULL, problem, severity, NULL, NULL, data, withdrawn_at
FROM withdrawn_events WHERE event_id = %(event)s LIMIT 1

-- name: report
SELECT id AS report, received_at, kind, channel, name, sender, subject, reader, state, times_received, evidence FROM reports WHERE id = %(report)s

-- name: ticket
SELECT t.id AS ticket, t.key::text, t.customer_id, c.name AS customer_name, t.resource, t.problem, t.severity, t.severity_fixed, t.severity_floor,
       t.state, t.state_at, t.opened_at, t.event_count, t.relapses, t.follows, t.merged_into, t.notified_event_id, t.notified_at, t.notify_due,
       t.muted_by, t.feed
FROM tickets t LEFT JOIN customers c ON c.id = t.customer_id WHERE t.id = %(ticket)s

-- name: relapse
SELECT reason FROM audit_trail
WHERE object = 'ticket' AND object_id = %(ticket)s::text AND change = 'reopened' AND actor = 'intake' AND at = %(stored_at)s

-- name: successors
SELECT k.ticket_id, k.merged_from FROM merged_keys k WHERE k.key = %(key)s::uuid

-- name: notices
SELECT n.id AS notice, n.created_at, n.state, n.reason, d.recipient, d.state AS mail, d.sent_at, d.message_id
FROM notice_tickets t JOIN notices n ON n.id = t.notice_id LEFT JOIN deliveries d ON d.notice_id = n.id
WHERE t.ticket_id = %(ticket)s AND t.after_event < %(event)s AND t.through_event >= %(event)s ORDER BY n.id, d.id

-- name: mute
SELECT id, reason, author, ends_at FROM mutes WHERE id = %(mute)s
