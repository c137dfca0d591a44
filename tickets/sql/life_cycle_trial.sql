-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What was there in the last days, for trying rules on it: the statements of `tickets/life_cycle_trial.py`. They only read.

-- Tickets that were open in the time, and closed ones that an event could have reopened in it.
-- name: tickets
SELECT t.key::text, t.id, t.problem, t.customer_id, t.resource, t.network::text, t.feed, t.state, t.opened_at, t.state_at, t.relapses,
       CASE WHEN t.last_seen < %(since)s THEN t.last_seen
            ELSE (SELECT max(e.at) FROM events e WHERE e.ticket_id = t.id AND e.stored_at < %(since)s) END
FROM tickets t
WHERE (t.state <> 'closed' OR t.state_at >= %(since)s - %(reopen)s::interval) AND t.merged_into IS NULL
ORDER BY t.key, t.id

-- Events that came in the time; far older ones than it lie in months that need not be read.
-- name: events
SELECT t.key::text, e.stored_at, e.at, e.severity
FROM events e JOIN tickets t ON t.id = e.ticket_id
WHERE e.stored_at >= %(since)s AND e.at >= %(since)s - interval '62 days'
ORDER BY t.key, e.stored_at, e.id

-- name: changes
SELECT t.key::text, a.at, a.change FROM audit_trail a JOIN tickets t ON t.id = a.object_id::bigint
WHERE a.object = 'ticket' AND a.at >= %(since)s
  AND (a.change IN ('closed', 'reopened', 'escalated') OR a.change LIKE '%% → closed' OR a.change LIKE 'closed → %%' OR a.change LIKE '%% → escalated')
ORDER BY t.key, a.id

-- name: told
SELECT t.key::text, n.created_at FROM notice_tickets nt JOIN notices n ON n.id = nt.notice_id JOIN tickets t ON t.id = nt.ticket_id
WHERE n.created_at >= %(since)s ORDER BY t.key, n.id
