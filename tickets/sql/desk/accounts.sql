-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Accounts: companies that share the box, and how customers come to them.

-- name: listed
SELECT a.id, a.name, a.customers_like, a.colour, a.created_at, a.logo IS NOT NULL AS logo, a.time_zone,
       (SELECT count(*) FROM users u WHERE u.account_id = a.id) AS users
FROM accounts a WHERE {operators only} ORDER BY a.id

-- name: one
SELECT a.id, a.name, a.customers_like, a.colour, a.created_at, a.logo IS NOT NULL AS logo, a.logo_type, a.time_zone, a.texts,
       (SELECT count(*) FROM users u WHERE u.account_id = a.id) AS users,
       (SELECT count(*) FROM (SELECT FROM customers c WHERE c.account_id = a.id LIMIT 100000) c) AS customers
FROM accounts a WHERE {operators only} AND a.id = %(account_key)s

-- name: add
INSERT INTO accounts (id, name, customers_like, colour, time_zone)
SELECT %(account_key)s, %(name)s, %(patterns)s, %(colour)s, %(time_zone)s WHERE {operators only}

-- name: change
UPDATE accounts SET name = coalesce(%(name)s, name), customers_like = coalesce(%(patterns)s, customers_like),
       time_zone = coalesce(%(time_zone)s, time_zone)
WHERE {operators only} AND id = %(account_key)s RETURNING customers_like

-- Customers of no account whose number fits, in pieces.
-- name: fitting
SELECT c.id FROM customers c
WHERE {operators only} AND c.account_id IS NULL AND c.id LIKE ANY (%(patterns)s) AND c.id > %(after)s ORDER BY c.id LIMIT %(limit)s

-- name: customer
SELECT c.id FROM customers c WHERE {operators only} AND c.id = %(customer)s

-- Tickets that come along. They are locked in the order in which intake locks its own.
-- name: move_tickets
UPDATE tickets SET account_id = %(new_account)s WHERE {operators only} AND id IN (
    SELECT t.id FROM tickets t WHERE t.customer_id = ANY (%(customers)s) AND t.account_id IS DISTINCT FROM %(new_account)s
    ORDER BY t.id LIMIT %(limit)s FOR NO KEY UPDATE) RETURNING id

-- Where somebody else has given the customer to another account meanwhile, his tickets go back to that one.
-- name: settle
UPDATE tickets t SET account_id = c.account_id FROM customers c
WHERE {operators only} AND c.id = t.customer_id AND c.id = ANY (%(customers)s) AND t.account_id IS DISTINCT FROM c.account_id

-- name: move_customers
UPDATE customers SET account_id = %(new_account)s
WHERE {operators only} AND id = ANY (%(customers)s) AND account_id IS DISTINCT FROM %(new_account)s
  AND (account_id IS NULL OR NOT %(only_free)s) RETURNING id
