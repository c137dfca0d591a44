-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What comes back by mail: bounces, replies and automatic answers, what they say about mail addresses, and the mails
-- that reporters may get.
--
-- Other parts use it so: addresses with `mail_addresses.state` other than 'ok' are left out when a notice is addressed
-- (an address without a row is ok); a ticket has an unread answer when `answer_tickets` has a row with `unread` for it.

-- What we know about an address to which we send. Lower case; rows exist only for those about which something was said.
CREATE TABLE mail_addresses (
    address     text PRIMARY KEY CHECK (address = lower(address)),
    state       text NOT NULL DEFAULT 'ok' CHECK (state IN ('ok', 'bouncing', 'blocked')),
    since       timestamptz NOT NULL DEFAULT now(),
    reason      text NOT NULL DEFAULT '',
    set_by      text NOT NULL DEFAULT '',         -- the person who set the state; empty: bounces did
    last_bounce timestamptz,
    bounces     integer NOT NULL DEFAULT 0,       -- mails that came back since `cleared_at`
    cleared_at  timestamptz NOT NULL DEFAULT 'epoch'  -- bounces before this moment count no more
);
CREATE INDEX mail_addresses_bad ON mail_addresses (state, since) WHERE state <> 'ok';

-- A mail that came back because of one of ours. The same mail read again is the same answer.
CREATE TABLE answers (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id   bigint UNIQUE REFERENCES reports ON DELETE SET NULL,  -- null: its raw mail is not kept any more
    kind        text NOT NULL CHECK (kind IN ('reply', 'bounce', 'delivery-news', 'auto-reply', 'receipt', 'complaint')),
    at          timestamptz NOT NULL,             -- when it came
    sender      text NOT NULL,                    -- the address that From names
    sender_name text NOT NULL DEFAULT '',
    sender_is   text NOT NULL CHECK (sender_is IN ('contact', 'stranger', 'machine', 'reporter')),
    proven      boolean NOT NULL DEFAULT false,   -- DKIM, or our own mail server, proves the domain of From
    subject     text NOT NULL DEFAULT '',
    message_id  text NOT NULL DEFAULT '',
    tied_by     text NOT NULL CHECK (tied_by IN ('address', 'message-id', 'thread')),
    notice_id   bigint REFERENCES notices ON DELETE CASCADE,
    delivery_id bigint REFERENCES deliveries ON DELETE SET NULL,
    reporter_mail_id bigint,
    said        text NOT NULL DEFAULT '',         -- what the sender wrote, without what he quoted; bounces: the reason
    whole_text  text NOT NULL DEFAULT '',         -- the text with quotes, cut to 200 kB; the mail itself is the report's evidence
    warning     text NOT NULL DEFAULT ''          -- what a person should know before believing it
);
CREATE INDEX answers_notice ON answers (notice_id, at);
CREATE INDEX answers_sender ON answers (sender, id);
CREATE INDEX answers_message ON answers (message_id) WHERE message_id <> '';
CREATE INDEX answers_reporter_mail ON answers (reporter_mail_id) WHERE reporter_mail_id IS NOT NULL;

CREATE TABLE answer_tickets (
    answer_id bigint NOT NULL REFERENCES answers ON DELETE CASCADE,
    ticket_id bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    unread    boolean NOT NULL,                   -- nobody at the desk has seen it yet
    seen_by   text NOT NULL DEFAULT '',
    seen_at   timestamptz,
    PRIMARY KEY (answer_id, ticket_id)
);
CREATE INDEX answer_tickets_ticket ON answer_tickets (ticket_id, answer_id);
CREATE INDEX answer_tickets_unread ON answer_tickets (ticket_id) WHERE unread;

-- Files that were attached to a reply; their bytes are evidence under the SHA-256, which is no report's own: whoever
-- deletes evidence keeps what stands here.
CREATE TABLE answer_files (
    answer_id    bigint NOT NULL REFERENCES answers ON DELETE CASCADE,
    number       integer NOT NULL,
    name         text NOT NULL,
    content_type text NOT NULL,
    size         bigint NOT NULL,
    evidence     text NOT NULL CHECK (evidence ~ '^[0-9a-f]{64}$'),
    PRIMARY KEY (answer_id, number)
);

-- What a mail system said about one of our mails. `weight` says what it means for the address: 'hard' ends it, 'soft'
-- counts, 'none' says nothing about it.
CREATE TABLE delivery_news (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    answer_id   bigint REFERENCES answers ON DELETE CASCADE,  -- null: the mail server refused the mail at once
    delivery_id bigint REFERENCES deliveries ON DELETE CASCADE,
    reporter_mail_id bigint,
    address     text NOT NULL,                    -- the address to which we had sent, lower case
    named       text NOT NULL DEFAULT '',         -- the address that the mail system names, where it is another one
    action      text NOT NULL CHECK (action IN ('failed', 'delayed', 'delivered', 'relayed', 'expanded')),
    status      text NOT NULL DEFAULT '',         -- RFC 3463, for example 5.1.1
    weight      text NOT NULL CHECK (weight IN ('hard', 'soft', 'none')),
    diagnostic  text NOT NULL DEFAULT '',
    at          timestamptz NOT NULL
);
CREATE INDEX delivery_news_answer ON delivery_news (answer_id) WHERE answer_id IS NOT NULL;
CREATE INDEX delivery_news_delivery ON delivery_news (delivery_id);
CREATE INDEX delivery_news_address ON delivery_news (address, at);

-- Mails to reporters: the outbox of acknowledgements and outcomes, with the states of `deliveries`. An outcome waits as
-- `planned` until all tickets of its report are closed.
CREATE TABLE reporter_mails (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id   bigint NOT NULL REFERENCES reports ON DELETE CASCADE,
    kind        text NOT NULL CHECK (kind IN ('acknowledgement', 'outcome')),
    recipient   text NOT NULL CHECK (recipient = lower(recipient)),
    language    text NOT NULL DEFAULT '',
    subject     text NOT NULL DEFAULT '',         -- of the report
    in_reply_to text NOT NULL DEFAULT '',         -- the report's Message-ID
    report_references text NOT NULL DEFAULT '',
    message_id  text NOT NULL UNIQUE,
    state       text NOT NULL CHECK (state IN ('planned', 'waiting', 'sending', 'sent', 'in-doubt', 'failed', 'dropped')),
    attempts    integer NOT NULL DEFAULT 0,
    next_try    timestamptz NOT NULL DEFAULT now(),
    leased_by   text,
    lease_until timestamptz,
    made_at     timestamptz NOT NULL DEFAULT now(),
    outcome     text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'resolved', 'closed', 'ignored')),
    looked_up   boolean NOT NULL DEFAULT false,   -- of an outcome: its tickets stand in reporter_mail_tickets
    day         date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date,
    sent_at     timestamptz,
    answer      text NOT NULL DEFAULT '',
    UNIQUE (report_id, kind)
);
-- One acknowledgement a day for each sender, whoever asks at the same time.
CREATE UNIQUE INDEX reporter_mails_one_a_day ON reporter_mails (recipient, day) WHERE kind = 'acknowledgement';
CREATE INDEX reporter_mails_recipient ON reporter_mails (recipient, sent_at);
CREATE INDEX reporter_mails_waiting ON reporter_mails (next_try) WHERE state = 'waiting';
CREATE INDEX reporter_mails_planned ON reporter_mails (next_try) WHERE state = 'planned';
CREATE INDEX reporter_mails_sending ON reporter_mails (lease_until) WHERE state IN ('sending', 'in-doubt');

-- The tickets that a report with a planned outcome brought about; written once, when its events have reached the store.
CREATE TABLE reporter_mail_tickets (
    reporter_mail_id bigint NOT NULL REFERENCES reporter_mails ON DELETE CASCADE,
    ticket_id        bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    PRIMARY KEY (reporter_mail_id, ticket_id)
);

-- The audit trail also tells of mail addresses; words, not a closed list, so that other parts add theirs.
ALTER TABLE audit_trail DROP CONSTRAINT IF EXISTS audit_trail_object_check;
ALTER TABLE audit_trail ADD CONSTRAINT audit_trail_object_check CHECK (object ~ '^[a-z][a-z-]{1,29}$');
