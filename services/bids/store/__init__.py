"""Keep a purchase in PostgreSQL: one method per query."""
