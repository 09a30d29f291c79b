"""Pure words of the whole house: money, ids, refusals, facts, canonical JSON."""
