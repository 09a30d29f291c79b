"""Search for the cheapest award, in processes that may be killed at any time.

`model` writes a problem as a mixed-integer program, `highs` and `cpsat` are the engines that run on
it and `choice` chooses between them; `search` asks, `narrow` makes large programs small and `near`
proves them, `ties` settles what costs the same, `inquiries` asks what if, `processes` runs searches
apart from the service (each in a `child`), and `python -m services.bids.solver FILE` solves a
problem written down in a file, as `python -m services.bids.solver.again` does a published
scenario's.
Nothing here decides: what a search proposes counts only after the domain's exact check.
"""
