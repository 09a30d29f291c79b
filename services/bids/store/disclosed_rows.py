"""Say which rows of an RFP are the public's, in an order that depends on nothing else.

Left out on purpose: who scored what (only what a panel agreed on is told), who asked a question,
who was invited, and what members pay today.
"""

from typing import Final

SOLICITATION: Final = """-- bids.read_solicitation_to_disclose
SELECT rfp.id, rfp.title, buyer.name AS buyer, rfp.currency, rfp.consortium_model,
    rfp.policy_profile, rfp.status, rfp.published_at, rfp.closes_at, rfp.cancelled_reason, rfp.terms
FROM rfp LEFT JOIN party AS buyer ON buyer.id = rfp.buyer_id WHERE rfp.id = $1
"""

LOTS: Final = """-- bids.list_lots_to_disclose
SELECT id, number, title, category, item_code, specification, unit, term_months, delivery_area,
    trim_scale(quantity)::text AS quantity, status
FROM lot WHERE rfp_id = $1 ORDER BY number
"""

ADDENDA: Final = """-- bids.list_addenda_to_disclose
SELECT version, is_substantial, text, closes_at, issued_at
FROM addendum WHERE rfp_id = $1 ORDER BY version
"""

QUESTIONS: Final = """-- bids.list_questions_to_disclose
SELECT published_text AS question, answer, answered_at
FROM question WHERE rfp_id = $1 AND answer IS NOT NULL ORDER BY answered_at, id
"""

BIDS: Final = """-- bids.list_bids_to_disclose
SELECT EXISTS (
        SELECT FROM award WHERE award.lot_id = bid.lot_id AND award.vendor_id = bid.vendor_id
            AND award.status <> 'withdrawn'
    ) AS is_awarded, bid.id AS bid_id, bid.lot_id, lot.number AS lot, bid.vendor_id,
    vendor.name AS vendor,
    version.version, version.received_at, encode(version.sealed_sha256, 'hex') AS sealed_sha256,
    coalesce(unsealed.failure, part.failure) AS failure, unsealed.rank,
    part.is_passed AS is_technical_passed, unsealed.price_e4, unsealed.score, unsealed.content,
    part.content AS technical
FROM bid
JOIN lot ON lot.id = bid.lot_id
JOIN bid_version AS version ON version.bid_id = bid.id AND version.version = bid.latest_version
LEFT JOIN party AS vendor ON vendor.id = bid.vendor_id
LEFT JOIN unsealed_bid AS unsealed ON unsealed.bid_id = bid.id
LEFT JOIN technical_part AS part ON part.bid_id = bid.id
WHERE lot.rfp_id = $1 AND NOT bid.is_withdrawn AND num_nonnulls(unsealed.bid_id, part.bid_id) > 0
ORDER BY lot.number, unsealed.rank NULLS LAST, bid.id
"""

OFFERS: Final = """-- bids.list_offers_to_disclose
SELECT bid.id AS bid_id, lot.number AS lot, standing.rank, vendor.name AS vendor, standing.price_e4
FROM auction_standing AS standing
JOIN lot ON lot.id = standing.lot_id
LEFT JOIN bid ON bid.lot_id = standing.lot_id AND bid.vendor_id = standing.vendor_id
LEFT JOIN party AS vendor ON vendor.id = standing.vendor_id
WHERE lot.rfp_id = $1 ORDER BY lot.number, standing.place
"""

# The last version of what a panel agreed on; its reasons are working notes.
AGREED_SCORES: Final = """-- bids.list_scores_to_disclose
SELECT DISTINCT ON (lot.number, score.bid_id, score.criterion)
    lot.number AS lot, score.bid_id, score.criterion, trim_scale(score.mark)::text AS mark
FROM agreed_score AS score JOIN lot ON lot.id = score.lot_id
WHERE lot.rfp_id = $1 ORDER BY lot.number, score.bid_id, score.criterion, score.version DESC
"""

DISQUALIFICATIONS: Final = """-- bids.list_disqualifications_to_disclose
SELECT lot.number AS lot, set_aside.bid_id, set_aside.reason, set_aside.decided_at
FROM disqualification AS set_aside JOIN lot ON lot.id = set_aside.lot_id
WHERE lot.rfp_id = $1 ORDER BY lot.number, set_aside.place
"""

AWARDS: Final = """-- bids.list_awards_to_disclose
SELECT award.id, lot.number AS lot, vendor.name AS vendor, award.price_e4,
    trim_scale(award.quantity)::text AS quantity, award.total_minor, award.reason, award.status,
    award.made_at, award.ended_at, award.ended_reason
FROM award
JOIN lot ON lot.id = award.lot_id
LEFT JOIN party AS vendor ON vendor.id = award.vendor_id
WHERE lot.rfp_id = $1 AND award.made_at IS NOT NULL ORDER BY lot.number, award.id
"""

AWARD_LINES: Final = """-- bids.list_award_lines_to_disclose
SELECT line.award_id, lot.number AS lot, member.name AS member,
    trim_scale(line.quantity)::text AS quantity, line.total_minor
FROM award_line AS line
JOIN award ON award.id = line.award_id AND award.made_at IS NOT NULL
JOIN lot ON lot.id = line.lot_id
LEFT JOIN party AS member ON member.id = line.member_id
WHERE lot.rfp_id = $1 ORDER BY lot.number, line.id
"""

# Attachments first, then what bids list, each with the record by which it is kept, if it is.
DOCUMENTS: Final = """-- bids.list_documents_to_disclose
SELECT NULL::uuid AS bid_id, 0 AS lot, 0 AS place, '' AS envelope, document.name AS told_name,
    document.media_type AS told_media_type, document.sha256 AS told_sha256,
    document.length_bytes AS told_length_bytes, 'kept' AS deposit, NULL::bytea AS seal_key,
    document.id, document.owner_id, document.purpose, document.rfp_id, document.name,
    document.media_type, document.sha256, document.length_bytes, document.stored_at
FROM document WHERE document.rfp_id = $1 AND document.purpose = 'solicitation'
UNION ALL
SELECT listed.bid_id, lot.number, listed.place, listed.envelope, listed.name, listed.media_type,
    listed.sha256, listed.length_bytes, listed.deposit, listed.seal_key,
    document.id, document.owner_id, document.purpose, document.rfp_id, document.name,
    document.media_type, document.sha256, document.length_bytes, document.stored_at
FROM bid_document AS listed
JOIN bid ON bid.id = listed.bid_id
JOIN lot ON lot.id = bid.lot_id
LEFT JOIN document ON document.sha256 = listed.sealed_sha256
    AND document.owner_id = bid.vendor_id AND document.purpose = 'bid'
WHERE lot.rfp_id = $1
ORDER BY lot, bid_id NULLS FIRST, envelope, place, told_sha256
"""
