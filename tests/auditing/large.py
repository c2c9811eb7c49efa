"""A large sound database, made with plain SQL: to measure the auditor, and to see that it stays quiet.

`PYTHONPATH=src:. python -m tests.auditing.large FILE CHARGES` makes one and audits it.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sqlite3
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from avtale.auditing import audit
from avtale.identifiers import event_id
from avtale.instants import to_milliseconds
from avtale.storage.migrations import migrations
from avtale.webhooks.catalogue import EventType

UNITS = 5
CHARGES_PER_AGREEMENT = 10
MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
MUCH_LATER = datetime(2026, 12, 24, tzinfo=UTC)

# Every charge has three lines of history. One in five is captured at once and half refunded,
# the others are reserved and then captured. Ids are shuffled, as minted ones are.
STEPS = (
    """
    INSERT INTO sales_units SELECT CAST(123450 + value AS TEXT), 'Nordic News ' || value, 'NO', :monday,
        '{"unscheduled":false,"skipLandingPage":false,"nin":false,"lateCapture":false,'
        || '"directCapture":true,"recurring":true}', '{}', 'frozen', 0, :much_later, NULL, '{}'
    FROM generate_series WHERE value < :units
    """,
    """
    INSERT INTO agreements (merchant_serial_number, agreement_id, uuid, created,
        merchant_redirect_url, is_app, skip_landing_page, product_name, pricing, status, start,
        payer, history_length, changed)
    SELECT msn, agreement_id, agreement_id, :monday, 'https://nordic.example', 0, 0,
        'Premier League', '{"type":"LEGACY","amount":49900,"currency":"NOK"}', 'ACTIVE',
        :monday + 60000, '4791234567', 2, :monday + 60000
    FROM told WHERE i % :per_agreement = 0
    """,
    """
    INSERT INTO agreement_history
    SELECT msn, agreement_id, 1, :monday, 'CREATE', 'MERCHANT', 'draft-' || agreement_id
    FROM told WHERE i % :per_agreement = 0
    UNION ALL SELECT msn, agreement_id, 2, :monday + 60000, 'ACTIVATE', 'USER', NULL
    FROM told WHERE i % :per_agreement = 0
    """,
    """
    INSERT INTO charges (merchant_serial_number, charge_id, agreement_id, type, transaction_type,
        processing_mode, amount, currency, description, ceiling, due_day, retry_days, created, due,
        status, transaction_id, reserved, captured, cancelled, refunded, reserved_at, captured_at,
        attempts, fence, payments, history_length, changed, chain)
    SELECT msn, charge_id, agreement_id, 'RECURRING',
        CASE WHEN direct THEN 'DIRECT_CAPTURE' ELSE 'RESERVE_CAPTURE' END, 'MULTIPLE_ATTEMPTS',
        amount, 'NOK', 'January', 249500, due_day, 3, created, due,
        CASE WHEN direct THEN 'PARTIALLY_REFUNDED' ELSE 'CHARGED' END, CAST(i AS TEXT),
        amount, amount, 0, CASE WHEN direct THEN amount / 2 ELSE 0 END, run_at,
        CASE WHEN direct THEN run_at ELSE later END, 1, 2, 2, 3, later, third
    FROM told
    """,
    """
    INSERT INTO charge_history
    SELECT msn, charge_id, 1, created, 'CREATE', amount, 'create-' || i, 1, NULL, NULL, first
    FROM told
    UNION ALL SELECT msn, charge_id, 2, run_at, CASE WHEN direct THEN 'CAPTURE' ELSE 'RESERVE' END,
        amount, system_key, 1, CAST(i AS TEXT), first_payment, second FROM told
    UNION ALL SELECT msn, charge_id, 3, later, CASE WHEN direct THEN 'REFUND' ELSE 'CAPTURE' END,
        second_amount, 'later-' || i, 1, CAST(i AS TEXT), second_payment, third FROM told
    """,
    """
    INSERT INTO payments (payment_key, merchant_serial_number, charge_id, agreement_id, kind,
        sequence, amount, currency, payer, run_at, cause, asked, status, fence, asks,
        transaction_id, settled)
    SELECT first_payment, msn, charge_id, agreement_id,
        CASE WHEN direct THEN 'DIRECT_CAPTURE' ELSE 'RESERVE' END, 1, amount, 'NOK', '4791234567',
        run_at, system_key, run_at, 'OK', 1, 1, CAST(i AS TEXT), run_at
    FROM told
    UNION ALL SELECT second_payment, msn, charge_id, agreement_id,
        CASE WHEN direct THEN 'REFUND' ELSE 'CAPTURE' END, 2, second_amount, 'NOK', '4791234567',
        later, 'later-' || i, later, 'OK', 2, 1, CAST(i AS TEXT), later
    FROM told
    """,
    """
    INSERT INTO gateway_ledger (payment_key, merchant_serial_number, charge_id, kind, amount,
        currency, payer, occurred, transaction_id, result, answered)
    SELECT payment_key, merchant_serial_number, charge_id, kind, amount, currency, payer, asked,
        transaction_id, 'OK', 1
    FROM payments
    """,
    """
    INSERT INTO idempotency_keys
    SELECT msn, 'POST', '/recurring/v3/agreements', 'draft-' || agreement_id, '', 'f', 'c',
        :monday, 'DONE', 201, '{"agreementId":"' || agreement_id || '","uuid":"' || agreement_id
        || '","vippsConfirmationUrl":"https://nordic.example/landing?v=2&token={landing}"}'
    FROM told WHERE i % :per_agreement = 0
    UNION ALL SELECT msn, 'POST', '/recurring/v3/agreements/' || agreement_id || '/charges',
        'create-' || i, '', 'f', 'c', created, 'DONE', 201, '{"chargeId":"' || charge_id || '"}'
    FROM told
    UNION ALL SELECT msn, 'POST', '/recurring/v3/agreements/' || agreement_id || '/charges/'
        || charge_id || CASE WHEN direct THEN '/refund' ELSE '/capture' END,
        'later-' || i, '', 'f', 'c', later, 'DONE', 204, ''
    FROM told
    """,
    """
    INSERT INTO events (merchant_serial_number, event_id, event_type, agreement_id, charge_id,
        occurred, body, subject, sequence)
    SELECT msn, event_id(msn, agreement_id, '', 2), 'recurring.agreement-activated.v1', agreement_id,
        NULL, :monday + 60000, '{}', '', 2
    FROM told WHERE i % :per_agreement = 0
    UNION ALL SELECT msn, event_id(msn, agreement_id, charge_id, 2), first_event, agreement_id,
        charge_id, run_at, '{}', charge_id, 2 FROM told
    UNION ALL SELECT msn, event_id(msn, agreement_id, charge_id, 3), second_event, agreement_id,
        charge_id, later, '{}', charge_id, 3 FROM told
    """,
    """
    INSERT INTO clients VALUES ('news', 'MERCHANT', 'Nordic News', '', :monday, NULL, '{}')
    """,
    """
    INSERT INTO webhooks SELECT 'hook-' || merchant_serial_number, 'news', merchant_serial_number,
        'https://nordic.example/hook', '', :all_events, created - 3600000, NULL, NULL, NULL, NULL, 0
    FROM sales_units
    """,
    """
    INSERT INTO deliveries SELECT lower(hex(randomblob(16))), merchant_serial_number,
        'hook-' || merchant_serial_number, position, event_id, event_type, agreement_id, charge_id,
        body, occurred, 'DELIVERED', 1, 1, occurred, occurred, NULL
    FROM events ORDER BY position
    """,
    """
    INSERT INTO delivery_attempts
    SELECT delivery_id, 1, merchant_serial_number, created, 200, NULL, 'ok', 12 FROM deliveries
    ORDER BY delivery_id
    """,
)

TOLD = """
    CREATE TEMP TABLE told AS
    WITH numbered AS (
        SELECT value AS i, value % 5 = 4 AS direct,
            CAST(123450 + value / :per_agreement % :units AS TEXT) AS msn,
            'agr_' || printf('%08d', value / :per_agreement * 7368787 % 99999989) AS agreement_id,
            'chr-' || printf('%08d', value * 7368787 % 99999989) AS charge_id,
            100 * (1 + value % 499) AS amount, :monday + 1000 * (value % 86400) AS created
        FROM generate_series WHERE value < :charges
    ), keyed AS (
        SELECT *, '2026-01-08' AS due_day, :monday + 3 * 86400000 AS due,
            :monday + 3 * 86400000 + 8 * 3600000 AS run_at,
            :monday + 4 * 86400000 + 9 * 3600000 + i % 3600000 AS later,
            CASE WHEN direct THEN amount / 2 ELSE amount END AS second_amount,
            CASE WHEN direct THEN 'recurring.charge-captured.v1'
                ELSE 'recurring.charge-reserved.v1' END AS first_event,
            CASE WHEN direct THEN 'recurring.charge-refunded.v1'
                ELSE 'recurring.charge-captured.v1' END AS second_event,
            charge_id || '-' || agreement_id || '-ProcessPayment' AS system_key,
            msn || ':' || charge_id || ':' || CASE WHEN direct THEN 'DIRECT_CAPTURE'
                ELSE 'RESERVE' END || ':1' AS first_payment,
            msn || ':' || charge_id || ':' || CASE WHEN direct THEN 'REFUND'
                ELSE 'CAPTURE' END || ':2' AS second_payment
        FROM numbered
    ), one AS (
        SELECT *, sha256('|1|' || printf('%d.%03d', created / 1000, created % 1000) || '|CREATE|'
            || amount || '|create-' || i || '|1||') AS first FROM keyed
    ), two AS (
        SELECT *, sha256(first || '|2|' || printf('%d.%03d', run_at / 1000, run_at % 1000)
            || CASE WHEN direct THEN '|CAPTURE|' ELSE '|RESERVE|' END || amount || '|'
            || system_key || '|1|' || i || '|' || first_payment) AS second FROM one
    )
    SELECT *, sha256(second || '|3|' || printf('%d.%03d', later / 1000, later % 1000)
        || CASE WHEN direct THEN '|REFUND|' ELSE '|CAPTURE|' END || second_amount || '|later-' || i
        || '|1|' || i || '|' || second_payment) AS third
    FROM two
"""


def make_large_database(path: Path, charges: int) -> None:
    """Write `charges` charges with all that belongs to them into a new file."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    connection.create_function(
        "sha256", 1, lambda text: hashlib.sha256(text.encode()).hexdigest(), deterministic=True
    )
    connection.create_function("event_id", 4, event_id, deterministic=True)
    connection.execute(
        "CREATE TABLE migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT"
    )
    for migration in migrations():
        connection.executescript(migration.sql("sqlite"))
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?)", (migration.number, migration.name)
        )
    given = {
        "monday": to_milliseconds(MONDAY),
        "much_later": to_milliseconds(MUCH_LATER),
        "units": UNITS,
        "per_agreement": CHARGES_PER_AGREEMENT,
        "charges": charges,
        "all_events": json.dumps(get_args(EventType), separators=(",", ":")),
    }
    connection.execute("CREATE TEMP TABLE generate_series (value INTEGER PRIMARY KEY)")
    connection.executemany(
        "INSERT INTO generate_series VALUES (?)", ((i,) for i in range(max(charges, UNITS)))
    )
    connection.execute(TOLD, given)
    for step in STEPS:
        connection.execute("BEGIN")
        connection.execute(step, given)
        connection.execute("COMMIT")
    connection.close()


def main() -> None:
    """Make the database, unless it is there, and say what auditing it took."""
    path, charges = Path(sys.argv[1]), int(sys.argv[2])
    if not path.exists():
        make_large_database(path, charges)
    report = audit(str(path), clock=lambda: MUCH_LATER + timedelta(days=1))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = f"{report.charges} charges in {report.seconds:.1f} s, peak {peak} MiB, ok: {report.ok}"
    sys.stdout.write("\n".join([told, *map(str, report.violations), ""]))


if __name__ == "__main__":
    main()
