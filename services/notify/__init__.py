"""Owns endpoints, deliveries and attempts.

Hears every type of bids and auctions that declares an audience.
Tells delivery.exhausted and endpoint.disabled.
"""
