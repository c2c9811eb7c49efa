-- The foundation: sales units and their keys, agreements, charges, payments, events, stored answers, the gateway's books.
--
-- One text for both databases. PostgreSQL reads INTEGER as BIGINT and leaves out STRICT and WITHOUT ROWID;
-- what only one of them understands stands between `-- only:` and `-- both`.
-- Instants are milliseconds since 1970 in UTC, days are yyyy-MM-dd, shapes are JSON.

CREATE TABLE installation (
    name TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE sales_units (
    merchant_serial_number TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    market TEXT NOT NULL CHECK (market IN ('NO', 'DK', 'FI')),
    created INTEGER NOT NULL,
    features TEXT NOT NULL,
    rules TEXT NOT NULL,
    clock_mode TEXT NOT NULL CHECK (clock_mode IN ('running', 'frozen', 'advancing')),
    clock_offset_ms INTEGER NOT NULL,
    clock_at INTEGER,
    clock_lease_until INTEGER,
    CHECK ((clock_mode = 'running') = (clock_at IS NULL))
) STRICT;

-- A unit that is being erased or reset: the only time at which history may go.
CREATE TABLE erasing (
    merchant_serial_number TEXT NOT NULL PRIMARY KEY
) STRICT;

CREATE TABLE clients (
    client_id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('MERCHANT', 'PARTNER')),
    name TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created INTEGER NOT NULL,
    disabled INTEGER
) STRICT;

CREATE TABLE subscription_keys (
    key_hash TEXT NOT NULL PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES clients (client_id),
    created INTEGER NOT NULL
) STRICT;

CREATE INDEX subscription_keys_of_client ON subscription_keys (client_id);

CREATE TABLE grants (
    client_id TEXT NOT NULL REFERENCES clients (client_id),
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    created INTEGER NOT NULL,
    PRIMARY KEY (client_id, merchant_serial_number)
) STRICT;

CREATE INDEX grants_of_unit ON grants (merchant_serial_number);

CREATE TABLE payers (
    phone_number TEXT NOT NULL PRIMARY KEY,
    given_name TEXT NOT NULL,
    family_name TEXT NOT NULL,
    email TEXT NOT NULL,
    birth_date TEXT NOT NULL,
    address TEXT NOT NULL,
    nin TEXT NOT NULL,
    source TEXT NOT NULL,
    balance INTEGER CHECK (balance >= 0),
    outcomes TEXT NOT NULL,
    generation INTEGER NOT NULL,
    deleted INTEGER
) STRICT;

CREATE TABLE idempotency_keys (
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    idempotency_key TEXT NOT NULL CHECK (length(idempotency_key) BETWEEN 1 AND 40),
    variant TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    context_id TEXT NOT NULL,
    created INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('CLAIMED', 'DONE')),
    status INTEGER CHECK (status BETWEEN 200 AND 299 OR (status BETWEEN 400 AND 499 AND status NOT IN (408, 425, 429))),
    body TEXT,
    PRIMARY KEY (merchant_serial_number, idempotency_key, path, method, variant),
    CHECK ((state = 'DONE') = (status IS NOT NULL))
) STRICT;

CREATE TABLE agreements (
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    agreement_id TEXT NOT NULL,
    uuid TEXT NOT NULL,
    created INTEGER NOT NULL,
    merchant_redirect_url TEXT NOT NULL,
    is_app INTEGER NOT NULL CHECK (is_app IN (0, 1)),
    phone_number TEXT,
    scope TEXT,
    skip_landing_page INTEGER NOT NULL CHECK (skip_landing_page IN (0, 1)),
    blocked_sources TEXT,
    campaign TEXT,
    initial_charge_id TEXT,
    product_name TEXT NOT NULL,
    product_description TEXT,
    merchant_agreement_url TEXT,
    external_id TEXT,
    pricing TEXT NOT NULL,
    interval TEXT,
    status TEXT NOT NULL CHECK (status IN ('PENDING', 'ACTIVE', 'STOPPED', 'EXPIRED')),
    start INTEGER,
    stop INTEGER,
    stopped_by TEXT CHECK (stopped_by IN ('MERCHANT', 'USER', 'ADMIN')),
    payer TEXT,
    sub TEXT,
    consented INTEGER,
    wake_at INTEGER,
    history_length INTEGER NOT NULL CHECK (history_length >= 1),
    changed INTEGER NOT NULL,
    PRIMARY KEY (merchant_serial_number, agreement_id),
    CHECK (status <> 'ACTIVE' OR (start IS NOT NULL AND payer IS NOT NULL AND stop IS NULL)),
    CHECK (status <> 'STOPPED' OR (stop IS NOT NULL AND stopped_by IS NOT NULL))
) STRICT;

-- only: sqlite
CREATE INDEX agreements_by_status ON agreements (merchant_serial_number, status, created, agreement_id);
-- only: postgresql
-- The condition always holds. It keeps PostgreSQL from looking up a single agreement here instead of by its key,
-- which it does while the table is empty, and does not stop doing when the table has grown.
CREATE INDEX agreements_by_status ON agreements (merchant_serial_number, status, created, agreement_id) WHERE status IS NOT NULL;
-- both
CREATE INDEX agreements_to_wake ON agreements (merchant_serial_number, wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX agreements_of_payer ON agreements (payer) WHERE payer IS NOT NULL;
CREATE INDEX agreements_sharing ON agreements (merchant_serial_number, sub) WHERE sub IS NOT NULL;
CREATE INDEX agreements_asked_of_phone ON agreements (phone_number) WHERE phone_number IS NOT NULL AND status = 'PENDING';

CREATE TABLE agreement_history (
    merchant_serial_number TEXT NOT NULL,
    agreement_id TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    occurred INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('CREATE', 'ACTIVATE', 'REJECT', 'EXPIRE', 'UPDATE', 'STOP')),
    actor TEXT CHECK (actor IN ('MERCHANT', 'USER', 'ADMIN')),
    idempotency_key TEXT,
    PRIMARY KEY (merchant_serial_number, agreement_id, sequence),
    FOREIGN KEY (merchant_serial_number, agreement_id) REFERENCES agreements (merchant_serial_number, agreement_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE bulk_items (
    merchant_serial_number TEXT NOT NULL,
    batch TEXT NOT NULL,
    position INTEGER NOT NULL,
    agreement_id TEXT NOT NULL,
    order_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    body TEXT NOT NULL,
    created INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('WAITING', 'CREATED', 'FAILED')),
    reason TEXT,
    PRIMARY KEY (merchant_serial_number, batch, position),
    FOREIGN KEY (merchant_serial_number, agreement_id) REFERENCES agreements (merchant_serial_number, agreement_id)
) STRICT;

CREATE INDEX bulk_items_waiting ON bulk_items (merchant_serial_number, created, batch, position) WHERE state = 'WAITING';

-- The checks repeat the money rules (reliability M-1, M-2, M-5, M-6), so that no mistake of ours can store a charge that breaks one.
CREATE TABLE charges (
    merchant_serial_number TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    agreement_id TEXT NOT NULL,
    external_id TEXT,
    type TEXT NOT NULL CHECK (type IN ('INITIAL', 'RECURRING', 'UNSCHEDULED')),
    transaction_type TEXT NOT NULL CHECK (transaction_type IN ('DIRECT_CAPTURE', 'RESERVE_CAPTURE')),
    processing_mode TEXT NOT NULL CHECK (processing_mode IN ('MULTIPLE_ATTEMPTS', 'SINGLE_ATTEMPT')),
    amount INTEGER NOT NULL CHECK (amount BETWEEN 0 AND 2147483647),
    currency TEXT NOT NULL CHECK (currency IN ('NOK', 'DKK', 'EUR')),
    description TEXT NOT NULL,
    ceiling INTEGER,
    due_day TEXT NOT NULL,
    retry_days INTEGER NOT NULL CHECK (retry_days >= 0),
    created INTEGER NOT NULL,
    due INTEGER NOT NULL,
    status TEXT NOT NULL,
    failure_reason TEXT,
    transaction_id TEXT,
    reserved INTEGER NOT NULL CHECK (reserved IN (0, amount)),
    captured INTEGER NOT NULL CHECK (captured >= 0),
    cancelled INTEGER NOT NULL CHECK (cancelled >= 0),
    refunded INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND captured),
    reserved_at INTEGER,
    captured_at INTEGER,
    attempts INTEGER NOT NULL,
    fence INTEGER NOT NULL,
    payments INTEGER NOT NULL,
    open_payment TEXT,
    wake_at INTEGER,
    history_length INTEGER NOT NULL CHECK (history_length >= 1),
    changed INTEGER NOT NULL,
    chain TEXT NOT NULL,
    PRIMARY KEY (merchant_serial_number, charge_id),
    FOREIGN KEY (merchant_serial_number, agreement_id) REFERENCES agreements (merchant_serial_number, agreement_id),
    CHECK (captured + cancelled <= amount),
    CHECK (reserved > 0 OR captured = 0),
    CHECK (transaction_type <> 'DIRECT_CAPTURE' OR captured IN (0, amount)),
    CHECK (ceiling IS NULL OR amount <= ceiling),
    CHECK (CASE status
        WHEN 'PENDING' THEN reserved = 0 AND cancelled = 0
        WHEN 'DUE' THEN reserved = 0 AND cancelled = 0
        WHEN 'PROCESSING' THEN reserved = 0 AND cancelled = 0 AND open_payment IS NOT NULL
        WHEN 'FAILED' THEN reserved = 0 AND cancelled = 0
        WHEN 'RESERVED' THEN reserved = amount AND captured = 0 AND cancelled = 0
        WHEN 'PARTIALLY_CAPTURED' THEN captured > 0 AND captured < amount AND cancelled = 0
        WHEN 'CHARGED' THEN captured > 0 AND refunded = 0 AND captured + cancelled = amount
        WHEN 'PARTIALLY_REFUNDED' THEN refunded > 0 AND refunded < captured AND captured + cancelled = amount
        WHEN 'REFUNDED' THEN refunded > 0 AND refunded = captured AND captured + cancelled = amount
        WHEN 'CANCELLED' THEN captured = 0 AND cancelled = amount
        ELSE 1 = 0 END)
) STRICT, WITHOUT ROWID;

-- only: sqlite
CREATE INDEX charges_of_agreement ON charges (merchant_serial_number, agreement_id, created, charge_id);
-- only: postgresql
-- As with agreements_by_status.
CREATE INDEX charges_of_agreement ON charges (merchant_serial_number, agreement_id, created, charge_id) WHERE agreement_id IS NOT NULL;
-- both
CREATE INDEX charges_to_wake ON charges (merchant_serial_number, wake_at, charge_id) WHERE wake_at IS NOT NULL;

CREATE TABLE charge_history (
    merchant_serial_number TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    occurred INTEGER NOT NULL,
    event TEXT NOT NULL CHECK (event IN ('CREATE', 'RESERVE', 'CAPTURE', 'REFUND', 'CANCEL', 'FAIL')),
    amount INTEGER NOT NULL CHECK (amount BETWEEN 0 AND 2147483647),
    idempotency_key TEXT NOT NULL,
    success INTEGER NOT NULL CHECK (success IN (0, 1)),
    transaction_id TEXT,
    payment_key TEXT,
    chain TEXT NOT NULL,
    PRIMARY KEY (merchant_serial_number, charge_id, sequence),
    FOREIGN KEY (merchant_serial_number, charge_id) REFERENCES charges (merchant_serial_number, charge_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE payments (
    payment_key TEXT NOT NULL PRIMARY KEY,
    merchant_serial_number TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    agreement_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('DIRECT_CAPTURE', 'RESERVE', 'CAPTURE', 'CANCEL', 'REFUND')),
    sequence INTEGER NOT NULL,
    amount INTEGER NOT NULL CHECK (amount BETWEEN 1 AND 2147483647),
    currency TEXT NOT NULL,
    payer TEXT NOT NULL,
    run_at INTEGER NOT NULL,
    cause TEXT NOT NULL,
    answers TEXT,
    context_id TEXT,
    asked INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('ASKED', 'UNCLEAR', 'OK', 'DECLINED')),
    fence INTEGER NOT NULL,
    asks INTEGER NOT NULL,
    reason TEXT,
    transaction_id TEXT,
    settled INTEGER,
    lease_until INTEGER,
    asked_again INTEGER,
    wake_at INTEGER,
    FOREIGN KEY (merchant_serial_number, charge_id) REFERENCES charges (merchant_serial_number, charge_id),
    CHECK ((status IN ('OK', 'DECLINED')) = (settled IS NOT NULL)),
    CHECK ((status = 'OK') = (transaction_id IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX payments_of_charge ON payments (merchant_serial_number, charge_id);

-- At most one payment is open on a charge (reliability R-2).
-- Few are open at a time, so the loop finds those that wait for it here, too.
CREATE UNIQUE INDEX payments_open ON payments (merchant_serial_number, charge_id) WHERE status IN ('ASKED', 'UNCLEAR');

CREATE TABLE events (
    position INTEGER PRIMARY KEY,
    merchant_serial_number TEXT NOT NULL REFERENCES sales_units (merchant_serial_number),
    event_id TEXT NOT NULL,
    event_type TEXT NOT NULL,
    agreement_id TEXT NOT NULL,
    charge_id TEXT,
    occurred INTEGER NOT NULL,
    body TEXT NOT NULL,
    subject TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    UNIQUE (merchant_serial_number, agreement_id, subject, sequence)
) STRICT;

-- The simulated gateway's own books; kept apart from the charges, so that the two can be compared.
CREATE TABLE gateway_ledger (
    payment_key TEXT NOT NULL PRIMARY KEY,
    merchant_serial_number TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    amount INTEGER NOT NULL,
    currency TEXT NOT NULL,
    payer TEXT NOT NULL,
    occurred INTEGER NOT NULL,
    transaction_id TEXT NOT NULL,
    result TEXT NOT NULL CHECK (result IN ('OK', 'DECLINED', 'UNKNOWN')),
    reason TEXT,
    answered INTEGER NOT NULL CHECK (answered IN (0, 1)),
    known_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE gateway_scripts (
    merchant_serial_number TEXT NOT NULL,
    charge_id TEXT NOT NULL,
    outcomes TEXT NOT NULL,
    PRIMARY KEY (merchant_serial_number, charge_id)
) STRICT;

-- History is written once. It goes only with the sales unit it belongs to (reliability H-4).
-- only: sqlite
CREATE TRIGGER charge_history_is_kept BEFORE DELETE ON charge_history
WHEN NOT EXISTS (SELECT 1 FROM erasing WHERE merchant_serial_number = OLD.merchant_serial_number)
BEGIN SELECT RAISE(ABORT, 'history is kept'); END;
CREATE TRIGGER charge_history_stands BEFORE UPDATE ON charge_history
BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
CREATE TRIGGER agreement_history_is_kept BEFORE DELETE ON agreement_history
WHEN NOT EXISTS (SELECT 1 FROM erasing WHERE merchant_serial_number = OLD.merchant_serial_number)
BEGIN SELECT RAISE(ABORT, 'history is kept'); END;
CREATE TRIGGER agreement_history_stands BEFORE UPDATE ON agreement_history
BEGIN SELECT RAISE(ABORT, 'history is never changed'); END;
CREATE TRIGGER answers_stand BEFORE UPDATE ON idempotency_keys WHEN OLD.state = 'DONE'
BEGIN SELECT RAISE(ABORT, 'a stored answer is never changed'); END;
-- only: postgresql
CREATE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        RAISE EXCEPTION 'history is never changed';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM erasing WHERE merchant_serial_number = OLD.merchant_serial_number) THEN
        RAISE EXCEPTION 'history is kept';
    END IF;
    RETURN OLD;
END $$;
CREATE FUNCTION answers_stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a stored answer is never changed';
END $$;
CREATE TRIGGER charge_history_is_kept BEFORE UPDATE OR DELETE ON charge_history
    FOR EACH ROW EXECUTE FUNCTION history_is_kept();
CREATE TRIGGER agreement_history_is_kept BEFORE UPDATE OR DELETE ON agreement_history
    FOR EACH ROW EXECUTE FUNCTION history_is_kept();
CREATE TRIGGER answers_stand BEFORE UPDATE ON idempotency_keys
    FOR EACH ROW WHEN (OLD.state = 'DONE') EXECUTE FUNCTION answers_stand();
-- both
