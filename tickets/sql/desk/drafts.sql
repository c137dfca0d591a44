-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Drafts of reporter definitions, and the archived mails on which they are tried. Reports hold everybody's data: operators only.

-- name: add
INSERT INTO reporter_drafts (report_id, name, definition, author, events)
SELECT %(report)s, %(name)s, %(definition)s, %(author)s, %(events)s WHERE {operators only} RETURNING id

-- name: open
SELECT d.id, d.report_id, d.name, d.author, d.at FROM reporter_drafts d
WHERE {operators only} AND d.saved_at IS NULL AND d.dropped_at IS NULL ORDER BY d.id DESC LIMIT 50

-- name: draft
SELECT d.id, d.report_id, d.name, d.definition, d.author, d.at, d.events, d.saved_at, d.saved_by, d.dropped_at
FROM reporter_drafts d WHERE {operators only} AND d.id = %(draft)s

-- name: change
UPDATE reporter_drafts SET definition = %(definition)s, name = %(name)s
WHERE {operators only} AND id = %(draft)s AND saved_at IS NULL AND dropped_at IS NULL RETURNING id

-- name: saved
UPDATE reporter_drafts SET saved_at = now(), saved_by = %(author)s WHERE {operators only} AND id = %(draft)s AND saved_at IS NULL RETURNING id

-- name: drop
UPDATE reporter_drafts SET dropped_at = now() WHERE {operators only} AND id = %(draft)s AND saved_at IS NULL RETURNING id

-- name: mails
SELECT r.id, r.evidence, r.name, r.sender, r.subject, r.received_at, r.state, r.reader, r.size FROM reports r
WHERE {operators only} AND r.kind = 'mail' AND r.size < %(largest)s ORDER BY r.id DESC LIMIT %(limit)s
