-- Which documents of a bid are read with the prices alone. Those that were listed before may tell a price,
-- and so may those that a process of an earlier release still writes: they are taken to tell one.

ALTER TABLE bid_document ADD COLUMN with_prices boolean NOT NULL DEFAULT true;
