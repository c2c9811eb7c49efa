-- The installation itself: migrations, its secret, erasing a sales unit.

-- name: migrations_applied
SELECT number, name FROM migrations ORDER BY number

-- name: installation_value
SELECT value FROM installation WHERE name = :name

-- name: set_installation_value
INSERT INTO installation (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING
