-- What vendors claim to be confidential, what was decided of it, and what was disclosed.

CREATE TABLE confidentiality_claim (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    bid_id uuid NOT NULL,
    part text NOT NULL,
    ground text NOT NULL,
    claimed_at timestamptz NOT NULL,
    is_granted boolean,
    reason text,
    decided_at timestamptz,
    CONSTRAINT confidentiality_claim_pkey PRIMARY KEY (id),
    CONSTRAINT confidentiality_claim_part_key UNIQUE (bid_id, part),
    CONSTRAINT confidentiality_claim_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id),
    CONSTRAINT confidentiality_claim_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT confidentiality_claim_decided_whole CHECK (
        num_nonnulls(is_granted, reason, decided_at) IN (0, 3)
    )
);
CREATE INDEX confidentiality_claim_rfp_idx ON confidentiality_claim (rfp_id, id);

-- The bundle itself is a document, so that the same record makes one document only.
CREATE TABLE disclosure (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    document_id uuid NOT NULL,
    redactions integer NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT disclosure_pkey PRIMARY KEY (id),
    CONSTRAINT disclosure_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT disclosure_document_fkey FOREIGN KEY (document_id) REFERENCES document (id)
);
CREATE INDEX disclosure_rfp_idx ON disclosure (rfp_id, id);
COMMENT ON TABLE disclosure IS 'append-only: what was handed to the public stays on record';
