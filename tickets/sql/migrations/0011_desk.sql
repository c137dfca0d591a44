-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- The desk: drafts of reporter definitions know what they should find.

ALTER TABLE reporter_drafts
    ADD COLUMN events jsonb NOT NULL DEFAULT '[]',  -- of its mail, as a person has corrected them
    ADD COLUMN dropped_at timestamptz;              -- a person wants it no more
CREATE INDEX reporter_drafts_open ON reporter_drafts (id) WHERE saved_at IS NULL AND dropped_at IS NULL;

-- A ticket's account is its customer's, kept beside it so that the list of an account is read from an index of its own. Boxes
-- without accounts pay nothing: both indexes are empty then.
ALTER TABLE tickets ADD COLUMN account_id text;
UPDATE tickets t SET account_id = c.account_id FROM customers c WHERE c.id = t.customer_id AND c.account_id IS NOT NULL;
CREATE INDEX tickets_account_worst ON tickets (account_id, severity DESC, id DESC) WHERE account_id IS NOT NULL AND state <> 'closed';
CREATE INDEX tickets_account_newest ON tickets (account_id, id DESC) WHERE account_id IS NOT NULL;

-- Intake writes it with the ticket; the tickets of bots that do not know of it yet get it here.
CREATE OR REPLACE FUNCTION tickets_have_customers() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    missing text;
    without bigint[];
BEGIN
    SELECT n.customer_id INTO missing FROM (SELECT DISTINCT customer_id FROM new_tickets) n
    WHERE NOT EXISTS (SELECT FROM customers c WHERE c.id = n.customer_id) LIMIT 1;
    IF FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = format('there is no customer %L', missing);
    END IF;
    IF EXISTS (SELECT FROM accounts) THEN
        SELECT array_agg(n.id) INTO without FROM new_tickets n
        WHERE n.account_id IS DISTINCT FROM (SELECT c.account_id FROM customers c WHERE c.id = n.customer_id);
        IF without IS NOT NULL THEN
            UPDATE tickets t SET account_id = (SELECT c.account_id FROM customers c WHERE c.id = t.customer_id) WHERE t.id = ANY(without);
        END IF;
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION ticket_has_customer() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT c.account_id INTO NEW.account_id FROM customers c WHERE c.id = NEW.customer_id;
    IF NOT FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = format('there is no customer %L', NEW.customer_id);
    END IF;
    RETURN NEW;
END $$;

-- A customer comes to another account with all his tickets. Whoever is opening one is waited for, and nobody opens one meanwhile:
-- it would stay with the account that he has left.
CREATE FUNCTION customers_change_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE tickets IN SHARE ROW EXCLUSIVE MODE;
    RETURN NULL;
END $$;
CREATE TRIGGER customers_account_changing BEFORE UPDATE OF account_id ON customers
    FOR EACH STATEMENT EXECUTE FUNCTION customers_change_account();

CREATE FUNCTION customer_changed_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE tickets SET account_id = NEW.account_id WHERE customer_id = NEW.id AND account_id IS DISTINCT FROM NEW.account_id;
    RETURN NULL;
END $$;
CREATE TRIGGER customers_account_changed AFTER UPDATE OF account_id ON customers FOR EACH ROW
    WHEN (OLD.account_id IS DISTINCT FROM NEW.account_id) EXECUTE FUNCTION customer_changed_account();
