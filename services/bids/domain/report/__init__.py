"""Tell what was decided so that a school board can read it, from the bundle that anybody checks.

`figures` is what a report holds, `lots` and `whole` fill it from a bundle, and `sentences` say why.
"""
