-- What is personal about a payer is one text, so that it is sealed once and not six times.
-- Here the texts are gathered into a list; on opening, each list becomes a profile under the seal.
-- The table is made anew: SQLite looks at the whole schema again for every column that is dropped.

CREATE TABLE payers_anew (
    phone_number TEXT NOT NULL PRIMARY KEY,
    profile TEXT NOT NULL,
    source TEXT NOT NULL,
    balance INTEGER CHECK (balance >= 0),
    outcomes TEXT NOT NULL,
    generation INTEGER NOT NULL,
    deleted INTEGER,
    persona TEXT
) STRICT;

-- only: sqlite
INSERT INTO payers_anew SELECT phone_number, json_array(given_name, family_name, email, birth_date, address, nin),
    source, balance, outcomes, generation, deleted, persona FROM payers;
-- only: postgresql
INSERT INTO payers_anew SELECT phone_number,
    CAST(json_build_array(given_name, family_name, email, birth_date, address, nin) AS text),
    source, balance, outcomes, generation, deleted, persona FROM payers;
-- both

DROP TABLE payers;
ALTER TABLE payers_anew RENAME TO payers;
