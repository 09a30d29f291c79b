"""Keep endpoints, deliveries and attempts in PostgreSQL: one method per query."""
