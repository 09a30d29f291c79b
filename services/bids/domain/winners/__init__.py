"""Find who wins: the problem as data, its rules in words, and the exact check of any answer.

Nothing here searches. A solver proposes an award; `costs` and `check` say in exact numbers what it
costs and whether it keeps every rule, so that no solver's tolerance ever decides.
"""
