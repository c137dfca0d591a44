-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Numbers for people, from the daily statistics (tickets/rollups.py); days in UTC, both ends inclusive.

-- name: work
SELECT d.day, d.opened, d.closed, d.resolved, d.reopened, d.notices, d.mails, d.failed FROM daily_work d
WHERE {operators only} AND d.day BETWEEN %(since)s AND %(until)s ORDER BY d.day

-- Tickets not closed and not resolved now: where the line of the past begins, backwards. Two counts, because an index holds
-- the answer to each of them, and the tickets themselves need not be read.
-- name: open_now
SELECT (SELECT count(*) FROM tickets t WHERE t.state <> 'closed') - (SELECT count(*) FROM tickets t WHERE t.state IN ('resolved', 'ignored')) AS open
WHERE {operators only}

-- name: work_since
SELECT coalesce(sum(d.opened + d.reopened - d.closed - d.resolved), 0)::bigint AS more FROM daily_work d
WHERE {operators only} AND d.day > %(until)s

-- name: opened_by_problem
SELECT d.day, d.problem, d.opened FROM daily_problems d
WHERE {operators only} AND d.day BETWEEN %(since)s AND %(until)s ORDER BY d.day

-- name: problems
SELECT d.problem, sum(d.opened)::bigint AS opened, sum(d.relapsed)::bigint AS relapsed, sum(d.told)::bigint AS told,
       sum(d.told_seconds) / nullif(sum(d.told), 0) AS told_seconds, sum(d.ended)::bigint AS ended,
       sum(d.ended_seconds) / nullif(sum(d.ended), 0) AS ended_seconds
FROM daily_problems d WHERE {operators only} AND d.day BETWEEN %(since)s AND %(until)s
GROUP BY d.problem ORDER BY opened DESC, d.problem LIMIT 200

-- name: within
SELECT ARRAY[coalesce(sum(d.told_within[1]), 0)::bigint, coalesce(sum(d.told_within[2]), 0)::bigint, coalesce(sum(d.told_within[3]), 0)::bigint, coalesce(sum(d.told_within[4]), 0)::bigint,
             coalesce(sum(d.told_within[5]), 0)::bigint, coalesce(sum(d.told_within[6]), 0)::bigint, coalesce(sum(d.told_within[7]), 0)::bigint, coalesce(sum(d.told_within[8]), 0)::bigint,
             coalesce(sum(d.told_within[9]), 0)::bigint, coalesce(sum(d.told_within[10]), 0)::bigint, coalesce(sum(d.told_within[11]), 0)::bigint, coalesce(sum(d.told_within[12]), 0)::bigint] AS told,
       ARRAY[coalesce(sum(d.ended_within[1]), 0)::bigint, coalesce(sum(d.ended_within[2]), 0)::bigint, coalesce(sum(d.ended_within[3]), 0)::bigint, coalesce(sum(d.ended_within[4]), 0)::bigint,
             coalesce(sum(d.ended_within[5]), 0)::bigint, coalesce(sum(d.ended_within[6]), 0)::bigint, coalesce(sum(d.ended_within[7]), 0)::bigint, coalesce(sum(d.ended_within[8]), 0)::bigint,
             coalesce(sum(d.ended_within[9]), 0)::bigint, coalesce(sum(d.ended_within[10]), 0)::bigint, coalesce(sum(d.ended_within[11]), 0)::bigint, coalesce(sum(d.ended_within[12]), 0)::bigint] AS ended
FROM daily_problems d WHERE {operators only} AND d.day BETWEEN %(since)s AND %(until)s

-- Looked at is who was among the hundred with most events of a month, or the thirty of a day beside whole months: whoever was not
-- is none of the first thirty of the period, but for many who had equally few.
-- name: customers
WITH likely AS MATERIALIZED (
    SELECT x.customer_id FROM unnest(%(months)s::date[]) AS each (month) CROSS JOIN LATERAL (
        SELECT m.customer_id FROM monthly_customers m WHERE {operators only} AND m.month = each.month
        ORDER BY m.events DESC, m.customer_id DESC LIMIT 100) x
    UNION
    SELECT x.customer_id FROM unnest(%(days)s::date[]) AS each (day) CROSS JOIN LATERAL (
        SELECT d.customer_id FROM daily_customers d WHERE d.day = each.day
        ORDER BY d.events DESC, d.customer_id DESC LIMIT 30) x),
sums AS MATERIALIZED (
    SELECT l.customer_id, (
        SELECT sum(p.events)::bigint FROM (
            SELECT m.events FROM monthly_customers m WHERE m.customer_id = l.customer_id AND m.month >= %(first_whole)s AND m.month < %(after_whole)s
            UNION ALL
            SELECT d.events FROM daily_customers d WHERE d.customer_id = l.customer_id AND d.day >= %(since)s AND d.day < %(first_whole)s
            UNION ALL
            SELECT d.events FROM daily_customers d WHERE d.customer_id = l.customer_id AND d.day >= %(after_whole)s AND d.day <= %(until)s) p) AS events
    FROM likely l),
most AS (SELECT customer_id, events FROM sums WHERE events > 0 ORDER BY events DESC, customer_id LIMIT 30)
SELECT s.customer_id, c.name, s.events FROM most s JOIN customers c ON c.id = s.customer_id ORDER BY s.events DESC, s.customer_id

-- name: networks
SELECT network(set_masklen(t.network::inet, CASE family(t.network) WHEN 4 THEN 24 ELSE 48 END))::text AS network,
       count(*) AS tickets, sum(t.event_count)::bigint AS events
FROM (SELECT t.network, t.event_count FROM tickets t WHERE {operators only} AND t.network IS NOT NULL ORDER BY t.id DESC LIMIT 20000) t
GROUP BY 1 ORDER BY tickets DESC LIMIT 30

-- name: feeds
SELECT d.feed, max(d.day) AS last_day, sum(d.events) FILTER (WHERE d.day >= %(since)s)::bigint AS events,
       sum(d.events) FILTER (WHERE d.day < %(since)s)::bigint AS events_before, count(*) AS days
FROM daily_feeds d WHERE {operators only} AND d.day BETWEEN %(before)s AND %(until)s
GROUP BY d.feed ORDER BY events DESC NULLS LAST LIMIT 200

-- name: readers
SELECT r.*, round(r.events::numeric / nullif(r.reports, 0), 1)::double precision AS yield,
       round(r.events_before::numeric / nullif(r.reports_before, 0), 1)::double precision AS yield_before
FROM (SELECT d.reader, coalesce(sum(d.reports) FILTER (WHERE d.day >= %(since)s), 0)::bigint AS reports,
             coalesce(sum(d.read) FILTER (WHERE d.day >= %(since)s), 0)::bigint AS read,
             coalesce(sum(d.partly) FILTER (WHERE d.day >= %(since)s), 0)::bigint AS partly,
             coalesce(sum(d.unread) FILTER (WHERE d.day >= %(since)s), 0)::bigint AS unread,
             coalesce(sum(d.filed) FILTER (WHERE d.day >= %(since)s), 0)::bigint AS filed,
             coalesce(sum(d.events) FILTER (WHERE d.day >= %(since)s), 0)::bigint AS events,
             coalesce(sum(d.reports) FILTER (WHERE d.day < %(since)s), 0)::bigint AS reports_before,
             coalesce(sum(d.events) FILTER (WHERE d.day < %(since)s), 0)::bigint AS events_before, max(d.last_at) AS last_at
      FROM daily_readers d WHERE {operators only} AND d.day BETWEEN %(before)s AND %(until)s GROUP BY d.reader) r
ORDER BY r.reports DESC, r.reader LIMIT 200

-- name: decisions
SELECT d.reader, split_part(d.sender, '@', 2) AS sender, count(*) AS decided,
       count(*) FILTER (WHERE d.decision = 'accepted') AS accepted, count(*) FILTER (WHERE d.decision = 'corrected') AS corrected,
       count(*) FILTER (WHERE d.decision IN ('not-a-report', 'rejected')) AS filed
FROM report_decisions d WHERE {operators only} AND d.at >= %(since)s AND d.at < %(until)s::date + 1
GROUP BY 1, 2 ORDER BY decided DESC LIMIT 100
