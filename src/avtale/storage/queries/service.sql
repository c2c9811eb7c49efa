-- What an operator asks about the whole installation.

-- name: open_payments
-- Payments whose outcome is not known yet, in all units.
SELECT COUNT(*) FROM payments WHERE status IN ('ASKED', 'UNCLEAR')
