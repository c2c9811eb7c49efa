-- The record: what merchants asked, and everything that happened, as it is looked at afterwards.

-- name: batches_of_unit
-- Newest first, those before a place; each has its place behind its columns.
SELECT {requests}, position FROM requests
WHERE merchant_serial_number = :msn AND position < :before ORDER BY position DESC LIMIT :most

-- name: batches_that_name
-- The same, where an id is named among them; whoever reads them looks again.
SELECT {requests}, position FROM requests
WHERE merchant_serial_number = :msn AND position < :before AND requests LIKE '%' || :id || '%'
ORDER BY position DESC LIMIT :most

-- name: requests_before
SELECT position FROM requests WHERE position = (SELECT MIN(position) FROM requests) AND received < :before

-- name: forget_requests
-- The oldest thousand, as far as they are too old; positions grow with time.
DELETE FROM requests WHERE received < :before AND position < (SELECT MIN(position) FROM requests) + 1000

-- name: erase_requests
DELETE FROM requests WHERE merchant_serial_number = :msn

-- name: history_of_charges
-- From the agreement's charges to their lines; in no other order, or all lines of the unit are read.
SELECT {charge_history as h} FROM charges c
CROSS JOIN charge_history h
WHERE c.merchant_serial_number = :msn AND c.agreement_id = :agreement_id AND c.created >= 0
    AND h.merchant_serial_number = c.merchant_serial_number AND h.charge_id = c.charge_id
ORDER BY h.occurred, h.charge_id, h.sequence LIMIT :most

-- name: payments_about_agreement
SELECT {payments as p} FROM charges c
CROSS JOIN payments p
WHERE c.merchant_serial_number = :msn AND c.agreement_id = :agreement_id AND c.created >= 0
    AND p.merchant_serial_number = c.merchant_serial_number AND p.charge_id = c.charge_id
ORDER BY p.asked, p.payment_key LIMIT :most

-- name: payments_at_charge
SELECT {payments} FROM payments
WHERE merchant_serial_number = :msn AND charge_id = :charge_id ORDER BY asked, sequence LIMIT :most

-- name: attempts_about_agreement
SELECT {delivery_attempts as a} FROM deliveries d
CROSS JOIN delivery_attempts a
WHERE d.merchant_serial_number = :msn AND d.agreement_id = :agreement_id AND d.place >= 0
    AND a.delivery_id = d.delivery_id AND a.merchant_serial_number = :msn
ORDER BY a.occurred, a.attempt LIMIT :most

-- name: deliveries_about_agreement
SELECT {deliveries} FROM deliveries
WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id AND place >= 0
ORDER BY place, registration_id LIMIT :most

-- The checklist: what it looks at, and what people said of its lines.

-- name: newest_agreements
SELECT {agreements} FROM agreements WHERE merchant_serial_number = :msn
ORDER BY created DESC, agreement_id LIMIT :most

-- name: charges_of_newest_agreements
-- Newest first.
SELECT {charges as c} FROM charges c
JOIN (SELECT merchant_serial_number, agreement_id FROM agreements WHERE merchant_serial_number = :msn
    ORDER BY created DESC, agreement_id LIMIT :agreements) a
    ON a.merchant_serial_number = c.merchant_serial_number AND a.agreement_id = c.agreement_id
-- The last condition always holds. Without it, SQLite reads all charges of the unit for each agreement.
WHERE c.created >= 0
ORDER BY c.created DESC, c.charge_id LIMIT :most

-- name: orders_of_bulks
-- Charges that were created in bulk, and the key of the request that asked for them; newest first.
SELECT order_id, idempotency_key FROM bulk_items
WHERE merchant_serial_number = :msn AND state = 'CREATED'
ORDER BY created DESC, batch, position LIMIT :most

-- name: registrations_for_unit
SELECT {webhooks} FROM webhooks
WHERE removed IS NULL AND (merchant_serial_number = :msn OR (merchant_serial_number IS NULL
    AND client_id IN (SELECT client_id FROM grants WHERE merchant_serial_number = :msn)))
ORDER BY created, registration_id

-- name: notes_of_unit
SELECT {checklist_notes} FROM checklist_notes WHERE merchant_serial_number = :msn ORDER BY item

-- name: note_item
INSERT INTO checklist_notes (merchant_serial_number, item, confirmed, comment, noted)
VALUES (:msn, :item, :confirmed, :comment, :noted)
ON CONFLICT (merchant_serial_number, item)
DO UPDATE SET confirmed = excluded.confirmed, comment = excluded.comment, noted = excluded.noted

-- name: erase_checklist_notes
DELETE FROM checklist_notes WHERE merchant_serial_number = :msn
