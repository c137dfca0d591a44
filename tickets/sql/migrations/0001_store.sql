-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The first schema of the ticket store: reports, events, tickets, notices, audit trail. All times are UTC.

-- One thing received. The same bytes received again are the same report: `evidence` is their SHA-256.
CREATE TABLE reports (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    evidence    text NOT NULL UNIQUE CHECK (evidence ~ '^[0-9a-f]{64}$'),
    kind        text NOT NULL CHECK (kind IN ('mail', 'feed')),
    channel     text NOT NULL,                    -- the bot or command that took it
    name        text NOT NULL DEFAULT '',         -- file name, or what the source calls it
    feed        text NOT NULL DEFAULT '',
    sender      text NOT NULL DEFAULT '',
    subject     text NOT NULL DEFAULT '',
    size        bigint NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    times_received integer NOT NULL DEFAULT 1,
    state       text NOT NULL DEFAULT 'received'
                CHECK (state IN ('received', 'queued', 'read', 'partly', 'unread', 'not-a-report')),
    state_at    timestamptz NOT NULL DEFAULT now(),
    reason      text NOT NULL DEFAULT '',         -- why it is in this state, in words
    reader      text NOT NULL DEFAULT '',
    confidence  real,
    events      integer NOT NULL DEFAULT 0,       -- events that the reader made of it
    unread_parts integer NOT NULL DEFAULT 0,      -- rows or parts that it could not read
    proposal    jsonb,                            -- what an unsure reader would have made of it
    authentication jsonb                          -- who proved to have sent it: dkim, arc, believed; see tickets/reports.py
);
CREATE INDEX reports_waiting ON reports (channel, id) WHERE state = 'received';
CREATE INDEX reports_under_way ON reports (state_at) WHERE state IN ('received', 'queued');
CREATE INDEX reports_for_a_person ON reports (received_at) WHERE state IN ('unread', 'partly');
CREATE INDEX reports_received ON reports (received_at);

-- What of a report could not be read, with the reason; at most some hundred rows a report, `unread_parts` counts all.
CREATE TABLE unread_parts (
    report_id bigint NOT NULL REFERENCES reports ON DELETE CASCADE,
    number    integer NOT NULL,
    part      text NOT NULL,
    line      integer NOT NULL,
    reason    text NOT NULL,
    raw       text NOT NULL,
    PRIMARY KEY (report_id, number)
);

-- Customers as they were when an event last named them; who gets mail is asked of the connector when sending.
CREATE TABLE customers (
    id       text PRIMARY KEY,
    name     text NOT NULL DEFAULT '',
    language text NOT NULL DEFAULT '',
    seen_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE tickets (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key            uuid NOT NULL,                 -- what makes events belong together, hashed by tickets/incoming.py
    customer_id    text NOT NULL REFERENCES customers,
    resource       text NOT NULL,                 -- address, IPv6 prefix or host name
    network        cidr,                          -- the same as an address, where it is one
    problem        text NOT NULL,
    severity       smallint NOT NULL DEFAULT 0,   -- 0 info, 1 low, 2 medium, 3 high, 4 critical
    state          text NOT NULL DEFAULT 'open'
                   CHECK (state IN ('open', 'escalated', 'ignored', 'resolved', 'closed')),
    customer_state text NOT NULL DEFAULT 'open' CHECK (customer_state IN ('open', 'working', 'resolved', 'disputed')),
    event_count    bigint NOT NULL DEFAULT 0,
    first_seen     timestamptz NOT NULL DEFAULT 'infinity',
    last_seen      timestamptz NOT NULL DEFAULT '-infinity',
    relapses       integer NOT NULL DEFAULT 0,    -- how often it came back after it was resolved
    opened_at      timestamptz NOT NULL DEFAULT now(),
    state_at       timestamptz NOT NULL DEFAULT now(),
    last_event_id     bigint NOT NULL DEFAULT 0,
    notified_event_id bigint NOT NULL DEFAULT 0,  -- events up to this one stand in a notice
    notified_at    timestamptz,
    notify_due     timestamptz                    -- when a notice about it is due; null: nothing new to say
) WITH (fillfactor = 80);  -- counts change with every batch, indexed columns do not: updates stay on their page
-- A second open ticket of the same customer, resource and problem cannot exist.
CREATE UNIQUE INDEX tickets_one_open ON tickets (key) WHERE state <> 'closed';
CREATE INDEX tickets_customer ON tickets (customer_id);
CREATE INDEX tickets_due ON tickets (notify_due, customer_id) WHERE notify_due IS NOT NULL;
CREATE INDEX tickets_network ON tickets USING gist (network inet_ops);

-- `at` is the time of the observation, or of receipt where the report told none; months are partitions.
-- The fingerprint says what was observed: the same observation cannot be stored twice.
CREATE TABLE events (
    id          bigint GENERATED ALWAYS AS IDENTITY,
    at          timestamptz NOT NULL,
    fingerprint uuid NOT NULL,
    report_id   bigint,
    ticket_id   bigint,                           -- null: nobody of ours, or not certain who
    customer_match text NOT NULL CHECK (customer_match IN ('one', 'none', 'ambiguous')),
    ip          inet,
    port        integer,
    problem     text NOT NULL,
    severity    smallint NOT NULL,
    feed        text NOT NULL DEFAULT '',
    stored_at   timestamptz NOT NULL DEFAULT now(),
    data        jsonb NOT NULL,                   -- the IntelMQ event without raw
    PRIMARY KEY (at, fingerprint)
) PARTITION BY RANGE (at);
CREATE INDEX events_ticket ON events (ticket_id, id) WHERE ticket_id IS NOT NULL;
CREATE INDEX events_report ON events USING brin (report_id);
CREATE INDEX events_id ON events USING brin (id);
CREATE TABLE events_other PARTITION OF events DEFAULT;  -- times too old for a month of their own

-- A notice to one customer about some of his tickets; its mails are in `deliveries`.
CREATE TABLE notices (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers,
    state       text NOT NULL CHECK (state IN ('held', 'pending', 'addressed', 'no-contact', 'withdrawn')),
    reason      text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL DEFAULT now(),
    due_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notices_pending ON notices (due_at) WHERE state = 'pending';
CREATE INDEX notices_customer ON notices (customer_id, id);

CREATE TABLE notice_tickets (
    notice_id     bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
    ticket_id     bigint NOT NULL REFERENCES tickets,
    after_event   bigint NOT NULL,                -- the notice tells the events after this id ...
    through_event bigint NOT NULL,                -- ... up to this one
    event_count   bigint NOT NULL,
    update_of     boolean NOT NULL,               -- false: the customer hears of the ticket for the first time
    PRIMARY KEY (notice_id, ticket_id)
);
CREATE INDEX notice_tickets_ticket ON notice_tickets (ticket_id);

-- One mail to one contact. The Message-ID is fixed before the first try; `sending` is committed before the mail
-- server hears of it, so that after a crash a mail in `sending` is in doubt, and no other is.
CREATE TABLE deliveries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    notice_id   bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
    recipient   text NOT NULL,
    language    text NOT NULL DEFAULT '',
    message_id  text NOT NULL UNIQUE,
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sending', 'sent', 'in-doubt', 'failed')),
    attempts    integer NOT NULL DEFAULT 0,
    next_try    timestamptz NOT NULL DEFAULT now(),
    leased_by   text,                             -- the sender that has it in hand ...
    lease_until timestamptz,                      -- ... and until when nobody else may take it
    sent_at     timestamptz,
    answer      text NOT NULL DEFAULT '',         -- the mail server's last words
    UNIQUE (notice_id, recipient)
);
CREATE INDEX deliveries_waiting ON deliveries (next_try) WHERE state = 'waiting';
CREATE INDEX deliveries_sending ON deliveries (lease_until) WHERE state IN ('sending', 'in-doubt');

-- Who changed what, when and why; written in the transaction of the change.
CREATE TABLE audit_trail (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    object  text NOT NULL CHECK (object IN ('report', 'ticket', 'notice', 'delivery', 'customer')),
    object_id text NOT NULL,
    change  text NOT NULL,
    reason  text NOT NULL DEFAULT ''
);
CREATE INDEX audit_trail_object ON audit_trail (object, object_id, id);

-- Makes the partition of the month that holds `moment`, if it is not there; safe when several ask at once.
CREATE FUNCTION make_events_month(moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first timestamptz := date_trunc('month', moment, 'UTC');
    part  text := 'events_' || to_char(first AT TIME ZONE 'UTC', 'YYYY_MM');
BEGIN
    IF to_regclass(part) IS NULL THEN
        PERFORM pg_advisory_xact_lock(hashtext('make_events_month'));
        -- to_regclass may still answer from its cache what was true before we waited; IF NOT EXISTS looks again
        EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF events FOR VALUES FROM (%L) TO (%L)',
                       part, first, first + interval '1 month');
    END IF;
END $$;

-- Tells a waiting collector that a report was recorded.
CREATE FUNCTION tell_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('abusehandler_report', NEW.channel);
    RETURN NULL;
END $$;
CREATE TRIGGER reports_tell AFTER INSERT OR UPDATE OF state ON reports FOR EACH ROW WHEN (NEW.state = 'received')
EXECUTE FUNCTION tell_report();
