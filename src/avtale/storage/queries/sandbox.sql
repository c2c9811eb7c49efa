-- What the control API looks at and does beyond single rows: finding, listing, forecasting, erasing.

-- name: page_of_sales_units
SELECT {sales_units} FROM sales_units ORDER BY created, merchant_serial_number LIMIT :size OFFSET :skip

-- name: page_of_payers
SELECT {payers} FROM payers WHERE deleted IS NULL ORDER BY phone_number LIMIT :size OFFSET :skip

-- name: agreement_in_any_unit
-- By its id alone, or in one unit where `msn` is not empty; the newest wins. Each unit is asked by key.
SELECT {agreements as a} FROM sales_units u CROSS JOIN agreements a
WHERE a.merchant_serial_number = u.merchant_serial_number AND a.agreement_id = :agreement_id
    AND (:msn = '' OR u.merchant_serial_number = :msn)
ORDER BY a.created DESC LIMIT 1

-- name: charge_in_any_unit
SELECT {charges as c} FROM sales_units u CROSS JOIN charges c
WHERE c.merchant_serial_number = u.merchant_serial_number AND c.charge_id = :charge_id
    AND (:msn = '' OR u.merchant_serial_number = :msn)
ORDER BY c.created DESC LIMIT 1

-- name: latest_requests_for_phone
SELECT {agreements} FROM agreements
WHERE (sent_to = :phone_number OR (phone_number = :phone_number AND sent_to IS NULL)) AND status = 'PENDING' AND payer IS NULL
ORDER BY created DESC, agreement_id LIMIT :size

-- name: requests_by_phone
-- How many requests lie on each phone; those whose time is up are gone within minutes.
SELECT sent_to, COUNT(*) FROM agreements
WHERE sent_to IS NOT NULL AND status = 'PENDING' AND payer IS NULL GROUP BY sent_to

-- name: active_agreements_of_payer
SELECT {agreements} FROM agreements
WHERE payer = :phone_number AND status = 'ACTIVE' ORDER BY created, agreement_id

-- name: latest_agreements_of_payer
SELECT {agreements} FROM agreements
WHERE payer = :phone_number AND start IS NOT NULL ORDER BY created DESC, agreement_id LIMIT :size

-- name: latest_payments_of_payer
-- A payment's key begins with its unit and charge.
SELECT {payments as p} FROM agreements a
JOIN charges c ON c.merchant_serial_number = a.merchant_serial_number AND c.agreement_id = a.agreement_id
JOIN payments p ON p.payment_key > c.merchant_serial_number || ':' || c.charge_id || ':'
    AND p.payment_key < c.merchant_serial_number || ':' || c.charge_id || ';'
WHERE a.payer = :phone_number ORDER BY p.asked DESC, p.payment_key LIMIT :size

-- name: latest_charges_of_payer
-- By their due days, those to come among them; an initial charge is there once its agreement is the payer's.
SELECT {charges as c} FROM agreements a
JOIN charges c ON c.merchant_serial_number = a.merchant_serial_number AND c.agreement_id = a.agreement_id AND c.created >= 0
WHERE a.payer = :phone_number ORDER BY c.due DESC, c.charge_id LIMIT :size

-- name: latest_notifications_of_phone
SELECT {notifications} FROM notifications
WHERE phone_number = :phone_number ORDER BY occurred DESC, notification_id LIMIT :size

-- What an advance would look at: whatever wakes up on the way, and what is open now.

-- name: charges_to_wake
-- In no order of our own, so that what wakes up together comes as it would in a run.
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND wake_at <= :until LIMIT :most

-- name: agreements_to_wake
SELECT {agreements} FROM agreements
WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND wake_at <= :until

-- name: open_payments
SELECT {payments} FROM payments
WHERE merchant_serial_number = :msn AND status IN ('ASKED', 'UNCLEAR') ORDER BY payment_key

-- name: waiting_bulk_items
SELECT {bulk_items} FROM bulk_items
WHERE merchant_serial_number = :msn AND state = 'WAITING' ORDER BY created, batch, position

-- name: appointments_to_wake
SELECT {appointments} FROM appointments
WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND wake_at <= :until

-- name: scripts_of_unit
SELECT {gateway_scripts} FROM gateway_scripts WHERE merchant_serial_number = :msn

-- Erasing: one statement per table that a unit owns rows of, run in the order of `avtale.storage.erasing`.

-- name: begin_erasing
-- History is kept unless its unit is named here.
INSERT INTO erasing (merchant_serial_number) VALUES (:msn) ON CONFLICT (merchant_serial_number) DO NOTHING

-- name: end_erasing
DELETE FROM erasing WHERE merchant_serial_number = :msn

-- name: erase_payments
-- One that is being asked of the gateway stays, and its charge with it, so that all of the erasing is put off.
DELETE FROM payments WHERE payment_key > :msn || ':' AND payment_key < :msn || ';' AND lease_until IS NULL

-- name: erase_charge_history
DELETE FROM charge_history WHERE merchant_serial_number = :msn

-- name: erase_charges
DELETE FROM charges WHERE merchant_serial_number = :msn

-- name: erase_appointments
DELETE FROM appointments WHERE merchant_serial_number = :msn

-- name: erase_notifications
DELETE FROM notifications WHERE merchant_serial_number = :msn

-- name: erase_bulk_items
DELETE FROM bulk_items WHERE merchant_serial_number = :msn

-- name: erase_agreement_history
DELETE FROM agreement_history WHERE merchant_serial_number = :msn

-- name: erase_agreements
DELETE FROM agreements WHERE merchant_serial_number = :msn

-- name: erase_events
DELETE FROM events WHERE merchant_serial_number = :msn

-- name: erase_gateway_scripts
DELETE FROM gateway_scripts WHERE merchant_serial_number = :msn

-- name: erase_gateway_ledger
DELETE FROM gateway_ledger WHERE payment_key > :msn || ':' AND payment_key < :msn || ';'

-- name: erase_idempotency_keys
DELETE FROM idempotency_keys WHERE merchant_serial_number = :msn

-- name: return_to_the_present
UPDATE sales_units SET clock_mode = 'running', clock_offset_ms = 0, clock_at = NULL, clock_lease_until = NULL, webhooks = '{}'
WHERE merchant_serial_number = :msn

-- name: erase_subscription_keys
-- A merchant's keys are good for one unit and go with it; a partner keeps them for the others.
DELETE FROM subscription_keys WHERE client_id IN (
    SELECT c.client_id FROM grants g JOIN clients c ON c.client_id = g.client_id
    WHERE g.merchant_serial_number = :msn AND c.kind = 'MERCHANT')

-- name: erase_grants
DELETE FROM grants WHERE merchant_serial_number = :msn

-- name: erase_clients
DELETE FROM clients WHERE kind = 'MERCHANT' AND NOT EXISTS (
    SELECT 1 FROM grants WHERE grants.client_id = clients.client_id)

-- name: erase_sales_units
DELETE FROM sales_units WHERE merchant_serial_number = :msn
