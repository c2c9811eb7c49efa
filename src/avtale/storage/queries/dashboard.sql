-- The dashboard: lists that page by place, figures over all of a unit, and what people did.
--
-- Some conditions always hold: they lead SQLite, which knows nothing of how much there is, to the index that is meant.

-- name: agreements_before
-- Newest first, from before the place where the last page ended.
SELECT {agreements} FROM agreements
WHERE merchant_serial_number = :msn AND status = :status AND (created, agreement_id) < (:before, :before_id)
ORDER BY created DESC, agreement_id DESC LIMIT :size

-- name: agreements_by_status
SELECT status, COUNT(*) FROM agreements WHERE merchant_serial_number = :msn GROUP BY status

-- name: agreements_of_phone
SELECT {agreements} FROM agreements
WHERE payer = :phone_number AND merchant_serial_number = :msn ORDER BY created DESC, agreement_id LIMIT :size

-- name: agreements_asked_of_phone
SELECT {agreements} FROM agreements
WHERE phone_number = :phone_number AND status = 'PENDING' AND merchant_serial_number = :msn
ORDER BY created DESC, agreement_id LIMIT :size

-- name: agreements_that_say
-- By the merchant's own words; every agreement of the unit is looked at.
SELECT {agreements} FROM agreements
WHERE merchant_serial_number = :msn AND (external_id = :text OR LOWER(product_name) LIKE '%' || :pattern || '%' ESCAPE '!'
    OR LOWER(external_id) LIKE '%' || :pattern || '%' ESCAPE '!')
ORDER BY created DESC, agreement_id LIMIT :size

-- name: charges_before
-- By due day, the latest first, from before the place where the last page ended.
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND (due_day, charge_id) < (:before, :before_id)
ORDER BY due_day DESC, charge_id DESC LIMIT :size

-- name: charges_in_status_before
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND (due_day, charge_id) < (:before, :before_id) AND status = :status
ORDER BY due_day DESC, charge_id DESC LIMIT :size

-- name: charges_failed_before
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND (due_day, charge_id) < (:before, :before_id) AND status = 'FAILED'
ORDER BY due_day DESC, charge_id DESC LIMIT :size

-- name: charges_held_before
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND (due_day, charge_id) < (:before, :before_id)
    AND status IN ('RESERVED', 'PARTIALLY_CAPTURED')
ORDER BY due_day DESC, charge_id DESC LIMIT :size

-- name: charges_undone_before
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND (due_day, charge_id) < (:before, :before_id) AND status = :status
    AND status IN ('CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED')
ORDER BY due_day DESC, charge_id DESC LIMIT :size

-- name: charges_to_wake_in_all
-- How many charges the clock has something for, but not more than `most`.
SELECT COUNT(*) FROM (
    SELECT charge_id FROM charges WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL LIMIT :most) AS few

-- name: charges_to_wake_before
-- Those that wait, where they are few among many. (What is joined to a text keeps a database from the index by day.)
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND wake_at >= 0 AND status = :status
    AND (due_day || '' < :before OR (due_day || '' = :before AND charge_id < :before_id))
ORDER BY due_day || '' DESC, charge_id DESC LIMIT :size

-- name: charges_processing_before
-- Few are being asked for at a time.
SELECT {charges as c} FROM payments p
CROSS JOIN charges c
WHERE p.merchant_serial_number = :msn AND p.status IN ('ASKED', 'UNCLEAR') AND p.charge_id > ''
    AND c.merchant_serial_number = :msn AND c.charge_id = p.charge_id AND c.status = 'PROCESSING'
    AND (c.due_day < :before OR (c.due_day = :before AND c.charge_id < :before_id))
ORDER BY c.due_day DESC, c.charge_id DESC LIMIT :size

-- name: charges_on_day_before
-- Of any status where `status` is empty; HELD is no status, and stands for two.
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND due_day BETWEEN :day AND :day AND (due_day, charge_id) < (:before, :before_id)
    AND (:status = '' OR status = :status OR (:status = 'HELD' AND status IN ('RESERVED', 'PARTIALLY_CAPTURED')))
ORDER BY due_day DESC, charge_id DESC LIMIT :size

-- name: charges_per_day
SELECT due_day, status, COUNT(*), CAST(SUM(amount) AS INTEGER) FROM charges
WHERE merchant_serial_number = :msn AND due_day BETWEEN :first AND :last GROUP BY due_day, status

-- name: charges_held_in_all
SELECT COUNT(*), CAST(COALESCE(SUM(amount - captured - cancelled), 0) AS INTEGER), MIN(reserved_at) FROM charges
WHERE merchant_serial_number = :msn AND status IN ('RESERVED', 'PARTIALLY_CAPTURED') AND due_day > ''

-- name: latest_charges_of_agreement
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id
ORDER BY created DESC, charge_id DESC LIMIT :size

-- name: deliveries_waiting_in_all
SELECT COUNT(*) FROM deliveries WHERE merchant_serial_number = :msn AND status = 'WAITING'

-- name: clients_of_unit
SELECT {clients as c} FROM grants g JOIN clients c ON c.client_id = g.client_id
WHERE g.merchant_serial_number = :msn ORDER BY c.kind, c.created, c.client_id

-- What people did.

-- name: latest_acts
SELECT {acts} FROM acts WHERE merchant_serial_number = :msn ORDER BY position DESC LIMIT :size

-- name: acts_about_agreement
SELECT {acts} FROM acts WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id
ORDER BY position DESC LIMIT :size

-- name: erase_acts
DELETE FROM acts WHERE merchant_serial_number = :msn

-- Accounts and sessions.

-- name: all_accounts
SELECT {accounts} FROM accounts ORDER BY name

-- name: account_by_name
SELECT {accounts} FROM accounts WHERE name = :name

-- name: change_account
UPDATE accounts SET role = :role, password_hash = :password_hash, disabled = :disabled, failures = :failures,
    locked_until = :locked_until WHERE name = :name

-- name: delete_account
DELETE FROM accounts WHERE name = :name

-- name: session_by_hash
SELECT {sessions} FROM sessions WHERE session_hash = :session_hash

-- name: see_session
UPDATE sessions SET seen = :seen WHERE session_hash = :session_hash

-- name: end_session
DELETE FROM sessions WHERE session_hash = :session_hash

-- name: end_sessions_of
DELETE FROM sessions WHERE name = :name

-- name: forget_sessions
DELETE FROM sessions WHERE created < :before

-- name: latest_due_days
-- The last due day of each of the newest agreements that are ACTIVE.
SELECT a.agreement_id, MAX(c.due_day) FROM (
    SELECT merchant_serial_number, agreement_id FROM agreements WHERE merchant_serial_number = :msn AND status = 'ACTIVE'
    ORDER BY created DESC, agreement_id DESC LIMIT :agreements) a
JOIN charges c ON c.merchant_serial_number = a.merchant_serial_number AND c.agreement_id = a.agreement_id AND c.created >= 0
GROUP BY a.agreement_id
