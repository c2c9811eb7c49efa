-- What is due: found by the instant at which something last said it wants to be woken.

-- name: units_with_work
-- Units where something is due on their own clock and nobody moves it, or where an advance was cut off.
SELECT u.merchant_serial_number FROM sales_units u
WHERE (u.clock_lease_until IS NULL AND (
    EXISTS (SELECT 1 FROM charges c WHERE c.merchant_serial_number = u.merchant_serial_number
        AND c.wake_at IS NOT NULL AND c.wake_at <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms) AND c.open_payment IS NULL)
    OR EXISTS (SELECT 1 FROM agreements a WHERE a.merchant_serial_number = u.merchant_serial_number
        AND a.wake_at IS NOT NULL AND a.wake_at <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms))
    OR EXISTS (SELECT 1 FROM appointments t WHERE t.merchant_serial_number = u.merchant_serial_number
        AND t.wake_at IS NOT NULL AND t.wake_at <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms))
    OR EXISTS (SELECT 1 FROM payments p WHERE p.merchant_serial_number = u.merchant_serial_number
        AND p.status IN ('ASKED', 'UNCLEAR') AND p.wake_at <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms))
    OR EXISTS (SELECT 1 FROM bulk_items b WHERE b.merchant_serial_number = u.merchant_serial_number AND b.state = 'WAITING')
)) OR u.clock_lease_until <= :real_now

-- name: next_moment
-- The next instant on the unit's clock at which something is due; null where nothing ever is.
SELECT MIN(wake_at) FROM (
    SELECT MIN(wake_at) AS wake_at FROM charges WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND open_payment IS NULL
    UNION ALL SELECT MIN(wake_at) FROM agreements WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL
    UNION ALL SELECT MIN(wake_at) FROM appointments WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL
    UNION ALL SELECT MIN(wake_at) FROM payments WHERE merchant_serial_number = :msn AND status IN ('ASKED', 'UNCLEAR')
    UNION ALL SELECT MIN(created) FROM bulk_items WHERE merchant_serial_number = :msn AND state = 'WAITING'
) AS moments

-- name: due_charges
-- In the order of their keys, so that a batch touches rows, history and payments that lie side by side.
SELECT charge_id, agreement_id, status, type FROM charges
WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND wake_at <= :moment AND open_payment IS NULL
ORDER BY wake_at, charge_id LIMIT :most OFFSET :skip

-- name: due_agreements
SELECT agreement_id, initial_charge_id FROM agreements
WHERE merchant_serial_number = :msn AND wake_at IS NOT NULL AND wake_at <= :moment
ORDER BY wake_at LIMIT :most

-- name: due_appointments
SELECT t.agreement_id, t.cause, t.phone_number, a.initial_charge_id FROM appointments t
JOIN agreements a ON a.merchant_serial_number = t.merchant_serial_number AND a.agreement_id = t.agreement_id
WHERE t.merchant_serial_number = :msn AND t.wake_at IS NOT NULL AND t.wake_at <= :moment
ORDER BY t.wake_at, t.agreement_id, t.cause LIMIT :most

-- name: due_payments
SELECT payment_key, charge_id, agreement_id FROM payments
WHERE merchant_serial_number = :msn AND status IN ('ASKED', 'UNCLEAR') AND wake_at <= :moment
ORDER BY wake_at LIMIT :most

-- name: due_bulk_items
SELECT batch, position, agreement_id, order_id FROM bulk_items
WHERE merchant_serial_number = :msn AND state = 'WAITING'
ORDER BY created, batch, position LIMIT :most

-- name: asks_under_way
-- How many payments of the unit are being asked of the gateway, and until when whoever began the first of them has time.
SELECT COUNT(*), MIN(lease_until) FROM payments
WHERE merchant_serial_number = :msn AND status IN ('ASKED', 'UNCLEAR') AND lease_until IS NOT NULL

-- name: lapsed_payments
-- Payments that somebody began and never brought the answer of.
SELECT merchant_serial_number, payment_key, charge_id, agreement_id FROM payments
WHERE status IN ('ASKED', 'UNCLEAR') AND lease_until <= :real_now
ORDER BY lease_until LIMIT :most

-- name: end_leases
-- When the one process of an embedded database starts, nobody else can hold a lease.
UPDATE payments SET lease_until = 0 WHERE status IN ('ASKED', 'UNCLEAR') AND lease_until IS NOT NULL

-- name: end_receiver_leases
-- And nobody else can be sending to a receiver.
UPDATE webhooks SET lease_until = 0 WHERE lease_until IS NOT NULL

-- name: end_clock_leases
-- For the same reason nobody else can be moving a clock.
UPDATE sales_units SET clock_lease_until = 0 WHERE clock_lease_until IS NOT NULL
