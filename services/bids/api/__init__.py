"""Answer over HTTP: parse, one use case, render."""

from typing import Final

from services.bids.api import awards, bids, openings, parties, pools, requirements, rfps
from shared.web import Api

api: Final = Api("bids", title="Commonlot bids", version="1")

for part in (parties, requirements, rfps, pools, bids, openings, awards):
    api.include(part.routes)
