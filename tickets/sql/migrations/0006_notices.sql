-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Notices by policy: reminders, kinds of notices, mails kept as they were sent, back-off by domain.

ALTER TABLE tickets
    ADD COLUMN remind_due timestamptz,            -- when the customer is reminded; null: not at all
    ADD COLUMN reminders  smallint NOT NULL DEFAULT 0;  -- how many reminders went out
CREATE INDEX tickets_remind ON tickets (remind_due, customer_id) WHERE remind_due IS NOT NULL;

ALTER TABLE notices
    ADD COLUMN kind text NOT NULL DEFAULT 'new' CHECK (kind IN ('new', 'update', 'reminder', 'escalation', 'answer')),
    ADD COLUMN digest boolean NOT NULL DEFAULT false,   -- all in it came by a digest: it may be unsubscribed from
    ADD COLUMN most_per_day integer NOT NULL DEFAULT 0, -- mails to one address within 24 hours at most; 0: no limit
    ADD COLUMN body text NOT NULL DEFAULT '',           -- of an answer: what the desk wrote
    ADD COLUMN author text NOT NULL DEFAULT '';         -- of an answer, or of a notice that a person asked for
CREATE INDEX notices_for_a_person ON notices (id) WHERE state IN ('held', 'no-contact');

ALTER TABLE notice_tickets
    ADD COLUMN kind text NOT NULL DEFAULT 'new' CHECK (kind IN ('new', 'update', 'reminder', 'escalation', 'answer'));

ALTER TABLE deliveries
    ADD COLUMN time_zone text NOT NULL DEFAULT '',
    ADD COLUMN mail bytea,                        -- as it was handed to the mail server, zlib
    DROP CONSTRAINT deliveries_state_check,
    ADD CONSTRAINT deliveries_state_check
        -- replaced: no contact of the customer any more when its turn came, or held back by a person
        CHECK (state IN ('waiting', 'sending', 'sent', 'in-doubt', 'failed', 'replaced')) NOT VALID;
ALTER TABLE deliveries ALTER COLUMN mail SET STORAGE EXTERNAL;
CREATE INDEX deliveries_recipient ON deliveries (lower(recipient), id);
CREATE INDEX deliveries_dead ON deliveries (id) WHERE state IN ('failed', 'in-doubt');

-- Domains whose server put mails off. From the third time in a row on, everything to the domain waits.
CREATE TABLE mail_domains (
    domain     text PRIMARY KEY,
    deferrals  integer NOT NULL DEFAULT 0,
    wait_until timestamptz,
    reason     text NOT NULL DEFAULT '',
    changed_at timestamptz NOT NULL DEFAULT now()
);
