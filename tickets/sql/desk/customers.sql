-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Customers and networks.

-- Who stands in the newest tickets most often: bounded, whatever the number of tickets.
-- name: repeat_offenders
SELECT t.customer_id AS id, c.name, c.account_id, count(*) AS tickets, count(*) FILTER (WHERE t.state <> 'closed') AS open,
       sum(t.relapses)::bigint AS relapses, max(t.severity) AS severity, max(t.last_seen) AS last_seen
FROM (SELECT t.customer_id, t.state, t.relapses, t.severity, t.last_seen FROM tickets t
      WHERE {visible t.account_id} ORDER BY t.id DESC LIMIT 5000) t
JOIN customers c ON c.id = t.customer_id
GROUP BY t.customer_id, c.name, c.account_id ORDER BY tickets DESC, t.customer_id LIMIT 60

-- name: search
SELECT c.id, c.name, c.account_id, c.seen_at FROM customers c
WHERE {visible c.id} AND (c.id = %(text)s OR search_words(c.id || ' ' || c.name) @@ to_tsquery('simple', %(words)s))
ORDER BY (c.id = %(text)s) DESC, c.name LIMIT 100

-- name: customer
SELECT c.id, c.name, c.language, c.seen_at, c.account_id, a.name AS account_name
FROM customers c LEFT JOIN accounts a ON a.id = c.account_id WHERE {visible c.id} AND c.id = %(customer)s

-- name: counts
SELECT t.state, count(*) AS tickets, sum(t.event_count)::bigint AS events, sum(t.relapses)::bigint AS relapses
FROM tickets t WHERE {visible t.account_id} AND t.customer_id = %(customer)s GROUP BY t.state

-- name: tickets
SELECT t.id, t.state, t.severity, t.problem, t.resource, t.event_count, t.first_seen, t.last_seen, t.relapses
FROM tickets t WHERE {visible t.account_id} AND t.customer_id = %(customer)s ORDER BY t.id DESC LIMIT 50

-- name: days
SELECT d.day, d.events FROM daily_customers d
WHERE {visible d.customer_id} AND d.customer_id = %(customer)s ORDER BY d.day DESC LIMIT 60

-- name: notices
SELECT n.id, n.created_at, n.state, n.kind, n.reason, d.recipient, d.state AS delivery, d.sent_at, d.answer
FROM notices n LEFT JOIN deliveries d ON d.notice_id = n.id
WHERE {visible n.customer_id} AND n.customer_id = %(customer)s ORDER BY n.id DESC LIMIT 30

-- name: addresses
SELECT m.address, m.state, m.since, m.reason, m.bounces FROM mail_addresses m
WHERE m.address = ANY(%(addresses)s) AND EXISTS (
    SELECT FROM customers c WHERE {visible c.id} AND c.id = %(customer)s)

-- name: in_network
SELECT t.customer_id AS id, c.name, count(*) AS tickets, count(*) FILTER (WHERE t.state <> 'closed') AS open,
       min(t.first_seen) AS first_seen, max(t.last_seen) AS last_seen
FROM (SELECT t.customer_id, t.state, t.first_seen, t.last_seen FROM tickets t
      WHERE {visible t.account_id} AND t.network <<= %(prefix)s::inet LIMIT 5000) t
JOIN customers c ON c.id = t.customer_id GROUP BY t.customer_id, c.name ORDER BY tickets DESC LIMIT 60

-- name: problems_in_network
SELECT t.problem, count(*) AS tickets, count(*) FILTER (WHERE t.state <> 'closed') AS open, sum(t.event_count)::bigint AS events
FROM (SELECT t.problem, t.state, t.event_count FROM tickets t
      WHERE {visible t.account_id} AND t.network <<= %(prefix)s::inet LIMIT 5000) t
GROUP BY t.problem ORDER BY tickets DESC LIMIT 60
