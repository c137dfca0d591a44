-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The API: tokens kept to one account, requests that may come twice, and webhooks with their outbox.
--
-- Whoever changes a ticket need not know of webhooks: triggers write the outbox in the transaction of the change. While
-- nobody has a webhook they cost one look into an empty table for each batch of events, for each statement that writes
-- the audit trail, and for each mail sent.

ALTER TABLE api_tokens ADD COLUMN account_id text REFERENCES accounts;  -- narrower than its user: this account only

-- Answers to requests with an Idempotency-Key, for a day.
CREATE TABLE api_requests (
    token_id     bigint NOT NULL REFERENCES api_tokens ON DELETE CASCADE,
    key          text NOT NULL,
    request_hash bytea NOT NULL,                  -- SHA-256 of method, address and body
    at           timestamptz NOT NULL DEFAULT now(),
    status       smallint,                        -- null: under way, or the portal stopped before it was done
    headers      jsonb NOT NULL DEFAULT '{}',
    body         bytea,                           -- null: it held a secret, which is shown once
    PRIMARY KEY (token_id, key)
);
CREATE INDEX api_requests_at ON api_requests (at);

CREATE TABLE webhooks (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url          text NOT NULL,
    secret       bytea NOT NULL,                  -- what bodies are signed with; it cannot be a hash
    kinds        text[] NOT NULL CHECK (kinds <> '{}'),
    account_id   text REFERENCES accounts,        -- tells only of this account's customers; null: of all
    author       text NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    disabled_at  timestamptz,
    disabled_why text NOT NULL DEFAULT ''
);

-- One message to one webhook. What it says is written down at the first try and stays the same for all tries.
CREATE TABLE webhook_deliveries (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook_id  bigint NOT NULL REFERENCES webhooks ON DELETE CASCADE,
    message_id  text NOT NULL UNIQUE DEFAULT 'msg_' || replace(gen_random_uuid()::text, '-', ''),
    kind        text NOT NULL,
    ticket_id   bigint,
    notice_id   bigint,
    answer_id   bigint,
    change      text NOT NULL DEFAULT '',
    actor       text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dead', 'dropped')),
    attempts    integer NOT NULL DEFAULT 0,
    next_try    timestamptz NOT NULL DEFAULT now(),  -- also a lease: whoever has it in hand puts it off
    payload     text,
    status      smallint,                         -- of the last answer
    answer      text NOT NULL DEFAULT '',         -- the last answer's first words, or what went wrong
    done_at     timestamptz
);
CREATE INDEX webhook_deliveries_waiting ON webhook_deliveries (next_try) WHERE state = 'waiting';
CREATE INDEX webhook_deliveries_webhook ON webhook_deliveries (webhook_id, id DESC);
CREATE INDEX webhook_deliveries_done ON webhook_deliveries (done_at) WHERE state <> 'waiting';

-- A batch of events: the tickets that were opened in this transaction. Once a batch, not once a ticket.
CREATE FUNCTION tell_webhooks_of_batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM webhooks WHERE disabled_at IS NULL AND 'ticket.opened' = ANY(kinds)) THEN
        INSERT INTO webhook_deliveries (webhook_id, kind, ticket_id, actor)
        SELECT w.id, 'ticket.opened', t.id, 'intake' FROM tickets t CROSS JOIN webhooks w
        WHERE t.id = ANY(NEW.tickets) AND t.opened_at = now() AND w.disabled_at IS NULL AND 'ticket.opened' = ANY(w.kinds)
        ORDER BY t.id, w.id;
        PERFORM pg_notify('abusehandler_webhook', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER touched_tickets_webhooks AFTER INSERT ON touched_tickets FOR EACH ROW EXECUTE FUNCTION tell_webhooks_of_batch();

-- Whatever is done to a ticket stands in the audit trail.
CREATE FUNCTION tell_webhooks_of_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM webhooks WHERE disabled_at IS NULL) THEN
        INSERT INTO webhook_deliveries (webhook_id, kind, ticket_id, change, actor)
        SELECT w.id, k.kind, a.object_id::bigint, a.change, a.actor
        FROM added a
        CROSS JOIN LATERAL (SELECT CASE
            WHEN a.change = 'closed' OR a.change LIKE '%→ closed%' OR a.change LIKE 'merged into ticket %' THEN 'ticket.closed'
            WHEN a.change LIKE 'cut out of ticket %' THEN 'ticket.opened'
            ELSE 'ticket.changed' END AS kind) k
        JOIN webhooks w ON k.kind = ANY(w.kinds) AND w.disabled_at IS NULL
        WHERE a.object = 'ticket' AND a.object_id ~ '^[0-9]{1,18}$' ORDER BY a.id, w.id;
        IF FOUND THEN
            PERFORM pg_notify('abusehandler_webhook', '');
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER audit_trail_webhooks AFTER INSERT ON audit_trail REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION tell_webhooks_of_change();

CREATE FUNCTION tell_webhooks_of_mail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (webhook_id, kind, notice_id, change)
    SELECT w.id, 'notice.sent', NEW.notice_id, 'sent to ' || NEW.recipient FROM webhooks w
    WHERE w.disabled_at IS NULL AND 'notice.sent' = ANY(w.kinds) ORDER BY w.id;
    IF FOUND THEN
        PERFORM pg_notify('abusehandler_webhook', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER deliveries_webhooks AFTER UPDATE OF state ON deliveries FOR EACH ROW
WHEN (NEW.state = 'sent' AND OLD.state <> 'sent') EXECUTE FUNCTION tell_webhooks_of_mail();

CREATE FUNCTION tell_webhooks_of_answer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO webhook_deliveries (webhook_id, kind, ticket_id, answer_id)
    SELECT w.id, 'answer.came', a.ticket_id, a.answer_id FROM added a
    JOIN webhooks w ON w.disabled_at IS NULL AND 'answer.came' = ANY(w.kinds) ORDER BY a.answer_id, a.ticket_id, w.id;
    IF FOUND THEN
        PERFORM pg_notify('abusehandler_webhook', '');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER answer_tickets_webhooks AFTER INSERT ON answer_tickets REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION tell_webhooks_of_answer();
