-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Mutes of people and of rules.yaml: the statements of `tickets/mutes.py`.

-- name: add
INSERT INTO mutes (name, by_file, ticket_id, network, customer_id, problem, feed, ends_at, reason, author)
VALUES (%(name)s, %(by_file)s, %(ticket)s, %(network)s, %(customer)s, %(problem)s, %(feed)s, %(ends_at)s, %(reason)s, %(author)s)
RETURNING id

-- name: audit
INSERT INTO audit_trail (actor, object, object_id, change, reason) VALUES (%(actor)s, 'mute', %(mute)s, %(change)s, %(reason)s)

-- name: of_file
SELECT id, name, network::text, customer_id, problem, feed, ends_at, reason, author
FROM mutes WHERE by_file AND ended_at IS NULL ORDER BY id FOR UPDATE

-- name: end
UPDATE mutes SET ended_at = now(), ended_by = %(actor)s WHERE id = %(mute)s AND ended_at IS NULL RETURNING id

-- name: release
UPDATE tickets SET notify_due = least(notify_due, now()), muted_by = NULL WHERE muted_by = %(mute)s

-- name: list
SELECT m.id AS mute, nullif(m.name, '') AS rule, m.ticket_id AS ticket, m.network::text AS network, m.customer_id AS customer,
       m.problem, m.feed, m.ends_at AS until, m.author, m.reason, m.ended_at AS ended, nullif(m.ended_by, '') AS "ended by",
       (SELECT count(*) FROM tickets t WHERE t.muted_by = m.id) AS "held back"
FROM mutes m
WHERE %(all)s OR m.ended_at IS NULL AND m.ends_at > now()
ORDER BY m.id DESC LIMIT %(limit)s
