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
