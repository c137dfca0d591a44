-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Intake: fewer things to do for each new ticket, tickets that follow closed ones, statistics by day, what was dropped.

ALTER TABLE tickets
    ADD COLUMN feed text NOT NULL DEFAULT '',     -- of the event that opened it; of all its events where feeds are in the key
    ADD COLUMN follows bigint;                    -- the closed ticket of the same key that it came too late to reopen

-- The tickets of one report stand side by side and come again together, all of a page in one transaction. Only with room for
-- all of them can the new versions stay on the page and the indexes as they are.
ALTER TABLE tickets SET (fillfactor = 50);

-- The ticket of a key that was closed last is asked for whenever a ticket is opened.
CREATE INDEX tickets_closed_key ON tickets (key, state_at) WHERE state = 'closed';

-- A GiST index cost a new ticket 25 µs of 90; a B-tree answers `network <<= '192.0.2.0/24'` as well.
DROP INDEX tickets_network;
CREATE INDEX tickets_network ON tickets (network) WHERE network IS NOT NULL;

-- Every ticket has its customer: looked at once for each statement, where a foreign key looks at (and locks) the
-- customer's row for each ticket, 18 µs. Deleting customers waits for those who open tickets, and they for it.
ALTER TABLE tickets DROP CONSTRAINT tickets_customer_id_fkey;

CREATE FUNCTION tickets_have_customers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
BEGIN
    SELECT n.customer_id INTO missing FROM (SELECT DISTINCT customer_id FROM new_tickets) n
    WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = n.customer_id) LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = format('there is no customer %L', missing);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER tickets_customer_inserted AFTER INSERT ON tickets
    REFERENCING NEW TABLE AS new_tickets FOR EACH STATEMENT EXECUTE FUNCTION tickets_have_customers();

CREATE FUNCTION ticket_has_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM customers WHERE id = NEW.customer_id) THEN
        RAISE foreign_key_violation USING MESSAGE = format('there is no customer %L', NEW.customer_id);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER tickets_customer_changed BEFORE UPDATE OF customer_id ON tickets
    FOR EACH ROW EXECUTE FUNCTION ticket_has_customer();

CREATE FUNCTION customers_are_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE tickets IN SHARE ROW EXCLUSIVE MODE;
    RETURN NULL;
END $$;
CREATE TRIGGER customers_deleting BEFORE DELETE OR UPDATE OF id ON customers
    FOR EACH STATEMENT EXECUTE FUNCTION customers_are_free();

CREATE FUNCTION customer_is_free() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM tickets WHERE customer_id = OLD.id) THEN
        RAISE foreign_key_violation USING MESSAGE = format('customer %L still has tickets', OLD.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER customers_deleted AFTER DELETE OR UPDATE OF id ON customers
    FOR EACH ROW EXECUTE FUNCTION customer_is_free();

-- Statistics by day (UTC), see tickets/rollups.py. Events by the day they were observed, tickets by the day they were
-- opened: what became of them is told with that day, so that rates of a period are sums over its rows.
CREATE TABLE daily_events (
    day      date NOT NULL,
    problem  text NOT NULL,
    severity smallint NOT NULL,
    feed     text NOT NULL,
    customer_match text NOT NULL,
    events   bigint NOT NULL,
    PRIMARY KEY (day, problem, severity, feed, customer_match)
);

CREATE TABLE daily_tickets (
    day      date NOT NULL,
    problem  text NOT NULL,
    severity smallint NOT NULL,
    feed     text NOT NULL,                       -- of the event that opened it
    opened   bigint NOT NULL,
    followed bigint NOT NULL,                     -- of these, tickets that follow a closed one
    relapsed bigint NOT NULL,                     -- of these, that came back at least once after being resolved or closed
    relapses bigint NOT NULL,
    told     bigint NOT NULL,                     -- a first notice went out ...
    told_seconds double precision NOT NULL,       -- ... so long after opening, all together
    told_within bigint[] NOT NULL,                -- how many of them in each class of rollup_limits()
    ended    bigint NOT NULL,                     -- resolved or closed now ...
    ended_seconds double precision NOT NULL,      -- ... so long after opening, all together
    ended_within bigint[] NOT NULL,
    PRIMARY KEY (day, problem, severity, feed)
);

CREATE TABLE daily_customers (
    day         date NOT NULL,
    customer_id text NOT NULL,
    events      bigint NOT NULL,
    PRIMARY KEY (day, customer_id)
);
CREATE INDEX daily_customers_customer ON daily_customers (customer_id, day);

-- What happened on a day, whenever the tickets were opened.
CREATE TABLE daily_work (
    day      date NOT NULL PRIMARY KEY,
    opened   bigint NOT NULL,
    closed   bigint NOT NULL,
    resolved bigint NOT NULL,
    reopened bigint NOT NULL,
    notices  bigint NOT NULL,
    mails    bigint NOT NULL,                     -- sent
    failed   bigint NOT NULL                      -- mails that nobody got
);

-- Ends, in seconds, of the classes of told_within and ended_within; the last class has none.
CREATE FUNCTION rollup_limits() RETURNS double precision[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY[600, 3600, 4*3600, 12*3600, 86400, 2*86400, 4*86400, 7*86400, 14*86400, 30*86400, 90*86400]::double precision[]
$$;

-- How far the statistics have come: everything that was committed before `through` is in them.
CREATE TABLE rollup_state (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    through   timestamptz NOT NULL DEFAULT '1970-01-01T00:00:00Z',
    event_id  bigint NOT NULL DEFAULT 0,          -- events up to this number were there then
    made_at   timestamptz
);
INSERT INTO rollup_state DEFAULT VALUES;

-- Statistics of days before this one are kept as they are: events or tickets of that time were dropped.
CREATE TABLE retention_state (
    one            boolean PRIMARY KEY DEFAULT true CHECK (one),
    events_from    date NOT NULL DEFAULT '1900-01-01',
    tickets_from   date NOT NULL DEFAULT '1900-01-01',
    applied_at     timestamptz
);
INSERT INTO retention_state DEFAULT VALUES;

-- What changed since the statistics were made last. These tables grow at their end, so that a few pages say where.
CREATE INDEX withdrawn_events_withdrawn ON withdrawn_events USING brin (withdrawn_at);
CREATE INDEX audit_trail_at ON audit_trail USING brin (at);
CREATE INDEX notices_created ON notices USING brin (created_at);
CREATE INDEX deliveries_sent ON deliveries USING brin (sent_at);

-- As in 0001, but a month of which events stand in the default partition (they came late, after the month was dropped) stays
-- there: PostgreSQL refuses it a partition of its own.
CREATE OR REPLACE FUNCTION make_events_month(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := date_trunc('month', moment, 'UTC');
    part  text := 'events_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(part) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('make_events_month'));
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
                       part, first, first + interval '1 month');
    END IF;
EXCEPTION WHEN check_violation THEN
    RETURN;
END $$;
