-- Snapshots: all that a sales unit owns at one moment, by name.

CREATE TABLE snapshots (
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    name TEXT NOT NULL,
    taken INTEGER NOT NULL,
    clock_shown INTEGER NOT NULL,
    unit TEXT NOT NULL,
    agreements INTEGER NOT NULL,
    charges INTEGER NOT NULL,
    size_bytes INTEGER NOT NULL,
    PRIMARY KEY (merchant_serial_number, name)
) STRICT;

-- Rows of one table, some thousand in a part: as JSON, compressed, as base64. What was sealed stays so.
CREATE TABLE snapshot_parts (
    merchant_serial_number TEXT NOT NULL,
    name TEXT NOT NULL,
    part INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    columns TEXT NOT NULL,
    packed TEXT NOT NULL,
    PRIMARY KEY (merchant_serial_number, name, part),
    FOREIGN KEY (merchant_serial_number, name) REFERENCES snapshots (merchant_serial_number, name)
) STRICT;
