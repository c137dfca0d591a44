-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Self-help: what customers say through their link, other contacts that wait for the desk, and checks from outside.
-- The links themselves are in `selfhelp_tokens` (0008). Nothing of this is touched while a page is only looked at.

-- What a customer wrote on the page stands among the answers, so that the desk finds it where it finds mails.
ALTER TABLE answers DROP CONSTRAINT IF EXISTS answers_tied_by_check;
ALTER TABLE answers ADD CONSTRAINT answers_tied_by_check
    CHECK (tied_by IN ('address', 'message-id', 'thread', 'self-help')) NOT VALID;
ALTER TABLE answers ADD COLUMN selfhelp_id bigint REFERENCES selfhelp_tokens ON DELETE SET NULL;
CREATE INDEX answers_selfhelp ON answers (selfhelp_id, at) WHERE tied_by = 'self-help';

-- "Please write to somebody else": counts only when the desk has approved it.
CREATE TABLE proposed_contacts (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    customer_id text NOT NULL REFERENCES customers,
    ticket_id   bigint REFERENCES tickets ON DELETE SET NULL,
    selfhelp_id bigint REFERENCES selfhelp_tokens ON DELETE SET NULL,
    at          timestamptz NOT NULL DEFAULT now(),
    address     text NOT NULL CHECK (address ~ '^[^@\s<>"]+@[^@\s<>"]+$' AND length(address) <= 254),
    name        text NOT NULL DEFAULT '',
    phone       text NOT NULL DEFAULT '',
    language    text NOT NULL DEFAULT '',
    said        text NOT NULL DEFAULT '',
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'refused')),
    decided_at  timestamptz,
    decided_by  text NOT NULL DEFAULT ''
);
CREATE INDEX proposed_contacts_customer ON proposed_contacts (customer_id, id);
CREATE INDEX proposed_contacts_waiting ON proposed_contacts (id) WHERE state = 'waiting';
CREATE INDEX proposed_contacts_approved ON proposed_contacts (customer_id) WHERE state = 'approved';

-- One look from outside at one port of one address of ours, on somebody's request; see tickets/recheck/.
CREATE TABLE rechecks (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    ticket_id   bigint NOT NULL REFERENCES tickets ON DELETE CASCADE,
    customer_id text NOT NULL,
    address     inet NOT NULL,
    port        integer NOT NULL,
    transport   text NOT NULL CHECK (transport IN ('udp', 'tcp')),
    probe       text NOT NULL,
    asked_by    text NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    state       text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done')),
    done_at     timestamptz,
    verdict     text NOT NULL DEFAULT '' CHECK (verdict IN ('', 'there', 'gone', 'no-answer', 'unclear', 'failed')),
    detail      text NOT NULL DEFAULT ''
);
CREATE INDEX rechecks_ticket ON rechecks (ticket_id, id);
CREATE INDEX rechecks_address ON rechecks (address, asked_at);
CREATE INDEX rechecks_customer ON rechecks (customer_id, asked_at);
CREATE INDEX rechecks_waiting ON rechecks (id) WHERE state <> 'done';
