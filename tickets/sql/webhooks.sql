-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Webhooks and their outbox: the statements of `tickets/webhooks/`.

-- name: add
INSERT INTO webhooks (url, secret, kinds, account_id, author)
VALUES (%(url)s, %(secret)s, %(kinds)s, %(account)s, %(author)s) RETURNING id

-- name: list
SELECT w.id, w.url, w.kinds, w.account_id AS account, w.author, w.created_at, w.disabled_at, w.disabled_why,
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'waiting') AS waiting,
       (SELECT count(*) FROM webhook_deliveries d WHERE d.webhook_id = w.id AND d.state = 'dead') AS dead
FROM webhooks w WHERE %(account)s IS NULL OR w.account_id = %(account)s ORDER BY w.id

-- name: remove
DELETE FROM webhooks WHERE id = %(webhook)s AND (%(account)s IS NULL OR account_id = %(account)s) RETURNING url

-- name: enable
UPDATE webhooks SET disabled_at = NULL, disabled_why = ''
WHERE id = %(webhook)s AND (%(account)s IS NULL OR account_id = %(account)s) RETURNING id

-- name: disable
UPDATE webhooks SET disabled_at = now(), disabled_why = %(why)s WHERE id = %(webhook)s AND disabled_at IS NULL RETURNING id

-- name: pause
UPDATE webhooks SET disabled_at = now(), disabled_why = 'paused by ' || %(author)s
WHERE id = %(webhook)s AND disabled_at IS NULL AND (%(account)s IS NULL OR account_id = %(account)s) RETURNING id

-- name: ask_test
INSERT INTO webhook_deliveries (webhook_id, kind, change, actor)
SELECT id, 'webhook.test', 'a test', %(author)s FROM webhooks
WHERE id = %(webhook)s AND (%(account)s IS NULL OR account_id = %(account)s) RETURNING id

-- name: deliveries
SELECT d.id, d.webhook_id AS webhook, d.message_id, d.kind, d.ticket_id AS ticket, d.notice_id AS notice, d.at, d.state,
       d.attempts, d.next_try, d.status, d.answer, d.done_at
FROM webhook_deliveries d JOIN webhooks w ON w.id = d.webhook_id
WHERE d.webhook_id = %(webhook)s AND (%(account)s IS NULL OR w.account_id = %(account)s)
  AND (%(state)s IS NULL OR d.state = %(state)s) AND d.id < %(before)s ORDER BY d.id DESC LIMIT %(limit)s

-- name: again
UPDATE webhook_deliveries d SET state = 'waiting', attempts = 0, next_try = now(), done_at = NULL
FROM webhooks w WHERE w.id = d.webhook_id AND d.state = 'dead' AND d.webhook_id = %(webhook)s
  AND (%(account)s IS NULL OR w.account_id = %(account)s) AND (%(delivery)s::bigint IS NULL OR d.id = %(delivery)s) RETURNING d.id

-- What is due, fairly: a few of each webhook, so that one that is slow or away holds up no other.
-- name: claim
WITH due AS MATERIALIZED (
    SELECT one.id FROM webhooks w CROSS JOIN LATERAL (
        SELECT d.id FROM webhook_deliveries d
        WHERE d.webhook_id = w.id AND d.state = 'waiting' AND d.next_try <= now()
        ORDER BY d.next_try, d.id LIMIT %(each)s FOR UPDATE SKIP LOCKED) one
    WHERE w.disabled_at IS NULL LIMIT %(most)s)
UPDATE webhook_deliveries d SET attempts = d.attempts + 1, next_try = now() + %(lease)s
FROM due, webhooks w WHERE d.id = due.id AND w.id = d.webhook_id
RETURNING d.id, d.webhook_id, w.url, w.secret, w.account_id, d.message_id, d.kind, d.ticket_id, d.notice_id, d.answer_id,
          d.change, d.actor, d.at, d.attempts, d.payload

-- name: write_payload
UPDATE webhook_deliveries SET payload = %(payload)s WHERE id = %(delivery)s

-- name: settle
UPDATE webhook_deliveries SET state = %(state)s, status = %(status)s, answer = %(answer)s, next_try = %(next_try)s,
       done_at = CASE WHEN %(state)s = 'waiting' THEN NULL ELSE now() END
WHERE id = %(delivery)s

-- name: give_back
UPDATE webhook_deliveries SET attempts = attempts - 1, next_try = now() WHERE id = %(delivery)s AND state = 'waiting'

-- name: forget
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries
    WHERE state <> 'waiting' AND done_at < now() - CASE WHEN state = 'dead' THEN interval '90 days' ELSE interval '14 days' END
    LIMIT 5000)
