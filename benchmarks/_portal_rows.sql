-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- A year of a busy desk: the statements of _portal_rows.py. Chance is a hash of the number, so that each filling is the same.

-- name: accounts
INSERT INTO accounts (id, name, customers_like) VALUES ('acme', 'Acme', '{A%%}')

-- name: customers
INSERT INTO customers (id, name, language, account_id)
SELECT CASE WHEN n %% 10 = 3 THEN 'A' ELSE 'C' END || n, (ARRAY['Meyer', 'Example', 'Novak', 'Garcia', 'Jansen'])[1 + n / 7 %% 5] || ' ' || n,
       (ARRAY['en','de','nl','fr','es'])[1 + n %% 5], CASE WHEN n %% 10 = 3 THEN 'acme' END
FROM generate_series(1, %(customers)s) n

-- name: reports
INSERT INTO reports (evidence, kind, channel, feed, sender, subject, name, size, received_at, state, reader, events)
SELECT md5('a' || n) || md5('b' || n), CASE WHEN n %% 3 = 0 THEN 'feed' ELSE 'mail' END, 'abuse-mail', 'Feed ' || n %% 12,
       'noc' || n %% 300 || '@example.org', 'Case ' || n, 'report', 5000, now() - interval '365 days' * (1 - n::double precision / %(reports)s),
       CASE WHEN n %% 200 = 0 THEN 'unread' WHEN n %% 200 = 1 THEN 'partly' WHEN n %% 50 = 2 THEN 'not-a-report' ELSE 'read' END,
       'reader-' || n %% 40, 50
FROM generate_series(1, %(reports)s) n

-- name: tickets
INSERT INTO tickets (key, customer_id, account_id, resource, network, problem, feed, severity, state, customer_state, event_count, first_seen,
                     last_seen, opened_at, state_at, relapses, notified_at, last_event_id, notified_event_id, close_check, assignee)
SELECT md5(n::text)::uuid, CASE WHEN y.account IS NULL THEN 'C' ELSE 'A' END || y.customer, y.account,
       CASE WHEN a < 20 THEN 'www' || host || '.customer.example.net' ELSE host(y.address) END, CASE WHEN a >= 20 THEN y.address::cidr END,
       (%(problems)s::text[])[1 + b * b / 1000 * 16 / 1000], 'Feed ' || c %% 12, (ARRAY[0, 1, 1, 2, 2, 2, 3, 3, 3, 4])[1 + d %% 10], y.state,
       CASE WHEN c < 20 THEN 'working' WHEN c < 40 THEN 'resolved' WHEN c < 45 THEN 'disputed' ELSE 'open' END,
       x.events, x.begin, x.begin + x.span * (x.events - 1) / x.events, x.begin, x.begin + CASE y.state WHEN 'open' THEN '0'::interval ELSE x.span END,
       CASE WHEN d < 60 THEN 1 ELSE 0 END, CASE WHEN d < 600 THEN x.begin + interval '1 hour' END, 0, 0, now() + interval '10 days',
       CASE WHEN y.state <> 'closed' AND d %% 10 = 0 THEN 'person' || d / 100 END
FROM 
    (SELECT n, abs(hashint8extended(n, 1) %% 1000) AS a, abs(hashint8extended(n, 2) %% 1000) AS b, abs(hashint8extended(n, 3) %% 1000) AS c,
            abs(hashint8extended(n, 4) %% 1000) AS d, 1 + abs(hashint8extended(n, 5) %% greatest(%(tickets)s * 2 / 5, 10)) AS host
     FROM generate_series(%(first)s::bigint, %(last)s) AS n) AS r
, LATERAL (
    SELECT r.events, r.begin, least(r.events * interval '20 hours', now() - r.begin - interval '5 minutes') AS span FROM (
        SELECT CASE WHEN n = %(large)s THEN %(tickets)s / 10 WHEN a < 600 THEN 2 WHEN a < 900 THEN %(average)s ELSE 6 * %(average)s - 2 END AS events,
               now() - interval '365 days' * (1 - n::double precision / %(tickets)s) - interval '1 day' AS begin) AS r) AS x, LATERAL (
    SELECT z.*, CASE WHEN z.customer %% 10 = 3 THEN 'acme' END AS account FROM (
        SELECT CASE WHEN c %% 200 = 7 THEN 1 ELSE 1 + host %% %(customers)s END AS customer,
               CASE WHEN n = %(large)s THEN 'open' WHEN b %% 4 > 0 THEN 'closed' WHEN d < 50 THEN 'escalated' WHEN d < 100 THEN 'ignored'
                    WHEN d < 200 THEN 'resolved' ELSE 'open' END AS state,
               CASE WHEN a < 50 THEN '2001:db8::'::inet + host * 65536 ELSE '10.0.0.0'::inet + host END AS address) AS z) AS y

-- name: events
INSERT INTO events (at, stored_at, fingerprint, report_id, ticket_id, customer_match, ip, port, problem, severity, feed, data)
SELECT x.at, x.at, md5(t.id || '-' || k)::uuid, r.number, t.id, 'one', t.network::inet, 1 + k %% 3, t.problem, t.severity, t.feed,
       jsonb_build_object('source.ip', host(t.network), 'source.port', 1 + k %% 3, 'protocol.transport', 'udp', 'time.source', x.at::text,
       'feed.name', t.feed, 'classification.type', 'vulnerable-system', 'classification.identifier', t.problem, 'source.asn', 64496,
       'source.reverse_dns', 'host-' || t.id || '.example.net', 'event_description.text', 'seen by a sensor', 'extra.tag', 'case-' || k,
       'protocol.application', 'dns', 'customer.source', 'customers.csv')
       || CASE WHEN t.id %% 20 = 0 THEN jsonb_build_object('source.fqdn', 'shop' || t.id || '.example.net') ELSE '{}' END
FROM tickets t CROSS JOIN LATERAL generate_series(1, t.event_count) AS k CROSS JOIN LATERAL (
    SELECT t.first_seen + (t.last_seen - t.first_seen) * ((k - 1)::double precision / greatest(t.event_count - 1, 1)) AS at) AS x
CROSS JOIN LATERAL (
    SELECT greatest(1, least(%(reports)s, 1 + %(reports)s * (1 - extract(epoch FROM %(now)s - x.at) / 31536000)))::bigint AS number) AS r
WHERE t.first_seen < %(now)s - %(until)s * interval '1 day' AND t.last_seen >= %(now)s - %(since)s * interval '1 day'
  AND x.at >= %(now)s - %(since)s * interval '1 day' AND x.at < %(now)s - %(until)s * interval '1 day'
-- as they come: those of a report stand together
ORDER BY x.at

-- name: notices
INSERT INTO notices (customer_id, state, created_at, due_at, reason)
SELECT t.customer_id, 'addressed', t.notified_at, t.notified_at, t.id::text
FROM tickets t
WHERE t.notified_at IS NOT NULL ORDER BY t.id

-- name: notice_tickets
INSERT INTO notice_tickets (notice_id, ticket_id, after_event, through_event, event_count, update_of)
SELECT id, reason::bigint, 0, 0, 2, false
FROM notices

-- name: deliveries
INSERT INTO deliveries (notice_id, recipient, message_id, state, sent_at)
SELECT id, 'contact' || id %% 50000 || '@example.com', '<' || id || '@example.net>', CASE WHEN id %% 1000 = 0 THEN 'failed' ELSE 'sent' END, created_at
FROM notices

-- name: notices_without_mark
UPDATE notices SET reason = ''

-- name: answers
INSERT INTO answers (kind, at, sender, sender_is, subject, tied_by, said, notice_id)
SELECT 'reply', created_at + interval '3 hours', 'contact' || id %% 50000 || '@example.com', 'contact', 'Re: your notice', 'address', 'We look into it.', id
FROM notices
WHERE id %% 20 = 0

-- name: answer_tickets
INSERT INTO answer_tickets (answer_id, ticket_id, unread)
SELECT a.id, nt.ticket_id, a.id %% 10 = 0
FROM answers a
JOIN notice_tickets nt ON nt.notice_id = a.notice_id

-- name: notes
INSERT INTO notes (ticket_id, at, author, public, text)
SELECT id, opened_at + interval '1 day', 'person' || id %% 10, id %% 2 = 0, 'Rang the customer, he looks at it.'
FROM tickets
WHERE id %% 10 = 0

-- name: audit_trail
INSERT INTO audit_trail (at, actor, object, object_id, change, reason)
SELECT at, actor, object, object_id, change, reason
FROM (SELECT state_at AS at, 'timers' AS actor, 'ticket' AS object, id::text AS object_id, 'open → ' || state AS change, 'silence' AS reason
FROM tickets
WHERE state <> 'open'
UNION ALL SELECT opened_at + interval '2 hours', 'person' || id %% 10, 'ticket', id::text, 'assigned to person' || id %% 10, ''
FROM tickets
UNION ALL SELECT received_at + interval '1 minute', 'free-text', 'report', id::text, 'read', ''
FROM reports) AS x ORDER BY at

-- name: mutes_of_customers
INSERT INTO mutes (customer_id, problem, ends_at, reason, author)
SELECT 'C' || n * 10, CASE WHEN n %% 2 = 0 THEN 'spam' END, now() + interval '30 days', 'agreed with the customer', 'person1'
FROM generate_series(1, 60) n

-- name: mutes_of_networks
INSERT INTO mutes (network, feed, ends_at, reason, author)
SELECT ('10.0.' || n || '.0/24')::cidr, CASE WHEN n %% 2 = 0 THEN 'Feed 3' END, now() + interval '30 days', 'a scanner of ours', 'person2'
FROM generate_series(1, 40) n

-- name: alerts
INSERT INTO desk_alerts (kind, ticket_id, text)
SELECT 'escalation', n * 20, 'more than 50 events in a day'
FROM generate_series(1, 300) n

-- name: rule_versions
INSERT INTO rule_versions (author, reason, text)
SELECT 'person1', 'as agreed', repeat('# a line of rules' || chr(10), 200)
FROM generate_series(1, 60)

-- name: rechecks
INSERT INTO rechecks (ticket_id, customer_id, address, port, transport, probe, asked_by, state, verdict, done_at)
SELECT t.id, t.customer_id, t.network::inet, 53, 'udp', 'dns', 'person1', 'done', 'there', now()
FROM tickets t
WHERE t.id %% 50 = 0 AND t.network IS NOT NULL

-- name: mail_addresses
INSERT INTO mail_addresses (address, state, reason)
SELECT 'contact' || n || '@example.com', 'bouncing', 'no such user'
FROM generate_series(1, 500) n

-- The statistics of events as if each ticket were seen on its first and its last day: making them of ten million events takes minutes.
-- name: daily_events
INSERT INTO daily_events (day, problem, severity, feed, customer_match, events)
SELECT (first_seen AT TIME ZONE 'UTC')::date, problem, severity, feed, 'one', sum(event_count) FROM tickets GROUP BY 1, 2, 3, 4

-- name: daily_customers
INSERT INTO daily_customers (day, customer_id, events)
SELECT day, customer_id, sum(events) FROM (
    SELECT (first_seen AT TIME ZONE 'UTC')::date AS day, customer_id, 1 AS events FROM tickets
    UNION ALL SELECT (last_seen AT TIME ZONE 'UTC')::date, customer_id, event_count - 1 FROM tickets) AS seen
GROUP BY day, customer_id

-- name: statistics_made
UPDATE rollup_state SET event_id = (SELECT max(id) FROM events), through = now(), made_at = now()
