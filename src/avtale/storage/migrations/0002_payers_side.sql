-- The payer's side: requests on phones, notifications, and what personas are about to do.

ALTER TABLE agreements ADD COLUMN sent_to TEXT;
ALTER TABLE agreements ADD COLUMN sent_at INTEGER;
ALTER TABLE agreements ADD COLUMN notifies INTEGER NOT NULL DEFAULT 0 CHECK (notifies IN (0, 1));
ALTER TABLE agreements ADD COLUMN listens INTEGER NOT NULL DEFAULT 0 CHECK (listens IN (0, 1));

CREATE INDEX agreements_sent_to_phone ON agreements (sent_to) WHERE sent_to IS NOT NULL AND status = 'PENDING';

ALTER TABLE payers ADD COLUMN persona TEXT;

CREATE TABLE notifications (
    notification_id TEXT NOT NULL PRIMARY KEY,
    phone_number TEXT NOT NULL,
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    agreement_id TEXT NOT NULL,
    charge_id TEXT,
    kind TEXT NOT NULL CHECK (kind IN ('attempt_failed', 'payment_failed', 'payment_made', 'agreement_stopped')),
    occurred INTEGER NOT NULL,
    amount INTEGER,
    reason TEXT,
    next_attempt INTEGER
) STRICT;

CREATE INDEX notifications_of_phone ON notifications (phone_number, occurred);
CREATE INDEX notifications_of_unit ON notifications (merchant_serial_number);

CREATE TABLE appointments (
    merchant_serial_number TEXT NOT NULL,
    agreement_id TEXT NOT NULL,
    cause TEXT NOT NULL,
    phone_number TEXT NOT NULL,
    wake_at INTEGER,
    kept INTEGER NOT NULL CHECK (kept >= 0),
    PRIMARY KEY (merchant_serial_number, agreement_id, cause),
    FOREIGN KEY (merchant_serial_number, agreement_id) REFERENCES agreements (merchant_serial_number, agreement_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX appointments_to_wake ON appointments (merchant_serial_number, wake_at) WHERE wake_at IS NOT NULL;
