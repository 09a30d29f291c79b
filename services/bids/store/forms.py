"""Read what the bids of a solicitation are checked against."""

from typing import Final

from pydantic import TypeAdapter

from services.bids.domain.bids import Envelope
from services.bids.domain.ceremony import Purpose
from services.bids.domain.forms import StatedForm
from services.bids.domain.openings import OpeningUnknown
from services.bids.domain.rfps import LOTS_MAX
from services.bids.ports.purchase import Part
from services.bids.ports.sealed import PublishedForm
from services.bids.store.lots import LotStore
from shared.db import Connection
from shared.domain.bid_forms import BidForm
from shared.domain.ids import LotId, OpeningId, PartyId, RfpId
from shared.domain.money import Currency

_FORM: Final = """-- bids.read_form
SELECT rfp.currency, rfp.closes_at, rfp.form, (
    SELECT count(*) FROM opening AS sealed
    WHERE sealed.rfp_id = rfp.id AND sealed.purpose <> 'rehearsal'
) AS envelopes
FROM opening JOIN rfp ON rfp.id = opening.rfp_id WHERE opening.id = $1
"""

_LOTS: Final = """-- bids.read_lots_of_form
SELECT lot.id, lot.quantity FROM opening JOIN lot ON lot.rfp_id = opening.rfp_id
WHERE opening.id = $1
"""


_STATED_OF: Final = """-- bids.read_stated_form
SELECT form FROM rfp WHERE id = $1
"""

NOTHING: Final = StatedForm()
"""What an RFP asks of bids that stated nothing."""

_STATED: Final = TypeAdapter(StatedForm)

_OPENINGS: Final = """-- bids.read_openings_of_form
SELECT id, purpose, public_key FROM opening WHERE rfp_id = $1 AND purpose <> 'rehearsal'
"""


async def read_published_form(
    connection: Connection, rfp_id: RfpId, viewer_id: PartyId | None
) -> PublishedForm:
    """Read the form of a published RFP, with its lots and the keys that bids are sealed to.

    A vendor is shown the lots that are for its regions.

    Raises:
        OpeningUnknown: No such RFP, or it is still a draft.
    """
    envelopes = {
        row["purpose"]: Envelope(OpeningId(row["id"]), row["public_key"])
        for row in await connection.fetch(_OPENINGS, rfp_id)
    }
    price = envelopes.get(Purpose.PRICE)
    if price is None:
        raise OpeningUnknown
    return PublishedForm(
        rfp_id=rfp_id,
        form=await read_form(connection, price.opening_id),
        price=price,
        technical=envelopes.get(Purpose.TECHNICAL),
        lots=tuple(
            await LotStore().page_of(connection, rfp_id, Part(None, LOTS_MAX), viewer_id=viewer_id)
        ),
        attestations=(
            form_of(await connection.fetchval(_STATED_OF, rfp_id)) or NOTHING
        ).attestations,
    )


async def read_form(connection: Connection, opening_id: OpeningId) -> BidForm:
    """Read the form of an opening's RFP."""
    row = await connection.fetchrow(_FORM, opening_id)
    assert row is not None, "an opening without its RFP"
    lots = await connection.fetch(_LOTS, opening_id)
    stated = form_of(row["form"]) or NOTHING
    return BidForm(
        currency=Currency(row["currency"]),
        closes_at=row["closes_at"],
        lots={LotId(lot["id"]): lot["quantity"] for lot in lots},
        asked=stated.asked,
        attestations=stated.names,
        envelopes=row["envelopes"],
    )


def form_of(text: str | None) -> StatedForm | None:
    """Read what an RFP asks of bids; None where that was not stated, as in a draft."""
    return None if text is None else _STATED.validate_json(text)
