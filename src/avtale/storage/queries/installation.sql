-- The installation itself: migrations, its secret, erasing a sales unit.

-- name: migrations_applied
SELECT number, name FROM migrations ORDER BY number

-- name: installation_value
SELECT value FROM installation WHERE name = :name

-- name: set_installation_value
INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING

-- name: payers_unsealed
-- Payers whose profile was written before it was one sealed text.
SELECT phone_number, profile FROM payers
WHERE profile NOT LIKE 'sealed:%' ORDER BY phone_number LIMIT :most

-- name: seal_payer
UPDATE payers SET profile = :profile WHERE phone_number = :phone_number AND profile NOT LIKE 'sealed:%'
