-- Faults on command.

-- name: units_with_faults
SELECT merchant_serial_number FROM faults WHERE faults <> '[]'

-- name: faults_of_unit
SELECT {faults} FROM faults WHERE merchant_serial_number = :msn

-- name: erase_faults
DELETE FROM faults WHERE merchant_serial_number = :msn
