-- Sealing in earnest: k of n custodians, bids that their vendors seal, two envelopes, whole bids.
-- The four columns that are dropped held the one custodian of an unreleased version.

CREATE TABLE ceremony (
    rfp_id uuid NOT NULL,
    custodian_ids uuid[] NOT NULL,
    threshold integer NOT NULL,
    opening_window_s integer NOT NULL,
    envelopes integer NOT NULL,
    CONSTRAINT ceremony_pkey PRIMARY KEY (rfp_id),
    CONSTRAINT ceremony_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT ceremony_threshold_reachable CHECK (
        threshold BETWEEN 1 AND cardinality(custodian_ids)
    ),
    CONSTRAINT ceremony_envelopes_known CHECK (envelopes IN (1, 2))
);
COMMENT ON TABLE ceremony IS 'how an RFP''s bids are to be opened; without a row, by its custodian alone';

-- An opening for the price of each RFP; one for its technical part where there are two envelopes;
-- and as many rehearsals as its buyer likes, each with a key of its own.
ALTER TABLE opening
    ADD COLUMN purpose text NOT NULL DEFAULT 'price',
    ADD COLUMN threshold integer NOT NULL DEFAULT 1,
    ADD COLUMN window_s integer NOT NULL DEFAULT 3600,
    ADD COLUMN canary bytea,
    ADD COLUMN released_at timestamptz,
    ADD CONSTRAINT opening_purpose_known CHECK (purpose IN ('price', 'technical', 'rehearsal')),
    ADD CONSTRAINT opening_canary_rehearses CHECK ((canary IS NULL) = (purpose <> 'rehearsal')),
    DROP CONSTRAINT opening_rfp_key;
CREATE UNIQUE INDEX opening_rfp_purpose_idx ON opening (rfp_id, purpose)
    WHERE purpose <> 'rehearsal';
CREATE INDEX opening_rfp_idx ON opening (rfp_id);

-- A custodian's place in an opening. What it submits is sealed to the opener's ephemeral key.
CREATE TABLE seat (
    opening_id uuid NOT NULL,
    index integer NOT NULL,
    custodian_id uuid NOT NULL,
    sealed_share bytea NOT NULL,
    salt bytea NOT NULL,
    commitment bytea NOT NULL,
    submitted_share bytea,
    submitted_at timestamptz,
    refused_reason text,
    CONSTRAINT seat_pkey PRIMARY KEY (opening_id, index),
    CONSTRAINT seat_custodian_key UNIQUE (opening_id, custodian_id),
    CONSTRAINT seat_opening_fkey FOREIGN KEY (opening_id) REFERENCES opening (id)
);
CREATE INDEX seat_custodian_idx ON seat (custodian_id, opening_id);

ALTER TABLE opening
    DROP COLUMN custodian_id,
    DROP COLUMN sealed_share,
    DROP COLUMN submitted_share,
    DROP COLUMN refused_share_reason;

-- The second envelope, where there are two; sealed to a key of its own.
ALTER TABLE bid_version
    ADD COLUMN technical bytea,
    ADD COLUMN technical_sha256 bytea,
    ADD CONSTRAINT bid_version_technical_is_hashed CHECK (
        (technical IS NULL) = (technical_sha256 IS NULL)
    );
CREATE INDEX bid_vendor_idx ON bid (vendor_id, id);

-- What was sealed, as canonical JSON, from the opening on.
ALTER TABLE unsealed_bid ADD COLUMN content text;

-- One row for each lot of each package that a bid offers.
CREATE TABLE package (
    bid_id uuid NOT NULL,
    place integer NOT NULL,
    lot_id uuid NOT NULL,
    price_e4 bigint NOT NULL,
    CONSTRAINT package_pkey PRIMARY KEY (bid_id, place, lot_id),
    CONSTRAINT package_bid_fkey FOREIGN KEY (bid_id) REFERENCES unsealed_bid (bid_id),
    CONSTRAINT package_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id)
);
CREATE INDEX package_lot_idx ON package (lot_id);
COMMENT ON TABLE package IS 'append-only: what an opening brought to light stays as it was found';

-- What a technical envelope held, and whether it passes; the price of one that does not stays shut.
CREATE TABLE technical_part (
    bid_id uuid NOT NULL,
    opening_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    content text,
    failure text,
    is_passed boolean,
    reason text,
    CONSTRAINT technical_part_pkey PRIMARY KEY (bid_id),
    CONSTRAINT technical_part_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id),
    CONSTRAINT technical_part_opening_fkey FOREIGN KEY (opening_id) REFERENCES opening (id),
    CONSTRAINT technical_part_opened_or_failed CHECK ((content IS NULL) <> (failure IS NULL)),
    CONSTRAINT technical_part_failed_is_judged CHECK (failure IS NULL OR NOT is_passed)
);
CREATE INDEX technical_part_opening_idx ON technical_part (opening_id);
