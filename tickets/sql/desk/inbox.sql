-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Reports, and those of them that wait for a person. A report may hold several companies' data: for operators only.

-- name: waiting
SELECT r.id, r.received_at, r.kind, r.state, r.sender, coalesce(nullif(r.subject, ''), r.name) AS subject, r.reason, r.reader,
       r.confidence, r.unread_parts, r.events
FROM reports r WHERE {operators only} AND r.state = ANY(%(states)s) AND r.id < %(before)s AND {filters}
ORDER BY r.id DESC LIMIT %(limit)s

-- name: sender
to_tsvector('simple', translate(r.sender, '@.-_+', '     ')) @@ to_tsquery('simple', %(sender)s)

-- name: reader
r.reader = %(reader)s

-- name: counts
SELECT r.state, count(*) AS reports FROM reports r
WHERE {operators only} AND r.state IN ('unread', 'partly', 'received', 'queued') GROUP BY r.state

-- name: report
SELECT r.id, r.evidence, r.kind, r.channel, r.name, r.feed, r.sender, r.subject, r.size, r.received_at, r.times_received,
       r.state, r.state_at, r.reason, r.reader, r.confidence, r.events, r.unread_parts, r.proposal, r.authentication, r.reading
FROM reports r WHERE {operators only} AND r.id = %(report)s

-- name: bad_parts
SELECT p.number, p.part, p.line, p.reason, p.raw FROM unread_parts p
WHERE {operators only} AND p.report_id = %(report)s ORDER BY p.number LIMIT 100

-- The events of a report; by its number, which the BRIN index finds.
-- name: events
SELECT e.id, e.at, host(e.ip) AS ip, e.port, e.problem, e.severity, e.ticket_id, e.customer_match FROM events e
WHERE {operators only} AND e.report_id = %(report)s AND e.stored_at >= %(since)s ORDER BY e.id LIMIT 101

-- name: decisions
SELECT d.at, d.author, d.decision, d.reason FROM report_decisions d
WHERE {operators only} AND d.report_id = %(report)s ORDER BY d.id DESC LIMIT 20

-- name: changes
SELECT a.at, a.actor, a.change, a.reason FROM audit_trail a
WHERE {operators only} AND a.object = 'report' AND a.object_id = %(report)s::text ORDER BY a.id DESC LIMIT 50
