"""Publish what was decided of an RFP as one document, and decide it all again from that document.

`bundle` is the document's shape (`coop-award/1`), `reading` its one written form, `composing` fills
it. `rebuilding` makes of it what the rules were given; `sealed`, `scores`, `scenarios` and `awards`
let the very rules decide again, and `verdict` tells the first thing that differs.
"""
