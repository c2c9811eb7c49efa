-- What an operator asks about the whole installation.

-- name: count_open_payments
-- Payments whose outcome is not known yet, in all units.
SELECT COUNT(*) FROM payments WHERE status IN ('ASKED', 'UNCLEAR')
