-- Who asks: clients by their keys, and the sales units they may act for.

-- name: client_by_id
SELECT {clients} FROM clients WHERE client_id = :client_id

-- name: client_by_subscription_key
SELECT {clients as c} FROM subscription_keys k JOIN clients c ON c.client_id = k.client_id WHERE k.key_hash = :key_hash

-- name: grants_of_client
SELECT merchant_serial_number FROM grants WHERE client_id = :client_id

-- name: sales_unit
SELECT {sales_units} FROM sales_units WHERE merchant_serial_number = :msn

-- name: sales_units
SELECT {sales_units} FROM sales_units ORDER BY created, merchant_serial_number

-- name: payer_by_phone
SELECT {payers} FROM payers WHERE phone_number = :phone_number
