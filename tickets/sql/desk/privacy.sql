-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What is stored about one customer, address or mail address: found, counted, handed out. See tickets/desk/privacy.py.

-- name: customer
SELECT c.id, c.name FROM customers c WHERE {operators only} AND c.id = %(customer)s

-- name: tickets_of_customer
SELECT t.id FROM tickets t WHERE {operators only} AND t.customer_id = %(customer)s ORDER BY t.id

-- name: tickets_of_network
SELECT t.id FROM tickets t WHERE {operators only} AND t.network <<= %(network)s::inet ORDER BY t.id

-- name: tickets_of_mail
SELECT t.id FROM tickets t WHERE {operators only} AND t.network IS NULL AND lower(t.resource) = %(mail)s ORDER BY t.id

-- Addresses to which only this customer's notices went, or that he named himself.
-- name: mails_of_customer
SELECT DISTINCT lower(d.recipient) AS mail FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE {operators only} AND n.customer_id = %(customer)s AND NOT EXISTS (
    SELECT FROM deliveries o JOIN notices m ON m.id = o.notice_id
    WHERE lower(o.recipient) = lower(d.recipient) AND m.customer_id <> %(customer)s)
UNION SELECT lower(p.address) FROM proposed_contacts p
WHERE p.customer_id = %(customer)s AND NOT EXISTS (
    SELECT FROM deliveries o JOIN notices m ON m.id = o.notice_id
    WHERE lower(o.recipient) = lower(p.address) AND m.customer_id <> %(customer)s)
ORDER BY mail

-- name: counts
WITH
  asked_notices AS MATERIALIZED (
    SELECT n.id FROM notices n WHERE n.customer_id = %(customer)s
    UNION SELECT nt.notice_id FROM notice_tickets nt WHERE nt.ticket_id = ANY(%(tickets)s)
    UNION SELECT d.notice_id FROM deliveries d WHERE lower(d.recipient) = ANY(%(mails)s)),
  asked_answers AS MATERIALIZED (
    SELECT a.id, a.report_id FROM answers a WHERE lower(a.sender) = ANY(%(mails)s)
    UNION SELECT a.id, a.report_id FROM answers a JOIN answer_tickets w ON w.answer_id = a.id WHERE w.ticket_id = ANY(%(tickets)s))
SELECT (SELECT count(*) FROM customers WHERE id = %(customer)s) AS customers,
       cardinality(%(tickets)s::bigint[]) AS tickets,
       (SELECT count(*) FROM tickets WHERE id = ANY(%(tickets)s) AND state <> 'closed') AS open_tickets,
       (SELECT count(*) FROM events WHERE ticket_id = ANY(%(tickets)s)) AS events,
       (SELECT count(*) FROM events WHERE %(network)s::inet IS NOT NULL AND ip <<= %(network)s::inet
          AND NOT coalesce(ticket_id = ANY(%(tickets)s), false)) AS other_events,
       (SELECT count(*) FROM withdrawn_events WHERE ticket_id = ANY(%(tickets)s)) AS withdrawn_events,
       (SELECT count(*) FROM notes WHERE ticket_id = ANY(%(tickets)s)) AS notes,
       (SELECT count(*) FROM asked_notices) AS notices,
       (SELECT count(*) FROM deliveries d WHERE d.notice_id IN (SELECT id FROM asked_notices)) AS mails,
       (SELECT count(*) FROM deliveries d WHERE d.notice_id IN (SELECT id FROM asked_notices) AND d.mail IS NOT NULL) AS kept_mails,
       (SELECT count(*) FROM deliveries d WHERE d.notice_id IN (SELECT id FROM asked_notices) AND d.state = 'sending') AS sending,
       (SELECT count(*) FROM asked_answers) AS answers,
       (SELECT count(*) FROM answer_files f WHERE f.answer_id IN (SELECT id FROM asked_answers)) AS answer_files,
       (SELECT count(*) FROM mail_addresses WHERE address = ANY(%(mails)s)) AS mail_addresses,
       (SELECT count(*) FROM proposed_contacts WHERE customer_id = %(customer)s OR lower(address) = ANY(%(mails)s)) AS proposed_contacts,
       (SELECT count(*) FROM selfhelp_tokens WHERE customer_id = %(customer)s OR ticket_id = ANY(%(tickets)s)) AS selfhelp_links,
       (SELECT count(*) FROM rechecks WHERE ticket_id = ANY(%(tickets)s)) AS rechecks,
       (SELECT count(*) FROM mutes WHERE customer_id = %(customer)s OR ticket_id = ANY(%(tickets)s)) AS mutes,
       (SELECT count(*) FROM reporter_mails WHERE recipient = ANY(%(mails)s)) AS reporter_mails,
       (SELECT count(*) FROM reports WHERE lower(sender) = ANY(%(mails)s)) AS reports_sent,
       (SELECT count(*) FROM users WHERE login = ANY(%(mails)s)) AS logins,
       (SELECT count(*) FROM audit_trail WHERE object = 'ticket' AND object_id = ANY(%(tickets)s::text[])
          OR object = 'customer' AND object_id = %(customer)s OR object = 'address' AND object_id = ANY(%(mails)s)) AS audit_lines,
       (SELECT min(first_seen) FROM tickets WHERE id = ANY(%(tickets)s)) AS first_seen,
       (SELECT max(last_seen) FROM tickets WHERE id = ANY(%(tickets)s)) AS last_seen
WHERE {operators only}

-- Reports of which events went into these tickets, or that are answers to them, or that these people sent; `shared`: also
-- with events that are about somebody else. These are looked for about the time of the known ones first: the rest of the
-- store is asked only where there are none. A preview takes it from the number of events: what was told twice counts then, too.
-- name: reports
WITH named AS MATERIALIZED (
    SELECT x.id, min(x.first) - interval '5 minutes' AS first, max(x.last) + interval '5 minutes' AS last, sum(x.own) AS own FROM (
        SELECT e.report_id AS id, min(e.at) AS first, max(e.at) AS last, count(*) AS own FROM events e
        WHERE e.ticket_id = ANY(%(tickets)s) AND e.report_id IS NOT NULL GROUP BY e.report_id
        UNION ALL
        SELECT e.report_id, min(e.at), max(e.at), count(*) FROM events e
        WHERE %(network)s::inet IS NOT NULL AND e.ip <<= %(network)s::inet AND e.report_id IS NOT NULL
          AND NOT coalesce(e.ticket_id = ANY(%(tickets)s), false) GROUP BY e.report_id
        UNION ALL SELECT DISTINCT w.report_id, NULL::timestamptz, NULL::timestamptz, 0 FROM withdrawn_events w WHERE w.ticket_id = ANY(%(tickets)s)
        UNION ALL SELECT a.report_id, NULL, NULL, 0 FROM answers a WHERE lower(a.sender) = ANY(%(mails)s)
        UNION ALL SELECT a.report_id, NULL, NULL, 0 FROM answers a JOIN answer_tickets t ON t.answer_id = a.id WHERE t.ticket_id = ANY(%(tickets)s)
        UNION ALL SELECT r.id, NULL, NULL, 0 FROM reports r WHERE lower(r.sender) = ANY(%(mails)s)) x GROUP BY x.id)
SELECT r.id, r.evidence, r.size, r.state IN ('received', 'queued') AS waits,
       CASE WHEN lower(r.sender) = ANY(%(mails)s) THEN false
            WHEN %(preview)s AND r.events >= n.own THEN r.events > n.own
            WHEN EXISTS (SELECT FROM events e WHERE e.report_id = r.id AND e.at BETWEEN n.first AND n.last
                AND NOT coalesce(e.ticket_id = ANY(%(tickets)s), false) AND NOT coalesce(e.ip <<= %(network)s::inet, false)) THEN true
            ELSE EXISTS (SELECT FROM events e WHERE e.report_id = r.id
                AND NOT coalesce(e.ticket_id = ANY(%(tickets)s), false) AND NOT coalesce(e.ip <<= %(network)s::inet, false))
       END AS shared
FROM reports r JOIN named n ON n.id = r.id WHERE {operators only} AND r.id = ANY(ARRAY(SELECT id FROM named)) ORDER BY r.id

-- name: who_looked
SELECT a.at, a.actor, a.change, a.reason FROM audit_trail a
WHERE {operators only} AND a.object = %(kind)s AND a.object_id = %(subject)s ORDER BY a.id DESC LIMIT 50

-- What is handed out to a person who asks.
-- name: out_customers
SELECT c.id, c.name, c.language, c.seen_at, c.account_id FROM customers c WHERE {operators only} AND c.id = %(customer)s

-- name: out_tickets
SELECT t.id, t.customer_id, t.resource, t.problem, t.severity, t.state, t.customer_state, t.event_count, t.first_seen, t.last_seen,
       t.opened_at, t.state_at FROM tickets t WHERE {operators only} AND t.id = ANY(%(tickets)s) ORDER BY t.id

-- name: out_events
SELECT e.ticket_id, e.at, host(e.ip) AS ip, e.port, e.problem, e.feed, e.data FROM events e
WHERE {operators only} AND (e.ticket_id = ANY(%(tickets)s) OR %(network)s::inet IS NOT NULL AND e.ip <<= %(network)s::inet)
ORDER BY e.id LIMIT 100000

-- name: out_notes
SELECT n.ticket_id, n.at, n.author, n.public, n.text FROM notes n WHERE {operators only} AND n.ticket_id = ANY(%(tickets)s) ORDER BY n.id

-- name: out_mails
SELECT d.notice_id, n.created_at, n.kind, d.recipient, d.state, d.sent_at FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE {operators only} AND d.id IN (
    SELECT c.id FROM notices o JOIN deliveries c ON c.notice_id = o.id WHERE o.customer_id = %(customer)s
    UNION SELECT c.id FROM deliveries c WHERE lower(c.recipient) = ANY(%(mails)s)) ORDER BY d.id

-- name: out_answers
SELECT a.id, a.kind, a.at, a.sender, a.sender_name, a.subject, a.said FROM answers a
WHERE {operators only} AND (lower(a.sender) = ANY(%(mails)s)
  OR a.id IN (SELECT w.answer_id FROM answer_tickets w WHERE w.ticket_id = ANY(%(tickets)s))) ORDER BY a.id

-- name: out_contacts
SELECT p.at, p.address, p.name, p.phone, p.said, p.state FROM proposed_contacts p
WHERE {operators only} AND (p.customer_id = %(customer)s OR lower(p.address) = ANY(%(mails)s)) ORDER BY p.id
