-- What the cooperative knows of its members and vendors, who may act for whom, and by which rule a
-- lot's quantity came about. Rates are whole percent.

CREATE TABLE member_profile (
    member_id uuid NOT NULL,
    kind text NOT NULL,
    enrolment integer,
    hazard_zone text NOT NULL,
    category_one_percent integer,
    category_two_percent integer,
    CONSTRAINT member_profile_pkey PRIMARY KEY (member_id),
    CONSTRAINT member_profile_member_fkey FOREIGN KEY (member_id) REFERENCES party (id),
    CONSTRAINT member_profile_kind_known CHECK (
        kind IN ('district', 'educational_service_agency', 'nonprofit')
    ),
    CONSTRAINT member_profile_category_one_whole CHECK (category_one_percent BETWEEN 0 AND 100),
    CONSTRAINT member_profile_category_two_whole CHECK (category_two_percent BETWEEN 0 AND 100)
);

CREATE TABLE member_authority (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    kind text NOT NULL,
    document_sha256 bytea NOT NULL,
    signed_on date NOT NULL,
    recorded_at timestamptz NOT NULL,
    CONSTRAINT member_authority_pkey PRIMARY KEY (id),
    CONSTRAINT member_authority_document_key UNIQUE (member_id, document_sha256),
    CONSTRAINT member_authority_member_fkey FOREIGN KEY (member_id) REFERENCES party (id)
);
COMMENT ON TABLE member_authority IS 'append-only: by which document a member lets the cooperative buy for it';

CREATE TABLE vendor_profile (
    vendor_id uuid NOT NULL,
    registration text NOT NULL,
    category_prefixes text[] NOT NULL,
    regions text[] NOT NULL,
    qualified_until date,
    CONSTRAINT vendor_profile_pkey PRIMARY KEY (vendor_id),
    CONSTRAINT vendor_profile_vendor_fkey FOREIGN KEY (vendor_id) REFERENCES party (id)
);

CREATE TABLE authorisation (
    id uuid NOT NULL,
    member_id uuid NOT NULL,
    agency_id uuid NOT NULL,
    granted_at timestamptz NOT NULL,
    ended_at timestamptz,
    CONSTRAINT authorisation_pkey PRIMARY KEY (id),
    CONSTRAINT authorisation_member_fkey FOREIGN KEY (member_id) REFERENCES party (id),
    CONSTRAINT authorisation_agency_fkey FOREIGN KEY (agency_id) REFERENCES party (id),
    CONSTRAINT authorisation_of_another CHECK (member_id <> agency_id)
);
CREATE UNIQUE INDEX authorisation_standing_key ON authorisation (agency_id, member_id)
    WHERE ended_at IS NULL;
CREATE INDEX authorisation_member_idx ON authorisation (member_id);

-- A lot without a row here is the plain sum of its shares.
CREATE TABLE lot_volume (
    lot_id uuid NOT NULL,
    rule text NOT NULL,
    basis text NOT NULL,
    terms jsonb NOT NULL,
    demand numeric(13, 3) NOT NULL,
    firm numeric(13, 3) NOT NULL,
    CONSTRAINT lot_volume_pkey PRIMARY KEY (lot_id),
    CONSTRAINT lot_volume_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT lot_volume_rule_known CHECK (
        rule IN ('sum', 'coincidence', 'largest_needs', 'sessions', 'posts')
    ),
    CONSTRAINT lot_volume_basis_known CHECK (basis IN ('demand', 'attendance'))
);
