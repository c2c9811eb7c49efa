-- Webhooks: registrations, a delivery for each event and registration, and every attempt at one.

-- What the unit's registrations want to be told of, counted by event type.
ALTER TABLE sales_units ADD COLUMN webhooks TEXT NOT NULL DEFAULT '{}';
ALTER TABLE clients ADD COLUMN webhooks TEXT NOT NULL DEFAULT '{}';

-- Whether somebody is still to be told of the event.
ALTER TABLE events ADD COLUMN awaited INTEGER NOT NULL DEFAULT 0 CHECK (awaited IN (0, 1));

CREATE INDEX events_awaited ON events (merchant_serial_number, position) WHERE awaited = 1;

-- One of a merchant belongs to a unit; one of a partner may be for all its units, and then names none.
CREATE TABLE webhooks (
    registration_id TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id),
    merchant_serial_number TEXT REFERENCES sales_units (merchant_serial_number),
    url TEXT NOT NULL,
    secret TEXT NOT NULL,
    events TEXT NOT NULL,
    created INTEGER NOT NULL,
    succeeded INTEGER,
    removed INTEGER,
    removed_because TEXT CHECK (removed_because IN ('deleted', 'silent')),
    lease_until INTEGER,
    fence INTEGER NOT NULL,
    CHECK ((removed IS NULL) = (removed_because IS NULL))
) STRICT;

CREATE INDEX webhooks_of_client ON webhooks (client_id);
CREATE INDEX webhooks_of_unit ON webhooks (merchant_serial_number) WHERE merchant_serial_number IS NOT NULL;

CREATE TABLE deliveries (
    delivery_id TEXT NOT NULL PRIMARY KEY,
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    registration_id TEXT NOT NULL REFERENCES webhooks (registration_id),
    place INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    agreement_id TEXT NOT NULL,
    charge_id TEXT,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('WAITING', 'DELIVERED', 'LOST', 'DROPPED')),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    tries INTEGER NOT NULL CHECK (tries BETWEEN 0 AND attempts),
    first_try INTEGER,
    last_attempt INTEGER,
    wake_at INTEGER,
    CHECK ((status = 'WAITING') = (wake_at IS NOT NULL)),
    CHECK ((tries = 0) = (first_try IS NULL)),
    CHECK (status <> 'DELIVERED' OR attempts > 0)
) STRICT;

CREATE INDEX deliveries_waiting ON deliveries (merchant_serial_number, wake_at) WHERE status = 'WAITING';
CREATE INDEX deliveries_failing ON deliveries (registration_id, agreement_id, place) WHERE status = 'WAITING' AND tries > 0;
CREATE INDEX deliveries_of_unit ON deliveries (merchant_serial_number, place);
CREATE INDEX deliveries_of_registration ON deliveries (registration_id, place) WHERE status = 'WAITING';

CREATE TABLE delivery_attempts (
    delivery_id TEXT NOT NULL REFERENCES deliveries (delivery_id),
    attempt INTEGER NOT NULL CHECK (attempt >= 1),
    merchant_serial_number TEXT NOT NULL,
    occurred INTEGER NOT NULL,
    status INTEGER,
    error TEXT,
    excerpt TEXT NOT NULL,
    milliseconds INTEGER NOT NULL CHECK (milliseconds >= 0),
    PRIMARY KEY (delivery_id, attempt)
) STRICT, WITHOUT ROWID;

CREATE INDEX delivery_attempts_of_unit ON delivery_attempts (merchant_serial_number);
