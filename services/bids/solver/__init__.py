"""Search for the cheapest award with HiGHS, in processes that may be killed at any time.

`model` writes a problem as a mixed-integer program, `engine` runs HiGHS on it, `search` asks,
checks and settles ties, `inquiries` asks what if, `processes` runs searches apart from the service.
Nothing here decides: what a search proposes counts only after the domain's exact check.
"""
