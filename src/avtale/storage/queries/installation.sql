-- The installation itself: migrations, its secret, erasing a sales unit.

-- name: migrations_applied
SELECT number, name FROM migrations ORDER BY number

-- name: installation_value
SELECT value FROM installation WHERE name = :name

-- name: set_installation_value
INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING

-- name: payers_unsealed
-- Payers from before there were seals.
SELECT phone_number, given_name, family_name, email, birth_date, address, nin FROM payers
WHERE given_name NOT LIKE 'sealed:%' ORDER BY phone_number LIMIT :most

-- name: seal_payer
UPDATE payers SET given_name = :given_name, family_name = :family_name, email = :email,
    birth_date = :birth_date, address = :address, nin = :nin
WHERE phone_number = :phone_number AND given_name NOT LIKE 'sealed:%'
