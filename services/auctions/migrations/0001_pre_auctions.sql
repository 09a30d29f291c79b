-- Live auctions: their terms, the log that the state folds from, tickets for streams.

CREATE TABLE auction (
    id uuid NOT NULL,
    lot_id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    group_id uuid,
    terms bytea NOT NULL,
    status text NOT NULL,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    CONSTRAINT auction_pkey PRIMARY KEY (id),
    CONSTRAINT auction_status_known CHECK (
        status IN ('scheduled', 'live', 'paused', 'closed', 'cancelled')
    )
);
COMMENT ON COLUMN auction.terms IS 'what was asked for, AES-256-GCM under the vault key: it names vendors, handicaps, the reserve';
-- A paused auction keeps its desk: what runs is whatever is not over.
CREATE INDEX auction_unfinished_idx ON auction (opens_at) WHERE status NOT IN ('closed', 'cancelled');
CREATE INDEX auction_rfp_idx ON auction (rfp_id);
CREATE INDEX auction_group_idx ON auction (group_id) WHERE group_id IS NOT NULL;

-- The primary key is the last fence between two writers of one auction.
CREATE TABLE auction_log (
    auction_id uuid NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    entry text NOT NULL,
    hash bytea NOT NULL,
    vendor_id uuid,
    idempotency_key text,
    CONSTRAINT auction_log_pkey PRIMARY KEY (auction_id, sequence),
    CONSTRAINT auction_log_idempotency_key UNIQUE (auction_id, vendor_id, idempotency_key),
    CONSTRAINT auction_log_hash_is_sha256 CHECK (length(hash) = 32)
);
COMMENT ON TABLE auction_log IS 'append-only: one hash chain per auction; hash = sha256(previous hash || entry)';

-- A cancelled solicitation leaves a tombstone, so that a request that comes late is refused.
CREATE TABLE cancelled_rfp (
    rfp_id uuid NOT NULL,
    reason text NOT NULL,
    CONSTRAINT cancelled_rfp_pkey PRIMARY KEY (rfp_id)
);

CREATE TABLE stream_ticket (
    sha256 bytea NOT NULL,
    party_id uuid,
    role text NOT NULL,
    auction_id uuid,
    expires_at timestamptz NOT NULL,
    CONSTRAINT stream_ticket_pkey PRIMARY KEY (sha256)
);
CREATE INDEX stream_ticket_expires_at_idx ON stream_ticket (expires_at);
