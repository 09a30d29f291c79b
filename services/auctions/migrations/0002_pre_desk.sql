-- What the log only commits to, and the signed word on each log that has ended.

CREATE TABLE auction_secret (
    auction_id uuid NOT NULL,
    sequence bigint NOT NULL,
    name text NOT NULL,
    sealed bytea NOT NULL,
    CONSTRAINT auction_secret_pkey PRIMARY KEY (auction_id, sequence)
);
COMMENT ON TABLE auction_secret IS 'append-only: values and salts that log entries commit to, AES-256-GCM under the vault key';

CREATE TABLE checkpoint (
    auction_id uuid NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    at timestamptz NOT NULL,
    token text NOT NULL,
    CONSTRAINT checkpoint_pkey PRIMARY KEY (auction_id),
    CONSTRAINT checkpoint_root_is_sha256 CHECK (length(root) = 32)
);
COMMENT ON TABLE checkpoint IS 'append-only: one signed checkpoint for each auction that is over';

-- Auctions that are over and still lack their checkpoint are looked for all the time.
CREATE INDEX auction_over_idx ON auction (closes_at) WHERE status IN ('closed', 'cancelled');
