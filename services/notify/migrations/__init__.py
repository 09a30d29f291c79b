"""Plain SQL, forward only; `shared.migrate` runs it."""
