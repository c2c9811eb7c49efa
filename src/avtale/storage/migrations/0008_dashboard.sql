-- The dashboard: what it finds charges by, who may look, and what was done there.

-- A charge's due day never changes, so this costs a charge once in its life.
-- only: sqlite
CREATE INDEX charges_by_due_day ON charges (merchant_serial_number, due_day, charge_id);
-- only: postgresql
-- As with charges_of_agreement.
CREATE INDEX charges_by_due_day ON charges (merchant_serial_number, due_day, charge_id) WHERE due_day IS NOT NULL;
-- both
CREATE INDEX charges_held ON charges (merchant_serial_number, due_day, charge_id) WHERE status IN ('RESERVED', 'PARTIALLY_CAPTURED');
CREATE INDEX charges_failed ON charges (merchant_serial_number, due_day, charge_id) WHERE status = 'FAILED';

-- People who sign in. A password is kept as argon2id makes it.
CREATE TABLE accounts (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL CHECK (role IN ('viewer', 'support', 'developer')),
    password_hash TEXT NOT NULL,
    created INTEGER NOT NULL,
    disabled INTEGER,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    locked_until INTEGER
) STRICT;

CREATE TABLE sessions (
    session_hash TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL REFERENCES accounts (name),
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_of_account ON sessions (name);

-- What people did by hand, and what came of it.
CREATE TABLE acts (
    position INTEGER PRIMARY KEY,
    act_id TEXT NOT NULL,
    merchant_serial_number TEXT NOT NULL,
    who TEXT NOT NULL,
    what TEXT NOT NULL,
    agreement_id TEXT,
    charge_id TEXT,
    detail TEXT NOT NULL,
    outcome TEXT NOT NULL,
    occurred INTEGER NOT NULL
) STRICT;

CREATE INDEX acts_of_unit ON acts (merchant_serial_number, position);
