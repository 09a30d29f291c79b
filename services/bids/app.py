"""Put the bids service together: the only file that knows what fills which port."""

import secrets
from collections.abc import Sequence
from functools import partial
from typing import Final

from aiohttp import web

from services.bids.api import api
from services.bids.api.awards import AUCTIONING, AWARDING
from services.bids.api.bids import SEALED_BIDDING
from services.bids.api.openings import CUSTODY
from services.bids.api.parties import PARTIES
from services.bids.api.requirements import REQUIREMENTS
from services.bids.api.rfps import RFPS
from services.bids.consumer import handlers_of
from services.bids.domain.bids import NONCE_BYTES
from services.bids.settings import BidsSettings
from services.bids.store.auctioning import AuctioningStore
from services.bids.store.awards import AwardStore
from services.bids.store.bids import BidStore
from services.bids.store.openings import OpeningStore
from services.bids.store.parties import PostgresPartyStore
from services.bids.store.requirements import PostgresRequirementStore
from services.bids.store.rfps import PostgresRfpStore
from services.bids.store.unsealing import UnsealingStore
from services.bids.usecases.auctioning import Auctioning
from services.bids.usecases.awards import Awarding
from services.bids.usecases.bids import ReceiptSigner, SealedBidding
from services.bids.usecases.openings import Closing, Custody
from services.bids.usecases.parties import Parties
from services.bids.usecases.requirements import Requirements
from services.bids.usecases.rfps import Rfps
from services.bids.usecases.unsealing import Opener
from services.bids.worker import AwardFinisher, Closer, Unsealer, repeat
from shared import house
from shared.house import House
from shared.lease import LeaseHolder
from shared.receipts import load_signing_key

OPENER_LEASE: Final = "opener"


async def main() -> None:
    """Run the service until it is told to stop."""
    settings = BidsSettings.load()
    async with house.open_house(settings, service="bids") as opened:
        await _run(opened, settings)


async def _run(opened: House, settings: BidsSettings) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    openings = OpeningStore(pool, journal)
    awarding = Awarding(AwardStore(pool, journal), clock=clock)
    auctioning = Auctioning(AuctioningStore(pool, journal), clock=clock, draw=_shuffled)
    lease = LeaseHolder(pool, OPENER_LEASE, holder=opened.holder, lease_s=settings.lease_s)
    workers = (
        Closer(Closing(openings, intake_grace_s=settings.intake_grace_s)),
        Unsealer(Opener(UnsealingStore(pool, journal), lease)),
        AwardFinisher(awarding),
    )

    def fill(app: web.Application) -> None:
        _fill_purchase(app, opened)
        app[SEALED_BIDDING] = _sealed_bidding(opened, settings)
        app[CUSTODY] = Custody(openings, clock=clock)
        app[AUCTIONING] = auctioning
        app[AWARDING] = awarding

    await house.run(
        opened,
        api,
        fill=fill,
        handlers=handlers_of(auctioning),
        loops=[partial(repeat, worker, clock) for worker in workers],
    )


def _fill_purchase(app: web.Application, opened: House) -> None:
    pool, journal, clock = opened.pool, opened.journal, opened.clock
    parties = PostgresPartyStore(pool, journal)
    app[PARTIES] = Parties(parties, clock=clock)
    app[REQUIREMENTS] = Requirements(PostgresRequirementStore(pool, journal), parties, clock=clock)
    app[RFPS] = Rfps(PostgresRfpStore(pool, journal), parties, clock=clock)


def _sealed_bidding(opened: House, settings: BidsSettings) -> SealedBidding:
    return SealedBidding(
        BidStore(opened.pool, opened.journal),
        ReceiptSigner(load_signing_key(settings.receipt_seed())),
        clock=opened.clock,
        deadline_s=settings.filing_deadline_s,
        new_nonce=partial(secrets.token_bytes, NONCE_BYTES),
    )


def _shuffled(count: int) -> Sequence[int]:
    """Draw an order by lot, so that an alias tells nothing of its vendor."""
    order = list(range(count))
    secrets.SystemRandom().shuffle(order)
    return order
