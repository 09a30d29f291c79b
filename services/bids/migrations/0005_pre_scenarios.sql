-- Award scenarios: a buyer's rules, and the award that a search found under them. `rules`, `problem`
-- and `result` are JSON text in the form that `domain/winners/serial.py` writes, exact numbers
-- written as fractions.

CREATE TABLE scenario (
    id uuid NOT NULL,
    rfp_id uuid NOT NULL,
    name text NOT NULL,
    rules text NOT NULL,
    problem text NOT NULL,
    problem_sha256 bytea NOT NULL,
    seed text NOT NULL,
    seconds integer NOT NULL,
    status text NOT NULL,
    result text,
    made_at timestamptz NOT NULL,
    solved_at timestamptz,
    claimed_until timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    chosen_at timestamptz,
    chosen_reason text,
    CONSTRAINT scenario_pkey PRIMARY KEY (id),
    CONSTRAINT scenario_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id),
    CONSTRAINT scenario_status_known CHECK (status IN ('waiting', 'solved', 'failed')),
    CONSTRAINT scenario_solved_whole CHECK ((status = 'solved') = (result IS NOT NULL)),
    CONSTRAINT scenario_chosen_whole CHECK ((chosen_at IS NULL) = (chosen_reason IS NULL)),
    CONSTRAINT scenario_chosen_is_solved CHECK (chosen_at IS NULL OR status = 'solved')
);
CREATE INDEX scenario_rfp_idx ON scenario (rfp_id, id);
CREATE INDEX scenario_waiting_idx ON scenario (made_at, id) WHERE status = 'waiting';
CREATE UNIQUE INDEX scenario_chosen_key ON scenario (rfp_id) WHERE chosen_at IS NOT NULL;
