-- A solicitation whole: its terms, addenda, questions, invitations, and who sees which lot.
-- Every new column has a default, so that code that does not know it goes on.

-- `terms` is canonical JSON of what the buyer wrote beside the first columns: method, criteria, the
-- consortium model's own terms. `earliest_award_on` is a day in the policy profile's time zone, and
-- `earliest_award_at` the instant at which that day begins there.
ALTER TABLE rfp
    ADD COLUMN terms text NOT NULL DEFAULT '{}',
    ADD COLUMN drafted_by text NOT NULL DEFAULT '',
    ADD COLUMN approved_by text,
    ADD COLUMN approved_sha256 bytea,
    ADD COLUMN drafted_from uuid,
    ADD COLUMN addendum integer NOT NULL DEFAULT 0,
    ADD COLUMN earliest_award_on date,
    ADD COLUMN earliest_award_at timestamptz,
    ADD COLUMN profile_sha256 bytea,
    ADD CONSTRAINT rfp_drafted_from_fkey FOREIGN KEY (drafted_from) REFERENCES rfp (id),
    ADD CONSTRAINT rfp_earliest_award_whole CHECK (
        (earliest_award_on IS NULL) = (earliest_award_at IS NULL)
    );

CREATE TABLE rfp_template (
    id uuid NOT NULL,
    buyer_id uuid NOT NULL,
    name text NOT NULL,
    rfp_id uuid NOT NULL,
    made_at timestamptz NOT NULL,
    CONSTRAINT rfp_template_pkey PRIMARY KEY (id),
    CONSTRAINT rfp_template_name_key UNIQUE (buyer_id, name),
    CONSTRAINT rfp_template_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id)
);

-- A lot with rows here is seen by the vendors that serve one of its regions, and by no other vendor.
CREATE TABLE lot_region (
    lot_id uuid NOT NULL,
    region text NOT NULL,
    CONSTRAINT lot_region_pkey PRIMARY KEY (lot_id, region),
    CONSTRAINT lot_region_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id) ON DELETE CASCADE
);

CREATE TABLE addendum (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    version integer NOT NULL,
    is_substantial boolean NOT NULL,
    text text NOT NULL,
    closes_at timestamptz NOT NULL,
    issued_at timestamptz NOT NULL,
    CONSTRAINT addendum_pkey PRIMARY KEY (id),
    CONSTRAINT addendum_version_key UNIQUE (rfp_id, version),
    CONSTRAINT addendum_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id)
);
COMMENT ON TABLE addendum IS 'append-only: what vendors were told stays as it was told';

CREATE TABLE bid_confirmation (
    bid_id uuid NOT NULL,
    addendum_version integer NOT NULL,
    confirmed_at timestamptz NOT NULL,
    CONSTRAINT bid_confirmation_pkey PRIMARY KEY (bid_id, addendum_version),
    CONSTRAINT bid_confirmation_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id)
);
COMMENT ON TABLE bid_confirmation IS 'append-only: a vendor lets its bid stand under an addendum';

CREATE TABLE question (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    asker_id uuid NOT NULL,
    text text NOT NULL,
    asked_at timestamptz NOT NULL,
    published_text text,
    answer text,
    answered_at timestamptz,
    CONSTRAINT question_pkey PRIMARY KEY (id),
    CONSTRAINT question_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT question_answered_whole CHECK (
        (answer IS NULL) = (answered_at IS NULL) AND (answer IS NULL) = (published_text IS NULL)
    )
);
CREATE INDEX question_rfp_idx ON question (rfp_id, id);

-- `invited_at` is null for a vendor that answers without having been invited.
CREATE TABLE invitation (
    rfp_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    invited_at timestamptz,
    intent text,
    reason text,
    answered_at timestamptz,
    CONSTRAINT invitation_pkey PRIMARY KEY (rfp_id, vendor_id),
    CONSTRAINT invitation_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT invitation_vendor_fkey FOREIGN KEY (vendor_id) REFERENCES party (id),
    CONSTRAINT invitation_intent_known CHECK (intent IN ('bid', 'decline')),
    CONSTRAINT invitation_answered_whole CHECK ((intent IS NULL) = (answered_at IS NULL)),
    CONSTRAINT invitation_means_something CHECK (num_nonnulls(invited_at, intent) > 0)
);
