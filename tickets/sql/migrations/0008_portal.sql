-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The portal: who may come in, what they see, and the indexes that keep every page of the desk quick.

-- Companies that share one box. A customer belongs to one account or to none; a user of an account sees that account's
-- customers and nothing else. A user without an account sees everything.
CREATE TABLE accounts (
    id      text PRIMARY KEY CHECK (id ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    name    text NOT NULL,
    customers_like text[] NOT NULL DEFAULT '{}',  -- LIKE patterns of customer ids that belong to it from the start
    colour  text NOT NULL DEFAULT '' CHECK (colour = '' OR colour ~ '^#[0-9a-f]{6}$'),
    logo    bytea,                                -- PNG or SVG for its self-help pages
    logo_type text NOT NULL DEFAULT '' CHECK (logo_type IN ('', 'image/png', 'image/svg+xml', 'image/jpeg', 'image/webp')),
    texts   jsonb NOT NULL DEFAULT '{}',          -- own words: imprint, help address, phone, footer
    created_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE customers ADD COLUMN account_id text REFERENCES accounts;
CREATE INDEX customers_account ON customers (account_id, id) WHERE account_id IS NOT NULL;
CREATE INDEX customers_text ON customers USING gin (to_tsvector('simple', id || ' ' || name));

CREATE FUNCTION give_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT a.id INTO NEW.account_id FROM accounts a WHERE NEW.id LIKE ANY (a.customers_like) ORDER BY a.id LIMIT 1;
    RETURN NEW;
END $$;
CREATE TRIGGER customers_account BEFORE INSERT ON customers FOR EACH ROW WHEN (NEW.account_id IS NULL)
EXECUTE FUNCTION give_account();

CREATE TABLE users (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    login         text NOT NULL CHECK (login = lower(login) AND login ~ '^[^\s]{1,100}$'),
    name          text NOT NULL DEFAULT '',
    role          text NOT NULL CHECK (role IN ('admin', 'desk', 'read-only', 'tenant')),
    account_id    text REFERENCES accounts,
    password_hash text,                           -- argon2id; null: comes in by OIDC only, or not yet
    password_at   timestamptz,
    totp_secret   text,                           -- base32; null: no second factor
    totp_step     bigint NOT NULL DEFAULT 0,      -- the last time step that was used: a code works once
    oidc_subject  text UNIQUE,                    -- issuer and subject, as the identity provider names the person
    disabled_at   timestamptz,
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz,
    CHECK (role <> 'tenant' OR account_id IS NOT NULL),
    CHECK (role <> 'admin' OR account_id IS NULL)
);
CREATE UNIQUE INDEX users_login ON users (login);

-- The cookie holds a random value, this table its SHA-256: who reads the table can log in as nobody.
CREATE TABLE sessions (
    id_hash    bytea PRIMARY KEY,
    number     bigint GENERATED ALWAYS AS IDENTITY UNIQUE,  -- what people see and end
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    address    text NOT NULL DEFAULT '',
    agent      text NOT NULL DEFAULT ''
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expires ON sessions (expires_at);

-- Failed logins of the last hours; what throttles guessing.
CREATE TABLE login_failures (
    at      timestamptz NOT NULL DEFAULT now(),
    login   text NOT NULL,
    address text NOT NULL
);
CREATE INDEX login_failures_login ON login_failures (login, at);
CREATE INDEX login_failures_address ON login_failures (address, at);

CREATE TABLE api_tokens (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name       text NOT NULL,
    token_hash bytea NOT NULL UNIQUE,             -- SHA-256 of a random token of 256 bits
    scopes     text[] NOT NULL,                   -- what it may do, see portal/api
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    used_at    timestamptz,
    revoked_at timestamptz
);
CREATE INDEX api_tokens_user ON api_tokens (user_id);

CREATE TABLE saved_views (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    name       text NOT NULL,
    page       text NOT NULL DEFAULT 'tickets',
    query      text NOT NULL,                     -- the part of the address after the question mark
    shared     boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (user_id, page, name)
);

-- Links to self-help: to one ticket, or to all open tickets of a customer.
CREATE TABLE selfhelp_tokens (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    token_hash  bytea NOT NULL UNIQUE,            -- SHA-256 of a random token of at least 128 bits
    customer_id text NOT NULL REFERENCES customers,
    ticket_id   bigint REFERENCES tickets ON DELETE CASCADE,
    made_for    text NOT NULL DEFAULT '',         -- the notice or person it was made for, in words
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    revoked_at  timestamptz,
    used_at     timestamptz,
    uses        integer NOT NULL DEFAULT 0
);
CREATE INDEX selfhelp_tokens_customer ON selfhelp_tokens (customer_id);
CREATE INDEX selfhelp_tokens_ticket ON selfhelp_tokens (ticket_id) WHERE ticket_id IS NOT NULL;

-- What a person decided about a report in the inbox; precision per reporter comes from here.
CREATE TABLE report_decisions (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id  bigint NOT NULL REFERENCES reports ON DELETE CASCADE,
    at         timestamptz NOT NULL DEFAULT now(),
    author     text NOT NULL,
    decision   text NOT NULL CHECK (decision IN ('accepted', 'corrected', 'not-a-report', 'rejected', 'read-again')),
    events     jsonb,                             -- accepted or corrected: the events that count instead of the reader's
    reader     text NOT NULL DEFAULT '',
    sender     text NOT NULL DEFAULT '',
    corrections jsonb NOT NULL DEFAULT '{}',      -- field -> what the person wrote instead
    reason     text NOT NULL DEFAULT ''
);
CREATE INDEX report_decisions_report ON report_decisions (report_id);
CREATE INDEX report_decisions_at ON report_decisions (at);

-- Drafts of reporter definitions, taught from a corrected mail, until an administrator saves or drops them.
CREATE TABLE reporter_drafts (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id  bigint REFERENCES reports ON DELETE SET NULL,
    name       text NOT NULL,
    definition text NOT NULL,
    author     text NOT NULL,
    at         timestamptz NOT NULL DEFAULT now(),
    saved_at   timestamptz,
    saved_by   text
);

-- rules.yaml as it was written at the desk, each time.
CREATE TABLE rule_versions (
    id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    author text NOT NULL,
    reason text NOT NULL DEFAULT '',
    text   text NOT NULL
);

-- The audit trail also tells of people and what they set up; words, not a closed list, so that other parts add theirs.
ALTER TABLE audit_trail DROP CONSTRAINT IF EXISTS audit_trail_object_check;
ALTER TABLE audit_trail ADD CONSTRAINT audit_trail_object_check CHECK (object ~ '^[a-z][a-z-]{1,29}$');

-- The list of tickets: keyset pages by number or by severity. None of these columns changes when events come in, so that
-- updates of counts stay on their page; and what is partial here costs the opening of a ticket nothing.
CREATE INDEX tickets_worst ON tickets (severity DESC, id DESC) WHERE state <> 'closed';
CREATE INDEX tickets_done ON tickets (state, id DESC) WHERE state <> 'open';
CREATE INDEX tickets_said ON tickets (customer_state, id DESC) WHERE customer_state <> 'open';
CREATE INDEX tickets_problem ON tickets (problem, severity DESC, id DESC) WHERE state <> 'closed';
CREATE INDEX tickets_customer_newest ON tickets (customer_id, id DESC);
DROP INDEX IF EXISTS tickets_customer;
CREATE INDEX tickets_opened ON tickets USING brin (opened_at);
CREATE INDEX tickets_resource_text ON tickets
    USING gin (to_tsvector('simple', translate(resource, './:-_', '     '))) WHERE network IS NULL;
-- Tickets of one feed come together, so that a few pages say where; a B-tree would cost each new ticket 5 µs.
CREATE INDEX tickets_feed ON tickets USING brin (feed) WITH (pages_per_range = 16);
CREATE INDEX audit_trail_actor ON audit_trail (actor, id DESC);
CREATE INDEX reports_newest ON reports (state, id DESC);
