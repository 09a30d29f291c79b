"""Take commands to the desk that writes an auction, wherever it is."""

from dataclasses import dataclass

from services.auctions.domain.auction import refuse_without_desk
from services.auctions.domain.commands import Command
from services.auctions.domain.picture import after_of
from services.auctions.draft import Done
from services.auctions.forward import Porter
from services.auctions.hall import Hall
from services.auctions.ports import Auctions, DeskElsewhere
from services.auctions.usecases.reading import FindPicture
from shared.bus import BusUnavailable, NobodyListens
from shared.db import DatabaseUnavailable
from shared.domain.ids import AuctionId


@dataclass(frozen=True, slots=True)
class AskDesk:
    """Take a command to the auction's desk, here or at another replica."""

    auctions: Auctions
    hall: Hall
    porter: Porter
    find: FindPicture

    async def __call__(self, auction_id: AuctionId, command: Command, *, key: str | None) -> Done:
        """Return the answer once the command is committed.

        Raises:
            AuctionUnknown, AuctionNotOpen, AuctionOver: There is no desk, and will be none now.
            DatabaseUnavailable: There is no desk, and the record is away.
            DeskElsewhere: The desk changes hands.
            Refusal: Whatever the desk refuses by rule.
        """
        desk = self.hall.desk(auction_id)
        if desk is not None:
            return await desk.do(command, key=key)
        if self.hall.is_cut_off:
            raise DatabaseUnavailable
        try:
            return await self.porter.carry(auction_id, command, key=key)
        except NobodyListens:
            return await self._answer_without_desk(auction_id, command, key)
        except BusUnavailable:
            raise DeskElsewhere from None

    async def _answer_without_desk(
        self, auction_id: AuctionId, command: Command, key: str | None
    ) -> Done:
        """Answer what was written before the auction was over; refuse the rest.

        While it runs a new desk is on its way, and answers from the log that it folds. To fold that
        log here as well, for each one who retries, would only keep the desk waiting.
        """
        calendar = await self.auctions.calendar(auction_id)
        if key is not None and calendar.status.is_over:
            written = await self.auctions.written_under(auction_id, command.party_id, key)
            if written is not None:
                after = after_of(await self.find(auction_id), written.audience)
                return Done(auction_id, written, after)
        refuse_without_desk(calendar)
        raise DeskElsewhere
