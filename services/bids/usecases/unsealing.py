"""Open sealed bids: show an ephemeral key, take the shares, open all, write all at once.

Private keys live in this process's memory alone. If it dies, its successor shows another key, and
the custodians submit again.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Final, Protocol, TypeVar

import structlog

from services.bids.domain.ceremony import Purpose, ShareFault
from services.bids.domain.custody import (
    decide_new_opener,
    decide_refuse_shares,
    decide_window,
    recover_key,
)
from services.bids.domain.evaluation import Ranked, open_bid, rank_bids
from services.bids.domain.openings import Opening, SealedBid, UnsealedBid, decide_unseal
from services.bids.domain.rehearsal import decide_rehearsed, is_canary_opened
from services.bids.domain.technical import decide_technical_unseal, open_technical
from services.bids.ports.sealed import DecideOpening, Lease, Unsealing, Unsealings
from shared.domain.ids import LotId, OpeningId
from shared.sealing import KeyPair, generate_key_pair

OPENINGS_MAX: Final = 500
"""How many waiting openings one step tends to; those behind wait until some are opened."""

BIDS_MAX: Final = 64
"""How many bids are opened in one go: some ten milliseconds, in which no request is heard."""


Opened = TypeVar("Opened")


class PageOf(Protocol):
    """Reads sealed bids of an opening by their place in the log."""

    async def __call__(
        self, opening_id: OpeningId, *, after_index: int, limit: int
    ) -> list[SealedBid]:
        """Read those behind `after_index`."""


class Opener:
    """The one process that opens bids, for as long as it holds the lease.

    Each opening gets an ephemeral key pair of its own, which is dropped once the opening is over:
    the shares that lay sealed in the record can then be read by nobody.
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
        token = await self._standing_token()
        if token is None:
            return False
        pair = self._pairs.get(opening.id) or generate_key_pair()
        self._pairs[opening.id] = pair
        if opening.opener_key != pair.public:
            shown = partial(decide_new_opener, opener_key=pair.public)
            await self._unsealings.change(opening.id, shown, token=token, at=now)
            return False
        await self._change(opening, partial(decide_window, now=now), token=token, now=now)
        key = recover_key(opening, pair.private)
        if key is None:
            return False
        if not isinstance(key, bytes):
            return await self._refuse(opening, key, token=token, now=now)
        acts = {
            Purpose.PRICE: self._unseal,
            Purpose.TECHNICAL: self._unseal_technical,
            Purpose.REHEARSAL: self._rehearse,
        }
        return await acts[opening.purpose](opening, key, token=token, now=now)

    async def _change(
        self, opening: Opening, decide: DecideOpening, *, token: int, now: datetime
    ) -> None:
        """Decide on what was read, and write only if that changes something."""
        if decide(opening).facts:
            await self._unsealings.change(opening.id, decide, token=token, at=now)

    async def _refuse(
        self,
        opening: Opening,
        faults: Mapping[int, tuple[bytes, ShareFault]],
        *,
        token: int,
        now: datetime,
    ) -> bool:
        decide = partial(decide_refuse_shares, faults=faults)
        await self._unsealings.change(opening.id, decide, token=token, at=now)
        log = structlog.get_logger()
        for index, (_, fault) in faults.items():
            log.warning(
                "share_refused", opening_id=str(opening.id), index=index, reason=fault.value
            )
        return False

    async def _rehearse(
        self, opening: Opening, private_key: bytes, *, token: int, now: datetime
    ) -> bool:
        is_opened = is_canary_opened(opening, private_key)
        decide = partial(decide_rehearsed, canary_opened=is_opened, now=now)
        await self._unsealings.change(opening.id, decide, token=token, at=now)
        self._pairs.pop(opening.id, None)
        log = structlog.get_logger()
        log.info("opening_rehearsed", opening_id=str(opening.id), is_canary_opened=is_opened)
        return True

    async def _standing_token(self) -> int | None:
        """Renew the lease if it is time; None when it is no more the one that the keys go with."""
        token = await self._lease.token()
        return token if token == self._token else None

    async def _unseal(
        self, opening: Opening, private_key: bytes, *, token: int, now: datetime
    ) -> bool:
        form = await self._unsealings.form(opening.id)
        open_one = partial(open_bid, opening_id=opening.id, form=form, private_key=private_key)
        bids = await self._each(opening, self._unsealings.sealed_bids, open_one)
        if bids is None:
            return False
        unsealing = Unsealing(bids, _ranked(bids))
        decide = partial(decide_unseal, bids=bids, now=now)
        is_done = await self._unsealings.unseal(opening.id, decide, unsealing, token=token, at=now)
        return self._finished(opening, len(bids), is_done=is_done)

    async def _unseal_technical(
        self, opening: Opening, private_key: bytes, *, token: int, now: datetime
    ) -> bool:
        form = await self._unsealings.form(opening.id)
        open_one = partial(
            open_technical, opening_id=opening.id, form=form, private_key=private_key
        )
        parts = await self._each(opening, self._unsealings.technical_parts, open_one)
        if parts is None:
            return False
        decide = partial(decide_technical_unseal, parts=parts, now=now)
        is_done = await self._unsealings.unseal_technical(
            opening.id, decide, parts, token=token, at=now
        )
        return self._finished(opening, len(parts), is_done=is_done)

    def _finished(self, opening: Opening, bids: int, *, is_done: bool) -> bool:
        if is_done:
            del self._pairs[opening.id]
            log = structlog.get_logger()
            purpose = opening.purpose.value
            log.info("bids_unsealed", opening_id=str(opening.id), purpose=purpose, bids=bids)
        return is_done

    async def _each(
        self, opening: Opening, page_of: PageOf, open_one: Callable[[SealedBid], Opened]
    ) -> list[Opened] | None:
        """Open every bid, keeping the lease meanwhile; None when it was lost."""
        opened: list[Opened] = []
        after_index = 0
        while page := await page_of(opening.id, after_index=after_index, limit=BIDS_MAX):
            if await self._standing_token() is None:
                return None
            opened += [open_one(bid) for bid in page]
            after_index = page[-1].log_index
        return opened


def _ranked(bids: list[UnsealedBid]) -> list[Ranked]:
    by_lot: dict[LotId, list[UnsealedBid]] = defaultdict(list)
    for bid in bids:
        by_lot[bid.lot_id].append(bid)
    return [place for lot_bids in by_lot.values() for place in rank_bids(lot_bids)]
