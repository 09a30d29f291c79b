"""Publish a purchase as releases of the Open Contracting Data Standard, 1.1, with extensions.

`purchase` says what is told; whoever adapts to it decides what may be public yet. `releases`
renders it as plain data, in the sections of `tender`, `bids` and `awards`, from the small `parts`
that these share; `written` writes that as JSON whose numbers are exact.

Source: https://standard.open-contracting.org/1.1/en/ and the extensions that `releases` lists.
"""
