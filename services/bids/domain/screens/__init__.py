"""Screen opened bids for signs of collusion: a report to the buyer, never a rejection.

`contests` says what is looked at, `spread` looks at the prices of one contest, `residuals` at what
cost does not explain, `patterns` at pairs of vendors over seasons, and `report` puts it together.

Floats are at home here and nowhere else in the domain: a screen takes roots and logarithms, ranks
where to look first, and decides nothing; no rank, award or sum of money rests on it.
"""
