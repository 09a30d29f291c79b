"""Score bids and rank them, exactly: fractions throughout, rounded for display alone.

`plan` says by what bids are scored and `candidates` what is known of them; `formulas` turn costs
into shares of points, and `values` every method into one form; `ranking` puts bids into their
order, `ties` parts equals, `stability` and `sensitivity` say how firm the result is, `cascade`
follows disqualifications, and `low` flags prices that ask for an explanation. `panels` and
`judging` keep what evaluators think.
"""
