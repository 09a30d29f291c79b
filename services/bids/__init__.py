"""Owns parties, requirements, RFPs, lots, sealed bids, openings, scores and awards.

Hears auction.scheduled, .refused, .closed, .cancelled.
Tells rfp.published, .cancelled; lot.opened, .closed; bids.unsealed; auction.requested; award.*.
"""
