-- The auditor's queries: each finds rows that should not be there (reliability §3), in one pass over a table or two.
--
-- The first column names the invariants that a row breaks, each with a blank behind it; the other columns say
-- which row it is. Both databases read the same text. Where the order of a join matters, it is a CROSS JOIN:
-- SQLite then reads the left side first, and PostgreSQL chooses for itself.

-- name: audit_units
-- The rules that units go by.
SELECT DISTINCT market, features, rules FROM sales_units

-- name: audit_erasing
-- A unit is marked so within the one transaction that erases it; a mark that is left lets history go.
SELECT 'H-4 ' AS broken, merchant_serial_number FROM erasing

-- name: audit_size
SELECT COUNT(*) FROM charges

-- name: audit_charges
-- What a charge says of itself: its amounts, its sums, its status, its ceiling, its days.
-- Days are the market's; a day that is surely right in a zone one to three hours east of UTC is not looked up.
SELECT broken, merchant_serial_number, charge_id, status, amount, reserved, captured, cancelled, refunded,
    market, features, rules, created, due_day, retry_days, changed, now
FROM (
    SELECT looked.*,
        CASE WHEN whole = 1 THEN '' ELSE 'M-1 ' END
        || CASE WHEN sound = 1 THEN '' ELSE 'M-2 ' END
        || CASE WHEN sound = 0 OR CASE status
            WHEN 'PENDING' THEN reserved = 0 AND cancelled = 0
            WHEN 'DUE' THEN reserved = 0 AND cancelled = 0
            WHEN 'PROCESSING' THEN reserved = 0 AND cancelled = 0
            WHEN 'FAILED' THEN reserved = 0 AND cancelled = 0
            WHEN 'RESERVED' THEN reserved = amount AND captured = 0 AND cancelled = 0
            WHEN 'PARTIALLY_CAPTURED' THEN captured > 0 AND captured < amount AND cancelled = 0
            WHEN 'CHARGED' THEN captured > 0 AND refunded = 0 AND captured + cancelled = amount
            WHEN 'PARTIALLY_REFUNDED' THEN refunded > 0 AND refunded < captured AND captured + cancelled = amount
            WHEN 'REFUNDED' THEN refunded > 0 AND refunded = captured AND captured + cancelled = amount
            WHEN 'CANCELLED' THEN captured = 0 AND cancelled = amount
            ELSE 1 = 0 END THEN '' ELSE 'M-6 ' END
        || CASE WHEN CASE WHEN ceiling IS NOT NULL THEN amount <= ceiling ELSE type = 'INITIAL' OR EXISTS (
                SELECT 1 FROM agreements a WHERE a.merchant_serial_number = looked.merchant_serial_number
                    AND a.agreement_id = looked.agreement_id AND a.pricing LIKE '%"FLEXIBLE"%') END THEN '' ELSE 'M-7 ' END
        || CASE WHEN (payments > 0 OR reserved > 0 OR open_payment IS NOT NULL) AND NOT EXISTS (
                SELECT 1 FROM payments p WHERE p.merchant_serial_number = looked.merchant_serial_number
                    AND p.charge_id = looked.charge_id) THEN 'R-1 ' ELSE '' END
        || CASE WHEN type <> 'RECURRING' THEN ''
            ELSE CASE WHEN due BETWEEN created + :lead_ms AND created + :horizon_ms THEN '' ELSE 'T-8? ' END
            || CASE WHEN status = 'FAILED' AND processing_mode = 'MULTIPLE_ATTEMPTS'
                AND changed < due + (retry_days + 1) * 86400000 THEN 'T-7? ' ELSE '' END
            || CASE WHEN :quiescent = 1 AND status IN ('PENDING', 'DUE') AND now > due + retry_days * 86400000
                THEN 'L-3? ' ELSE '' END END AS broken
    FROM (
        SELECT c.*, u.market, u.features, u.rules, COALESCE(u.clock_at, :real_now + u.clock_offset_ms) AS now,
            CASE WHEN c.amount BETWEEN 0 AND 2147483647 AND c.amount = CAST(c.amount AS INTEGER)
                AND c.captured = CAST(c.captured AS INTEGER) AND c.cancelled = CAST(c.cancelled AS INTEGER)
                AND c.refunded = CAST(c.refunded AS INTEGER)
                AND c.currency = CASE u.market WHEN 'NO' THEN :currency_no WHEN 'DK' THEN :currency_dk ELSE :currency_fi END
                THEN 1 ELSE 0 END AS whole,
            CASE WHEN c.reserved IN (0, c.amount) AND c.captured >= 0 AND c.cancelled >= 0
                AND c.captured + c.cancelled <= c.amount AND (c.reserved > 0 OR c.captured = 0)
                AND c.refunded BETWEEN 0 AND c.captured THEN 1 ELSE 0 END AS sound
        FROM sales_units u CROSS JOIN charges c WHERE c.merchant_serial_number = u.merchant_serial_number
    ) AS looked
) AS judged
WHERE broken <> ''

-- name: audit_histories
-- A charge's history as a whole, beside the charge: the sums, the count, the first line, the latest.
SELECT broken, merchant_serial_number, charge_id, status, lines
FROM (
    SELECT h.merchant_serial_number, h.charge_id, c.status, h.lines,
        CASE WHEN h.refunded = c.refunded AND h.cancelled = c.cancelled AND h.captured = c.captured
            AND CASE WHEN c.transaction_type = 'RESERVE_CAPTURE' THEN h.reserved
                WHEN h.captures > 0 THEN c.amount ELSE 0 END = c.reserved THEN '' ELSE 'M-3 ' END
        || CASE WHEN h.reserves <= 1 THEN '' ELSE 'M-4 ' END
        || CASE WHEN c.transaction_type = 'RESERVE_CAPTURE' OR (h.reserves = 0
            AND (h.captures = 0 OR (h.captures = 1 AND h.captured = c.amount))) THEN '' ELSE 'M-5 ' END
        || CASE WHEN (c.status = 'FAILED') = (h.fails > 0) THEN '' ELSE 'M-6 ' END
        || CASE WHEN h.first = 1 AND h.last = h.lines AND h.lines = c.history_length AND h.creates = 1
            AND h.opening = c.amount THEN '' ELSE 'H-1 ' END
        || CASE WHEN h.latest <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms) + :skew_ms
            THEN '' ELSE 'H-3 ' END AS broken
    FROM (
        SELECT merchant_serial_number, charge_id, COUNT(*) AS lines, MIN(sequence) AS first, MAX(sequence) AS last,
            MAX(occurred) AS latest,
            SUM(CASE WHEN event = 'CREATE' THEN 1 ELSE 0 END) AS creates,
            MAX(CASE WHEN event = 'CREATE' AND sequence = 1 THEN amount END) AS opening,
            SUM(CASE WHEN event = 'RESERVE' THEN success ELSE 0 END) AS reserves,
            MAX(CASE WHEN event = 'RESERVE' AND success = 1 THEN amount ELSE 0 END) AS reserved,
            SUM(CASE WHEN event = 'CAPTURE' THEN success ELSE 0 END) AS captures,
            SUM(CASE WHEN event = 'CAPTURE' AND success = 1 THEN amount ELSE 0 END) AS captured,
            SUM(CASE WHEN event = 'CANCEL' AND success = 1 THEN amount ELSE 0 END) AS cancelled,
            SUM(CASE WHEN event = 'REFUND' AND success = 1 THEN amount ELSE 0 END) AS refunded,
            SUM(CASE WHEN event = 'FAIL' THEN 1 ELSE 0 END) AS fails
        FROM charge_history GROUP BY merchant_serial_number, charge_id
    ) AS h
    CROSS JOIN charges c CROSS JOIN sales_units u
    WHERE c.merchant_serial_number = h.merchant_serial_number AND c.charge_id = h.charge_id
        AND u.merchant_serial_number = h.merchant_serial_number
) AS judged
WHERE broken <> ''

-- name: audit_heads
-- The last line of history, to which the charge holds on.
SELECT CASE WHEN h.chain IS NULL THEN 'H-1 '
        ELSE CASE WHEN h.chain = c.chain THEN '' ELSE 'H-5 ' END || CASE WHEN h.occurred = c.changed THEN '' ELSE 'H-3 ' END
        END AS broken,
    c.merchant_serial_number, c.charge_id, c.history_length
FROM charges c
LEFT JOIN charge_history h ON h.merchant_serial_number = c.merchant_serial_number AND h.charge_id = c.charge_id
    AND h.sequence = c.history_length
WHERE (h.chain IS NULL AND NOT EXISTS (SELECT 1 FROM charge_history x
        WHERE x.merchant_serial_number = c.merchant_serial_number AND x.charge_id = c.charge_id))
    OR h.chain <> c.chain OR h.occurred <> c.changed

-- name: audit_lines
-- Each line of history beside the one before; lines that tell of a refusal change nothing, so they are looked past.
-- A second reservation is for M-4 to tell, a second CREATE for H-1.
SELECT broken, merchant_serial_number, charge_id, sequence, event
FROM (
    SELECT h.merchant_serial_number, h.charge_id, h.sequence, h.event,
        CASE WHEN h.amount BETWEEN 0 AND 2147483647 AND h.amount = CAST(h.amount AS INTEGER) THEN '' ELSE 'M-1 ' END
        || CASE WHEN b.sequence IS NULL OR h.event = 'CREATE' THEN ''
            WHEN CASE WHEN b.success = 1 OR b.event = 'FAIL' THEN b.event ELSE (
                    SELECT x.event FROM charge_history x WHERE x.merchant_serial_number = h.merchant_serial_number
                        AND x.charge_id = h.charge_id AND x.sequence < h.sequence AND x.success = 1
                    ORDER BY x.sequence DESC LIMIT 1) END || '>' || h.event
                NOT IN ('CREATE>RESERVE', 'CREATE>CAPTURE', 'CREATE>CANCEL', 'CREATE>FAIL', 'RESERVE>RESERVE',
                    'RESERVE>CAPTURE', 'RESERVE>CANCEL', 'CAPTURE>CAPTURE', 'CAPTURE>CANCEL', 'CAPTURE>REFUND',
                    'REFUND>REFUND', 'REFUND>CAPTURE', 'REFUND>CANCEL', 'CANCEL>REFUND') THEN 'H-2 '
            WHEN h.event = 'REFUND' AND h.success = 1 AND 0 > (
                SELECT SUM(CASE x.event WHEN 'CAPTURE' THEN x.amount WHEN 'REFUND' THEN -x.amount ELSE 0 END)
                FROM charge_history x WHERE x.merchant_serial_number = h.merchant_serial_number
                    AND x.charge_id = h.charge_id AND x.sequence <= h.sequence AND x.success = 1) THEN 'H-2 '
            ELSE '' END
        || CASE WHEN h.occurred < b.occurred THEN 'H-3 ' ELSE '' END AS broken
    FROM charge_history h
    LEFT JOIN charge_history b ON b.merchant_serial_number = h.merchant_serial_number
        AND b.charge_id = h.charge_id AND b.sequence = h.sequence - 1
) AS judged
WHERE broken <> ''

-- name: audit_chain
-- What each line of history says, as `charges.charge.chained` writes it, in the order of the chain.
SELECT merchant_serial_number, charge_id, sequence, chain,
    '|' || sequence || '|' || (occurred / 1000) || '.' || substr(CAST(1000 + occurred % 1000 AS TEXT), 2) || '|' || event
    || '|' || amount || '|' || idempotency_key || '|' || success || '|' || COALESCE(transaction_id, '')
    || '|' || COALESCE(payment_key, '') AS line
FROM charge_history ORDER BY merchant_serial_number, charge_id, sequence

-- name: audit_lines_and_payments
-- Each line of history that tells of money, beside the payment that moved it, and the key that it carries.
SELECT broken, merchant_serial_number, charge_id, sequence, event, payment_key
FROM (
    SELECT h.merchant_serial_number, h.charge_id, h.sequence, h.event, h.payment_key,
        CASE WHEN CASE
            WHEN h.payment_key IS NULL THEN h.event = 'FAIL' OR (h.event = 'CANCEL' AND h.success = 1 AND EXISTS (
                SELECT 1 FROM charges c WHERE c.merchant_serial_number = h.merchant_serial_number
                    AND c.charge_id = h.charge_id AND c.reserved = 0))
            ELSE p.charge_id = h.charge_id AND p.merchant_serial_number = h.merchant_serial_number AND p.amount = h.amount
                AND CASE h.event WHEN 'CAPTURE' THEN p.kind IN ('CAPTURE', 'DIRECT_CAPTURE')
                    WHEN 'FAIL' THEN p.kind IN ('RESERVE', 'DIRECT_CAPTURE') ELSE p.kind = h.event END
                AND CASE h.success WHEN 1 THEN p.status = 'OK' AND p.transaction_id = h.transaction_id
                    ELSE p.status = 'DECLINED' END
            END THEN '' ELSE 'R-4 ' END
        || CASE WHEN h.idempotency_key = '' OR p.cause <> h.idempotency_key THEN 'H-6 '
            WHEN (h.event IN ('RESERVE', 'FAIL') OR p.kind = 'DIRECT_CAPTURE') AND h.idempotency_key <> h.charge_id || '-'
                || COALESCE(p.agreement_id, (SELECT c.agreement_id FROM charges c
                    WHERE c.merchant_serial_number = h.merchant_serial_number AND c.charge_id = h.charge_id))
                || '-ProcessPayment' THEN 'H-6 '
            ELSE '' END AS broken
    FROM charge_history h LEFT JOIN payments p ON p.payment_key = h.payment_key
    WHERE h.event <> 'CREATE'
) AS judged
WHERE broken <> ''

-- name: audit_payments
-- Each payment beside its charge and its agreement; instants whose day is in doubt go to the market's calendar.
SELECT broken, payment_key, merchant_serial_number, charge_id, kind, status,
    market, features, rules, due_day, retry_days, run_at, asked, opened
FROM (
    SELECT p.payment_key, p.merchant_serial_number, p.charge_id, p.kind, p.status, u.market, u.features, u.rules,
        c.due_day, c.retry_days, p.run_at, p.asked,
        CASE p.kind WHEN 'CAPTURE' THEN c.reserved_at WHEN 'REFUND' THEN c.captured_at END AS opened,
        CASE WHEN p.amount BETWEEN 1 AND 2147483647 AND p.amount = CAST(p.amount AS INTEGER) AND p.currency = c.currency
            THEN '' ELSE 'M-1 ' END
        || CASE WHEN p.payment_key = p.merchant_serial_number || ':' || p.charge_id || ':' || p.kind || ':' || p.sequence
            THEN '' ELSE 'R-1 ' END
        || CASE WHEN p.fence BETWEEN 1 AND c.fence AND (p.status IN ('OK', 'DECLINED') OR p.fence = c.fence)
            THEN '' ELSE 'R-6 ' END
        || CASE WHEN p.settled < p.asked - :skew_ms OR (p.settled IS NULL) = (p.status IN ('OK', 'DECLINED'))
            THEN 'R-7 ' ELSE '' END
        || CASE WHEN p.agreement_id = c.agreement_id THEN '' ELSE 'T-1 ' END
        || CASE WHEN CASE p.status WHEN 'ASKED' THEN p.lease_until IS NOT NULL AND p.wake_at IS NULL
                WHEN 'UNCLEAR' THEN (p.lease_until IS NULL) <> (p.wake_at IS NULL)
                ELSE p.lease_until IS NULL AND p.wake_at IS NULL END
            AND (p.lease_until IS NULL OR p.lease_until <= :latest_lease)
            THEN '' ELSE 'T-10 ' END
        || CASE WHEN p.kind = 'CAPTURE' THEN CASE WHEN p.run_at > c.reserved_at + :capture_ms THEN 'T-8? ' ELSE '' END
            WHEN p.kind = 'REFUND' THEN CASE WHEN p.run_at > c.captured_at + :refund_ms THEN 'T-8? ' ELSE '' END
            WHEN p.kind = 'CANCEL' THEN ''
            ELSE CASE WHEN p.asked > :skew_ms + (SELECT a.changed FROM agreements a
                    WHERE a.merchant_serial_number = c.merchant_serial_number AND a.agreement_id = c.agreement_id
                        AND a.status IN ('STOPPED', 'EXPIRED')) THEN 'T-6 ' ELSE '' END
            || CASE WHEN c.type <> 'RECURRING' OR (p.run_at >= c.due AND p.run_at < c.due + c.retry_days * 86400000 + 75600000)
                THEN '' ELSE 'T-7? ' END END AS broken
    FROM payments p CROSS JOIN charges c CROSS JOIN sales_units u
    WHERE c.merchant_serial_number = p.merchant_serial_number AND c.charge_id = p.charge_id
        AND u.merchant_serial_number = c.merchant_serial_number
) AS judged
WHERE broken <> ''

-- name: audit_payments_of_charges
-- All payments of a charge, beside the charge: how many, which is open, in which order, and what they come to.
SELECT broken, merchant_serial_number, charge_id, status, payments, open_payment
FROM (
    SELECT c.merchant_serial_number, c.charge_id, c.status, c.payments, c.open_payment,
        CASE WHEN p.number = c.payments AND p.first = 1 AND p.last = p.number AND p.attempts = c.attempts
            THEN '' ELSE 'R-1 ' END
        || CASE WHEN p.open <= 1 AND COALESCE(p.open_key, '') = COALESCE(c.open_payment, '') THEN '' ELSE 'R-2 ' END
        || CASE WHEN (p.open = 1 AND p.open_sequence < p.last) OR p.done_attempt < p.last_attempt
            OR p.done_release < p.last_release THEN 'R-3 ' ELSE '' END
        || CASE WHEN p.reserved = c.reserved AND p.captured = c.captured AND p.refunded = c.refunded
            AND p.released = CASE WHEN c.reserved > 0 THEN c.cancelled ELSE 0 END THEN '' ELSE 'R-4 ' END
        || CASE WHEN (c.status = 'PROCESSING') = (p.open_attempts > 0) THEN '' ELSE 'M-6 ' END
        || CASE WHEN p.attempts <= 1 OR (c.type = 'RECURRING' AND c.processing_mode = 'MULTIPLE_ATTEMPTS')
            THEN '' ELSE 'T-7 ' END AS broken
    FROM (
        SELECT merchant_serial_number, charge_id AS charge, COUNT(*) AS number,
            MIN(sequence) AS first, MAX(sequence) AS last,
            SUM(CASE WHEN settled IS NULL THEN 1 ELSE 0 END) AS open,
            MAX(CASE WHEN settled IS NULL THEN payment_key END) AS open_key,
            MIN(CASE WHEN settled IS NULL THEN sequence END) AS open_sequence,
            SUM(CASE WHEN settled IS NULL AND kind IN ('DIRECT_CAPTURE', 'RESERVE') THEN 1 ELSE 0 END) AS open_attempts,
            SUM(CASE WHEN kind IN ('DIRECT_CAPTURE', 'RESERVE') THEN 1 ELSE 0 END) AS attempts,
            MAX(CASE WHEN kind IN ('DIRECT_CAPTURE', 'RESERVE') THEN sequence END) AS last_attempt,
            MIN(CASE WHEN kind IN ('DIRECT_CAPTURE', 'RESERVE') AND status = 'OK' THEN sequence END) AS done_attempt,
            MAX(CASE WHEN kind = 'CANCEL' THEN sequence END) AS last_release,
            MIN(CASE WHEN kind = 'CANCEL' AND status = 'OK' THEN sequence END) AS done_release,
            SUM(CASE WHEN status = 'OK' AND kind IN ('DIRECT_CAPTURE', 'RESERVE') THEN amount ELSE 0 END) AS reserved,
            SUM(CASE WHEN status = 'OK' AND kind IN ('DIRECT_CAPTURE', 'CAPTURE') THEN amount ELSE 0 END) AS captured,
            SUM(CASE WHEN status = 'OK' AND kind = 'CANCEL' THEN amount ELSE 0 END) AS released,
            SUM(CASE WHEN status = 'OK' AND kind = 'REFUND' THEN amount ELSE 0 END) AS refunded
        FROM payments GROUP BY merchant_serial_number, charge_id
    ) AS p
    CROSS JOIN charges c
    WHERE c.merchant_serial_number = p.merchant_serial_number AND c.charge_id = p.charge
) AS judged
WHERE broken <> ''

-- name: audit_gateway
-- Payments beside the gateway's own books, where it keeps any: settled ones agree, open ones may still be on their way.
SELECT broken, payment_key, merchant_serial_number, charge_id, status, result
FROM (
    SELECT p.payment_key, p.merchant_serial_number, p.charge_id, p.status, g.result,
        CASE WHEN CASE WHEN p.status = 'OK' THEN COALESCE(g.result, '') = 'OK' AND g.transaction_id = p.transaction_id
                WHEN p.status = 'DECLINED' THEN COALESCE(g.result, 'DECLINED') = 'DECLINED' ELSE 1 = 1 END
            AND (g.payment_key IS NULL OR (g.merchant_serial_number = p.merchant_serial_number AND g.charge_id = p.charge_id
                AND g.kind = p.kind AND g.amount = p.amount AND g.currency = p.currency AND g.payer = p.payer))
            THEN '' ELSE 'R-5 ' END
        || CASE WHEN g.occurred < p.asked - :skew_ms THEN 'R-7 ' ELSE '' END AS broken
    FROM payments p LEFT JOIN gateway_ledger g ON g.payment_key = p.payment_key
    WHERE EXISTS (SELECT 1 FROM gateway_ledger)
) AS judged
WHERE broken <> ''

-- name: audit_payers
SELECT 'M-1 ' AS broken, phone_number FROM payers
WHERE balance < 0 OR balance <> CAST(balance AS INTEGER)

-- name: audit_answers
-- Stored answers: only what an operation said, under a key as it may be, and nothing that opens a door.
SELECT broken, merchant_serial_number, method, path, idempotency_key
FROM (
    SELECT k.merchant_serial_number, k.method, k.path, k.idempotency_key,
        CASE WHEN length(k.idempotency_key) BETWEEN 1 AND 40 AND k.idempotency_key NOT LIKE '%#%' AND k.idempotency_key NOT LIKE '%?%'
            AND k.idempotency_key NOT LIKE '%/%' AND replace(k.idempotency_key, '\', '') = k.idempotency_key AND k.fingerprint <> '' AND CASE k.state
                WHEN 'CLAIMED' THEN k.status IS NULL AND k.body IS NULL
                WHEN 'DONE' THEN k.body IS NOT NULL AND (k.status BETWEEN 200 AND 299 OR (k.status BETWEEN 400 AND 499
                    AND k.status NOT IN (401, 405, 406, 408, 413, 415, 425, 429)))
                ELSE 1 = 0 END THEN '' ELSE 'I-1 ' END
        || CASE WHEN k.state = 'CLAIMED' AND NOT EXISTS (
                SELECT 1 FROM payments p WHERE p.status IN ('ASKED', 'UNCLEAR')
                    AND p.merchant_serial_number = k.merchant_serial_number
                    AND p.answers = k.merchant_serial_number || CAST(:newline AS TEXT) || k.method || CAST(:newline AS TEXT)
                        || k.path || CAST(:newline AS TEXT) || k.idempotency_key || CAST(:newline AS TEXT) || k.variant)
            THEN 'I-5 ' ELSE '' END
        || CASE WHEN k.method = 'POST' AND k.path LIKE '%/agreements' AND k.body LIKE '%token=%'
                AND k.body NOT LIKE '%token=' || CAST(:landing_mark AS TEXT) || '%' THEN 'I-7 ' ELSE '' END AS broken
    FROM idempotency_keys k
) AS judged
WHERE broken <> ''

-- name: audit_orders
SELECT 'I-6 ' AS broken, merchant_serial_number, charge_id FROM charges
GROUP BY merchant_serial_number, charge_id HAVING COUNT(*) > 1

-- name: audit_bulk_orders
SELECT 'I-6 ' AS broken, b.merchant_serial_number, b.order_id AS charge_id FROM bulk_items b
WHERE b.state = 'CREATED'
GROUP BY b.merchant_serial_number, b.order_id
HAVING COUNT(*) > 1 OR NOT EXISTS (
    SELECT 1 FROM charges c WHERE c.merchant_serial_number = b.merchant_serial_number AND c.charge_id = b.order_id)

-- name: audit_agreements
-- An agreement's history as a whole, beside the agreement.
SELECT broken, merchant_serial_number, agreement_id, status, lines
FROM (
    SELECT a.merchant_serial_number, a.agreement_id, a.status, h.lines,
        CASE WHEN h.first = 1 AND h.last = h.lines AND h.lines = a.history_length AND h.creates = 1 AND h.created = 1
            THEN '' ELSE 'H-1 ' END
        || CASE WHEN h.latest = a.changed AND h.latest <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms) + :skew_ms
            THEN '' ELSE 'H-3 ' END
        || CASE WHEN h.last <> h.lines OR CASE a.status
            WHEN 'PENDING' THEN h.lines = 1 AND a.start IS NULL AND a.stop IS NULL
            WHEN 'ACTIVE' THEN h.activated = 2 AND h.activates = 1 AND h.ends = 0
                AND a.start IS NOT NULL AND a.payer IS NOT NULL AND a.stop IS NULL
            WHEN 'STOPPED' THEN h.ends = 1 AND a.stop IS NOT NULL AND h.actor = a.stopped_by
                AND ((h.rejected = 2 AND h.lines = 2) OR (h.activated = 2 AND h.activates = 1 AND h.stopped = h.lines))
            WHEN 'EXPIRED' THEN h.ends = 1 AND h.expired = 2 AND h.lines = 2
            ELSE 1 = 0 END THEN '' ELSE 'T-9 ' END AS broken
    FROM (
        SELECT merchant_serial_number, agreement_id, COUNT(*) AS lines, MIN(sequence) AS first, MAX(sequence) AS last,
            MAX(occurred) AS latest,
            SUM(CASE WHEN event = 'CREATE' THEN 1 ELSE 0 END) AS creates,
            MIN(CASE WHEN event = 'CREATE' THEN sequence END) AS created,
            SUM(CASE WHEN event = 'ACTIVATE' THEN 1 ELSE 0 END) AS activates,
            MIN(CASE WHEN event = 'ACTIVATE' THEN sequence END) AS activated,
            MIN(CASE WHEN event = 'REJECT' THEN sequence END) AS rejected,
            MIN(CASE WHEN event = 'EXPIRE' THEN sequence END) AS expired,
            MIN(CASE WHEN event = 'STOP' THEN sequence END) AS stopped,
            SUM(CASE WHEN event IN ('REJECT', 'EXPIRE', 'STOP') THEN 1 ELSE 0 END) AS ends,
            MAX(CASE WHEN event IN ('REJECT', 'STOP') THEN actor END) AS actor
        FROM agreement_history GROUP BY merchant_serial_number, agreement_id
    ) AS h
    CROSS JOIN agreements a CROSS JOIN sales_units u
    WHERE a.merchant_serial_number = h.merchant_serial_number AND a.agreement_id = h.agreement_id
        AND u.merchant_serial_number = h.merchant_serial_number
) AS judged
WHERE broken <> ''

-- name: audit_agreements_without_history
SELECT 'H-1 ' AS broken, a.merchant_serial_number, a.agreement_id, a.status FROM agreements a
WHERE NOT EXISTS (SELECT 1 FROM agreement_history h
    WHERE h.merchant_serial_number = a.merchant_serial_number AND h.agreement_id = a.agreement_id)

-- name: audit_agreement_lines
-- Each line of an agreement's history beside the one before, and beside the answer of the request that made it.
SELECT broken, merchant_serial_number, agreement_id, sequence, event
FROM (
    SELECT merchant_serial_number, agreement_id, sequence, event,
        CASE WHEN occurred < before THEN 'H-3 ' ELSE '' END
        || CASE WHEN by_request = 0 THEN '' WHEN COALESCE(idempotency_key, '') = '' THEN 'H-6 ' WHEN event = 'CREATE' THEN ''
            WHEN known IS NULL THEN 'I-7 ' WHEN known = 0 THEN 'I-3 ' ELSE '' END AS broken
    FROM (
        SELECT h.merchant_serial_number, h.agreement_id, h.sequence, h.event, h.occurred, h.idempotency_key,
            b.occurred AS before,
            CASE WHEN h.event IN ('CREATE', 'UPDATE') OR (h.event = 'STOP' AND h.actor = 'MERCHANT') THEN 1 ELSE 0 END AS by_request, (
            SELECT MAX(CASE WHEN k.state = 'DONE' AND k.status BETWEEN 200 AND 299 AND k.method = 'PATCH'
                AND k.path LIKE '%/agreements/' || h.agreement_id THEN 1 ELSE 0 END)
            FROM idempotency_keys k
            WHERE k.merchant_serial_number = h.merchant_serial_number AND k.idempotency_key = h.idempotency_key) AS known
        FROM agreement_history h
        LEFT JOIN agreement_history b ON b.merchant_serial_number = h.merchant_serial_number
            AND b.agreement_id = h.agreement_id AND b.sequence = h.sequence - 1
    ) AS looked
) AS judged
WHERE broken <> ''

-- name: audit_initial_charges
-- An agreement and its initial charge: they know each other, and the agreement is ACTIVE only once it is paid.
SELECT CASE WHEN c.agreement_id = a.agreement_id AND c.type = 'INITIAL' THEN 'T-9 ' ELSE 'T-1 ' END AS broken,
    a.merchant_serial_number, a.agreement_id, a.status, a.initial_charge_id, c.status AS charge_status
FROM agreements a
LEFT JOIN charges c ON c.merchant_serial_number = a.merchant_serial_number AND c.charge_id = a.initial_charge_id
WHERE a.initial_charge_id IS NOT NULL AND (c.charge_id IS NULL OR c.agreement_id <> a.agreement_id OR c.type <> 'INITIAL'
    OR (a.status = 'PENDING' AND c.status NOT IN ('PENDING', 'PROCESSING')) OR (a.status = 'ACTIVE' AND c.reserved = 0))

-- name: audit_stopped
-- What is left on agreements that are over (rulings §7). A release that the gateway refused is tried again later.
SELECT 'T-5 ' AS broken, c.merchant_serial_number, c.charge_id, c.status, a.agreement_id, a.stopped_by
FROM charges c CROSS JOIN agreements a
WHERE (c.type = 'INITIAL' OR c.status IN ('PENDING', 'DUE', 'PROCESSING', 'RESERVED', 'PARTIALLY_CAPTURED'))
    AND a.merchant_serial_number = c.merchant_serial_number AND a.agreement_id = c.agreement_id
    AND a.status IN ('STOPPED', 'EXPIRED') AND CASE
        WHEN c.status IN ('PENDING', 'DUE') THEN 1 = 1
        WHEN c.status = 'PROCESSING' THEN :quiescent = 1 OR c.open_payment IS NULL
        WHEN a.status = 'EXPIRED' THEN c.status NOT IN ('FAILED', 'CANCELLED')
        WHEN c.status IN ('RESERVED', 'PARTIALLY_CAPTURED') THEN a.stopped_by <> 'USER' AND c.open_payment IS NULL
            AND NOT EXISTS (SELECT 1 FROM charge_history h WHERE h.merchant_serial_number = c.merchant_serial_number
                AND h.charge_id = c.charge_id AND h.event = 'CANCEL' AND h.success = 0 AND h.occurred >= a.stop)
        ELSE 1 = 0 END

-- name: audit_attempts_of_one_run
-- Two attempts on one charge at one instant, for that instant to be looked up among the market's runs.
SELECT 'T-7? ' AS broken, p.merchant_serial_number, p.charge_id, p.payment_key, u.market, p.run_at
FROM charges c CROSS JOIN payments p CROSS JOIN payments q CROSS JOIN sales_units u
WHERE c.attempts > 1 AND p.merchant_serial_number = c.merchant_serial_number AND p.charge_id = c.charge_id
    AND q.merchant_serial_number = c.merchant_serial_number AND q.charge_id = c.charge_id
    AND p.kind IN ('DIRECT_CAPTURE', 'RESERVE') AND q.kind IN ('DIRECT_CAPTURE', 'RESERVE')
    AND p.run_at = q.run_at AND p.sequence > q.sequence AND u.merchant_serial_number = c.merchant_serial_number

-- name: audit_events_of_charges
-- Lines of history that merchants are told of, less the events that tell them: nothing is left over on either side.
-- An event names its charge, and the agreement that the charge belongs to.
SELECT broken, merchant_serial_number, charge_id, sequence, event
FROM (
    SELECT s.merchant_serial_number, s.charge_id, s.sequence, s.event,
        CASE WHEN s.n > 0 THEN 'E-1 ' WHEN s.n < 0 THEN 'E-2 ' ELSE '' END
        || CASE WHEN s.agreement_id IS NULL OR (s.agreement_id = c.agreement_id AND s.about = s.charge_id)
            THEN '' ELSE 'T-1 ' END AS broken
    FROM (
        SELECT merchant_serial_number, charge_id, sequence, event, SUM(n) AS n, MAX(agreement_id) AS agreement_id,
            MAX(about) AS about
        FROM (
            SELECT merchant_serial_number, charge_id, sequence, event, 1 AS n, NULL AS agreement_id, NULL AS about
            FROM charge_history WHERE event = 'FAIL' OR (success = 1 AND event <> 'CREATE')
            UNION ALL
            SELECT merchant_serial_number, subject, sequence, CASE event_type
                WHEN 'recurring.charge-reserved.v1' THEN 'RESERVE' WHEN 'recurring.charge-captured.v1' THEN 'CAPTURE'
                WHEN 'recurring.charge-canceled.v1' THEN 'CANCEL' WHEN 'recurring.charge-refunded.v1' THEN 'REFUND'
                WHEN 'recurring.charge-failed.v1' THEN 'FAIL' ELSE event_type END, -1, agreement_id, charge_id
            FROM events WHERE subject <> '' AND event_type <> 'recurring.charge-creation-failed.v1'
        ) AS told
        GROUP BY charge_id, sequence, event, merchant_serial_number
    ) AS s
    LEFT JOIN charges c ON c.merchant_serial_number = s.merchant_serial_number AND c.charge_id = s.charge_id
) AS judged
WHERE broken <> ''

-- name: audit_events_of_agreements
-- The same for agreements. Failed creations have no line; they, too, belong to an agreement of the unit.
SELECT CASE WHEN n > 0 THEN 'E-1 ' ELSE 'E-2 ' END AS broken, merchant_serial_number, agreement_id, sequence, event
FROM (
    SELECT merchant_serial_number, agreement_id, sequence, event, SUM(n) AS n FROM (
        SELECT merchant_serial_number, agreement_id, sequence, event, 1 AS n FROM agreement_history
        WHERE event IN ('ACTIVATE', 'REJECT', 'EXPIRE', 'STOP')
        UNION ALL
        SELECT merchant_serial_number, agreement_id, sequence, CASE event_type
            WHEN 'recurring.agreement-activated.v1' THEN 'ACTIVATE' WHEN 'recurring.agreement-rejected.v1' THEN 'REJECT'
            WHEN 'recurring.agreement-expired.v1' THEN 'EXPIRE' WHEN 'recurring.agreement-stopped.v1' THEN 'STOP'
            ELSE event_type END, -1
        FROM events WHERE subject = ''
    ) AS told
    GROUP BY merchant_serial_number, agreement_id, sequence, event
) AS summed
WHERE n <> 0
UNION ALL
SELECT 'T-1 ', merchant_serial_number, agreement_id, sequence, event_type FROM events e
WHERE event_type = 'recurring.charge-creation-failed.v1' AND NOT EXISTS (SELECT 1 FROM agreements a
    WHERE a.merchant_serial_number = e.merchant_serial_number AND a.agreement_id = e.agreement_id)

-- name: audit_waiting
-- What is still under way once everything has come to rest.
SELECT CASE status WHEN 'ASKED' THEN 'L-1 ' ELSE 'L-2 ' END AS broken, merchant_serial_number, payment_key AS waiting
FROM payments WHERE status IN ('ASKED', 'UNCLEAR')
UNION ALL SELECT 'L-1 ', merchant_serial_number, batch || ' ' || position FROM bulk_items WHERE state = 'WAITING'
UNION ALL SELECT 'L-4 ', merchant_serial_number, clock_mode FROM sales_units WHERE clock_mode = 'advancing'
UNION ALL SELECT 'L-6 ', merchant_serial_number, method || ' ' || path || ' ' || idempotency_key
FROM idempotency_keys WHERE state = 'CLAIMED'

-- name: audit_pending_agreements
-- Agreements whose time was up a minute ago, and which still wait for their payer; once everything has come to rest.
SELECT 'T-8 ' AS broken, a.merchant_serial_number, a.agreement_id, a.status
FROM agreements a CROSS JOIN sales_units u
WHERE :quiescent = 1 AND a.status = 'PENDING' AND u.merchant_serial_number = a.merchant_serial_number
    AND COALESCE(a.wake_at, a.created) < COALESCE(u.clock_at, :real_now + u.clock_offset_ms) - 60000
-- name: audit_due_days
-- The due days there are, as the day and as the instant that is answered for it.
SELECT DISTINCT 'T-8? ' AS broken, due_day, due FROM charges WHERE type = 'RECURRING'

-- name: audit_gateway_extras
SELECT 'R-5 ' AS broken, g.payment_key, g.merchant_serial_number, g.charge_id, g.result FROM gateway_ledger g
WHERE NOT EXISTS (SELECT 1 FROM payments p WHERE p.payment_key = g.payment_key)

-- name: audit_gateway_books
-- The gateway's books alone: what was taken from a payer is held, with the merchant, or back with the payer.
SELECT 'M-8 ' AS broken, merchant_serial_number, charge_id
FROM (
    SELECT merchant_serial_number, charge_id,
        SUM(CASE kind WHEN 'RESERVE' THEN amount WHEN 'CAPTURE' THEN -amount WHEN 'CANCEL' THEN -amount ELSE 0 END) AS held,
        SUM(CASE kind WHEN 'CAPTURE' THEN amount WHEN 'DIRECT_CAPTURE' THEN amount WHEN 'REFUND' THEN -amount ELSE 0 END) AS kept
    FROM gateway_ledger WHERE result = 'OK' GROUP BY merchant_serial_number, charge_id
) AS books
WHERE held < 0 OR kept < 0

-- name: audit_causes
-- Lines of history that carry a caller's key, less the answers that say that it was done: nothing is left over.
-- An answer names the charge at the end of its path or at the head of its body. What a draft, a bulk or a stop
-- did to a charge it does not name there, and a refusal is no success, so these are looked at one by one.
-- (The LIMITs keep SQLite from working a name out again wherever it is used.)
SELECT CASE WHEN known IS NULL THEN 'I-7 ' ELSE 'I-3 ' END AS broken, merchant_serial_number, event, id, idempotency_key
FROM (
    SELECT merchant_serial_number, event, id, idempotency_key, n, (
        SELECT MAX(CASE WHEN k.state = 'DONE' AND CASE
            WHEN success = 0 THEN k.status BETWEEN 400 AND 499 OR k.method = 'PATCH'
            WHEN event = 'CREATE' THEN k.method = 'POST' AND k.status BETWEEN 200 AND 299 AND (k.path LIKE '%/agreements/charges'
                OR (k.path LIKE '%/agreements' AND k.body LIKE '%"' || id || '"%'))
            WHEN event = 'CANCEL' THEN k.method = 'PATCH' AND k.status BETWEEN 200 AND 299
            ELSE 1 = 0 END THEN 1 ELSE 0 END)
        FROM idempotency_keys k
        WHERE k.merchant_serial_number = told.merchant_serial_number AND k.idempotency_key = told.idempotency_key) AS known
    FROM (
        SELECT merchant_serial_number, idempotency_key, event, id, success, SUM(n) AS n FROM (
            SELECT merchant_serial_number, idempotency_key, event, charge_id AS id, success, 1 AS n FROM charge_history
            WHERE idempotency_key <> '' AND (event IN ('CREATE', 'REFUND')
                OR (event IN ('CAPTURE', 'CANCEL') AND idempotency_key NOT LIKE charge_id || '-%-ProcessPayment'))
            UNION ALL
            SELECT merchant_serial_number, idempotency_key, 'DRAFT', agreement_id, 1, 1 FROM agreement_history
            WHERE event = 'CREATE' AND idempotency_key <> ''
            UNION ALL
            SELECT merchant_serial_number, idempotency_key, event,
                CASE event WHEN 'CREATE' THEN said
                    WHEN 'DRAFT' THEN substr(said, 1, length(said) - length(ltrim(said, CAST(:id_characters AS TEXT))))
                    ELSE substr(said, length(rtrim(said, replace(said, '/', ''))) + 1) END, 1, -1
            FROM (
                SELECT merchant_serial_number, idempotency_key, event, CASE event WHEN 'CANCEL' THEN path
                    WHEN 'CAPTURE' THEN substr(path, 1, length(path) - 8) WHEN 'REFUND' THEN substr(path, 1, length(path) - 7)
                    WHEN 'CREATE' THEN substr(body, 14, length(body) - 15) ELSE substr(body, 17) END AS said
                FROM (
                    SELECT merchant_serial_number, idempotency_key, path, body, CASE
                        WHEN body LIKE '{"chargeId":"%' THEN 'CREATE' WHEN body LIKE '{"agreementId":"%' THEN 'DRAFT'
                        WHEN method = 'DELETE' THEN 'CANCEL' WHEN method <> 'POST' THEN NULL
                        WHEN path LIKE '%/capture' THEN 'CAPTURE' WHEN path LIKE '%/refund' THEN 'REFUND' END AS event
                    FROM idempotency_keys WHERE state = 'DONE' AND status BETWEEN 200 AND 299
                    LIMIT 9000000000000000000
                ) AS done
                WHERE event IS NOT NULL
                LIMIT 9000000000000000000
            ) AS named
        ) AS both_sides
        GROUP BY idempotency_key, id, event, merchant_serial_number, success
    ) AS told
    WHERE n <> 0
) AS judged
WHERE n <> 1 OR COALESCE(known, 0) = 0

-- name: audit_event_ids
-- Every event, for its id to be worked out again.
SELECT merchant_serial_number, agreement_id, subject, sequence, event_id FROM events

-- name: audit_untold
-- Events that were spread, and registrations from before that wanted them and got nothing.
-- A partner's for all units goes by another clock, so it cannot be said which events came after it.
SELECT 'E-1 ' AS broken, e.merchant_serial_number, e.event_id, e.event_type, r.registration_id
FROM events e CROSS JOIN webhooks r
WHERE r.removed IS NULL AND e.merchant_serial_number = r.merchant_serial_number AND e.awaited = 0
    AND e.occurred > r.created + :skew_ms AND r.events LIKE '%"' || e.event_type || '"%'
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.merchant_serial_number = e.merchant_serial_number
        AND d.place = e.position AND d.registration_id = r.registration_id)

-- name: audit_deliveries
-- Each delivery beside its event, its registration and the last attempt at it.
-- An id that was worked out from a change is of version 8; any other is of an event that somebody had made up.
SELECT broken, merchant_serial_number, delivery_id, event_id, registration_id, status, attempts
FROM (
    SELECT d.merchant_serial_number, d.delivery_id, d.event_id, d.registration_id, d.status, d.attempts,
        CASE WHEN e.event_id = d.event_id THEN CASE WHEN e.body = d.body AND e.event_type = d.event_type
                AND e.agreement_id = d.agreement_id AND COALESCE(e.charge_id, '') = COALESCE(d.charge_id, '')
                THEN '' ELSE 'E-4 ' END
            WHEN substr(d.event_id, 15, 1) <> '8' THEN ''
            WHEN e.event_id IS NULL THEN 'E-2 ' ELSE 'E-3 ' END
        || CASE WHEN d.attempts = 0 THEN CASE WHEN d.status IN ('DELIVERED', 'LOST')
                OR EXISTS (SELECT 1 FROM delivery_attempts x WHERE x.delivery_id = d.delivery_id) THEN 'E-5 ' ELSE '' END
            WHEN CASE WHEN l.attempt IS NULL OR l.occurred <> d.last_attempt THEN 1 = 0
                WHEN d.status = 'DELIVERED' THEN COALESCE(l.status, 0) BETWEEN 200 AND 299
                WHEN d.status = 'LOST' THEN COALESCE(l.status, 0) NOT BETWEEN 200 AND 299
                ELSE 1 = 1 END THEN '' ELSE 'E-5 ' END
        || CASE WHEN r.merchant_serial_number <> d.merchant_serial_number
            OR l.merchant_serial_number <> d.merchant_serial_number THEN 'T-1 ' ELSE '' END AS broken
    FROM deliveries d
    LEFT JOIN events e ON e.position = d.place AND e.merchant_serial_number = d.merchant_serial_number
    LEFT JOIN webhooks r ON r.registration_id = d.registration_id
    LEFT JOIN delivery_attempts l ON l.delivery_id = d.delivery_id AND l.attempt = d.attempts
) AS judged
WHERE broken <> ''

-- name: audit_delivered_twice
-- A receiver knows an event by its one `webhook-id`.
SELECT 'E-3 ' AS broken, merchant_serial_number, registration_id, event_id FROM deliveries
GROUP BY merchant_serial_number, place, registration_id, event_id HAVING COUNT(*) > 1

-- name: audit_attempts
-- Attempts at each delivery, numbered from 1 without gaps, and counted there.
-- Whether there is the last one, and so the only one, audit_deliveries has seen.
SELECT 'E-5 ' AS broken, d.merchant_serial_number, d.delivery_id, d.attempts, a.number
FROM (
    SELECT delivery_id, COUNT(*) AS number, MAX(attempt) AS last FROM delivery_attempts
    GROUP BY delivery_id HAVING COUNT(*) > 1 OR MAX(attempt) > 1
) AS a
CROSS JOIN deliveries d
WHERE d.delivery_id = a.delivery_id AND (a.number <> d.attempts OR a.last <> d.attempts)

-- name: audit_undelivered
-- What is still to be sent once everything has come to rest.
SELECT 'L-5 ' AS broken, d.merchant_serial_number, d.delivery_id AS waiting
FROM deliveries d JOIN webhooks r ON r.registration_id = d.registration_id
WHERE d.status = 'WAITING' AND r.removed IS NULL
UNION ALL
SELECT 'L-5 ', e.merchant_serial_number, e.event_id
FROM events e JOIN sales_units u ON u.merchant_serial_number = e.merchant_serial_number
WHERE e.awaited = 1 AND u.webhooks <> '{}'

-- name: sqlite_objects
SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite~_%' ESCAPE '~'

-- name: sqlite_loose_tables
SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 AND name NOT LIKE 'sqlite~_%' ESCAPE '~'

-- name: postgresql_objects
SELECT CASE c.relkind WHEN 'r' THEN 'table' ELSE 'index' END AS type, CAST(c.relname AS TEXT) AS name,
    CASE WHEN i.indisvalid AND i.indisready OR c.relkind = 'r' THEN 1 ELSE 0 END AS sound
FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
WHERE c.relkind IN ('r', 'i') AND c.relnamespace = to_regnamespace(current_schema())

-- name: postgresql_loose_constraints
SELECT CAST(c.conname AS TEXT) AS name, CAST(c.conrelid AS REGCLASS) || '' AS of_table FROM pg_constraint c
WHERE NOT c.convalidated AND c.connamespace = to_regnamespace(current_schema())
UNION ALL
SELECT CAST(t.tgname AS TEXT), CAST(t.tgrelid AS REGCLASS) || '' FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE t.tgisinternal AND t.tgenabled = 'D' AND c.relnamespace = to_regnamespace(current_schema())

-- name: postgresql_constraints
SELECT CAST(t.relname AS TEXT) AS of_table, CAST(c.contype AS TEXT) AS kind, COUNT(*) AS number
FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
WHERE c.connamespace = to_regnamespace(current_schema()) GROUP BY t.relname, c.contype

-- name: postgresql_triggers
SELECT CAST(t.tgname AS TEXT) AS name, p.prosrc AS body
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND c.relnamespace = to_regnamespace(current_schema())
