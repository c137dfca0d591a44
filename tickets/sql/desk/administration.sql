-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- For administrators: audit trail, health.

-- name: audit
SELECT a.id, a.at, a.actor, a.object, a.object_id, a.change, a.reason FROM audit_trail a
WHERE {operators only} AND a.id < %(before)s AND {filters} ORDER BY a.id DESC LIMIT %(limit)s

-- name: of_object
a.object = %(object)s AND (%(object_id)s = '' OR a.object_id = %(object_id)s)

-- name: of_actor
a.actor = %(actor)s

-- name: health
SELECT (SELECT count(*) FROM reports WHERE state = 'received') AS received,
       (SELECT count(*) FROM reports WHERE state = 'queued') AS queued,
       (SELECT min(state_at) FROM reports WHERE state IN ('received', 'queued')) AS oldest_waiting,
       (SELECT received_at FROM reports ORDER BY id DESC LIMIT 1) AS last_report,
       (SELECT count(*) FROM deliveries WHERE state = 'waiting') AS mails_waiting,
       (SELECT count(*) FROM deliveries WHERE state = 'failed') AS mails_failed,
       (SELECT count(*) FROM deliveries WHERE state = 'in-doubt') AS mails_in_doubt,
       (SELECT count(*) FROM notices WHERE state = 'held') AS notices_held,
       (SELECT count(*) FROM notices WHERE state = 'no-contact') AS notices_no_contact,
       (SELECT count(*) FROM mail_domains WHERE wait_until > now()) AS domains_waiting,
       (SELECT count(*) FROM touched_tickets) AS batches_for_timers,
       (SELECT max(at) FROM timer_marks) AS timers_at,
       (SELECT made_at FROM rollup_state) AS statistics_at,
       pg_database_size(current_database()) AS database_size,
       (SELECT max(number) FROM schema_versions) AS schema
WHERE {operators only}

-- name: alerts
SELECT d.id, d.at, d.kind, d.ticket_id, d.text FROM desk_alerts d
WHERE {operators only} AND d.seen_at IS NULL ORDER BY d.id DESC LIMIT 50

-- name: stored_about
SELECT (SELECT count(*) FROM tickets WHERE customer_id = %(customer)s) AS tickets,
       (SELECT coalesce(sum(event_count), 0)::bigint FROM tickets WHERE customer_id = %(customer)s) AS events,
       (SELECT count(*) FROM notes n JOIN tickets t ON t.id = n.ticket_id WHERE t.customer_id = %(customer)s) AS notes,
       (SELECT count(*) FROM notices WHERE customer_id = %(customer)s) AS notices,
       (SELECT count(*) FROM deliveries d JOIN notices n ON n.id = d.notice_id WHERE n.customer_id = %(customer)s) AS mails,
       (SELECT count(DISTINCT at.answer_id) FROM answer_tickets at JOIN tickets t ON t.id = at.ticket_id
        WHERE t.customer_id = %(customer)s) AS answers,
       (SELECT count(*) FROM selfhelp_tokens WHERE customer_id = %(customer)s) AS selfhelp_links,
       (SELECT min(first_seen) FROM tickets WHERE customer_id = %(customer)s) AS first_seen,
       (SELECT max(last_seen) FROM tickets WHERE customer_id = %(customer)s) AS last_seen
WHERE {operators only}

-- name: mail_addresses_of
SELECT DISTINCT d.recipient FROM deliveries d JOIN notices n ON n.id = d.notice_id
WHERE {operators only} AND n.customer_id = %(customer)s ORDER BY d.recipient LIMIT 200

-- name: who_looked
SELECT a.at, a.actor, a.change FROM audit_trail a
WHERE {operators only} AND a.object = 'customer' AND a.object_id = %(customer)s ORDER BY a.id DESC LIMIT 100

-- name: rule_versions
SELECT v.id, v.at, v.author, v.reason, length(v.text) AS size FROM rule_versions v WHERE {operators only} ORDER BY v.id DESC LIMIT 50

-- name: rule_version
SELECT v.id, v.text FROM rule_versions v WHERE {operators only} AND v.id = %(version)s

-- name: keep_rules
INSERT INTO rule_versions (author, reason, text) SELECT %(author)s, %(reason)s, %(text)s WHERE {operators only}
