-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What the messages of webhooks say; limited to the webhook's account as the desk's pages are to a person's.

-- name: tickets
SELECT t.id, t.state, t.customer_state, t.severity, t.problem, t.resource, t.customer_id, c.name AS customer_name, t.event_count,
       t.first_seen, t.last_seen, t.opened_at, t.relapses, t.assignee, t.merged_into
FROM tickets t JOIN customers c ON c.id = t.customer_id WHERE {visible t.customer_id} AND t.id = ANY(%(tickets)s)

-- name: notices
SELECT n.id, n.kind, n.customer_id, c.name AS customer_name, n.created_at,
       (SELECT array_agg(nt.ticket_id ORDER BY nt.ticket_id) FROM notice_tickets nt WHERE nt.notice_id = n.id) AS tickets
FROM notices n JOIN customers c ON c.id = n.customer_id WHERE {visible n.customer_id} AND n.id = ANY(%(notices)s)

-- name: answers
SELECT DISTINCT ON (a.id) a.id, a.at, a.kind, a.sender, a.subject, a.said, a.proven
FROM answers a JOIN answer_tickets at ON at.answer_id = a.id JOIN tickets t ON t.id = at.ticket_id
WHERE {visible t.customer_id} AND a.id = ANY(%(answers)s) ORDER BY a.id
