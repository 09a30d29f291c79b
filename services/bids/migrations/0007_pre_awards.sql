-- Awards: split among vendors, approved by a second person, protested against, answered by members
-- and withdrawn. A lot's lines are written when it is decided, and hold when the award is made.

ALTER TABLE award
    DROP CONSTRAINT award_lot_key,
    DROP CONSTRAINT award_status_known,
    ALTER COLUMN intended_at DROP NOT NULL,
    ALTER COLUMN standstill_ends_at DROP NOT NULL,
    ADD COLUMN decided_at timestamptz,
    ADD COLUMN decided_by text NOT NULL DEFAULT '',
    ADD COLUMN approved_by text,
    ADD COLUMN scenario_id uuid,
    ADD COLUMN suspended_at timestamptz,
    ADD COLUMN answers_end_at timestamptz,
    ADD COLUMN ended_at timestamptz,
    ADD COLUMN ended_reason text,
    ADD CONSTRAINT award_scenario_fkey FOREIGN KEY (scenario_id) REFERENCES scenario (id),
    ADD CONSTRAINT award_status_known
        CHECK (status IN ('proposed', 'intended', 'recommended', 'made', 'withdrawn'));
UPDATE award SET decided_at = intended_at;
ALTER TABLE award ALTER COLUMN decided_at SET NOT NULL;
CREATE UNIQUE INDEX award_standing_idx ON award (lot_id, vendor_id) WHERE status <> 'withdrawn';
CREATE INDEX award_lot_idx ON award (lot_id, decided_at);
CREATE INDEX award_answers_idx ON award (answers_end_at) WHERE status = 'recommended';

ALTER TABLE award_line ADD COLUMN margin_minor bigint;

CREATE TABLE protest (
    id uuid NOT NULL,
    lot_id uuid NOT NULL,
    vendor_id uuid NOT NULL,
    grounds text NOT NULL,
    filed_at timestamptz NOT NULL,
    is_upheld boolean,
    decision text,
    decided_at timestamptz,
    CONSTRAINT protest_pkey PRIMARY KEY (id),
    CONSTRAINT protest_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT protest_decided_whole CHECK (
        (is_upheld IS NULL) = (decision IS NULL) AND (is_upheld IS NULL) = (decided_at IS NULL)
    )
);
CREATE INDEX protest_lot_idx ON protest (lot_id, filed_at, id);

CREATE TABLE award_line_answer (
    award_line_id uuid NOT NULL,
    version integer NOT NULL,
    accepts boolean NOT NULL,
    answered_by text NOT NULL,
    answered_at timestamptz NOT NULL,
    CONSTRAINT award_line_answer_pkey PRIMARY KEY (award_line_id, version),
    CONSTRAINT award_line_answer_line_fkey FOREIGN KEY (award_line_id) REFERENCES award_line (id)
);
COMMENT ON TABLE award_line_answer IS 'append-only: what a member says to its line; the last holds';
