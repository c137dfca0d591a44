-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Who had most events in a month or on a day, without looking at everybody; and all months of a customer beside each other.
CREATE INDEX daily_customers_most ON daily_customers (day, events, customer_id);
CREATE INDEX monthly_customers_most ON monthly_customers (month, events, customer_id);
ALTER TABLE monthly_customers DROP CONSTRAINT monthly_customers_pkey, ADD PRIMARY KEY (customer_id, month) INCLUDE (events);

-- What readers made of the reports that came on a day; made by tickets/rollups.py as the others are.
CREATE TABLE daily_readers (
    day     date NOT NULL,
    reader  text NOT NULL,
    reports bigint NOT NULL,
    read    bigint NOT NULL,
    partly  bigint NOT NULL,
    unread  bigint NOT NULL,
    filed   bigint NOT NULL,
    events  bigint NOT NULL,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (day, reader)
);
INSERT INTO daily_readers
SELECT (received_at AT TIME ZONE 'UTC')::date, reader, count(*), count(*) FILTER (WHERE state = 'read'), count(*) FILTER (WHERE state = 'partly'),
       count(*) FILTER (WHERE state = 'unread'), count(*) FILTER (WHERE state = 'not-a-report'), sum(events), max(received_at)
FROM reports WHERE state NOT IN ('received', 'queued') GROUP BY 1, 2;
CREATE INDEX reports_changed ON reports USING brin (state_at) WITH (pages_per_range = 16);
-- Figures of days before this one are kept as they are: reports of that time were dropped.
ALTER TABLE retention_state ADD COLUMN reports_from date NOT NULL DEFAULT '1900-01-01';

-- What a person sent, for what is stored about them.
CREATE INDEX reports_sent_by ON reports (lower(sender));

-- Words as they are looked for: K-1042 and shop.example.net are two and three of them, wherever they stand. PostgreSQL's own
-- reading of text takes such for one thing, and what stands between < and > for none.
CREATE FUNCTION search_words(text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('simple'::regconfig, translate($1, '!"#$%&''()*+,-./:;<=>?@[\]^_`{|}~', repeat(' ', 32)))
$$;
DROP INDEX customers_text;
CREATE INDEX customers_text ON customers USING gin (search_words(id || ' ' || name));
DROP INDEX notes_text;
CREATE INDEX notes_text ON notes USING gin (search_words(text)) WHERE withdrawn_at IS NULL;
DROP INDEX answers_text;
CREATE INDEX answers_text ON answers USING gin (search_words(subject || ' ' || left(said, 100000)));
