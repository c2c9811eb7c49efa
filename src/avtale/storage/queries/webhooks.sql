-- Registrations, and events on their way to receivers.

-- name: webhooks_of_client
-- Those that are not gone, oldest first: of one unit, or (`msn` empty) all that the client has a say in.
SELECT {webhooks} FROM webhooks
WHERE removed IS NULL AND (
    (:msn <> '' AND merchant_serial_number = :msn)
    OR (:msn = '' AND (client_id = :client_id OR merchant_serial_number IN (
        SELECT merchant_serial_number FROM grants WHERE client_id = :client_id))))
ORDER BY created, registration_id

-- name: webhook_by_id
SELECT {webhooks} FROM webhooks WHERE registration_id = :registration_id

-- name: receivers_of_unit
-- Whoever may want to be told of a unit's events: its own registrations, and those of partners for all their units.
SELECT registration_id FROM webhooks
WHERE removed IS NULL AND (merchant_serial_number = :msn OR (merchant_serial_number IS NULL
    AND client_id IN (SELECT client_id FROM grants WHERE merchant_serial_number = :msn)))
ORDER BY registration_id

-- name: events_awaited
-- Events that nobody has been told of yet, in the order in which they were written.
SELECT position, agreement_id, subject, sequence FROM events
WHERE merchant_serial_number = :msn AND awaited = 1 ORDER BY position LIMIT :most

-- name: receivers_with_deliveries
-- Receivers to whom something can be sent at a moment: where no earlier event of the same agreement is failing.
-- (What is joined to a text here keeps a database from the index by unit, in which it would read all that waits.)
SELECT r.registration_id FROM webhooks r
WHERE r.removed IS NULL AND (r.merchant_serial_number = :msn OR (r.merchant_serial_number IS NULL
        AND r.client_id IN (SELECT client_id FROM grants WHERE merchant_serial_number = :msn)))
    AND EXISTS (SELECT 1 FROM deliveries d WHERE d.registration_id = r.registration_id
        AND d.merchant_serial_number || '' = :msn AND d.status = 'WAITING' AND d.wake_at <= :moment
        AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.registration_id = d.registration_id
            AND e.agreement_id = d.agreement_id AND e.status = 'WAITING' AND e.tries > 0 AND e.place < d.place))
ORDER BY r.registration_id

-- name: deliveries_due
SELECT {deliveries as d} FROM deliveries d
WHERE d.registration_id = :registration_id AND d.merchant_serial_number || '' = :msn
    AND d.status = 'WAITING' AND d.wake_at <= :moment
    AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.registration_id = d.registration_id
        AND e.agreement_id = d.agreement_id AND e.status = 'WAITING' AND e.tries > 0 AND e.place < d.place)
ORDER BY d.place, d.delivery_id LIMIT :most

-- name: next_delivery
-- The next instant at which something is to be sent: at once where an event is not even spread.
SELECT MIN(wake_at) FROM (
    SELECT MIN(d.wake_at) AS wake_at FROM deliveries d
    JOIN webhooks r ON r.registration_id = d.registration_id AND r.removed IS NULL
    WHERE d.merchant_serial_number = :msn AND d.status = 'WAITING'
        AND NOT EXISTS (SELECT 1 FROM deliveries e WHERE e.registration_id = d.registration_id
            AND e.agreement_id = d.agreement_id AND e.status = 'WAITING' AND e.tries > 0 AND e.place < d.place)
    UNION ALL SELECT MIN(occurred) FROM events WHERE merchant_serial_number = :msn AND awaited = 1
) AS moments

-- name: units_with_deliveries
-- Units with something to send on their own clock, while nobody moves it.
SELECT u.merchant_serial_number FROM sales_units u
WHERE (u.clock_lease_until IS NULL OR u.clock_lease_until <= :real_now) AND u.webhooks <> '{}' AND (
    EXISTS (SELECT 1 FROM events e WHERE e.merchant_serial_number = u.merchant_serial_number AND e.awaited = 1)
    OR EXISTS (SELECT 1 FROM deliveries d WHERE d.merchant_serial_number = u.merchant_serial_number AND d.status = 'WAITING'
        AND d.wake_at <= COALESCE(u.clock_at, :real_now + u.clock_offset_ms)))

-- name: drop_deliveries
-- Nobody wants them any more.
UPDATE deliveries SET status = 'DROPPED', wake_at = NULL
WHERE registration_id = :registration_id AND status = 'WAITING'

-- name: erase_delivery_attempts
DELETE FROM delivery_attempts WHERE merchant_serial_number = :msn

-- name: erase_deliveries
DELETE FROM deliveries WHERE merchant_serial_number = :msn

-- name: erase_webhooks
DELETE FROM webhooks WHERE merchant_serial_number = :msn

-- What whoever runs the installation looks at.

-- name: latest_deliveries
SELECT {deliveries} FROM deliveries WHERE merchant_serial_number = :msn
ORDER BY place DESC, registration_id DESC LIMIT :size OFFSET :skip

-- name: latest_attempts
SELECT {delivery_attempts} FROM delivery_attempts WHERE merchant_serial_number = :msn
ORDER BY occurred DESC, attempt DESC LIMIT :size

-- name: attempts_at_delivery
SELECT {delivery_attempts} FROM delivery_attempts WHERE delivery_id = :delivery_id ORDER BY attempt

-- name: delivery_by_id
SELECT {deliveries} FROM deliveries WHERE delivery_id = :delivery_id

-- name: registrations_with_deliveries
-- Whoever the unit's deliveries go to, gone or not.
SELECT {webhooks} FROM webhooks WHERE registration_id IN (
    SELECT registration_id FROM deliveries WHERE merchant_serial_number = :msn)

-- name: deliveries_since
SELECT {deliveries} FROM deliveries WHERE merchant_serial_number = :msn AND created >= :since
ORDER BY place, registration_id LIMIT :most

-- name: failing_deliveries
-- Those that hold back what comes behind them on the same agreement.
SELECT {deliveries} FROM deliveries
WHERE merchant_serial_number = :msn AND status = 'WAITING' AND tries > 0 ORDER BY place

-- name: page_of_deliveries
-- Newest first; a filter that is empty lets everything through.
SELECT {deliveries} FROM deliveries
WHERE merchant_serial_number = :msn
    AND (:registration_id = '' OR registration_id = :registration_id)
    AND (:status = '' OR status = :status)
    AND (:event_type = '' OR event_type = :event_type)
    AND (:agreement_id = '' OR agreement_id = :agreement_id)
ORDER BY place DESC, created DESC, registration_id DESC LIMIT :size OFFSET :skip

-- name: deliveries_blocked_by
-- The one that holds a delivery back: an earlier event of the same agreement that fails.
SELECT e.delivery_id FROM deliveries e
WHERE e.registration_id = :registration_id AND e.agreement_id = :agreement_id
    AND e.status = 'WAITING' AND e.tries > 0 AND e.place < :place ORDER BY e.place LIMIT 1

-- name: page_of_events
-- What merchants are told of, oldest first, whether anybody is registered or not.
SELECT {events} FROM events WHERE merchant_serial_number = :msn ORDER BY position LIMIT :size OFFSET :skip

-- name: latest_event_place
SELECT COALESCE(MAX(position), 0) FROM events WHERE merchant_serial_number = :msn

-- Inboxes.

-- name: inbox_of
SELECT {inbox} FROM (SELECT * FROM inbox WHERE name = :name ORDER BY position DESC LIMIT :most) AS latest ORDER BY position

-- name: registrations_of_inbox
-- Registrations at an address that ends so, gone or not; whoever reads them looks again.
SELECT {webhooks} FROM webhooks WHERE url LIKE '%/sandbox/inbox/' || :name || '%' ORDER BY created

-- name: empty_inbox
DELETE FROM inbox WHERE name = :name

-- name: trim_inbox
-- The oldest go where there are too many.
DELETE FROM inbox WHERE position <= (SELECT MAX(position) FROM inbox) - :most
