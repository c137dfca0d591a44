-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What waits for somebody at the desk: the statements of `tickets/alerts.py`.

-- name: unseen
SELECT a.id AS alert, a.at, a.kind, a.ticket_id AS ticket, a.text FROM desk_alerts a
WHERE a.seen_at IS NULL ORDER BY a.id DESC LIMIT %(limit)s

-- name: see
WITH seen AS (
    UPDATE desk_alerts SET seen_at = now(), seen_by = %(author)s
    WHERE id = ANY(%(alerts)s) AND seen_at IS NULL RETURNING id, ticket_id, kind),
     told AS (
    INSERT INTO audit_trail (actor, object, object_id, change)
    SELECT %(author)s, 'ticket', ticket_id::text, kind || ' alert seen' FROM seen WHERE ticket_id IS NOT NULL)
SELECT id FROM seen ORDER BY id
