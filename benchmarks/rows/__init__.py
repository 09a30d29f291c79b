"""Take offers under a row lock, one transaction each: the usual way, built as well as we can.

It is the yardstick of `benchmarks.hot_auction`. It has the same house, routes, bodies and answers
as the auctions service, checks the same rules, and keeps the same hash-chained log. Everything an
offer needs lies in the one locked row, so that the lock is held for two statements and a commit.
It is spared what the desk does beside: no lease, no fence, no events, no live picture.
"""
