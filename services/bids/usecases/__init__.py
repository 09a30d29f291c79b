"""Do what callers ask: one method per command, no rule and no SQL."""
