-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Numbers for Prometheus: the statements of `installer/metrics/of_database.py`. Each must be cheap with a million tickets.

-- Open and closed tickets are counted while they are few; beyond, the planner's own estimate of the partial index is told.
-- name: tickets
SELECT CASE WHEN o.many > 50000 THEN greatest(o.many - r.escalated - r.ignored - r.resolved, 0)
            ELSE (SELECT count(*) FROM tickets WHERE state = 'open') END AS open,
       r.escalated, r.ignored, r.resolved,
       CASE WHEN c.many > 50000 THEN c.many ELSE (SELECT count(*) FROM tickets WHERE state = 'closed') END AS closed
FROM (SELECT (SELECT count(*) FROM tickets WHERE state = 'escalated') AS escalated,
             (SELECT count(*) FROM tickets WHERE state = 'ignored') AS ignored,
             (SELECT count(*) FROM tickets WHERE state = 'resolved') AS resolved) r
CROSS JOIN (SELECT greatest(reltuples, 0)::bigint AS many FROM pg_class WHERE oid = 'tickets_one_open'::regclass) o
CROSS JOIN (SELECT greatest(reltuples, 0)::bigint AS many FROM pg_class WHERE oid = 'tickets_closed_key'::regclass) c

-- name: drawn
SELECT (SELECT last_value FROM pg_sequences WHERE sequencename = 'tickets_id_seq') AS tickets_opened,
       (SELECT last_value FROM pg_sequences WHERE sequencename = 'events_id_seq') AS events_stored,
       (SELECT last_value FROM pg_sequences WHERE sequencename = 'reports_id_seq') AS reports_received,
       (SELECT last_value FROM pg_sequences WHERE sequencename = 'notices_id_seq') AS notices_made,
       (SELECT last_value FROM pg_sequences WHERE sequencename = 'deliveries_id_seq') AS mails_made,
       (SELECT last_value FROM pg_sequences WHERE sequencename = 'answers_id_seq') AS answers_received

-- name: waits
SELECT (SELECT count(*) FROM reports WHERE state = 'received') AS reports_received,
       (SELECT count(*) FROM reports WHERE state = 'queued') AS reports_queued,
       (SELECT count(*) FROM reports WHERE state = 'unread') AS reports_unread,
       (SELECT count(*) FROM (SELECT FROM reports WHERE state = 'partly' LIMIT 10000) p) AS reports_partly,
       (SELECT count(*) FROM deliveries WHERE state = 'waiting') AS mails_waiting,
       (SELECT count(*) FROM deliveries WHERE state = 'sending') AS mails_sending,
       (SELECT count(*) FROM deliveries WHERE state = 'in-doubt') AS mails_in_doubt,
       (SELECT count(*) FROM (SELECT FROM deliveries WHERE state = 'failed' LIMIT 10000) f) AS mails_failed,
       (SELECT count(*) FROM notices WHERE state = 'held') AS notices_held,
       (SELECT count(*) FROM notices WHERE state = 'no-contact') AS notices_no_contact,
       (SELECT count(*) FROM webhook_deliveries WHERE state = 'waiting') AS webhooks_waiting,
       (SELECT count(DISTINCT ticket_id) FROM answer_tickets WHERE unread) AS answers_unread,
       (SELECT count(*) FROM desk_alerts WHERE seen_at IS NULL) AS alerts_unseen,
       (SELECT count(*) FROM mail_addresses WHERE state <> 'ok') AS addresses_bad

-- name: marks
SELECT extract(epoch FROM (SELECT min(state_at) FROM reports WHERE state IN ('received', 'queued')))::float8 AS oldest_report,
       extract(epoch FROM (SELECT max(at) FROM timer_marks))::float8 AS timers,
       extract(epoch FROM (SELECT made_at FROM rollup_state))::float8 AS statistics,
       pg_database_size(current_database())::float8 AS bytes,
       (SELECT max(number) FROM schema_versions)::float8 AS schema

-- name: sources
SELECT CASE WHEN feed = '' THEN channel ELSE feed END, extract(epoch FROM max(received_at))::float8
FROM (SELECT feed, channel, received_at FROM reports ORDER BY id DESC LIMIT 5000) AS newest GROUP BY 1 ORDER BY 2 DESC LIMIT 100
