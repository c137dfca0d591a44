-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What happens to tickets after they were opened: timers, mutes, what people do, and how it can be undone.
--
-- What other parts have to keep, and how:
--
-- * Notices (tickets/outbox.py): a mute holds notices back and nothing else. Before due tickets are taken for a
--   customer's notice, in the same transaction, call `SELECT hold_muted_tickets(customer, until)`: it puts `notify_due`
--   of this customer's muted tickets that are due up to `until` to the end of their mute, so that they are not due any
--   more, and an idle run finds nothing. Nothing else need be asked; `mute end` and the timers bring `notify_due` back.
--   A ticket with `state = 'escalated'` and `escalated_at > notified_at` (or never notified) wants the kind escalation.
-- * Intake (tickets/aggregate.py), once a batch: `INSERT INTO touched_tickets (tickets) VALUES (ids)` with the ids of all
--   tickets that got events. The timers look at these for escalation. One row a batch, whatever its size.
-- * Intake, for keys that have no open ticket, after the open ones are locked:
--     SELECT k.key::text, t.id FROM merged_keys k JOIN tickets t ON t.id = k.ticket_id
--     WHERE k.key = ANY(keys) AND t.state <> 'closed' ORDER BY t.id FOR NO KEY UPDATE OF t
--   Their events go to that ticket: a person has merged the ticket that had this key into it. A closed ticket with
--   `merged_into` is never reopened by an event.
-- * Intake and rereading: severity is coalesce(severity_fixed, greatest(severity_floor, severity of the events)).

ALTER TABLE tickets
    ADD COLUMN assignee text,                     -- login of the person who has it in hand
    ADD COLUMN severity_floor smallint NOT NULL DEFAULT 0,  -- an escalation raised it to at least this
    ADD COLUMN severity_fixed smallint,           -- a person has set it; events change it no more
    ADD COLUMN escalated_at timestamptz,          -- when it was escalated last ...
    ADD COLUMN escalated_by text NOT NULL DEFAULT '',  -- ... and by which rule or person
    ADD COLUMN merged_into bigint,                -- closed because it went on in that ticket
    ADD COLUMN muted_by bigint,                   -- the mute for which `notify_due` was put off
    -- When the timers look whether it has been silent for long enough. Not kept with each event but put off when its
    -- time has come and there were events: so intake never touches this index after the ticket's first row.
    ADD COLUMN close_check timestamptz NOT NULL DEFAULT now() + interval '1 day';
CREATE INDEX tickets_close_check ON tickets (close_check) WHERE state <> 'closed';
CREATE INDEX tickets_assignee ON tickets (assignee, id) WHERE assignee IS NOT NULL;
CREATE INDEX tickets_muted ON tickets (muted_by) WHERE muted_by IS NOT NULL;

-- Tickets that got events, one row for each batch; the timers take rows away as they look at them.
CREATE TABLE touched_tickets (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    tickets bigint[] NOT NULL
);

-- How far a piece of the timers' work has come. `mark` says by which rules.
CREATE TABLE timer_marks (
    name     text PRIMARY KEY,
    mark     text NOT NULL DEFAULT '',
    position bigint,                              -- under way: tickets up to this number are done; null: all are
    at       timestamptz NOT NULL DEFAULT now()
);

-- Whom the customer is not told about for a while. All that is named must fit. From rules.yaml (`by_file`) or by a person.
CREATE TABLE mutes (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text NOT NULL DEFAULT '',         -- of the rule in rules.yaml
    by_file     boolean NOT NULL DEFAULT false,
    ticket_id   bigint REFERENCES tickets ON DELETE CASCADE,
    network     cidr,
    customer_id text,
    problem     text,
    feed        text,
    starts_at   timestamptz NOT NULL DEFAULT now(),
    ends_at     timestamptz NOT NULL,
    reason      text NOT NULL CHECK (reason <> ''),
    author      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    ended_at    timestamptz,                      -- it is over: `ends_at` has passed and the timers saw it, or a person ended it
    ended_by    text NOT NULL DEFAULT '',
    CHECK (num_nonnulls(ticket_id, network, customer_id, problem, feed) > 0),
    CHECK (ends_at > starts_at)
);
CREATE INDEX mutes_in_force ON mutes (ends_at) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX mutes_of_file ON mutes (name) WHERE by_file AND ended_at IS NULL;

-- Whether all of a ticket's events that no notice has told (all events, when every one was told) come from this network
-- and this feed.
CREATE FUNCTION events_are_from(ticket bigint, told bigint, last bigint, only_network cidr, only_feed text)
RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT EXISTS (
        SELECT FROM events e
        WHERE e.ticket_id = ticket AND e.id > CASE WHEN last > told THEN told ELSE 0 END
          AND NOT coalesce((only_feed IS NULL OR e.feed = only_feed) AND (only_network IS NULL OR e.ip <<= only_network), false))
$$;

-- The mute in force that holds a ticket's notices back the longest; no row: none does.
CREATE FUNCTION mute_of_ticket(t tickets) RETURNS TABLE (mute_id bigint, muted_until timestamptz, mute_reason text)
LANGUAGE sql STABLE AS $$
    SELECT m.id, m.ends_at, m.reason FROM mutes m
    WHERE m.ended_at IS NULL AND m.starts_at <= now() AND m.ends_at > now()
      AND (m.ticket_id IS NULL OR m.ticket_id = (t).id)
      AND (m.customer_id IS NULL OR m.customer_id = (t).customer_id)
      AND (m.problem IS NULL OR m.problem = (t).problem)
      AND CASE WHEN m.feed IS NULL AND (m.network IS NULL OR m.network >>= (t).network) THEN true
               WHEN NOT m.network && (t).network THEN false
               ELSE events_are_from((t).id, (t).notified_event_id, (t).last_event_id, m.network, m.feed) END
    ORDER BY m.ends_at DESC, m.id LIMIT 1
$$;

-- See above; returns how many tickets it held back.
CREATE FUNCTION hold_muted_tickets(customer text, until timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    held integer;
BEGIN
    IF NOT EXISTS (SELECT FROM mutes WHERE ended_at IS NULL) THEN
        RETURN 0;
    END IF;
    WITH due AS MATERIALIZED (
        SELECT t.id, m.mute_id, m.muted_until FROM tickets t CROSS JOIN LATERAL mute_of_ticket(t) m
        WHERE t.customer_id = customer AND t.notify_due <= until AND m.muted_until > until
        ORDER BY t.id FOR NO KEY UPDATE OF t)
    UPDATE tickets t SET notify_due = due.muted_until, muted_by = due.mute_id FROM due WHERE t.id = due.id;
    GET DIAGNOSTICS held = ROW_COUNT;
    RETURN held;
END $$;

-- What people and replies say about a ticket. Public notes are shown to the customer.
CREATE TABLE notes (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket_id bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    at        timestamptz NOT NULL DEFAULT now(),
    author    text NOT NULL,
    public    boolean NOT NULL DEFAULT false,
    text      text NOT NULL,
    withdrawn_at timestamptz                      -- taken back by its author; kept, not shown to the customer
);
CREATE INDEX notes_ticket ON notes (ticket_id, id);

-- Tickets that belong together. `merged`: ticket_id went into other_id; `split`: ticket_id was cut out of other_id.
CREATE TABLE ticket_links (
    ticket_id   bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    other_id    bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('merged', 'split', 'related')),
    at          timestamptz NOT NULL DEFAULT now(),
    author      text NOT NULL,
    PRIMARY KEY (ticket_id, other_id, kind)
);
CREATE INDEX ticket_links_other ON ticket_links (other_id);

-- Events that a merge moved, so that it can be undone.
CREATE TABLE moved_events (
    source_id   bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    into_id     bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    at          timestamptz NOT NULL,
    fingerprint uuid NOT NULL,
    PRIMARY KEY (source_id, into_id, at, fingerprint)
);
CREATE INDEX moved_events_into ON moved_events (into_id);

-- Events with the key of a merged ticket go to the ticket into which it was merged, as long as that is not closed.
CREATE TABLE merged_keys (
    key         uuid PRIMARY KEY,
    ticket_id   bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    merged_from bigint NOT NULL REFERENCES tickets ON DELETE CASCADE
);
CREATE INDEX merged_keys_ticket ON merged_keys (ticket_id);
CREATE INDEX merged_keys_merged_from ON merged_keys (merged_from);

-- What a person did in one go, with what was before, so that it can be undone.
CREATE TABLE desk_actions (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    author    text NOT NULL,
    verb      text NOT NULL,
    reason    text NOT NULL DEFAULT '',
    details   jsonb NOT NULL DEFAULT '{}',
    undone_at timestamptz,
    undone_by text NOT NULL DEFAULT ''
);
CREATE INDEX desk_actions_author ON desk_actions (author, id DESC);

CREATE TABLE desk_action_tickets (
    action_id bigint NOT NULL REFERENCES desk_actions ON DELETE CASCADE,
    ticket_id bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    before    jsonb NOT NULL DEFAULT '{}',        -- columns of the ticket that changed, as they were ...
    after     jsonb NOT NULL DEFAULT '{}',        -- ... and as they became
    PRIMARY KEY (action_id, ticket_id)
);
CREATE INDEX desk_action_tickets_ticket ON desk_action_tickets (ticket_id);

-- What somebody at the desk should look at.
CREATE TABLE desk_alerts (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at        timestamptz NOT NULL DEFAULT now(),
    kind      text NOT NULL,                      -- escalation, ...
    ticket_id bigint REFERENCES tickets ON DELETE CASCADE,
    text      text NOT NULL,
    seen_at   timestamptz,
    seen_by   text NOT NULL DEFAULT ''
);
CREATE INDEX desk_alerts_unseen ON desk_alerts (id) WHERE seen_at IS NULL;
CREATE INDEX desk_alerts_ticket ON desk_alerts (ticket_id);

-- The audit trail also tells of mutes; words, not a closed list, so that other parts add theirs.
ALTER TABLE audit_trail DROP CONSTRAINT IF EXISTS audit_trail_object_check;
ALTER TABLE audit_trail ADD CONSTRAINT audit_trail_object_check CHECK (object ~ '^[a-z][a-z-]{1,29}$');
