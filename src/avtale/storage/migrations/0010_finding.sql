-- The life of an agreement is looked at by its page, its timeline and the coach: its deliveries are found without reading the unit's.

-- only: sqlite
CREATE INDEX deliveries_of_agreement ON deliveries (merchant_serial_number, agreement_id, place);
-- only: postgresql
-- As with charges_of_agreement.
CREATE INDEX deliveries_of_agreement ON deliveries (merchant_serial_number, agreement_id, place) WHERE agreement_id IS NOT NULL;
-- both
