-- Half a million shares are written at once. PostgreSQL checks a foreign key row by row, and locks each
-- row that is referred to, which took two thirds of that time. Nothing deletes a requirement; a lot is
-- deleted by the pool that replaces it, after its shares; and a pool reads both in the transaction in
-- which it writes the shares.

ALTER TABLE share DROP CONSTRAINT share_lot_fkey;
ALTER TABLE share DROP CONSTRAINT share_requirement_fkey;
COMMENT ON TABLE share IS 'lot_id and requirement_id refer to rows that were read in the same transaction';
