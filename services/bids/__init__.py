"""Owns parties, requirements, RFPs, lots, sealed bids, openings, scores and awards.

Hears auction.scheduled, .refused, .closed, .cancelled.
Tells rfp.published, .amended, .question_answered, .vendor_invited, .cancelled; lot.opened, .closed;
bids.unsealed; auction.requested; award.*.
"""
