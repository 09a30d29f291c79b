"""The three services of a purchase; they share events, never tables or calls."""
