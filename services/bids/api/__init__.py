"""Answer over HTTP: parse, one use case, render."""

from typing import Final

from services.bids.api import (
    amendments,
    award_course,
    awards,
    bids,
    cases,
    ceremonies,
    disclosures,
    documents,
    drafts,
    invitations,
    lot_auctions,
    membership,
    openings,
    parties,
    pools,
    profiles,
    publishing,
    questions,
    records,
    registrations,
    requirements,
    rfps,
    scenarios,
    scoring,
    screens,
    technical,
    volumes,
    withdrawals,
)
from shared.web import Api

api: Final = Api("bids", title="Commonlot bids", version="1")

for part in (
    parties,
    registrations,
    membership,
    requirements,
    drafts,
    rfps,
    amendments,
    questions,
    invitations,
    profiles,
    pools,
    volumes,
    cases,
    documents,
    bids,
    openings,
    ceremonies,
    records,
    technical,
    scoring,
    scenarios,
    lot_auctions,
    awards,
    award_course,
    withdrawals,
    disclosures,
    publishing,
    screens,
):
    api.include(part.routes)
