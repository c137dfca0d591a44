-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Figures of a year in a moment: sums over the daily statistics of migration 0004 that leave out what no table of the desk asks for.
-- The database keeps them equal to the days they are made of, whoever writes these: timers, an older program, an erasure.

-- daily_tickets without severity and feed: a day has some twenty rows instead of some hundreds.
CREATE TABLE daily_problems (
    day      date NOT NULL,
    problem  text NOT NULL,
    opened   bigint NOT NULL,
    relapsed bigint NOT NULL,
    told     bigint NOT NULL,
    told_seconds double precision NOT NULL,
    told_within bigint[] NOT NULL,
    ended    bigint NOT NULL,
    ended_seconds double precision NOT NULL,
    ended_within bigint[] NOT NULL,
    PRIMARY KEY (day, problem)
);

CREATE FUNCTION make_daily_problems(days date[]) RETURNS void LANGUAGE sql AS $$
    DELETE FROM daily_problems WHERE day = ANY(days);
    INSERT INTO daily_problems
    SELECT day, problem, sum(opened), sum(relapsed), sum(told), sum(told_seconds),
           ARRAY[sum(told_within[1]), sum(told_within[2]), sum(told_within[3]), sum(told_within[4]), sum(told_within[5]), sum(told_within[6]),
                 sum(told_within[7]), sum(told_within[8]), sum(told_within[9]), sum(told_within[10]), sum(told_within[11]), sum(told_within[12])],
           sum(ended), sum(ended_seconds),
           ARRAY[sum(ended_within[1]), sum(ended_within[2]), sum(ended_within[3]), sum(ended_within[4]), sum(ended_within[5]), sum(ended_within[6]),
                 sum(ended_within[7]), sum(ended_within[8]), sum(ended_within[9]), sum(ended_within[10]), sum(ended_within[11]), sum(ended_within[12])]
    FROM daily_tickets WHERE day = ANY(days) GROUP BY day, problem;
$$;

CREATE FUNCTION daily_tickets_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM make_daily_problems(array_agg(DISTINCT day)) FROM changed;
    RETURN NULL;
END $$;
CREATE TRIGGER daily_tickets_added AFTER INSERT ON daily_tickets
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION daily_tickets_changed();
CREATE TRIGGER daily_tickets_removed AFTER DELETE ON daily_tickets
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION daily_tickets_changed();
CREATE TRIGGER daily_tickets_updated AFTER UPDATE ON daily_tickets
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION daily_tickets_changed();

-- daily_events by feed alone.
CREATE TABLE daily_feeds (
    day    date NOT NULL,
    feed   text NOT NULL,
    events bigint NOT NULL,
    PRIMARY KEY (day, feed)
);

CREATE FUNCTION daily_events_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM daily_feeds WHERE day IN (SELECT day FROM changed);
    INSERT INTO daily_feeds SELECT day, feed, sum(events) FROM daily_events WHERE day IN (SELECT day FROM changed) GROUP BY day, feed;
    RETURN NULL;
END $$;
CREATE TRIGGER daily_events_added AFTER INSERT ON daily_events
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION daily_events_changed();
CREATE TRIGGER daily_events_removed AFTER DELETE ON daily_events
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION daily_events_changed();
CREATE TRIGGER daily_events_updated AFTER UPDATE ON daily_events
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION daily_events_changed();

-- daily_customers by month. Whole months are too many to be summed for each day that changes, so what changes is added and taken away.
CREATE TABLE monthly_customers (
    month       date NOT NULL,                    -- its first day
    customer_id text NOT NULL,
    events      bigint NOT NULL,
    PRIMARY KEY (month, customer_id)
);

CREATE FUNCTION daily_customers_added() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO monthly_customers AS m
    SELECT date_trunc('month', day::timestamp)::date, customer_id, sum(events) FROM added GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (month, customer_id) DO UPDATE SET events = m.events + EXCLUDED.events;
    RETURN NULL;
END $$;
CREATE FUNCTION daily_customers_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE monthly_customers m SET events = m.events - r.events FROM (
        SELECT date_trunc('month', day::timestamp)::date AS month, customer_id, sum(events) AS events FROM removed GROUP BY 1, 2) r
    WHERE m.month = r.month AND m.customer_id = r.customer_id;
    DELETE FROM monthly_customers m USING (SELECT DISTINCT date_trunc('month', day::timestamp)::date AS month, customer_id FROM removed) r
    WHERE m.month = r.month AND m.customer_id = r.customer_id AND m.events = 0;
    RETURN NULL;
END $$;
CREATE TRIGGER daily_customers_added AFTER INSERT ON daily_customers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION daily_customers_added();
CREATE TRIGGER daily_customers_removed AFTER DELETE ON daily_customers
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION daily_customers_removed();
CREATE TRIGGER daily_customers_updated_added AFTER UPDATE ON daily_customers
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION daily_customers_added();
CREATE TRIGGER daily_customers_updated_removed AFTER UPDATE ON daily_customers
    REFERENCING OLD TABLE AS removed FOR EACH STATEMENT EXECUTE FUNCTION daily_customers_removed();

-- What is there already.
SELECT make_daily_problems(array_agg(DISTINCT day)) FROM daily_tickets;
INSERT INTO daily_feeds SELECT day, feed, sum(events) FROM daily_events GROUP BY day, feed;
INSERT INTO monthly_customers SELECT date_trunc('month', day::timestamp)::date, customer_id, sum(events) FROM daily_customers GROUP BY 1, 2;

-- The inbox looks for senders by the beginnings of words.
CREATE INDEX reports_sender ON reports USING gin (to_tsvector('simple', translate(sender, '@.-_+', '     ')));
