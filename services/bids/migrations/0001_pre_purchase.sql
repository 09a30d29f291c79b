-- A purchase from requirement to award. Prices are ten-thousandths of the currency's unit (_e4),
-- totals its minor unit (_minor), quantities exact to a thousandth.

CREATE TABLE party (
    id uuid NOT NULL,
    kind text NOT NULL,
    reference text NOT NULL,
    name text NOT NULL,
    area text NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT party_pkey PRIMARY KEY (id),
    CONSTRAINT party_kind_reference_key UNIQUE (kind, reference),
    CONSTRAINT party_kind_known CHECK (kind IN ('buyer', 'member', 'vendor', 'custodian'))
);

CREATE TABLE custodian_key (
    custodian_id uuid NOT NULL,
    public_key bytea NOT NULL,
    registered_at timestamptz NOT NULL,
    CONSTRAINT custodian_key_pkey PRIMARY KEY (custodian_id)
);

CREATE TABLE requirement (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    reference text NOT NULL,
    category text NOT NULL,
    item_code text NOT NULL,
    specification text NOT NULL,
    unit text NOT NULL,
    quantity numeric(13, 3) NOT NULL,
    commitment text NOT NULL,
    need_by date NOT NULL,
    term_months integer NOT NULL,
    delivery_area text NOT NULL,
    currency text NOT NULL,
    baseline_price_e4 bigint,
    import_id uuid,
    stated_at timestamptz NOT NULL,
    CONSTRAINT requirement_pkey PRIMARY KEY (id),
    CONSTRAINT requirement_member_reference_key UNIQUE (member_id, reference),
    CONSTRAINT requirement_member_fkey FOREIGN KEY (member_id) REFERENCES party (id),
    CONSTRAINT requirement_quantity_positive CHECK (quantity > 0),
    CONSTRAINT requirement_commitment_known CHECK (commitment IN ('firm', 'estimate'))
);
CREATE INDEX requirement_item_idx ON requirement (category, item_code);
CREATE INDEX requirement_import_idx ON requirement (import_id) WHERE import_id IS NOT NULL;

CREATE TABLE rfp (
    id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    title text NOT NULL,
    currency text NOT NULL,
    consortium_model text NOT NULL,
    policy_profile text NOT NULL,
    custodian_id uuid NOT NULL,
    standstill_s integer NOT NULL,
    status text NOT NULL,
    closes_at timestamptz NOT NULL,
    drafted_at timestamptz NOT NULL,
    published_at timestamptz,
    cancelled_reason text,
    CONSTRAINT rfp_pkey PRIMARY KEY (id),
    CONSTRAINT rfp_status_known CHECK (status IN ('draft', 'published', 'closed', 'cancelled'))
);

CREATE TABLE lot (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    number integer NOT NULL,
    title text NOT NULL,
    category text NOT NULL,
    item_code text NOT NULL,
    specification text NOT NULL,
    unit text NOT NULL,
    term_months integer NOT NULL,
    delivery_area text NOT NULL,
    quantity numeric(13, 3) NOT NULL,
    status text NOT NULL,
    CONSTRAINT lot_pkey PRIMARY KEY (id),
    CONSTRAINT lot_rfp_number_key UNIQUE (rfp_id, number),
    CONSTRAINT lot_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT lot_status_known CHECK (
        status IN (
            'draft', 'open', 'closed', 'evaluated', 'auctioning', 'intended', 'awarded',
            'no_award', 'cancelled'
        )
    )
);

CREATE TABLE share (
    lot_id uuid NOT NULL,
    requirement_id uuid NOT NULL,
    member_id uuid NOT NULL,
    quantity numeric(13, 3) NOT NULL,
    CONSTRAINT share_pkey PRIMARY KEY (lot_id, requirement_id),
    CONSTRAINT share_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT share_requirement_fkey FOREIGN KEY (requirement_id) REFERENCES requirement (id)
);
CREATE INDEX share_requirement_idx ON share (requirement_id);

-- The gate: whoever files a bid holds this row FOR SHARE, whoever closes takes it FOR UPDATE.
CREATE TABLE opening (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    status text NOT NULL,
    closes_at timestamptz NOT NULL,
    public_key bytea NOT NULL,
    custodian_id uuid NOT NULL,
    sealed_share bytea NOT NULL,
    merkle_root bytea,
    opener_key bytea,
    submitted_share bytea,
    refused_share_reason text,
    closed_at timestamptz,
    unsealed_at timestamptz,
    CONSTRAINT opening_pkey PRIMARY KEY (id),
    CONSTRAINT opening_rfp_key UNIQUE (rfp_id),
    CONSTRAINT opening_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT opening_status_known CHECK (status IN ('sealed', 'closed', 'unsealed', 'cancelled'))
);
CREATE INDEX opening_closes_idx ON opening (closes_at) WHERE status = 'sealed';

-- The head of an opening's chain: its row lock puts filings into one order (the log index).
CREATE TABLE opening_log (
    opening_id uuid NOT NULL,
    CONSTRAINT opening_log_pkey PRIMARY KEY (opening_id),
    CONSTRAINT opening_log_opening_fkey FOREIGN KEY (opening_id) REFERENCES opening (id)
);

CREATE TABLE bid (
    id uuid NOT NULL,
    opening_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    latest_version integer NOT NULL,
    is_withdrawn boolean NOT NULL,
    CONSTRAINT bid_pkey PRIMARY KEY (id),
    CONSTRAINT bid_lot_vendor_key UNIQUE (lot_id, vendor_id),
    CONSTRAINT bid_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT bid_opening_fkey FOREIGN KEY (opening_id) REFERENCES opening (id)
);
CREATE INDEX bid_opening_idx ON bid (opening_id);

CREATE TABLE bid_version (
    id uuid NOT NULL,
    bid_id uuid NOT NULL,
    version integer NOT NULL,
    sealed bytea,
    sealed_sha256 bytea,
    received_at timestamptz NOT NULL,
    log_index bigint NOT NULL,
    receipt text NOT NULL,
    CONSTRAINT bid_version_pkey PRIMARY KEY (id),
    CONSTRAINT bid_version_number_key UNIQUE (bid_id, version),
    CONSTRAINT bid_version_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id),
    CONSTRAINT bid_version_sealed_is_hashed CHECK ((sealed IS NULL) = (sealed_sha256 IS NULL))
);
COMMENT ON TABLE bid_version IS 'append-only: every version of every bid; a withdrawal carries no sealed text';

CREATE TABLE unsealed_bid (
    bid_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    version integer NOT NULL,
    received_at timestamptz NOT NULL,
    price_e4 bigint,
    failure text,
    rank integer,
    score numeric(9, 6),
    CONSTRAINT unsealed_bid_pkey PRIMARY KEY (bid_id),
    CONSTRAINT unsealed_bid_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id),
    CONSTRAINT unsealed_bid_opened_or_failed CHECK ((price_e4 IS NULL) <> (failure IS NULL))
);
CREATE INDEX unsealed_bid_lot_idx ON unsealed_bid (lot_id, rank);
COMMENT ON TABLE unsealed_bid IS 'append-only: what an opening brought to light stays as it was found';

CREATE TABLE auction_standing (
    lot_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    auction_id uuid NOT NULL,
    place integer NOT NULL,
    rank integer NOT NULL,
    price_e4 bigint NOT NULL,
    CONSTRAINT auction_standing_pkey PRIMARY KEY (lot_id, vendor_id),
    CONSTRAINT auction_standing_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id)
);
COMMENT ON TABLE auction_standing IS 'append-only: the final ranking of a lot''s auction';

CREATE TABLE award (
    id uuid NOT NULL,
    lot_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    price_e4 bigint NOT NULL,
    currency text NOT NULL,
    quantity numeric(13, 3) NOT NULL,
    total_minor bigint NOT NULL,
    reason text,
    status text NOT NULL,
    intended_at timestamptz NOT NULL,
    standstill_ends_at timestamptz NOT NULL,
    made_at timestamptz,
    CONSTRAINT award_pkey PRIMARY KEY (id),
    CONSTRAINT award_lot_key UNIQUE (lot_id),
    CONSTRAINT award_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT award_status_known CHECK (status IN ('intended', 'made'))
);
CREATE INDEX award_standstill_idx ON award (standstill_ends_at) WHERE status = 'intended';

CREATE TABLE award_line (
    id uuid NOT NULL,
    award_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    member_id uuid NOT NULL,
    quantity numeric(13, 3) NOT NULL,
    total_minor bigint NOT NULL,
    baseline_total_minor bigint,
    CONSTRAINT award_line_pkey PRIMARY KEY (id),
    CONSTRAINT award_line_member_key UNIQUE (award_id, member_id),
    CONSTRAINT award_line_award_fkey FOREIGN KEY (award_id) REFERENCES award (id)
);
CREATE INDEX award_line_page_idx ON award_line (award_id, id);
COMMENT ON TABLE award_line IS 'append-only: what a member was told of its part does not change';
