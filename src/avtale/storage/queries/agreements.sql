-- Agreements as they are fetched and listed; every query names the sales unit.

-- name: agreement_by_id
SELECT {agreements} FROM agreements WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id

-- name: history_of_agreement
SELECT {agreement_history} FROM agreement_history
WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id ORDER BY sequence

-- name: list_agreements
SELECT {agreements} FROM agreements
WHERE merchant_serial_number = :msn AND status = :status AND created > :created_after
ORDER BY created, agreement_id LIMIT :size OFFSET :skip

-- name: history_of_listed_agreements
SELECT {agreement_history} FROM agreement_history
WHERE (merchant_serial_number, agreement_id) IN (
    SELECT merchant_serial_number, agreement_id FROM agreements
    WHERE merchant_serial_number = :msn AND status = :status AND created > :created_after
    ORDER BY created, agreement_id LIMIT :size OFFSET :skip)
ORDER BY agreement_id, sequence

-- name: initial_charge_of
SELECT initial_charge_id FROM agreements WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id

-- name: agreements_sharing
-- Agreements with which the payer behind `sub` shared a profile with the sales unit, the latest first.
SELECT {agreements} FROM agreements
WHERE merchant_serial_number = :msn AND sub = :sub AND consented IS NOT NULL ORDER BY consented DESC
