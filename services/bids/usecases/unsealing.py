"""Open sealed bids: show an ephemeral key, take the share, open all, write all at once.

Private keys live in this process's memory alone. If it dies, its successor shows another key, and
the custodian submits again.
"""

import asyncio
from collections import defaultdict
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from services.bids.domain.evaluation import Ranked, open_bid, rank_bids
from services.bids.domain.openings import (
    Opening,
    ShareFault,
    UnsealedBid,
    decide_new_opener,
    decide_refuse_share,
    decide_unseal,
    recover_key,
)
from services.bids.ports.sealed import Lease, Unsealing, Unsealings
from shared.domain.ids import LotId, OpeningId
from shared.sealing import KeyPair, generate_key_pair

OPENINGS_MAX: Final = 500
"""How many waiting openings one step tends to; those behind wait until some are opened."""

BIDS_MAX: Final = 64
"""How many bids are opened in one go: some ten milliseconds, in which no request is heard."""


class Opener:
    """The one process that opens bids, for as long as it holds the lease.

    Each opening gets an ephemeral key pair of its own, which is dropped once the opening is over:
    the share that lies sealed in the record can then be read by nobody.
    """

    def __init__(self, unsealings: Unsealings, lease: Lease) -> None:
        """Begin without keys."""
        self._unsealings = unsealings
        self._lease = lease
        self._token: int | None = None
        self._pairs: dict[OpeningId, KeyPair] = {}

    async def waiting(self) -> list[Opening]:
        """List the openings to tend to; none while another process holds the lease."""
        token = await self._lease.token()
        if token is None or token != self._token:
            self._pairs.clear()
            self._token = token
        if token is None:
            return []
        openings = await self._unsealings.closed(limit=OPENINGS_MAX)
        standing = {opening.id for opening in openings}
        self._pairs = {key: pair for key, pair in self._pairs.items() if key in standing}
        return openings

    async def tend(self, opening: Opening, now: datetime) -> bool:
        """Bring one opening forward by a step; True once its bids are opened."""
        if self._token is None:
            return False
        pair = self._pairs.get(opening.id) or generate_key_pair()
        self._pairs[opening.id] = pair
        if opening.opener_key != pair.public:
            decide = partial(decide_new_opener, opener_key=pair.public)
            await self._unsealings.change(opening.id, decide, token=self._token, at=now)
            return False
        if opening.submitted_share is None:
            return False
        key = recover_key(opening, pair.private)
        if isinstance(key, ShareFault):
            await self._refuse(opening, opening.submitted_share, key, now)
            return False
        return await self._unseal(opening, key, now)

    async def _refuse(
        self, opening: Opening, share: bytes, fault: ShareFault, now: datetime
    ) -> None:
        if self._token is None:
            return
        decide = partial(decide_refuse_share, share=share, fault=fault)
        await self._unsealings.change(opening.id, decide, token=self._token, at=now)
        log = structlog.get_logger()
        log.warning("share_refused", opening_id=str(opening.id), reason=fault.value)

    async def _unseal(self, opening: Opening, private_key: bytes, now: datetime) -> bool:
        token = self._token
        if token is None:
            return False
        bids = await self._opened(opening, private_key)
        unsealing = Unsealing(bids, _ranked(bids))
        decide = partial(decide_unseal, bids=bids, now=now)
        is_done = await self._unsealings.unseal(opening.id, decide, unsealing, token=token, at=now)
        if is_done:
            del self._pairs[opening.id]
            log = structlog.get_logger()
            log.info("bids_unsealed", opening_id=str(opening.id), bids=len(bids))
        return is_done

    async def _opened(self, opening: Opening, private_key: bytes) -> list[UnsealedBid]:
        currency = await self._unsealings.currency_of(opening.id)
        bids: list[UnsealedBid] = []
        after_index = 0
        while page := await self._unsealings.sealed_bids(
            opening.id, after_index=after_index, limit=BIDS_MAX
        ):
            bids += [
                open_bid(bid, opening_id=opening.id, currency=currency, private_key=private_key)
                for bid in page
            ]
            after_index = page[-1].log_index
            # A page that comes from memory would not let others run in between.
            await asyncio.sleep(0)
        return bids


def _ranked(bids: list[UnsealedBid]) -> list[Ranked]:
    by_lot: dict[LotId, list[UnsealedBid]] = defaultdict(list)
    for bid in bids:
        by_lot[bid.lot_id].append(bid)
    return [place for lot_bids in by_lot.values() for place in rank_bids(lot_bids)]
