-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Links to reports, from the mail that holds them to the report that was fetched.

-- A link that was given up is tried anew when its mail is read again, or another mail names it.
-- name: note
INSERT INTO report_links (report_id, url) SELECT %(report)s, url FROM unnest(%(urls)s) AS url
ON CONFLICT (url) DO UPDATE
SET report_id = excluded.report_id, state = 'waiting', attempts = 0, next_try = now(), reason = ''
WHERE report_links.state = 'failed'

-- The one that waits longest; it is nobody else's until the lease ends, whatever happens to who took it.
-- name: claim
UPDATE report_links SET attempts = attempts + 1, next_try = now() + %(lease)s
WHERE id = (SELECT id FROM report_links WHERE state = 'waiting' AND next_try <= now()
            ORDER BY next_try, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, report_id, url, attempts

-- name: fetched
UPDATE report_links SET state = 'fetched', reason = '', fetched_report_id = %(fetched)s WHERE id = %(link)s

-- name: try_later
UPDATE report_links SET next_try = now() + %(wait)s, reason = %(reason)s WHERE id = %(link)s AND state = 'waiting'

-- name: give_up
UPDATE report_links SET state = 'failed', reason = %(reason)s WHERE id = %(link)s AND state = 'waiting' RETURNING report_id

-- A mail of which nothing else was read, and no link fetched, is unread; of any other a part is missing.
-- name: tell_report
UPDATE reports r
SET state = CASE WHEN r.state NOT IN ('read', 'partly') THEN r.state
                 WHEN r.reader = 'links' AND NOT EXISTS (SELECT 1 FROM report_links l WHERE l.report_id = r.id AND l.state <> 'failed')
                 THEN 'unread' ELSE 'partly' END,
    state_at = now(), unread_parts = unread_parts + 1,
    reason = left(r.reason || CASE WHEN r.reason = '' THEN '' ELSE '; ' END || %(reason)s, 2000)
WHERE id = %(report)s

-- name: tell_part
INSERT INTO unread_parts (report_id, number, part, line, reason, raw)
SELECT %(report)s, coalesce(max(number), 0) + 1, 'link', 0, %(reason)s, %(url)s FROM unread_parts WHERE report_id = %(report)s
