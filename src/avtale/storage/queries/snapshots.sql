-- Snapshots: rows as they are taken, parents first, and as they come back.

-- name: snapshots_of_unit
SELECT {snapshots} FROM snapshots WHERE merchant_serial_number = :msn ORDER BY taken, name

-- name: snapshot_by_name
SELECT {snapshots} FROM snapshots WHERE merchant_serial_number = :msn AND name = :name

-- name: parts_of_snapshot
SELECT {snapshot_parts} FROM snapshot_parts WHERE merchant_serial_number = :msn AND name = :name ORDER BY part

-- name: delete_snapshot_parts
DELETE FROM snapshot_parts WHERE merchant_serial_number = :msn AND name = :name

-- name: delete_snapshot
DELETE FROM snapshots WHERE merchant_serial_number = :msn AND name = :name

-- name: erase_snapshot_parts
DELETE FROM snapshot_parts WHERE merchant_serial_number = :msn

-- name: erase_snapshots
DELETE FROM snapshots WHERE merchant_serial_number = :msn

-- name: counted_for_snapshot
SELECT (SELECT COUNT(*) FROM agreements WHERE merchant_serial_number = :msn),
    (SELECT COUNT(*) FROM charges WHERE merchant_serial_number = :msn),
    (SELECT COUNT(*) FROM snapshots WHERE merchant_serial_number = :msn),
    (SELECT COUNT(*) FROM snapshots WHERE merchant_serial_number = :msn AND name = :name),
    (SELECT COUNT(*) FROM payments
        WHERE merchant_serial_number = :msn AND status IN ('ASKED', 'UNCLEAR') AND lease_until IS NOT NULL)

-- name: size_snapshot
-- Its parts are written behind it, and only then it is known what they take up.
UPDATE snapshots SET size_bytes = :size_bytes WHERE merchant_serial_number = :msn AND name = :name

-- name: restore_sales_unit
UPDATE sales_units SET name = :unit_name, features = :features, rules = :rules, webhooks = :webhooks,
    clock_mode = :clock_mode, clock_offset_ms = :clock_offset_ms, clock_at = :clock_at, clock_lease_until = NULL
WHERE merchant_serial_number = :msn

-- name: event_places
-- Those that events have, whoever's they are.
SELECT position FROM events WHERE position BETWEEN :first AND :last

-- name: last_event_place
SELECT COALESCE(MAX(position), 0) FROM events

-- name: event_places_after
SELECT position FROM events WHERE merchant_serial_number = :msn AND position > :place ORDER BY position

-- name: drop_deliveries_to_nobody
-- Registrations of partners are not the unit's: one that has gone since stays gone.
UPDATE deliveries SET status = 'DROPPED', wake_at = NULL
WHERE merchant_serial_number = :msn AND status = 'WAITING'
    AND registration_id IN (SELECT registration_id FROM webhooks WHERE removed IS NOT NULL)

-- name: fences_of_registrations
SELECT registration_id, fence FROM webhooks WHERE merchant_serial_number = :msn

-- One query for each table that a unit owns rows of.

-- name: snap_checklist_notes
SELECT {checklist_notes} FROM checklist_notes WHERE merchant_serial_number = :msn

-- name: snap_faults
SELECT {faults} FROM faults WHERE merchant_serial_number = :msn

-- name: snap_requests
SELECT {requests} FROM requests WHERE merchant_serial_number = :msn ORDER BY position

-- name: snap_idempotency_keys
SELECT {idempotency_keys} FROM idempotency_keys WHERE merchant_serial_number = :msn

-- name: snap_gateway_ledger
SELECT {gateway_ledger} FROM gateway_ledger WHERE payment_key > :msn || ':' AND payment_key < :msn || ';'

-- name: snap_gateway_scripts
SELECT {gateway_scripts} FROM gateway_scripts WHERE merchant_serial_number = :msn

-- name: snap_events
-- With its place behind its own columns, by which deliveries know it.
SELECT {events}, position FROM events WHERE merchant_serial_number = :msn ORDER BY position

-- name: snap_agreements
SELECT {agreements} FROM agreements WHERE merchant_serial_number = :msn

-- name: snap_agreement_history
SELECT {agreement_history} FROM agreement_history WHERE merchant_serial_number = :msn

-- name: snap_bulk_items
SELECT {bulk_items} FROM bulk_items WHERE merchant_serial_number = :msn

-- name: snap_webhooks
SELECT {webhooks} FROM webhooks WHERE merchant_serial_number = :msn

-- name: snap_deliveries
SELECT {deliveries} FROM deliveries WHERE merchant_serial_number = :msn

-- name: snap_delivery_attempts
SELECT {delivery_attempts} FROM delivery_attempts WHERE merchant_serial_number = :msn

-- name: snap_notifications
SELECT {notifications} FROM notifications WHERE merchant_serial_number = :msn

-- name: snap_appointments
SELECT {appointments} FROM appointments WHERE merchant_serial_number = :msn

-- name: snap_charges
SELECT {charges} FROM charges WHERE merchant_serial_number = :msn

-- name: snap_charge_history
SELECT {charge_history} FROM charge_history WHERE merchant_serial_number = :msn

-- name: snap_payments
SELECT {payments} FROM payments WHERE payment_key > :msn || ':' AND payment_key < :msn || ';'
