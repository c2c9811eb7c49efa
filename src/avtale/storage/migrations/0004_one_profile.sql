-- What is personal about a payer is one text, so that it is sealed once and not six times.
-- Here the texts are gathered into a list; on opening, each list becomes a profile under the seal.

ALTER TABLE payers ADD COLUMN profile TEXT NOT NULL DEFAULT '';

-- only: sqlite
UPDATE payers SET profile = json_array(given_name, family_name, email, birth_date, address, nin);
-- only: postgresql
UPDATE payers SET profile = CAST(json_build_array(given_name, family_name, email, birth_date, address, nin) AS text);
-- both

ALTER TABLE payers DROP COLUMN given_name;
ALTER TABLE payers DROP COLUMN family_name;
ALTER TABLE payers DROP COLUMN email;
ALTER TABLE payers DROP COLUMN birth_date;
ALTER TABLE payers DROP COLUMN address;
ALTER TABLE payers DROP COLUMN nin;
