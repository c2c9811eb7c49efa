-- Faults on command: what shall go wrong for a unit, and how far each has come in its sequence.

CREATE TABLE faults (
    merchant_serial_number TEXT NOT NULL PRIMARY KEY REFERENCES sales_units (merchant_serial_number),
    faults TEXT NOT NULL
) STRICT;
