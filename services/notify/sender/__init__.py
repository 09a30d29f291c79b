"""Send what is due: claim, post, record; no receiver waits for another."""
