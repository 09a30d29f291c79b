-- One row per auction holds the log's head and the standings, the vendors in a fixed order.

CREATE TABLE row_auction (
    id uuid NOT NULL,
    step_e4 bigint NOT NULL,
    opens_at timestamptz NOT NULL,
    closes_at timestamptz NOT NULL,
    sequence bigint NOT NULL,
    hash bytea NOT NULL,
    vendor_ids uuid[] NOT NULL,
    aliases text[] NOT NULL,
    prices_e4 bigint[] NOT NULL,
    CONSTRAINT row_auction_pkey PRIMARY KEY (id)
);

CREATE TABLE row_log (
    auction_id uuid NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    entry text NOT NULL,
    hash bytea NOT NULL,
    vendor_id uuid,
    idempotency_key text,
    CONSTRAINT row_log_pkey PRIMARY KEY (auction_id, sequence),
    CONSTRAINT row_log_idempotency_key UNIQUE (auction_id, vendor_id, idempotency_key)
);
