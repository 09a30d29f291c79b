"""Show Commonlot at work on whole seasons of buying."""
