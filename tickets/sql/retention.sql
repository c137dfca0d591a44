-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Dropping what is older than it may be kept: the statements of `tickets/retention.py`.

-- name: months
SELECT c.relname, to_date(right(c.relname, 7), 'YYYY_MM') AS month, pg_total_relation_size(c.oid)
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'events'::regclass AND c.relname ~ '^events_[0-9]{4}_[0-9]{2}$'
  AND to_date(right(c.relname, 7), 'YYYY_MM') < %(before)s
ORDER BY month

-- name: count_old_events
SELECT (SELECT count(*) FROM events WHERE at < %(before)s::date::timestamp AT TIME ZONE 'UTC'),
       (SELECT count(*) FROM withdrawn_events WHERE at < %(before)s::date::timestamp AT TIME ZONE 'UTC')

-- name: drop_other_events
DELETE FROM events_other WHERE at < %(before)s::date::timestamp AT TIME ZONE 'UTC'

-- name: drop_withdrawn_events
DELETE FROM withdrawn_events WHERE at < %(before)s::date::timestamp AT TIME ZONE 'UTC'

-- name: note_events
UPDATE retention_state SET events_from = greatest(events_from, %(before)s), applied_at = now()

-- A ticket goes when it was closed long enough ago and none of its events is left, or it never comes into question: with
-- its notices, notes and audit trail.
-- name: old_tickets
SELECT t.id, t.opened_at::date FROM tickets t
WHERE t.state = 'closed' AND t.state_at < %(before)s AND t.id > %(after)s
  AND NOT EXISTS (SELECT FROM events e WHERE e.ticket_id = t.id AND e.at >= t.first_seen AND e.at <= t.last_seen)
  AND NOT EXISTS (SELECT FROM merged_keys g JOIN tickets o ON o.id = g.ticket_id WHERE g.merged_from = t.id AND o.state <> 'closed')
  AND NOT EXISTS (SELECT FROM notice_tickets n JOIN deliveries d ON d.notice_id = n.notice_id
                  WHERE n.ticket_id = t.id AND d.state IN ('waiting', 'sending', 'in-doubt'))
ORDER BY t.id LIMIT %(limit)s FOR UPDATE OF t SKIP LOCKED

-- name: drop_notice_tickets
DELETE FROM notice_tickets WHERE ticket_id = ANY(%(tickets)s) RETURNING notice_id

-- name: drop_notices
DELETE FROM notices n WHERE n.id = ANY(%(notices)s) AND NOT EXISTS (SELECT FROM notice_tickets t WHERE t.notice_id = n.id)

-- name: drop_audit
DELETE FROM audit_trail WHERE object = 'ticket' AND object_id = ANY(%(names)s)

-- name: drop_links
DELETE FROM merged_keys WHERE merged_from = ANY(%(tickets)s)

-- name: drop_tickets
DELETE FROM tickets WHERE id = ANY(%(tickets)s)

-- name: note_tickets
UPDATE retention_state SET tickets_from = greatest(tickets_from, %(opened)s::date + 1), applied_at = now()

-- name: audit
INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES ('retention', %(object)s, %(number)s, %(change)s, %(reason)s)

-- Reports that wait for a reader stay, however old.
-- name: old_reports
SELECT r.id, r.evidence FROM reports r
WHERE r.received_at < %(before)s AND r.state NOT IN ('received', 'queued') AND r.id > %(after)s
ORDER BY r.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: drop_reports
DELETE FROM reports WHERE id = ANY(%(reports)s)

-- name: note_reports
UPDATE retention_state SET reports_from = greatest(reports_from, %(before)s::date + 1), applied_at = now()

-- name: still_named
SELECT evidence FROM reports WHERE evidence = ANY(%(hashes)s) UNION SELECT evidence FROM answer_files WHERE evidence = ANY(%(hashes)s)

-- What stands beside: each in batches, the oldest wherever they are. The mails themselves stay known, only their text goes.
-- name: drop_mail_texts
UPDATE deliveries SET mail = NULL WHERE id IN (
    SELECT d.id FROM deliveries d WHERE d.sent_at < %(before)s AND d.mail IS NOT NULL ORDER BY d.sent_at LIMIT %(limit)s)

-- name: count_mail_texts
SELECT count(*) FROM deliveries d WHERE d.sent_at < %(before)s AND d.mail IS NOT NULL

-- Answers to tickets that are open stay, however old.
-- name: drop_answers
DELETE FROM answers WHERE id IN (
    SELECT a.id FROM answers a WHERE a.at < %(before)s AND NOT EXISTS (
        SELECT FROM answer_tickets w JOIN tickets t ON t.id = w.ticket_id WHERE w.answer_id = a.id AND t.state <> 'closed')
    ORDER BY a.id LIMIT %(limit)s)

-- name: count_answers
SELECT count(*) FROM answers a WHERE a.at < %(before)s AND NOT EXISTS (
    SELECT FROM answer_tickets w JOIN tickets t ON t.id = w.ticket_id WHERE w.answer_id = a.id AND t.state <> 'closed')

-- name: files_of_old_answers
SELECT f.evidence FROM answer_files f WHERE f.answer_id IN (
    SELECT a.id FROM answers a WHERE a.at < %(before)s AND NOT EXISTS (
        SELECT FROM answer_tickets w JOIN tickets t ON t.id = w.ticket_id WHERE w.answer_id = a.id AND t.state <> 'closed')
    ORDER BY a.id LIMIT %(limit)s)

-- name: drop_sessions
DELETE FROM sessions WHERE id_hash IN (
    SELECT s.id_hash FROM sessions s WHERE least(s.expires_at, s.ended_at) < %(before)s LIMIT %(limit)s)

-- name: count_sessions
SELECT count(*) FROM sessions s WHERE least(s.expires_at, s.ended_at) < %(before)s

-- Who erased what stays.
-- name: drop_old_audit
DELETE FROM audit_trail WHERE id IN (
    SELECT a.id FROM audit_trail a WHERE a.at < %(before)s AND a.object <> 'privacy' ORDER BY a.id LIMIT %(limit)s)

-- name: count_old_audit
SELECT count(*) FROM audit_trail a WHERE a.at < %(before)s AND a.object <> 'privacy'
