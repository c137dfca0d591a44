-- SPDX-FileCopyrightText: 2026 the abusehandler authors
-- SPDX-License-Identifier: AGPL-3.0-or-later

-- Self-help as the desk sees it: contacts that customers named, and the links of a customer.

-- name: proposed
SELECT p.id, p.customer_id, c.name AS customer_name, p.ticket_id, p.at, p.address, p.name, p.phone, p.language, p.said, p.state,
       p.decided_at, p.decided_by
FROM proposed_contacts p JOIN customers c ON c.id = p.customer_id
WHERE {visible p.customer_id} ORDER BY p.state <> 'waiting', p.id DESC LIMIT 200

-- name: proposed_one
SELECT p.id, p.customer_id FROM proposed_contacts p WHERE {visible p.customer_id} AND p.id = %(contact)s

-- name: contacts
SELECT p.id, p.customer_id AS customer, c.name AS customer_name, p.ticket_id AS ticket, p.at, p.address, p.name, p.phone, p.language,
       p.said, p.state, p.decided_at, p.decided_by
FROM proposed_contacts p JOIN customers c ON c.id = p.customer_id
WHERE {visible p.customer_id} AND p.id < %(before)s AND {filters} ORDER BY p.id DESC LIMIT %(limit)s

-- name: of_state
p.state = %(state)s

-- name: of_customer
p.customer_id = %(customer)s

-- name: link
SELECT s.id, s.customer_id FROM selfhelp_tokens s WHERE {visible s.customer_id} AND s.id = %(link)s AND s.revoked_at IS NULL

-- name: links
SELECT s.id, s.customer_id, s.ticket_id, s.made_for, s.created_at, s.expires_at, s.revoked_at, s.used_at, s.uses
FROM selfhelp_tokens s WHERE {visible s.customer_id} AND s.customer_id = %(customer)s ORDER BY s.id DESC LIMIT 50

-- name: customer
SELECT c.id, c.name FROM customers c WHERE {visible c.id} AND c.id = %(customer)s
