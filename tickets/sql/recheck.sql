-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Checks from outside: the statements of `tickets/recheck/`.

-- What the newest events of a ticket named: one row for each address, port and transport, the latest first.
-- name: seen
SELECT host(e.ip) AS address, e.port, e.data ->> 'protocol.transport' AS transport
FROM (SELECT e.id, e.ip, e.port, e.data FROM events e WHERE e.ticket_id = %(ticket)s ORDER BY e.id DESC LIMIT 200) e
WHERE e.ip IS NOT NULL
GROUP BY e.ip, e.port, e.data ->> 'protocol.transport' ORDER BY max(e.id) DESC LIMIT 20

-- name: ticket
SELECT customer_id, problem, state FROM tickets WHERE id = %(ticket)s

-- One at a time for each customer and for each address, so that limits hold whoever asks at once; always in this order.
-- name: lock
SELECT pg_advisory_xact_lock(x'7265'::int, hashtext(%(customer)s)), pg_advisory_xact_lock(x'7266'::int, hashtext(%(address)s))

-- name: lately
SELECT (SELECT count(*) FROM rechecks WHERE address = %(address)s::inet AND asked_at > now() - interval '1 hour'),
       (SELECT count(*) FROM rechecks WHERE customer_id = %(customer)s AND asked_at > now() - interval '1 hour'),
       (SELECT max(asked_at) FROM rechecks WHERE address = %(address)s::inet AND asked_at > now() - interval '1 day'),
       (SELECT count(*) FROM rechecks WHERE state <> 'done' AND asked_at > now() - interval '5 minutes')

-- name: add
INSERT INTO rechecks (ticket_id, customer_id, address, port, transport, probe, asked_by)
VALUES (%(ticket)s, %(customer)s, %(address)s::inet, %(port)s, %(transport)s, %(probe)s, %(author)s) RETURNING id

-- What waited too long is not done any more: the person has gone, and the answer would be to a question of yesterday.
-- name: give_up
UPDATE rechecks SET state = 'done', done_at = now(), verdict = 'failed', detail = 'it was not done in time'
WHERE state <> 'done' AND asked_at < now() - interval '5 minutes'

-- name: take
UPDATE rechecks SET state = 'running' WHERE id = (
    SELECT id FROM rechecks WHERE state = 'waiting' AND asked_at > now() - interval '5 minutes'
    ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, ticket_id, host(address), port, transport, probe, asked_by

-- name: finish
UPDATE rechecks SET state = 'done', done_at = now(), verdict = %(verdict)s, detail = %(detail)s
WHERE id = %(recheck)s AND state = 'running' RETURNING ticket_id

-- name: audit
INSERT INTO audit_trail (actor, object, object_id, change, reason)
VALUES (%(actor)s, 'ticket', %(ticket)s::text, %(change)s, %(reason)s)

-- name: of_ticket
SELECT id, host(address) AS address, port, transport, probe, asked_by, asked_at, done_at,
       CASE WHEN state <> 'done' AND asked_at < now() - interval '5 minutes' THEN 'done' ELSE state END AS state,
       CASE WHEN state <> 'done' AND asked_at < now() - interval '5 minutes' THEN 'failed' ELSE verdict END AS verdict, detail
FROM rechecks WHERE ticket_id = %(ticket)s ORDER BY id DESC LIMIT 20
