-- Ways to break each invariant, and nothing else, in the database that `story` writes.
--
-- A heading names the invariant, what is wrong, and how it is done: `unprotected` leaves away the triggers that are
-- named, `unchained` leaves the chain of hashes as it is (it is made to fit otherwise, as a careful forger would),
-- `quiescent` shows only once everything has come to rest.

-- ── money ──

-- spoil: M-1: a charge in another market's currency
UPDATE charges SET currency = 'DKK' WHERE charge_id = 'pending';

-- spoil: M-1: an amount above what an int32 holds
UPDATE charges SET amount = 3000000000, ceiling = 3000000000 WHERE charge_id = 'pending';
UPDATE charge_history SET amount = 3000000000 WHERE charge_id = 'pending';

-- spoil: M-1: a payment in another currency
UPDATE payments SET currency = 'EUR' WHERE payment_key LIKE '%:reserved:RESERVE:1';
UPDATE gateway_ledger SET currency = 'EUR' WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- spoil: M-1: a payer who owes money
UPDATE payers SET balance = -1;

-- spoil: M-2: a reservation of a part
UPDATE charge_history SET amount = 30000 WHERE charge_id = 'reserved' AND sequence = 2;
UPDATE payments SET amount = 30000 WHERE payment_key LIKE '%:reserved:RESERVE:1';
UPDATE gateway_ledger SET amount = 30000 WHERE payment_key LIKE '%:reserved:RESERVE:1';
UPDATE charges SET reserved = 30000 WHERE charge_id = 'reserved';

-- spoil: M-3: a history that cancels less than the charge says
UPDATE charge_history SET amount = 100 WHERE charge_id = 'cancelled' AND sequence = 2;

-- spoil: M-4: a second reservation in history
INSERT INTO charge_history SELECT merchant_serial_number, charge_id, 3, occurred, event, amount,
    idempotency_key, success, transaction_id, payment_key, chain FROM charge_history WHERE charge_id =
    'reserved' AND sequence = 2;
UPDATE charges SET history_length = 3 WHERE charge_id = 'reserved';
INSERT INTO events (merchant_serial_number, event_id, event_type, agreement_id, charge_id, occurred, body,
    subject, sequence) SELECT merchant_serial_number, event_id(merchant_serial_number, agreement_id, subject,
    3), event_type, agreement_id, charge_id, occurred, body, subject, 3 FROM events WHERE subject = 'reserved';

-- spoil: M-5: a direct capture that was reserved apart
UPDATE charges SET transaction_type = 'DIRECT_CAPTURE' WHERE charge_id = 'charged';

-- spoil: M-6: a status that the sums contradict
UPDATE charges SET status = 'REFUNDED' WHERE charge_id = 'charged';

-- spoil: M-6: a status that nobody knows
UPDATE charges SET status = 'LOST' WHERE charge_id = 'charged';

-- spoil: M-6: an attempt that nobody makes
UPDATE charges SET status = 'PROCESSING' WHERE charge_id = 'due';

-- spoil: M-6: a failure without a line that tells it
UPDATE charges SET status = 'FAILED', processing_mode = 'SINGLE_ATTEMPT' WHERE charge_id = 'due';

-- spoil: M-7: a charge above its ceiling
UPDATE charges SET ceiling = 10000 WHERE charge_id = 'pending';

-- spoil: M-7: a charge without a ceiling where pricing has one
UPDATE charges SET ceiling = NULL WHERE charge_id = 'pending';

-- spoil: M-8: a gateway that captured more than it held
UPDATE payments SET amount = 60000 WHERE payment_key LIKE '%:capturing:CAPTURE:2';
UPDATE gateway_ledger SET amount = 60000 WHERE payment_key LIKE '%:capturing:CAPTURE:2';

-- ── payments and the gateway ──

-- spoil: R-1: a charge that counts more attempts than there are
UPDATE charges SET attempts = attempts + 1 WHERE charge_id = 'reserved';

-- spoil: R-1: a charge whose payments are gone
DELETE FROM payments WHERE charge_id = 'due';
DELETE FROM gateway_ledger WHERE charge_id = 'due';

-- spoil: R-1: a key made of something else
UPDATE payments SET payment_key = payment_key || '-1793865600' WHERE charge_id = 'due';
UPDATE gateway_ledger SET payment_key = payment_key || '-1793865600' WHERE charge_id = 'due';

-- spoil: R-2: an open payment that its charge does not name
UPDATE charges SET open_payment = NULL WHERE charge_id = 'unclear';

-- spoil: R-2: two open payments on one charge
DROP INDEX payments_open;
CREATE INDEX payments_open ON payments (merchant_serial_number, charge_id) WHERE status IN ('ASKED', 'UNCLEAR');
INSERT INTO payments SELECT replace(payment_key, ':1', ':2'), merchant_serial_number, charge_id, agreement_id,
    kind, 2, amount, currency, payer, run_at + 8 * 3600000, cause, answers, context_id, asked, status, 2, asks,
    NULL, NULL, NULL, lease_until, asked_again, wake_at FROM payments WHERE payment_key LIKE '%:unclear:%:1';
UPDATE charges SET payments = 2, attempts = 2, fence = 2 WHERE charge_id = 'unclear';
UPDATE payments SET fence = 2 WHERE charge_id = 'unclear';
UPDATE charges SET open_payment = replace(open_payment, ':1', ':2') WHERE charge_id = 'unclear';
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CREATE INDEX', 'CREATE UNIQUE INDEX') WHERE name = 'payments_open';
PRAGMA writable_schema = OFF;

-- spoil: R-3: an attempt after one that went through
INSERT INTO payments SELECT replace(payment_key, ':1', ':2'), merchant_serial_number, charge_id, agreement_id,
    kind, 2, amount, currency, payer, run_at + 8 * 3600000, cause, answers, context_id, asked, 'DECLINED', 2,
    asks, 'refused', NULL, settled, lease_until, asked_again, wake_at FROM payments WHERE payment_key LIKE
    '%:reserved:%:1';
UPDATE charges SET payments = 2, attempts = 2, fence = 2 WHERE charge_id = 'reserved';

-- spoil: R-4: a capture that no payment made
UPDATE charge_history SET transaction_id = '1234567890' WHERE charge_id = 'charged' AND sequence = 3;

-- spoil: R-4: a capture that says nothing of its payment
UPDATE charge_history SET payment_key = NULL WHERE charge_id = 'charged' AND sequence = 3;

-- spoil: R-4: a failure by a payment that is not settled so
UPDATE payments SET status = 'OK', transaction_id = '1' WHERE payment_key LIKE '%:failed:DIRECT_CAPTURE:2';
UPDATE gateway_ledger SET result = 'OK', transaction_id = '1' WHERE payment_key LIKE '%:failed:DIRECT_CAPTURE:2';

-- spoil: R-5: a gateway that says it declined
UPDATE gateway_ledger SET result = 'DECLINED' WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- spoil: R-5: a gateway that moved money nobody asked for
INSERT INTO gateway_ledger SELECT payment_key || '7', merchant_serial_number, charge_id, kind, amount, currency,
    payer, occurred, transaction_id, result, reason, answered, known_at FROM gateway_ledger WHERE payment_key
    LIKE '%:reserved:RESERVE:1';

-- spoil: R-6: a payment whose fence is above its charge's
UPDATE payments SET fence = 9 WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- spoil: R-6: an open payment that somebody with a lower fence holds
UPDATE charges SET fence = fence + 1 WHERE charge_id = 'unclear';

-- spoil: R-7: a gateway that acted before it was asked
UPDATE gateway_ledger SET occurred = occurred - 3600000 WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- ── history ──

-- spoil: H-1: a creation with another amount
UPDATE charge_history SET amount = 100 WHERE charge_id = 'pending';

-- spoil: H-1: a charge without any history
DELETE FROM charge_history WHERE charge_id = 'pending';
DELETE FROM idempotency_keys WHERE body = '{"chargeId":"pending"}';

-- spoil: H-1: an agreement with a line fewer than it counts
UPDATE agreements SET history_length = history_length + 1 WHERE product_name = 'Flexible';

-- spoil: H-1: an agreement without any history
DELETE FROM agreement_history WHERE agreement_id = (SELECT agreement_id FROM agreements WHERE status =
    'PENDING');
DELETE FROM idempotency_keys WHERE body LIKE '%' || (SELECT agreement_id FROM agreements WHERE status =
    'PENDING') || '%';

-- spoil: H-2: a refund of what was not captured yet
UPDATE charge_history SET amount = 4000 WHERE charge_id = 'twice' AND sequence = 3;
UPDATE payments SET amount = 4000 WHERE payment_key LIKE '%:twice:CAPTURE:2';
UPDATE gateway_ledger SET amount = 4000 WHERE payment_key LIKE '%:twice:CAPTURE:2';
UPDATE charge_history SET amount = 45900 WHERE charge_id = 'twice' AND sequence = 5;
UPDATE payments SET amount = 45900 WHERE payment_key LIKE '%:twice:CAPTURE:4';
UPDATE gateway_ledger SET amount = 45900 WHERE payment_key LIKE '%:twice:CAPTURE:4';

-- spoil: H-3: a charge created in the future
UPDATE charge_history SET occurred = occurred + 34560000000 WHERE charge_id = 'pending';
UPDATE charges SET changed = changed + 34560000000 WHERE charge_id = 'pending';

-- spoil: H-3: a capture before its reservation
UPDATE charge_history SET occurred = occurred - 259200000 WHERE charge_id = 'charged' AND sequence = 3;
UPDATE charges SET changed = changed - 259200000 WHERE charge_id = 'charged';

-- spoil: H-3: a charge that changed at another time than its history says
UPDATE charges SET changed = changed + 1 WHERE charge_id = 'reserved';

-- spoil: H-3: an agreement that was active before it was drafted
UPDATE agreement_history SET occurred = occurred - 86400000 WHERE event = 'ACTIVATE' AND agreement_id =
    (SELECT agreement_id FROM agreements WHERE product_name = 'Premier League and more');

-- spoil: H-4: history that can be changed [unprotected]
DROP TRIGGER IF EXISTS charge_history_stands;

-- spoil: H-4: history that is protected by a trigger that does nothing [unprotected]
CREATE TRIGGER agreement_history_is_kept BEFORE DELETE ON agreement_history WHEN 1 = 0 BEGIN SELECT RAISE(ABORT,
    'history is kept'); END;

-- spoil: H-4: a unit whose history may be erased for ever
INSERT INTO erasing VALUES ('999999');

-- spoil: H-5: a line that was changed by a millisecond [unchained]
UPDATE charge_history SET occurred = occurred - 1 WHERE charge_id = 'charged' AND sequence = 1;

-- spoil: H-5: a chain whose end is another's [unchained]
UPDATE charges SET chain = upper(chain) WHERE charge_id = 'charged';

-- spoil: H-6: a step of the system under another's key
UPDATE charge_history SET idempotency_key = 'mine' WHERE charge_id = 'reserved' AND sequence = 2;
UPDATE payments SET cause = 'mine' WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- spoil: H-6: a payment for another reason than its line says
UPDATE payments SET cause = 'mine' WHERE payment_key LIKE '%:charged:CAPTURE:2';

-- spoil: H-6: an update that nobody asked for
UPDATE agreement_history SET idempotency_key = NULL WHERE event = 'UPDATE';

-- ── idempotency ──

-- spoil: I-1: an answer that says to come back later
UPDATE idempotency_keys SET status = 429 WHERE path LIKE '%/direct/refund';

-- spoil: I-1: an answer without a body
UPDATE idempotency_keys SET body = NULL WHERE path LIKE '%/charged/capture';

-- spoil: I-2: answers that can be changed [unprotected]
DROP TRIGGER IF EXISTS answers_stand;

-- spoil: I-3: a capture that was answered with 404
UPDATE idempotency_keys SET status = 404 WHERE path LIKE '%/charged/capture';

-- spoil: I-3: a capture that was answered and not made
INSERT INTO idempotency_keys SELECT merchant_serial_number, method, replace(path, 'charged', 'reserved'),
    'fresh', variant, fingerprint, context_id, created, state, status, body FROM idempotency_keys WHERE path
    LIKE '%/charged/capture';

-- spoil: I-3: two captures from one request
DELETE FROM idempotency_keys WHERE path LIKE '%/twice/capture' AND idempotency_key =
    (SELECT idempotency_key FROM charge_history WHERE charge_id = 'twice' AND sequence = 5);
UPDATE charge_history SET idempotency_key = (SELECT cause FROM payments WHERE payment_key LIKE '%:twice:CAPTURE:2')
    WHERE charge_id = 'twice' AND sequence = 5;
UPDATE payments SET cause = (SELECT cause FROM payments WHERE payment_key LIKE '%:twice:CAPTURE:2')
    WHERE payment_key LIKE '%:twice:CAPTURE:4';

-- spoil: I-3: two charges from one request
DELETE FROM idempotency_keys WHERE body = '{"chargeId":"reserved"}';
UPDATE charge_history SET idempotency_key = (SELECT idempotency_key FROM idempotency_keys WHERE body =
    '{"chargeId":"charged"}') WHERE charge_id = 'reserved' AND sequence = 1;

-- spoil: I-3: an agreement that was answered and not drafted
INSERT INTO idempotency_keys SELECT merchant_serial_number, method, path, 'fresh', variant, fingerprint,
    context_id, created, state, status, replace(body, 'agr_', 'agr_0') FROM idempotency_keys WHERE path LIKE
    '%/agreements' LIMIT 1;

-- spoil: I-3: an update whose request was refused
UPDATE idempotency_keys SET status = 400 WHERE method = 'PATCH' AND idempotency_key = (SELECT idempotency_key
    FROM agreement_history WHERE event = 'UPDATE');

-- spoil: I-5: a key that waits for nothing
INSERT INTO idempotency_keys SELECT merchant_serial_number, method, path, 'fresh', variant, fingerprint,
    context_id, created, state, status, body FROM idempotency_keys WHERE state = 'CLAIMED';

-- spoil: I-6: one order that made two charges
INSERT INTO bulk_items SELECT merchant_serial_number, 'another', position, agreement_id, order_id,
    idempotency_key, body, created, state, reason FROM bulk_items WHERE order_id = 'bulk-1';

-- spoil: I-7: a key that was thrown away
DELETE FROM idempotency_keys WHERE body = '{"chargeId":"charged"}';

-- spoil: I-7: a key of an update that was thrown away
DELETE FROM idempotency_keys WHERE idempotency_key = (SELECT idempotency_key FROM agreement_history WHERE event
    = 'UPDATE');

-- spoil: I-7: an answer that opens a landing page
UPDATE idempotency_keys SET body = replace(body, '{landing}', 'opensesame') WHERE path LIKE '%/agreements';

-- ── events ──

-- spoil: E-1: a capture that nobody was told of
DELETE FROM events WHERE subject = 'direct';

-- spoil: E-1: an activation that nobody was told of
DELETE FROM events WHERE event_type = 'recurring.agreement-activated.v1' AND agreement_id =
    (SELECT agreement_id FROM agreements WHERE product_name = 'Flexible');

-- spoil: E-1: an event that never went to a receiver who wanted it
DELETE FROM delivery_attempts WHERE delivery_id IN (SELECT d.delivery_id FROM deliveries d JOIN webhooks r ON
    r.registration_id = d.registration_id WHERE r.removed IS NULL AND d.event_type = 'recurring.charge-refunded.v1');
DELETE FROM deliveries WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: E-2: a capture that was told and not made
INSERT INTO events (merchant_serial_number, event_id, event_type, agreement_id, charge_id, occurred, body,
    subject, sequence) SELECT merchant_serial_number, event_id(merchant_serial_number, agreement_id, 'pending',
    2), event_type, agreement_id, 'pending', occurred, body, 'pending', 2 FROM events WHERE subject = 'direct';

-- spoil: E-2: a refund that was delivered and not made
INSERT INTO deliveries SELECT '00000000-0000-4000-8000-000000000000', merchant_serial_number, registration_id,
    place + 1000, event_id(merchant_serial_number, agreement_id, 'told', 9), event_type, agreement_id, charge_id,
    body, created, 'WAITING', 0, 0, NULL, NULL, created FROM deliveries WHERE event_type =
    'recurring.charge-refunded.v1';

-- spoil: E-3: an event under another id
UPDATE events SET event_id = '00000000-0000-8000-a000-000000000000' WHERE subject = 'direct';

-- spoil: E-3: a delivery under another event's id
UPDATE deliveries SET event_id = event_id(merchant_serial_number, agreement_id, 'told', 9) WHERE event_type =
    'recurring.charge-refunded.v1';

-- spoil: E-3: an event that a receiver gets twice, under two ids
INSERT INTO deliveries SELECT '00000000-0000-4000-8000-000000000000', merchant_serial_number, registration_id,
    place, event_id, event_type, agreement_id, charge_id, body, created, 'WAITING', 0, 0, NULL, NULL, created
    FROM deliveries WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: E-4: a delivery that tells of another amount than its event
UPDATE deliveries SET body = replace(body, '"amountRefunded":100,', '"amountRefunded":101,');

-- spoil: E-4: a delivery that tells of another charge than its event
UPDATE deliveries SET charge_id = 'untold' WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: E-4: an event that was changed after it was delivered
UPDATE events SET body = replace(body, '"amountRefunded":100,', '"amountRefunded":101,');

-- spoil: E-5: a delivery that nobody took in and that says it was
UPDATE delivery_attempts SET status = 500 WHERE delivery_id = (SELECT delivery_id FROM deliveries WHERE
    event_type = 'recurring.charge-refunded.v1');

-- spoil: E-5: an attempt that was not written down
DELETE FROM delivery_attempts WHERE attempt = 1 AND delivery_id = (SELECT delivery_id FROM deliveries WHERE
    attempts > 1 AND status = 'DELIVERED');

-- spoil: E-5: an attempt that was not counted
INSERT INTO delivery_attempts SELECT delivery_id, 2, merchant_serial_number, occurred, status, error, excerpt,
    milliseconds FROM delivery_attempts WHERE attempt = 1 AND delivery_id = (SELECT delivery_id FROM deliveries
    WHERE event_type = 'recurring.charge-refunded.v1');

-- spoil: E-5: an attempt at what was never sent
UPDATE deliveries SET status = 'WAITING', wake_at = created, attempts = 0, tries = 0, first_try = NULL,
    last_attempt = NULL WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: E-5: an event that is lost although it was taken in
UPDATE deliveries SET status = 'LOST' WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: E-5: an event that is lost and was never sent
UPDATE deliveries SET status = 'LOST', attempts = 0, tries = 0, first_try = NULL WHERE event_type =
    'recurring.charge-refunded.v1';
DELETE FROM delivery_attempts WHERE delivery_id = (SELECT delivery_id FROM deliveries WHERE event_type =
    'recurring.charge-refunded.v1');

-- ── tenancy, state and time ──

-- spoil: T-1: a payment of another agreement
UPDATE payments SET agreement_id = (SELECT agreement_id FROM agreements WHERE product_name = 'Flexible') WHERE
    payment_key LIKE '%:charged:CAPTURE:2';

-- spoil: T-1: an event about another charge
UPDATE events SET charge_id = 'pending' WHERE subject = 'direct';

-- spoil: T-1: an initial charge of another agreement
UPDATE agreements SET initial_charge_id = 'paid-first' WHERE product_name = 'Flexible';

-- spoil: T-1: a registration of another unit
UPDATE webhooks SET merchant_serial_number = '123456';

-- spoil: T-5: a charge that is still to come after its agreement was stopped
UPDATE charges SET status = 'PENDING', cancelled = 0, history_length = 1, changed = created WHERE charge_id =
    'merchant-to-come';
DELETE FROM charge_history WHERE charge_id = 'merchant-to-come' AND sequence = 2;
DELETE FROM events WHERE subject = 'merchant-to-come';

-- spoil: T-5: money that is still held after a profile was deleted
UPDATE agreements SET stopped_by = 'ADMIN' WHERE external_id = 'user';
UPDATE agreement_history SET actor = 'ADMIN' WHERE event = 'STOP' AND agreement_id = (SELECT agreement_id FROM
    agreements WHERE external_id = 'user');

-- spoil: T-6: an attempt after the payer stopped
UPDATE payments SET asked = asked + 172800000, settled = settled + 172800000 WHERE charge_id = 'user-kept';
UPDATE gateway_ledger SET occurred = occurred + 172800000 WHERE charge_id = 'user-kept';

-- spoil: T-7: an attempt on the day before
UPDATE payments SET run_at = run_at - 86400000 WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- spoil: T-7: a charge that failed before its last attempt
UPDATE charge_history SET occurred = occurred - 3600000 WHERE charge_id = 'failed' AND sequence = 2;
UPDATE charges SET changed = changed - 3600000 WHERE charge_id = 'failed';

-- spoil: T-7: two attempts where one was to be made
UPDATE charges SET processing_mode = 'SINGLE_ATTEMPT' WHERE charge_id = 'failed';

-- spoil: T-7: two attempts in one run
UPDATE payments SET run_at = (SELECT MIN(run_at) FROM payments WHERE charge_id = 'failed') WHERE charge_id =
    'failed';

-- spoil: T-8: a charge due on the day it was created
UPDATE charges SET due_day = '2026-11-02', due = 1793577600000 WHERE charge_id = 'pending';

-- spoil: T-8: a charge due in three years
UPDATE charges SET due_day = '2029-11-02', due = 1888272000000 WHERE charge_id = 'pending';

-- spoil: T-8: a due day and an instant that disagree
UPDATE charges SET due = due + 86400000 WHERE charge_id = 'pending';

-- spoil: T-8: a capture after the window
UPDATE payments SET run_at = run_at + 17280000000 WHERE payment_key LIKE '%:charged:CAPTURE:2';

-- spoil: T-8: a refund after the window
UPDATE payments SET run_at = run_at + 34560000000 WHERE payment_key LIKE '%:refunded:REFUND:2';

-- spoil: T-8: an agreement that waits for ever [quiescent]
UPDATE agreements SET wake_at = wake_at - 3600000 WHERE status = 'PENDING';

-- spoil: T-9: an agreement that was rejected and says it expired
UPDATE agreements SET status = 'EXPIRED' WHERE initial_charge_id = 'rejected-first';

-- spoil: T-9: an agreement that waits although its initial charge is paid
UPDATE agreements SET status = 'PENDING', start = NULL, history_length = 1, changed = created WHERE
    initial_charge_id = 'paid-first';
DELETE FROM events WHERE subject = '' AND agreement_id = (SELECT agreement_id FROM agreements WHERE
    initial_charge_id = 'paid-first');
DELETE FROM agreement_history WHERE sequence = 2 AND agreement_id = (SELECT agreement_id FROM agreements WHERE
    initial_charge_id = 'paid-first');

-- spoil: T-10: a settled payment that somebody holds
UPDATE payments SET lease_until = 1 WHERE payment_key LIKE '%:reserved:RESERVE:1';

-- spoil: T-10: an open payment that nobody will ever ask for again
UPDATE payments SET wake_at = NULL WHERE charge_id = 'unclear';

-- spoil: T-10: a lease of a year
UPDATE payments SET lease_until = lease_until + 31536000000 WHERE lease_until IS NOT NULL;

-- ── once everything has come to rest ──

-- spoil: L-1: an item of a bulk that waits [quiescent]
UPDATE bulk_items SET state = 'WAITING' WHERE state = 'FAILED';

-- spoil: L-3: a charge that nobody attempts any more [quiescent]
UPDATE sales_units SET clock_at = clock_at + 432000000;
UPDATE agreements SET wake_at = wake_at + 432000000;

-- spoil: L-5: a delivery that waits for ever [quiescent]
UPDATE deliveries SET status = 'WAITING', wake_at = created WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: L-5: an event that nobody has been told of yet [quiescent]
UPDATE events SET awaited = 1 WHERE event_type = 'recurring.charge-refunded.v1';

-- spoil: L-4: a clock that was being moved [quiescent]
UPDATE sales_units SET clock_mode = 'advancing' WHERE clock_mode = 'frozen';

-- ── the database itself ──

-- spoil: PH-1: bytes where a text belongs
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(replace(sql, 'value TEXT', 'value BLOB'), ') STRICT', ')')
    WHERE name = 'installation';
PRAGMA schema_version = 900;
UPDATE installation SET value = x'00';
UPDATE sqlite_schema SET sql = replace(replace(sql, 'value BLOB', 'value TEXT'), char(10) || ')', char(10) || ') ' || 'STRICT')
    WHERE name = 'installation';
PRAGMA schema_version = 901;
PRAGMA writable_schema = OFF;

-- spoil: PH-2: keys of nobody
UPDATE subscription_keys SET client_id = 'nobody';

-- spoil: PH-3: an index that is gone
DROP INDEX charges_to_wake;

-- spoil: PH-3: a table that takes anything
CREATE TABLE notes (note INTEGER);

-- spoil: PH-3: a table without its checks
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(sql, 'CHECK (captured + cancelled <= amount),', '') WHERE name =
    'charges';
PRAGMA writable_schema = OFF;
