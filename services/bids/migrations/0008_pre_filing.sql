-- What bids are asked beside their prices, and what a vendor may claim after the opening.

-- `form` is canonical JSON, made at the publication; null of drafts, and of RFPs published before.
ALTER TABLE rfp ADD COLUMN form text;

-- One claim for a bid, for it is decided once. `reason` and `evidence_sha256` are the vendor's; what
-- the buyer decided comes with its own reason.
CREATE TABLE withdrawal_claim (
    id uuid NOT NULL,
    bid_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    mistake text NOT NULL,
    reason text NOT NULL,
    evidence_sha256 bytea NOT NULL,
    claimed_at timestamptz NOT NULL,
    is_granted boolean,
    decided_reason text,
    decided_at timestamptz,
    CONSTRAINT withdrawal_claim_pkey PRIMARY KEY (id),
    CONSTRAINT withdrawal_claim_bid_key UNIQUE (bid_id),
    CONSTRAINT withdrawal_claim_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id),
    CONSTRAINT withdrawal_claim_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT withdrawal_claim_mistake_known
        CHECK (mistake IN ('arithmetic_error', 'omission', 'transcription')),
    CONSTRAINT withdrawal_claim_decided_whole CHECK (
        (is_granted IS NULL) = (decided_at IS NULL)
        AND (is_granted IS NULL) = (decided_reason IS NULL)
    )
);
CREATE INDEX withdrawal_claim_lot_idx ON withdrawal_claim (lot_id, id);
