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

-- Pages by key: severity and number do not change when events come in, so that no page skips or repeats a ticket.
-- name: tickets
SELECT t.id AS ticket, t.state, t.severity, t.problem, t.resource, t.customer_id AS customer, c.name, t.event_count AS events,
       t.first_seen AS "first seen", t.last_seen AS "last seen", t.notified_at AS notified, t.assignee, m.muted_until AS "muted until"
FROM (
    SELECT t.id FROM tickets t
    WHERE CASE WHEN %(state)s IS NULL THEN t.state <> 'closed' WHEN %(state)s = 'all' THEN true ELSE t.state = %(state)s END
      AND (%(customer)s IS NULL OR t.customer_id = %(customer)s)
      AND (%(problem)s IS NULL OR t.problem = %(problem)s)
      AND (%(least)s IS NULL OR t.severity >= %(least)s)
      AND (%(assignee)s IS NULL OR t.assignee = %(assignee)s)
      AND (%(prefix)s IS NULL OR t.network <<= %(prefix)s::cidr)
      AND (%(opened_before)s IS NULL OR t.opened_at < %(opened_before)s)
      AND (%(seen_after)s IS NULL OR t.last_seen >= %(seen_after)s)
      AND (%(feed)s IS NULL OR EXISTS (SELECT FROM events e WHERE e.ticket_id = t.id AND e.feed = %(feed)s))
      AND (%(after)s IS NULL OR (t.severity, t.id) < (%(after_severity)s, %(after)s))
    ORDER BY t.severity DESC, t.id DESC LIMIT %(limit)s) AS page
JOIN tickets t USING (id) JOIN customers c ON c.id = t.customer_id
LEFT JOIN LATERAL mute_of_ticket(t) m ON true
ORDER BY t.severity DESC, t.id DESC

-- name: ticket
SELECT t.id AS ticket, t.state, t.customer_state AS "customer says", t.severity, t.problem, t.resource, t.customer_id AS customer,
       c.name, t.event_count AS events, t.first_seen AS "first seen", t.last_seen AS "last seen", t.relapses,
       t.opened_at AS opened, t.assignee, nullif(t.escalated_by, '') AS "escalated by", t.merged_into AS "merged into",
       (SELECT nullif(count(*), 0) FROM answer_tickets a WHERE a.ticket_id = t.id AND a.unread) AS "unread answers",
       t.notified_at AS notified, t.notify_due AS "notice due", m.mute_id AS "muted by", m.muted_until AS "muted until",
       m.mute_reason AS "muted because"
FROM tickets t JOIN customers c ON c.id = t.customer_id LEFT JOIN LATERAL mute_of_ticket(t) m ON true WHERE t.id = %(number)s

-- name: ticket_notes
SELECT id AS note, at, author, CASE WHEN public THEN 'public' ELSE 'internal' END AS kind, text
FROM notes WHERE ticket_id = %(number)s AND withdrawn_at IS NULL ORDER BY id

-- name: ticket_links
SELECT CASE WHEN ticket_id = %(number)s THEN other_id ELSE ticket_id END AS ticket,
       CASE kind WHEN 'merged' THEN CASE WHEN ticket_id = %(number)s THEN 'went into it' ELSE 'came out of it' END
                 WHEN 'split' THEN CASE WHEN ticket_id = %(number)s THEN 'was cut out of it' ELSE 'cut out' END
                 ELSE kind END AS relation, author, at
FROM ticket_links WHERE ticket_id = %(number)s OR other_id = %(number)s ORDER BY at

-- What happened to a ticket, in the order of time; its events a day each.
-- name: timeline
SELECT * FROM (
    SELECT opened_at AS at, 'intake' AS who, 'opened' AS what, '' AS why FROM tickets WHERE id = %(number)s
    UNION ALL
    SELECT at, actor, change, reason FROM audit_trail WHERE object = 'ticket' AND object_id = %(number)s::text
    UNION ALL
    SELECT at, author, CASE WHEN public THEN 'public note' ELSE 'note' END, text FROM notes
    WHERE ticket_id = %(number)s AND withdrawn_at IS NULL
    UNION ALL
    (SELECT max(e.at), string_agg(DISTINCT e.feed, ', '), count(*) || ' event(s) seen', to_char(min(e.at), 'YYYY-MM-DD')
     FROM events e WHERE e.ticket_id = %(number)s GROUP BY date_trunc('day', e.at) ORDER BY 1 DESC LIMIT 60)
    UNION ALL
    SELECT n.created_at, 'notices', 'notice ' || n.id || ' prepared (' || n.kind || ')', n.reason
    FROM notice_tickets nt JOIN notices n ON n.id = nt.notice_id WHERE nt.ticket_id = %(number)s
    UNION ALL
    SELECT coalesce(d.sent_at, d.next_try), 'notices', 'mail to ' || d.recipient || ': ' || d.state, d.answer
    FROM notice_tickets nt JOIN deliveries d ON d.notice_id = nt.notice_id
    WHERE nt.ticket_id = %(number)s AND d.state NOT IN ('waiting', 'sending')
    UNION ALL
    SELECT a.at, a.sender,
           a.kind || CASE a.sender_is WHEN 'stranger' THEN ' by a stranger' ELSE '' END || CASE WHEN at.unread THEN ' (unread)' ELSE '' END,
           a.said || CASE a.warning WHEN '' THEN '' ELSE ' [' || a.warning || ']' END
    FROM answer_tickets at JOIN answers a ON a.id = at.answer_id WHERE at.ticket_id = %(number)s
) AS happened ORDER BY at, what

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

-- Where a list by age begins and ends: numbers grow with the time of opening but for what was opened at the same moment, so
-- those of a thousand neighbours tell. Parts that were split off have a later number and the time of what they were part of.
-- name: older_numbers
SELECT 0, (SELECT coalesce(max(n.id), 0) FROM (
    SELECT t.id FROM tickets t WHERE t.opened_at < now() - %(days)s * interval '1 day' AND NOT EXISTS (
        SELECT FROM ticket_links l WHERE l.ticket_id = t.id AND l.kind = 'split')
    ORDER BY t.opened_at DESC LIMIT 1000) n)

-- name: newer_numbers
SELECT (SELECT coalesce(min(n.id), 9223372036854775807) FROM (
    SELECT t.id FROM tickets t WHERE t.opened_at >= now() - %(days)s * interval '1 day' ORDER BY t.opened_at LIMIT 1000) n),
    9223372036854775807

-- name: split_off_later
SELECT l.ticket_id FROM ticket_links l WHERE l.kind = 'split' AND l.ticket_id > %(last)s
