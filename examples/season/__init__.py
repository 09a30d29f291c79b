"""Say what a season of a cooperative plays: who needs what, who bids what, who bids live."""
