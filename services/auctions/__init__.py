"""Owns auctions, offers, the live picture.

Hears auction.requested, rfp.cancelled.
Tells auction.scheduled, .refused, .opened, .lead_changed, .extended, .closed, .cancelled.
"""
