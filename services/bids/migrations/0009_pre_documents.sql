-- Documents by their hash. The bytes lie in the object store, named by hash and id.

-- A bid's document has no name and no type here: it is a sealed copy, and both stand in the bid.
CREATE TABLE document (
    id uuid NOT NULL,
    owner_id uuid NOT NULL,
    purpose text NOT NULL,
    rfp_id uuid,
    name text NOT NULL,
    media_type text NOT NULL,
    sha256 bytea NOT NULL,
    length_bytes bigint NOT NULL,
    stored_at timestamptz NOT NULL,
    CONSTRAINT document_pkey PRIMARY KEY (id),
    CONSTRAINT document_owner_key UNIQUE NULLS NOT DISTINCT (owner_id, purpose, rfp_id, sha256),
    CONSTRAINT document_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT document_purpose_known CHECK (
        purpose IN ('solicitation', 'bid', 'authority', 'disclosure')
    ),
    CONSTRAINT document_of_bid_is_nameless CHECK (purpose <> 'bid' OR name = ''),
    CONSTRAINT document_length_counted CHECK (length_bytes >= 0)
);
CREATE INDEX document_sha256_idx ON document (sha256);
CREATE INDEX document_page_idx ON document (owner_id, id);
COMMENT ON TABLE document IS 'append-only: whoever has a hash finds the same bytes for good';

-- What an opened bid told of its documents, with the keys of their sealed copies.
CREATE TABLE bid_document (
    bid_id uuid NOT NULL,
    envelope text NOT NULL,
    place integer NOT NULL,
    name text NOT NULL,
    media_type text NOT NULL,
    sha256 bytea NOT NULL,
    length_bytes bigint NOT NULL,
    sealed_sha256 bytea,
    seal_key bytea,
    deposit text NOT NULL,
    CONSTRAINT bid_document_pkey PRIMARY KEY (bid_id, envelope, place),
    CONSTRAINT bid_document_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id),
    CONSTRAINT bid_document_envelope_known CHECK (envelope IN ('price', 'technical')),
    CONSTRAINT bid_document_deposit_known CHECK (
        deposit IN ('kept', 'elsewhere', 'late', 'missing')
    ),
    CONSTRAINT bid_document_sealed_whole CHECK ((sealed_sha256 IS NULL) = (seal_key IS NULL))
);
CREATE INDEX bid_document_sha256_idx ON bid_document (sha256);
CREATE INDEX bid_document_sealed_idx ON bid_document (sealed_sha256);
COMMENT ON TABLE bid_document IS 'append-only: what an opening brought to light stays as it was found';
