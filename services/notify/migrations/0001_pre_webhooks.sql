-- Where parties receive webhooks, what is to be sent there, and every try of it.

CREATE TABLE endpoint (
    id uuid NOT NULL,
    party_id uuid NOT NULL,
    url text NOT NULL,
    event_types text[] NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    disabled_because text,
    secret_sealed bytea,
    registration_key text,
    registration_sha256 bytea,
    registered_at timestamptz NOT NULL,
    CONSTRAINT endpoint_pkey PRIMARY KEY (id),
    CONSTRAINT endpoint_registration_key_key UNIQUE (party_id, registration_key),
    CONSTRAINT endpoint_status_known CHECK (status IN ('enabled', 'disabled', 'deleted')),
    CONSTRAINT endpoint_secret_until_deleted
        CHECK ((status = 'deleted') = (secret_sealed IS NULL))
);
CREATE INDEX endpoint_party_idx ON endpoint (party_id, id) WHERE status <> 'deleted';
CREATE INDEX endpoint_event_types_idx ON endpoint USING gin (event_types)
    WHERE status <> 'deleted';

CREATE TABLE event_body (
    event_id uuid NOT NULL,
    type text NOT NULL,
    body text NOT NULL,
    CONSTRAINT event_body_pkey PRIMARY KEY (event_id)
);
COMMENT ON TABLE event_body IS 'append-only: the text that is signed and sent, once per event';

CREATE TABLE delivery (
    id uuid NOT NULL,
    endpoint_id uuid NOT NULL,
    event_id uuid NOT NULL,
    status text NOT NULL,
    attempts integer NOT NULL,
    failures integer NOT NULL,
    next_attempt_at timestamptz,
    claim_token uuid,
    claimed_until timestamptz,
    created_at timestamptz NOT NULL,
    CONSTRAINT delivery_pkey PRIMARY KEY (id),
    CONSTRAINT delivery_event_endpoint_key UNIQUE (event_id, endpoint_id),
    CONSTRAINT delivery_endpoint_fkey FOREIGN KEY (endpoint_id) REFERENCES endpoint (id),
    CONSTRAINT delivery_event_fkey FOREIGN KEY (event_id) REFERENCES event_body (event_id),
    CONSTRAINT delivery_status_known CHECK (status IN ('pending', 'delivered', 'exhausted')),
    CONSTRAINT delivery_pending_has_time
        CHECK ((status = 'pending') = (next_attempt_at IS NOT NULL)),
    CONSTRAINT delivery_claim_whole CHECK ((claim_token IS NULL) = (claimed_until IS NULL))
) WITH (fillfactor = 80);
CREATE INDEX delivery_waiting_idx ON delivery (endpoint_id, next_attempt_at, id)
    WHERE status = 'pending';
CREATE INDEX delivery_endpoint_idx ON delivery (endpoint_id, id);

CREATE TABLE attempt (
    delivery_id uuid NOT NULL,
    number integer NOT NULL,
    at timestamptz NOT NULL,
    status_code integer,
    failure text,
    latency_ms integer NOT NULL,
    answer bytea NOT NULL,
    CONSTRAINT attempt_pkey PRIMARY KEY (delivery_id, number),
    CONSTRAINT attempt_delivery_fkey FOREIGN KEY (delivery_id) REFERENCES delivery (id),
    CONSTRAINT attempt_answered_or_failed CHECK ((status_code IS NULL) = (failure IS NOT NULL))
);
COMMENT ON TABLE attempt IS 'append-only: every try of a delivery';
