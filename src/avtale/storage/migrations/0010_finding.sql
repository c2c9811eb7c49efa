-- What pages look for is found without reading all of a unit: the deliveries of an agreement, and charges that were undone.

-- only: sqlite
CREATE INDEX deliveries_of_agreement ON deliveries (merchant_serial_number, agreement_id, place);
-- only: postgresql
-- As with charges_of_agreement.
CREATE INDEX deliveries_of_agreement ON deliveries (merchant_serial_number, agreement_id, place) WHERE agreement_id IS NOT NULL;
-- both
CREATE INDEX charges_undone ON charges (merchant_serial_number, due_day, charge_id)
    WHERE status IN ('CANCELLED', 'PARTIALLY_REFUNDED', 'REFUNDED');
