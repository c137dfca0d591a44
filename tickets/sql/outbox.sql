-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- From notices to mails: the statements of `tickets/outbox.py` and `tickets/addressing.py`.

-- name: take_pending
SELECT id, customer_id, most_per_day FROM notices WHERE state = 'pending' AND due_at <= now()
ORDER BY due_at, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED

-- name: set_notice_states
UPDATE notices n SET state = s.state, reason = s.reason
FROM unnest(%(notices)s::bigint[], %(states)s::text[], %(reasons)s::text[]) AS s (id, state, reason) WHERE n.id = s.id

-- name: bad_addresses
SELECT address FROM mail_addresses WHERE state <> 'ok' AND address = ANY(%(addresses)s)

-- A mail that was replaced comes back under the Message-ID it had.
-- name: add_deliveries
INSERT INTO deliveries (notice_id, recipient, language, time_zone, message_id, next_try) VALUES %s
ON CONFLICT (notice_id, recipient) DO UPDATE SET state = 'waiting', next_try = excluded.next_try
WHERE deliveries.state = 'replaced'

-- Counting and adding must not be done by two at once for one address.
-- name: only_me_for_address
SELECT pg_advisory_xact_lock(hashtextextended(%(address)s, 21))

-- When one more mail to each address is within the limit: a day after the one that is `most` mails back, which may
-- itself wait for its day.
-- name: free_again
SELECT a.address, (
    SELECT m.at + interval '24 hours'
    FROM (SELECT d.id, d.state, coalesce(d.sent_at, greatest(d.next_try, now())) AS at
          FROM deliveries d WHERE lower(d.recipient) = a.address ORDER BY d.id DESC LIMIT 2000) AS m
    WHERE m.state IN ('waiting', 'sending', 'sent', 'in-doubt') AND m.at > now() - interval '24 hours'
    ORDER BY m.at DESC OFFSET %(most)s - 1 LIMIT 1)
FROM unnest(%(addresses)s::text[]) AS a (address)

-- What waits for a domain that puts mails off waits with it, and costs no attempt.
-- name: postpone_domains
UPDATE deliveries d SET next_try = m.wait_until + random() * interval '20 seconds', answer = 'waits with others: ' || m.reason,
                        leased_by = NULL, lease_until = NULL
FROM mail_domains m
WHERE d.state = 'waiting' AND d.next_try <= now() AND (d.lease_until IS NULL OR d.lease_until < now() OR d.leased_by = %(me)s)
  AND m.wait_until > now() AND m.domain = lower(substring(d.recipient FROM '[^@]*$'))

-- name: domains_wait
SELECT EXISTS (SELECT FROM mail_domains WHERE wait_until > now())

-- name: domain_deferred
INSERT INTO mail_domains AS m (domain, deferrals, reason) VALUES (%(domain)s, 1, %(reason)s)
ON CONFLICT (domain) DO UPDATE SET deferrals = m.deferrals + 1, reason = excluded.reason, changed_at = now(),
    wait_until = CASE WHEN m.deferrals + 1 < %(patience)s THEN NULL
                      ELSE now() + (%(pauses)s::interval[])[least(m.deferrals + 2 - %(patience)s, cardinality(%(pauses)s::interval[]))] END
RETURNING wait_until

-- name: domain_takes
DELETE FROM mail_domains WHERE domain = %(domain)s

-- What this sender took before and did not come to (the mail server or the database went away) is its own still.
-- name: lease
UPDATE deliveries SET leased_by = %(me)s, lease_until = now() + interval '15 minutes'
WHERE id IN (
    SELECT id FROM deliveries
    WHERE state = 'waiting' AND next_try <= now() AND (lease_until IS NULL OR lease_until < now() OR leased_by = %(me)s)
    ORDER BY next_try, id LIMIT %(limit)s FOR UPDATE SKIP LOCKED
)
RETURNING id, notice_id, recipient, language, message_id, attempts, time_zone,
          EXISTS (SELECT FROM mail_addresses a WHERE a.address = lower(recipient) AND a.state <> 'ok') AS bad,
          mail IS NOT NULL AS made

-- One round trip and one commit a mail: what came of the last one, and that the next one is handed over now. A mail
-- whose lease another sender took over meanwhile is not ours any more.
-- name: step
WITH finished AS (
    UPDATE deliveries SET state = 'sent', sent_at = now(), answer = %(answer)s, leased_by = NULL, lease_until = NULL
    WHERE id = %(finished)s
), following AS (
    UPDATE deliveries SET state = 'sending', attempts = attempts + 1, lease_until = now() + interval '15 minutes',
                          mail = coalesce(%(mail)s, mail)
    WHERE id = %(following)s AND state = 'waiting' AND leased_by = %(me)s RETURNING id
)
SELECT count(*) FROM following

-- name: take_back
UPDATE deliveries SET state = 'waiting', attempts = attempts - 1, leased_by = NULL, lease_until = NULL
WHERE id = %(delivery)s AND state = 'sending' AND leased_by = %(me)s

-- name: mark_sent
UPDATE deliveries SET state = 'sent', sent_at = now(), answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(delivery)s

-- It was certainly not taken, so it is written anew the next time, with what is known then.
-- name: mark_waiting
UPDATE deliveries SET state = 'waiting', next_try = now() + %(pause)s, answer = %(answer)s, leased_by = NULL, lease_until = NULL,
                      mail = NULL
WHERE id = %(delivery)s

-- A mail that could not be made counts as tried: in the end it is failed and not tried for ever.
-- name: mark_unwritten
UPDATE deliveries SET state = CASE WHEN attempts + 1 < %(most)s THEN 'waiting' ELSE 'failed' END, attempts = attempts + 1,
    next_try = now() + %(pause)s, answer = %(answer)s, leased_by = NULL, lease_until = NULL
WHERE id = %(delivery)s AND state = 'waiting' AND leased_by = %(me)s
RETURNING state

-- name: mark_failed
UPDATE deliveries SET state = 'failed', answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(delivery)s

-- name: mark_in_doubt
UPDATE deliveries SET state = 'in-doubt', answer = %(answer)s, leased_by = NULL, lease_until = NULL WHERE id = %(delivery)s

-- name: replace
WITH gone AS (
    UPDATE deliveries SET state = 'replaced', answer = %(answer)s, leased_by = NULL, lease_until = NULL
    WHERE id = ANY(%(deliveries)s) AND state = 'waiting' AND leased_by = %(me)s RETURNING notice_id
)
UPDATE notices SET state = 'pending', due_at = now() WHERE id IN (SELECT notice_id FROM gone) AND state IN ('addressed', 'pending')

-- What a sender that died had in hand: by its own name (and those of its lanes) at its next start, by anybody once the
-- lease is over.
-- name: find_doubt
UPDATE deliveries SET state = 'in-doubt', answer = 'the sender stopped before the mail server''s answer was noted',
                      leased_by = NULL, lease_until = NULL
WHERE state = 'sending' AND (%(starting)s AND split_part(leased_by, '#', 1) = %(me)s OR lease_until < now())
RETURNING id

-- name: release
UPDATE deliveries SET leased_by = NULL, lease_until = NULL WHERE state = 'waiting' AND split_part(leased_by, '#', 1) = %(me)s

-- A server that breaks off each time gets a mail `most` times, not for ever.
-- name: resend_doubtful
UPDATE deliveries SET state = 'waiting', next_try = now() WHERE state = 'in-doubt' AND attempts < %(most)s RETURNING id

-- name: notices
SELECT id, customer_id, kind, digest, body FROM notices WHERE id = ANY(%(notices)s)

-- name: tickets_of_notices
SELECT n.notice_id, t.id, t.resource, t.problem, t.severity, t.first_seen, t.last_seen, n.event_count, n.kind
FROM notice_tickets n JOIN tickets t ON t.id = n.ticket_id
WHERE n.notice_id = ANY(%(notices)s) ORDER BY n.notice_id, t.severity DESC, t.id

-- name: events_of_notices
SELECT n.notice_id, n.ticket_id, e.at, e.data
FROM notice_tickets n JOIN tickets t ON t.id = n.ticket_id CROSS JOIN LATERAL (
    SELECT at, data, id FROM events
    WHERE ticket_id = n.ticket_id AND id > n.after_event AND id <= n.through_event AND at BETWEEN t.first_seen AND t.last_seen
    ORDER BY id DESC LIMIT %(limit)s) AS e
WHERE n.notice_id = ANY(%(notices)s) ORDER BY n.notice_id, n.ticket_id, e.id DESC

-- The mails about the same tickets that this recipient already has, for threading.
-- name: earlier_mails
SELECT w.delivery, m.message_id
FROM unnest(%(deliveries)s::bigint[], %(notices)s::bigint[], %(recipients)s::text[]) AS w (delivery, notice, recipient)
CROSS JOIN LATERAL (
    SELECT d.id, d.message_id FROM deliveries d
    WHERE d.recipient = w.recipient AND d.state = 'sent' AND d.notice_id < w.notice
      AND d.notice_id IN (SELECT n.notice_id FROM notice_tickets n
                          WHERE n.ticket_id IN (SELECT ticket_id FROM notice_tickets WHERE notice_id = w.notice))
    ORDER BY d.id DESC LIMIT 5) AS m
ORDER BY w.delivery, m.id

-- name: made_mail
SELECT mail FROM deliveries WHERE id = %(delivery)s

-- name: next_due
SELECT least(
    (SELECT min(notify_due) FROM tickets WHERE notify_due IS NOT NULL),
    (SELECT min(remind_due) FROM tickets WHERE remind_due IS NOT NULL),
    (SELECT min(due_at) FROM notices WHERE state = 'pending'),
    (SELECT min(next_try) FROM deliveries WHERE state = 'waiting' AND lease_until IS NULL),
    (SELECT min(greatest(next_try, lease_until)) FROM deliveries WHERE state = 'waiting' AND lease_until IS NOT NULL))
