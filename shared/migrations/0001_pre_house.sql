-- What every service keeps beside its own tables: chain, outbox, inbox, leases, dead letters,
-- idempotency keys. A table whose comment begins with 'append-only' is granted INSERT and SELECT.

CREATE TABLE audit (
    aggregate_id uuid NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    at timestamptz NOT NULL,
    entry text NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_pkey PRIMARY KEY (aggregate_id, sequence),
    CONSTRAINT audit_sequence_from_one CHECK (sequence >= 1),
    CONSTRAINT audit_hash_is_sha256 CHECK (length(hash) = 32)
);
COMMENT ON TABLE audit IS 'append-only: one hash chain per aggregate; hash = sha256(previous hash || entry)';

CREATE TABLE outbox (
    id bigint GENERATED ALWAYS AS IDENTITY,
    event_id uuid NOT NULL,
    type text NOT NULL,
    aggregate_id uuid NOT NULL,
    envelope text NOT NULL,
    published_at timestamptz,
    CONSTRAINT outbox_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_event_id_key UNIQUE (event_id)
);
CREATE INDEX outbox_unpublished_idx ON outbox (id) WHERE published_at IS NULL;

CREATE TABLE inbox (
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT inbox_pkey PRIMARY KEY (event_id)
);

CREATE TABLE dead_letter (
    event_id text NOT NULL,
    subject text NOT NULL,
    envelope bytea NOT NULL,
    reason text NOT NULL,
    attempts integer NOT NULL,
    buried_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    replayed_at timestamptz,
    CONSTRAINT dead_letter_pkey PRIMARY KEY (event_id)
);

CREATE TABLE lease (
    name text NOT NULL,
    holder uuid NOT NULL,
    token bigint NOT NULL,
    until timestamptz NOT NULL,
    CONSTRAINT lease_pkey PRIMARY KEY (name)
);

CREATE TABLE idempotency (
    party text NOT NULL,
    key text NOT NULL,
    route text NOT NULL,
    body_sha256 bytea,
    resource_id uuid NOT NULL,
    status integer,
    answer bytea,
    answer_type text,
    answer_headers text,
    started_at timestamptz NOT NULL,
    running_until timestamptz NOT NULL,
    CONSTRAINT idempotency_pkey PRIMARY KEY (party, key),
    CONSTRAINT idempotency_answer_whole CHECK (
        num_nulls(status, answer, answer_type, answer_headers) IN (0, 4)
    )
);
CREATE INDEX idempotency_started_at_idx ON idempotency (started_at);
