-- Which documents of a bid are read with the prices alone. Those that were listed before may tell a price,
-- and so may those that a process of an earlier release still writes: they are taken to tell one.

ALTER TABLE bid_document ADD COLUMN with_prices boolean NOT NULL DEFAULT true;

-- A protest loses its object when its award is withdrawn before it is decided.
ALTER TABLE protest
    ADD COLUMN moot_at timestamptz,
    ADD CONSTRAINT protest_moot_undecided CHECK (moot_at IS NULL OR is_upheld IS NULL);
