-- The record: requests of merchants, some hundred of one unit in a row, in the order in which they were answered.

CREATE TABLE requests (
    position INTEGER PRIMARY KEY,
    batch_id TEXT NOT NULL,
    merchant_serial_number TEXT NOT NULL,
    received INTEGER NOT NULL,
    clock_at INTEGER,
    clock_offset_ms INTEGER NOT NULL,
    requests TEXT NOT NULL
) STRICT;

CREATE INDEX requests_of_unit ON requests (merchant_serial_number, position);

-- What people said of lines of the checklist that no machine can check.

CREATE TABLE checklist_notes (
    merchant_serial_number TEXT NOT NULL,
    item TEXT NOT NULL,
    confirmed INTEGER NOT NULL CHECK (confirmed IN (0, 1)),
    comment TEXT NOT NULL,
    noted INTEGER NOT NULL,
    PRIMARY KEY (merchant_serial_number, item)
) STRICT;
