-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Links to reports that stood in mails. The same link is fetched once, in however many mails it stands.
CREATE TABLE report_links (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id  bigint NOT NULL REFERENCES reports ON DELETE CASCADE,   -- the mail that named it last
    url        text NOT NULL UNIQUE,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'fetched', 'failed')),
    attempts   integer NOT NULL DEFAULT 0,        -- begun, also those that a crash ended
    next_try   timestamptz NOT NULL DEFAULT now(),
    reason     text NOT NULL DEFAULT '',          -- why the last attempt failed, in words
    fetched_report_id bigint REFERENCES reports ON DELETE SET NULL,
    noted_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX report_links_due ON report_links (next_try) WHERE state = 'waiting';
CREATE INDEX report_links_report ON report_links (report_id);
