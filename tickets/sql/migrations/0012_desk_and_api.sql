-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- What desk and API lacked: lists by age, search in words, time zones of customers' pages.

-- Where the tickets of an age begin and end. Rows come in the order of this index, so that a new one costs it next to nothing.
DROP INDEX IF EXISTS tickets_opened;
CREATE INDEX tickets_opened ON tickets (opened_at, id);

-- Words of notes and answers.
CREATE INDEX notes_text ON notes USING gin (to_tsvector('simple', text)) WHERE withdrawn_at IS NULL;
CREATE INDEX answers_text ON answers USING gin (to_tsvector('simple', subject || ' ' || left(said, 100000)));

-- People whom a group of the single sign-on let in: who is in none any more stays outside.
ALTER TABLE users ADD COLUMN by_group boolean NOT NULL DEFAULT false;
UPDATE users u SET by_group = true WHERE oidc_subject IS NOT NULL AND EXISTS (
    SELECT FROM audit_trail a WHERE a.object = 'user' AND a.object_id = u.id::text AND a.actor = 'single sign-on' AND a.change LIKE 'added %');

-- In which zone a customer's page tells times: as the mail that brought the link did, else his account's, else the operator's.
ALTER TABLE selfhelp_tokens ADD COLUMN time_zone text NOT NULL DEFAULT '';
ALTER TABLE accounts ADD COLUMN time_zone text NOT NULL DEFAULT '';
