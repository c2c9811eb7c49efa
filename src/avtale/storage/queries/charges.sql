-- Charges as they are fetched and listed; every query of the API names the sales unit.

-- name: charge_by_id
-- With its agreement's external id behind its own columns.
SELECT {charges as c}, a.external_id FROM charges c
JOIN agreements a ON a.merchant_serial_number = c.merchant_serial_number AND a.agreement_id = c.agreement_id
WHERE c.merchant_serial_number = :msn AND c.charge_id = :charge_id

-- name: history_of_charge
SELECT {charge_history} FROM charge_history
WHERE merchant_serial_number = :msn AND charge_id = :charge_id ORDER BY sequence

-- name: external_id_of_agreement
SELECT external_id FROM agreements WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id

-- name: list_charges
-- Oldest first, from after the place where the last page ended; `status` is null for all.
SELECT {charges} FROM charges
WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id
    AND (created > :after_created OR (created = :after_created AND charge_id > :after_id))
    AND (:any_status = 1 OR status = :status)
ORDER BY created, charge_id LIMIT :size

-- name: history_of_listed_charges
SELECT {charge_history} FROM charge_history
WHERE (merchant_serial_number, charge_id) IN (
    SELECT merchant_serial_number, charge_id FROM charges
    WHERE merchant_serial_number = :msn AND agreement_id = :agreement_id
        AND (created > :after_created OR (created = :after_created AND charge_id > :after_id))
        AND (:any_status = 1 OR status = :status)
    ORDER BY created, charge_id LIMIT :size)
ORDER BY charge_id, sequence
