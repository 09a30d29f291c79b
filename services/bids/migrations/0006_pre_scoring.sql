-- Scoring: how an RFP's bids are scored, who judges them, what each gave, and what was set aside.

-- `plan` is canonical JSON; without a row an RFP is scored by its criteria, lowest over this.
CREATE TABLE scoring_plan (
    rfp_id uuid NOT NULL,
    plan text NOT NULL,
    stated_at timestamptz NOT NULL,
    CONSTRAINT scoring_plan_pkey PRIMARY KEY (rfp_id),
    CONSTRAINT scoring_plan_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id)
);

CREATE TABLE scoring_panel (
    rfp_id uuid NOT NULL,
    name text NOT NULL,
    criteria text[] NOT NULL,
    evaluator_ids uuid[] NOT NULL,
    CONSTRAINT scoring_panel_pkey PRIMARY KEY (rfp_id, name),
    CONSTRAINT scoring_panel_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id)
);

CREATE TABLE conflict_declaration (
    rfp_id uuid NOT NULL,
    evaluator_id uuid NOT NULL,
    has_conflict boolean NOT NULL,
    statement text NOT NULL,
    declared_at timestamptz NOT NULL,
    CONSTRAINT conflict_declaration_pkey PRIMARY KEY (rfp_id, evaluator_id, has_conflict),
    CONSTRAINT conflict_declaration_rfp_fkey FOREIGN KEY (rfp_id) REFERENCES rfp (id)
);
COMMENT ON TABLE conflict_declaration IS 'append-only: a conflict that arises is a further row';

CREATE TABLE individual_score (
    lot_id uuid NOT NULL,
    bid_id uuid NOT NULL,
    criterion text NOT NULL,
    evaluator_id uuid NOT NULL,
    version integer NOT NULL,
    mark numeric NOT NULL,
    comment text NOT NULL,
    scored_at timestamptz NOT NULL,
    CONSTRAINT individual_score_pkey
        PRIMARY KEY (lot_id, bid_id, criterion, evaluator_id, version),
    CONSTRAINT individual_score_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT individual_score_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id)
);
COMMENT ON TABLE individual_score IS 'append-only: a score that changes is a further version';

CREATE TABLE agreed_score (
    lot_id uuid NOT NULL,
    bid_id uuid NOT NULL,
    criterion text NOT NULL,
    version integer NOT NULL,
    mark numeric NOT NULL,
    reason text NOT NULL,
    agreed_at timestamptz NOT NULL,
    CONSTRAINT agreed_score_pkey PRIMARY KEY (lot_id, bid_id, criterion, version),
    CONSTRAINT agreed_score_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT agreed_score_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id)
);
COMMENT ON TABLE agreed_score IS 'append-only: a score that is agreed anew is a further version';

CREATE TABLE price_release (
    lot_id uuid NOT NULL,
    released_at timestamptz NOT NULL,
    CONSTRAINT price_release_pkey PRIMARY KEY (lot_id),
    CONSTRAINT price_release_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id)
);
COMMENT ON TABLE price_release IS 'append-only: from here on a lot''s technical scores stand';

CREATE TABLE disqualification (
    bid_id uuid NOT NULL,
    lot_id uuid NOT NULL,
    place integer NOT NULL,
    reason text NOT NULL,
    decided_at timestamptz NOT NULL,
    CONSTRAINT disqualification_pkey PRIMARY KEY (bid_id),
    CONSTRAINT disqualification_place_key UNIQUE (lot_id, place),
    CONSTRAINT disqualification_lot_fkey FOREIGN KEY (lot_id) REFERENCES lot (id),
    CONSTRAINT disqualification_bid_fkey FOREIGN KEY (bid_id) REFERENCES bid (id)
);
COMMENT ON TABLE disqualification IS 'append-only: a bid that was set aside, and the written reason';
