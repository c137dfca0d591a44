-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The list of tickets: one page by keyset, in one of two orders, with any filters; then what is shown of its tickets.
-- Conditions below are put in by name.

-- name: worst_first
SELECT t.id FROM tickets t WHERE {visible t.account_id} AND {filters} ORDER BY t.severity DESC, t.id DESC LIMIT %(limit)s

-- name: worst_first_back
SELECT t.id FROM tickets t WHERE {visible t.account_id} AND {filters} ORDER BY t.severity, t.id LIMIT %(limit)s

-- name: newest_first
SELECT t.id FROM tickets t WHERE {visible t.account_id} AND {filters} ORDER BY t.id DESC LIMIT %(limit)s

-- name: newest_first_back
SELECT t.id FROM tickets t WHERE {visible t.account_id} AND {filters} ORDER BY t.id LIMIT %(limit)s

-- Each severity from its own part of the index: an age cuts off a part of that.
-- name: worst_first_by_age
SELECT f.id FROM (VALUES (4::smallint), (3::smallint), (2::smallint), (1::smallint), (0::smallint)) AS s (severity)
CROSS JOIN LATERAL (
    (SELECT t.id FROM tickets t
     WHERE t.severity = s.severity AND t.id BETWEEN %(first)s AND %(last)s AND {visible t.account_id} AND {filters}
     ORDER BY t.id DESC LIMIT %(limit)s)
    UNION ALL
    SELECT t.id FROM tickets t WHERE t.id = ANY(%(apart)s) AND t.severity = s.severity AND {visible t.account_id} AND {filters}) f
ORDER BY s.severity DESC, f.id DESC LIMIT %(limit)s

-- name: worst_first_by_age_back
SELECT f.id FROM (VALUES (4::smallint), (3::smallint), (2::smallint), (1::smallint), (0::smallint)) AS s (severity)
CROSS JOIN LATERAL (
    (SELECT t.id FROM tickets t
     WHERE t.severity = s.severity AND t.id BETWEEN %(first)s AND %(last)s AND {visible t.account_id} AND {filters}
     ORDER BY t.id LIMIT %(limit)s)
    UNION ALL
    SELECT t.id FROM tickets t WHERE t.id = ANY(%(apart)s) AND t.severity = s.severity AND {visible t.account_id} AND {filters}) f
ORDER BY s.severity, f.id LIMIT %(limit)s

-- name: newest_first_by_age
SELECT f.id FROM (
    (SELECT t.id FROM tickets t WHERE t.id BETWEEN %(first)s AND %(last)s AND {visible t.account_id} AND {filters}
     ORDER BY t.id DESC LIMIT %(limit)s)
    UNION ALL
    SELECT t.id FROM tickets t WHERE t.id = ANY(%(apart)s) AND {visible t.account_id} AND {filters}) f
ORDER BY f.id DESC LIMIT %(limit)s

-- name: newest_first_by_age_back
SELECT f.id FROM (
    (SELECT t.id FROM tickets t WHERE t.id BETWEEN %(first)s AND %(last)s AND {visible t.account_id} AND {filters}
     ORDER BY t.id LIMIT %(limit)s)
    UNION ALL
    SELECT t.id FROM tickets t WHERE t.id = ANY(%(apart)s) AND {visible t.account_id} AND {filters}) f
ORDER BY f.id LIMIT %(limit)s

-- name: shown
SELECT t.id, t.state, t.customer_state, t.severity, t.problem, t.resource, t.customer_id, c.name AS customer_name,
       t.event_count, t.first_seen, t.last_seen, t.opened_at, t.relapses, t.notified_at, t.notify_due, t.assignee,
       m.muted_until, m.mute_reason,
       EXISTS (SELECT FROM answer_tickets a WHERE a.ticket_id = t.id AND a.unread) AS unread_answer
FROM unnest(%(tickets)s::bigint[]) WITH ORDINALITY AS wanted (id, place)
JOIN tickets t ON t.id = wanted.id JOIN customers c ON c.id = t.customer_id
-- OFFSET: else the planner asks for the mutes of closed tickets, too, and leaves them out afterwards
LEFT JOIN LATERAL (SELECT * FROM mute_of_ticket(t) WHERE t.state <> 'closed' OFFSET 0) m ON true
WHERE {visible t.account_id} ORDER BY wanted.place

-- name: after_worst
(t.severity, t.id) < (%(after_severity)s, %(after_id)s)

-- name: before_worst
(t.severity, t.id) > (%(after_severity)s, %(after_id)s)

-- name: after_newest
t.id < %(after_id)s

-- name: before_newest
t.id > %(after_id)s

-- name: after_worst_by_age
s.severity <= %(after_severity)s AND t.id < CASE WHEN s.severity = %(after_severity)s THEN %(after_id)s ELSE 9223372036854775807 END

-- name: before_worst_by_age
s.severity >= %(after_severity)s AND t.id > CASE WHEN s.severity = %(after_severity)s THEN %(after_id)s ELSE 0 END

-- name: not_closed
t.state <> 'closed'

-- name: state
t.state = ANY(%(states)s)

-- name: only_done
t.state <> 'open'

-- An index of one problem is in the order of the list, one of several is not.
-- name: one_problem
t.problem = %(problem)s

-- name: problem
t.problem = ANY(%(problems)s)

-- name: severity
t.severity >= %(severity)s

-- name: customer
t.customer_id = %(customer)s

-- name: prefix
t.network <<= %(prefix)s::inet

-- name: feed
t.feed = %(feed)s

-- name: older
t.opened_at < now() - %(older)s * interval '1 day'

-- name: newer
t.opened_at >= now() - %(newer)s * interval '1 day'

-- name: disputed
t.customer_state = %(customer_says)s

-- name: assignee
t.assignee = %(assignee)s

-- name: nobody
t.assignee IS NULL

-- name: unread
t.id IN (SELECT a.ticket_id FROM answer_tickets a WHERE a.unread)

-- name: number
t.id = %(number)s

-- name: found
(t.id = ANY(%(found_tickets)s) OR t.customer_id = ANY(%(found_customers)s))

-- Words that very many have are asked of each ticket in the order of the list instead: the first fifty are soon there. By the
-- function's name, because the planner takes the operator for something that nearly no ticket fits, and reads them all.
-- name: found_among_many
(t.id = ANY(%(found_tickets)s) OR t.customer_id = ANY(%(found_customers)s)
 OR %(many_tickets_by_text)s AND t.network IS NULL AND ts_match_vq(search_words(t.resource), to_tsquery('simple', %(words)s))
 OR %(many_customers_by_text)s AND t.customer_id IN (
    SELECT c.id FROM customers c WHERE search_words(c.id || ' ' || c.name) @@ to_tsquery('simple', %(words)s))
 OR %(many_tickets_by_note)s AND t.id IN (
    SELECT n.ticket_id FROM notes n WHERE n.withdrawn_at IS NULL AND search_words(n.text) @@ to_tsquery('simple', %(words)s))
 OR %(many_tickets_by_answer)s AND t.id IN (
    SELECT at.ticket_id FROM answers a JOIN answer_tickets at ON at.answer_id = a.id
    WHERE search_words(a.subject || ' ' || left(a.said, 100000)) @@ to_tsquery('simple', %(words)s)))

-- name: customers_by_text
SELECT c.id FROM customers c
WHERE {visible c.id} AND search_words(c.id || ' ' || c.name) @@ to_tsquery('simple', %(words)s) LIMIT %(limit)s

-- name: tickets_by_text
SELECT t.id FROM tickets t
WHERE {visible t.account_id} AND t.network IS NULL
  AND to_tsvector('simple', translate(t.resource, './:-_', '     ')) @@ to_tsquery('simple', %(words)s)
LIMIT %(limit)s

-- What a person wrote about a ticket, or a customer answered.
-- name: tickets_by_note
SELECT DISTINCT t.id FROM notes n JOIN tickets t ON t.id = n.ticket_id
WHERE {visible t.account_id} AND n.withdrawn_at IS NULL AND search_words(n.text) @@ to_tsquery('simple', %(words)s) LIMIT %(limit)s

-- name: tickets_by_answer
SELECT DISTINCT t.id FROM answers a JOIN answer_tickets at ON at.answer_id = a.id JOIN tickets t ON t.id = at.ticket_id
WHERE {visible t.account_id}
  AND search_words(a.subject || ' ' || left(a.said, 100000)) @@ to_tsquery('simple', %(words)s) LIMIT %(limit)s

-- name: visible
SELECT t.id FROM tickets t WHERE {visible t.account_id} AND t.id = ANY(%(tickets)s) ORDER BY t.id

-- name: counts
SELECT t.state, count(*) AS tickets, count(*) FILTER (WHERE t.severity >= 3) AS severe
FROM tickets t WHERE {visible t.account_id} AND t.state <> 'closed' GROUP BY t.state

-- The same without severities: whether open or closed is told by what an index leaves out, so that no ticket need be read.
-- name: counts_by_state
WITH done AS MATERIALIZED (
    SELECT t.state, count(*) AS tickets FROM tickets t
    WHERE {visible t.account_id} AND t.state <> 'open' AND t.state IN ('escalated', 'ignored', 'resolved') GROUP BY t.state)
SELECT state, tickets FROM done
UNION ALL
SELECT 'open', (SELECT count(*) FROM tickets t WHERE {visible t.account_id} AND t.state <> 'closed') - coalesce((SELECT sum(tickets) FROM done)::bigint, 0)

-- Feeds of a year, from the statistics; and of the newest tickets, which these may lack.
-- name: feeds
SELECT f.feed FROM (
    SELECT d.feed FROM daily_feeds d WHERE {operators only} AND d.day > current_date - 366
    UNION
    SELECT t.feed FROM (SELECT feed FROM tickets ORDER BY id DESC LIMIT 500) t) f
WHERE f.feed <> '' ORDER BY f.feed LIMIT 200
