-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Reading a report again: the statements of `tickets/rereading.py`, and two that `tickets/aggregate.py` uses.

-- Reports that are or were read again, and their last reading that has come to its end. Batches share the lock, the end of a reading takes it alone: so no
-- event of an earlier reading is stored after its withdrawal.
-- name: superseded
SELECT pg_advisory_xact_lock_shared(%(lock)s);
SELECT id, finished_reading FROM reports WHERE id = ANY(%(reports)s) AND reading > 1

-- Stored events that the new reading makes again, though experts may have added other things to them since.
-- name: known_by_mark
SELECT b.fingerprint::text
FROM unnest(%(fingerprints)s::uuid[], %(ats)s::timestamptz[], %(reports)s::bigint[], %(marks)s::text[], %(readings)s::integer[])
     AS b (fingerprint, at, report, mark, reading)
WHERE EXISTS (SELECT FROM events e WHERE e.at = b.at AND e.report_id = b.report AND e.data ->> 'report.mark' = b.mark
              AND coalesce((e.data ->> 'report.reading')::integer, 1) < b.reading)

-- The same observation, told by the new reading in other words: it keeps its place and is marked as the new one's.
-- name: adopt
UPDATE events e SET data = e.data || jsonb_build_object('report.mark', b.mark, 'report.reading', b.reading)
FROM unnest(%(fingerprints)s::uuid[], %(ats)s::timestamptz[], %(reports)s::bigint[], %(marks)s::text[], %(readings)s::integer[])
     AS b (fingerprint, at, report, mark, reading)
WHERE e.at = b.at AND e.fingerprint = b.fingerprint AND e.report_id = b.report AND e.data ->> 'report.mark' <> b.mark

-- name: lock_readings
SELECT pg_advisory_xact_lock(%(lock)s)

-- name: finish_reading
UPDATE reports SET finished_reading = %(reading)s
WHERE id = %(report)s AND finished_reading < %(reading)s AND state IN ('read', 'partly', 'not-a-report')
RETURNING id

-- name: make_marks
CREATE TEMPORARY TABLE marks_of_reading (mark text PRIMARY KEY) ON COMMIT DROP

-- name: fill_marks
COPY marks_of_reading FROM STDIN

-- name: make_gone
CREATE TEMPORARY TABLE gone ON COMMIT DROP AS
SELECT e.id, e.at, e.fingerprint, e.ticket_id, e.problem, e.severity, e.data
FROM events e
WHERE e.report_id = %(report)s AND coalesce((e.data ->> 'report.reading')::integer, 1) < %(reading)s
  AND e.data ->> 'report.mark' IS NOT NULL
  AND NOT EXISTS (SELECT FROM marks_of_reading m WHERE m.mark = e.data ->> 'report.mark')

-- name: lock_tickets
SELECT id FROM tickets WHERE id IN (SELECT ticket_id FROM gone) ORDER BY id FOR NO KEY UPDATE

-- name: keep_gone
INSERT INTO withdrawn_events (event_id, report_id, reading, ticket_id, at, fingerprint, problem, severity, data)
SELECT id, %(report)s, %(reading)s, ticket_id, at, fingerprint, problem, severity, data FROM gone

-- name: delete_gone
DELETE FROM events e USING gone g WHERE e.at = g.at AND e.fingerprint = g.fingerprint

-- What is left of the ticket's events tells first, last and severity, unless old months were dropped meanwhile.
-- name: correct_tickets
UPDATE tickets t SET
    event_count = greatest(t.event_count - g.count, 0),
    first_seen = CASE WHEN l.count = t.event_count - g.count THEN coalesce(l.first, 'infinity') ELSE t.first_seen END,
    last_seen = coalesce(l.last, '-infinity'),
    severity = coalesce(t.severity_fixed, greatest(t.severity_floor,
        CASE WHEN l.count = t.event_count - g.count THEN coalesce(l.severity, 0) ELSE t.severity END)),
    notify_due = CASE WHEN t.event_count > g.count THEN t.notify_due END
FROM (SELECT ticket_id, count(*) FROM gone WHERE ticket_id IS NOT NULL GROUP BY ticket_id) g,
     LATERAL (SELECT count(*), min(e.at) AS first, max(e.at) AS last, max(e.severity) AS severity
              FROM events e WHERE e.ticket_id = g.ticket_id) l
WHERE t.id = g.ticket_id
RETURNING t.id, g.count, t.event_count

-- name: note_emptied
INSERT INTO emptied_tickets (ticket_id, report_id) SELECT unnest(%(tickets)s::bigint[]), %(report)s
ON CONFLICT (ticket_id) DO UPDATE SET emptied_at = now(), report_id = excluded.report_id

-- name: withdraw_notices
UPDATE notices n SET state = 'withdrawn', reason = %(reason)s
WHERE n.state IN ('held', 'pending')
  AND EXISTS (SELECT FROM notice_tickets nt WHERE nt.notice_id = n.id AND nt.ticket_id = ANY(%(tickets)s))
  AND NOT EXISTS (SELECT FROM notice_tickets nt JOIN tickets t ON t.id = nt.ticket_id
                  WHERE nt.notice_id = n.id AND t.event_count > 0)
RETURNING n.id

-- name: close_emptied
WITH due AS (DELETE FROM emptied_tickets WHERE emptied_at < now() - %(after)s RETURNING ticket_id, report_id),
     closed AS (UPDATE tickets t SET state = 'closed', state_at = now(), notify_due = NULL FROM due
                WHERE t.id = due.ticket_id AND t.event_count = 0 AND t.state <> 'closed' RETURNING t.id, due.report_id)
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT 'reader', 'ticket', id::text, 'closed', 'report ' || report_id || ' was read again and nothing was left of it'
FROM closed RETURNING object_id

-- What a replay may choose from. State `received` waits for its first reader anyway.
-- name: choose
SELECT id, evidence, kind, channel, name, feed, received_at, reading, state FROM reports
WHERE (%(numbers)s IS NULL OR id = ANY(%(numbers)s))
  AND (%(since)s IS NULL OR received_at >= %(since)s) AND (%(until)s IS NULL OR received_at < %(until)s)
  AND (%(state)s IS NULL OR state = %(state)s) AND (%(channel)s IS NULL OR channel = %(channel)s)
  AND (%(reader)s IS NULL OR reader = %(reader)s)
ORDER BY id

-- name: events_of_report
SELECT id, ticket_id, data FROM events WHERE report_id = %(report)s ORDER BY id

-- name: ask_again
WITH asked AS (
    UPDATE reports SET state = 'received', state_at = now(), reading = reading + 1
    WHERE id = ANY(%(numbers)s) AND state <> 'received' RETURNING id, reading)
INSERT INTO audit_trail (actor, object, object_id, change, reason)
SELECT %(actor)s, 'report', id::text, 'read again (reading ' || reading || ')', %(reason)s FROM asked RETURNING object_id
