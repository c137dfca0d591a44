-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Statistics by day (UTC): the statements of `tickets/rollups.py`.

-- Only one process makes statistics at a time; the others leave it to that one.
-- name: only_me
SELECT pg_try_advisory_xact_lock(%(lock)s)

-- Batches of events hold the second lock shared. Once it is ours, whatever has a number up to `event_id` is committed.
-- name: cut
SELECT pg_advisory_xact_lock(%(batches)s);
SELECT (SELECT last_value FROM events_id_seq), clock_timestamp()

-- name: state
SELECT s.event_id, s.through, r.events_from, r.tickets_from, r.reports_from FROM rollup_state s, retention_state r

-- name: touched_event_days
SELECT DISTINCT day FROM (
    SELECT (e.at AT TIME ZONE 'UTC')::date AS day FROM events e WHERE e.id > %(event_id)s AND e.id <= %(last)s
    UNION ALL
    SELECT (w.at AT TIME ZONE 'UTC')::date FROM withdrawn_events w WHERE w.withdrawn_at >= %(since)s
) AS touched WHERE day >= %(from)s ORDER BY day

-- name: clear_event_days
DELETE FROM daily_events WHERE day = ANY(%(days)s::date[])

-- name: make_event_days
INSERT INTO daily_events (day, problem, severity, feed, customer_match, events)
SELECT d.day, e.* FROM unnest(%(days)s::date[]) AS d (day) CROSS JOIN LATERAL (
    SELECT problem, severity, feed, customer_match, count(*) FROM events
    WHERE at >= d.day::timestamp AT TIME ZONE 'UTC' AND at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
    GROUP BY problem, severity, feed, customer_match) AS e

-- name: clear_customer_days
DELETE FROM daily_customers WHERE day = ANY(%(days)s::date[])

-- One join for all days: without the materialised part it was made for each day, and read all tickets each time.
-- name: make_customer_days
WITH n AS MATERIALIZED (
    SELECT d.day, e.ticket_id, e.events FROM unnest(%(days)s::date[]) AS d (day) CROSS JOIN LATERAL (
        SELECT ticket_id, count(*) AS events FROM events
        WHERE at >= d.day::timestamp AT TIME ZONE 'UTC' AND at < (d.day + 1)::timestamp AT TIME ZONE 'UTC' AND ticket_id IS NOT NULL
        GROUP BY ticket_id) AS e)
INSERT INTO daily_customers (day, customer_id, events)
SELECT n.day, t.customer_id, sum(n.events) FROM n JOIN tickets t ON t.id = n.ticket_id GROUP BY n.day, t.customer_id

-- Tickets that were opened, came back, were resolved or closed, lost their events, or of which a first mail went out.
-- name: touched_ticket_days
SELECT DISTINCT (t.opened_at AT TIME ZONE 'UTC')::date AS day FROM tickets t
WHERE (t.opened_at >= %(since)s OR t.state_at >= %(since)s OR t.id IN (
    SELECT n.ticket_id FROM deliveries d JOIN notice_tickets n ON n.notice_id = d.notice_id
    WHERE d.sent_at >= %(since)s AND NOT n.update_of) OR t.id IN (
    SELECT w.ticket_id FROM withdrawn_events w WHERE w.withdrawn_at >= %(since)s))
  AND (t.opened_at AT TIME ZONE 'UTC')::date >= %(from)s
ORDER BY day

-- name: clear_ticket_days
DELETE FROM daily_tickets WHERE day = ANY(%(days)s::date[])

-- A ticket that went on in another, or lost all its events to a new reading, is none.
-- name: make_ticket_days
INSERT INTO daily_tickets (day, problem, severity, feed, opened, followed, relapsed, relapses, told, told_seconds, told_within,
                           ended, ended_seconds, ended_within)
SELECT day, problem, severity, feed, count(*), count(follows), count(*) FILTER (WHERE relapses > 0), sum(relapses),
       count(told), coalesce(sum(told), 0),
       ARRAY[count(*) FILTER (WHERE t = 0), count(*) FILTER (WHERE t = 1), count(*) FILTER (WHERE t = 2), count(*) FILTER (WHERE t = 3),
             count(*) FILTER (WHERE t = 4), count(*) FILTER (WHERE t = 5), count(*) FILTER (WHERE t = 6), count(*) FILTER (WHERE t = 7),
             count(*) FILTER (WHERE t = 8), count(*) FILTER (WHERE t = 9), count(*) FILTER (WHERE t = 10), count(*) FILTER (WHERE t = 11)],
       count(ended), coalesce(sum(ended), 0),
       ARRAY[count(*) FILTER (WHERE e = 0), count(*) FILTER (WHERE e = 1), count(*) FILTER (WHERE e = 2), count(*) FILTER (WHERE e = 3),
             count(*) FILTER (WHERE e = 4), count(*) FILTER (WHERE e = 5), count(*) FILTER (WHERE e = 6), count(*) FILTER (WHERE e = 7),
             count(*) FILTER (WHERE e = 8), count(*) FILTER (WHERE e = 9), count(*) FILTER (WHERE e = 10), count(*) FILTER (WHERE e = 11)]
FROM (
    SELECT x.*, width_bucket(told, rollup_limits()) AS t, width_bucket(ended, rollup_limits()) AS e FROM (
        SELECT (t.opened_at AT TIME ZONE 'UTC')::date AS day, t.problem, t.severity, t.feed, t.follows, t.relapses,
               CASE WHEN m.first_mail IS NOT NULL THEN greatest(extract(epoch FROM m.first_mail - t.opened_at), 0)::double precision END AS told,
               CASE WHEN t.state IN ('resolved', 'closed')
                    THEN greatest(extract(epoch FROM t.state_at - t.opened_at), 0)::double precision END AS ended
        FROM tickets t LEFT JOIN LATERAL (
            SELECT min(d.sent_at) AS first_mail FROM notice_tickets n JOIN deliveries d ON d.notice_id = n.notice_id
            WHERE n.ticket_id = t.id AND NOT n.update_of AND d.sent_at IS NOT NULL) m ON t.notified_at IS NOT NULL
        WHERE (t.opened_at AT TIME ZONE 'UTC')::date = ANY(%(days)s::date[]) AND t.merged_into IS NULL AND t.event_count > 0
    ) AS x
) AS y
GROUP BY day, problem, severity, feed

-- name: touched_report_days
SELECT DISTINCT (received_at AT TIME ZONE 'UTC')::date AS day FROM reports
WHERE state_at >= %(since)s AND (received_at AT TIME ZONE 'UTC')::date >= %(from)s ORDER BY day

-- name: clear_report_days
DELETE FROM daily_readers WHERE day = ANY(%(days)s::date[])

-- What waits for a reader is not counted yet.
-- name: make_report_days
INSERT INTO daily_readers (day, reader, reports, read, partly, unread, filed, events, last_at)
SELECT d.day, r.* FROM unnest(%(days)s::date[]) AS d (day) CROSS JOIN LATERAL (
    SELECT reader, count(*), count(*) FILTER (WHERE state = 'read'), count(*) FILTER (WHERE state = 'partly'),
           count(*) FILTER (WHERE state = 'unread'), count(*) FILTER (WHERE state = 'not-a-report'), sum(events), max(received_at)
    FROM reports
    WHERE received_at >= d.day::timestamp AT TIME ZONE 'UTC' AND received_at < (d.day + 1)::timestamp AT TIME ZONE 'UTC'
      AND state NOT IN ('received', 'queued') GROUP BY reader) AS r

-- What happened since, whole days. Changes of state are told by the audit trail, whoever made them.
-- name: clear_work
DELETE FROM daily_work WHERE day >= %(day)s

-- name: make_work
INSERT INTO daily_work (day, opened, closed, resolved, reopened, notices, mails, failed)
SELECT day, sum(opened), sum(closed), sum(resolved), sum(reopened), sum(notices), sum(mails), sum(failed) FROM (
    SELECT (opened_at AT TIME ZONE 'UTC')::date AS day, 1 AS opened, 0 AS closed, 0 AS resolved, 0 AS reopened, 0 AS notices, 0 AS mails, 0 AS failed
    FROM tickets WHERE opened_at >= %(day)s::timestamp AT TIME ZONE 'UTC'
    UNION ALL
    SELECT (at AT TIME ZONE 'UTC')::date, 0, (change ~ '(^|, )([a-z]+ → )?closed(,|$)')::integer, (change ~ '(^|, )[a-z]+ → resolved')::integer,
           (change ~ '^reopened|(^|, )(resolved|closed) → open')::integer, 0, 0, 0
    FROM audit_trail WHERE at >= %(day)s::timestamp AT TIME ZONE 'UTC' AND object = 'ticket'
    UNION ALL
    SELECT (created_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 1, 0, 0
    FROM notices WHERE created_at >= %(day)s::timestamp AT TIME ZONE 'UTC' AND state <> 'withdrawn'
    UNION ALL
    SELECT (sent_at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 1, 0
    FROM deliveries WHERE sent_at >= %(day)s::timestamp AT TIME ZONE 'UTC' AND state = 'sent'
    UNION ALL
    SELECT (at AT TIME ZONE 'UTC')::date, 0, 0, 0, 0, 0, 0, 1
    FROM audit_trail WHERE at >= %(day)s::timestamp AT TIME ZONE 'UTC' AND object = 'delivery' AND change ~ '(^|→ )failed'
) AS happened GROUP BY day

-- name: note
UPDATE rollup_state SET event_id = %(last)s, through = %(cut)s, made_at = now()

-- name: rates
SELECT coalesce(sum(opened), 0)::bigint, coalesce(sum(followed), 0)::bigint, coalesce(sum(relapsed), 0)::bigint,
       coalesce(sum(relapses), 0)::bigint, coalesce(sum(told), 0)::bigint, coalesce(sum(told_seconds), 0),
       coalesce(sum(ended), 0)::bigint, coalesce(sum(ended_seconds), 0)
FROM daily_tickets
WHERE day >= %(since)s AND day < %(until)s AND (%(problem)s IS NULL OR problem = %(problem)s)
  AND (%(feed)s IS NULL OR feed = %(feed)s) AND (%(severity)s IS NULL OR severity = %(severity)s)

-- name: classes
SELECT n.class - 1, sum(n.told)::bigint, sum(n.ended)::bigint
FROM daily_tickets, unnest(told_within, ended_within) WITH ORDINALITY AS n (told, ended, class)
WHERE day >= %(since)s AND day < %(until)s AND (%(problem)s IS NULL OR problem = %(problem)s)
  AND (%(feed)s IS NULL OR feed = %(feed)s) AND (%(severity)s IS NULL OR severity = %(severity)s)
GROUP BY n.class ORDER BY n.class
