-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Mails that were taken from an IMAP folder and are not yet known to be moved or flagged there. Written together with
-- the report, so that a crash in between neither loses a mail nor counts it twice.
CREATE TABLE mailbox_mails (
    mailbox     text NOT NULL,                    -- server, user, folder
    uidvalidity bigint NOT NULL,                  -- another one means that all UIDs are others (RFC 3501, 2.3.1.1)
    uid         bigint NOT NULL,
    report_id   bigint NOT NULL REFERENCES reports ON DELETE CASCADE,
    taken_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (mailbox, uidvalidity, uid)
);

-- A report can be read again, with mended readers. Readings are counted from 1.
ALTER TABLE reports
    ADD COLUMN reading integer NOT NULL DEFAULT 1,       -- the reading that was last asked for
    ADD COLUMN finished_reading integer NOT NULL DEFAULT 0;  -- the last one that came to its end

-- Events that a later reading of their report no longer made, as they were; they count nowhere any more.
CREATE TABLE withdrawn_events (
    event_id     bigint NOT NULL,
    report_id    bigint NOT NULL,
    reading      integer NOT NULL,                -- the reading that did not make it
    ticket_id    bigint,
    withdrawn_at timestamptz NOT NULL DEFAULT now(),
    at           timestamptz NOT NULL,
    fingerprint  uuid NOT NULL,
    problem      text NOT NULL,
    severity     smallint NOT NULL,
    data         jsonb NOT NULL
);
CREATE INDEX withdrawn_events_report ON withdrawn_events (report_id);

-- Tickets that lost their last event to a new reading. What the new reading made may be on its way to them; those that
-- are still empty after a while are closed.
CREATE TABLE emptied_tickets (
    ticket_id  bigint PRIMARY KEY REFERENCES tickets ON DELETE CASCADE,
    report_id  bigint NOT NULL,
    emptied_at timestamptz NOT NULL DEFAULT now()
);
