"""Show auctions and their logs, to each as far as the rules let it see."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.auctions.domain.log import LogRow
from services.auctions.domain.picture import SEES_ALL, Picture, Seen, audience_of, seen_by
from services.auctions.domain.terms import Terms
from services.auctions.follow import Follower
from services.auctions.hall import Hall
from services.auctions.ports import Auctions, Ticket
from services.auctions.practice import PracticeRoom
from shared.auth import Principal, Role
from shared.db import DatabaseUnavailable
from shared.domain.ids import AuctionId
from shared.domain.refusals import Kind, Refusal


class LogNotPublic(Refusal):
    """While an auction runs, its log is for the buyer and auditors."""

    kind = Kind.FORBIDDEN
    code = "log_not_public"


@dataclass(frozen=True, slots=True)
class FindPicture:
    """Find what is committed of an auction: at its desk, or folded from its log."""

    hall: Hall
    follower: Follower
    practice: PracticeRoom

    async def __call__(self, auction_id: AuctionId) -> Picture:
        """Return the picture.

        Raises:
            AuctionUnknown: There is no such auction.
            DatabaseUnavailable: It is not written here, and the record is away.
        """
        desk = self.hall.desk(auction_id)
        if desk is not None:
            return desk.picture
        practised = self.practice.picture(auction_id)
        if practised is not None:
            return practised
        if self.hall.is_cut_off:
            raise DatabaseUnavailable
        return await self.follower.picture(auction_id)

    def is_practice(self, auction_id: AuctionId) -> bool:
        """Tell whether the auction is held for practice, here."""
        return self.practice.picture(auction_id) is not None


@dataclass(frozen=True, slots=True)
class ShowAuction:
    """Show an auction to a caller, as far as the rules let it see."""

    find: FindPicture

    async def __call__(self, auction_id: AuctionId, caller: Principal) -> tuple[Picture, Seen]:
        """Return the picture and what the caller sees of it."""
        picture = await self.find(auction_id)
        return picture, seen_by(picture, audience_for(picture.terms, caller))


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Hand out an auction's log: to the buyer and auditors always, to all after the close."""

    auctions: Auctions
    find: FindPicture

    async def __call__(
        self, auction_id: AuctionId, caller: Principal, *, after: int, limit: int
    ) -> Sequence[LogRow]:
        """Return rows behind `after`, oldest first.

        Raises:
            AuctionUnknown: There is no such auction.
            LogNotPublic: The auction runs, and the caller is neither its buyer nor an auditor.
        """
        picture = await self.find(auction_id)
        if not picture.status.is_over and audience_for(picture.terms, caller) != SEES_ALL:
            sentence = "The log is public once the auction is over."
            raise LogNotPublic(sentence)
        if self.find.is_practice(auction_id):
            return [row for row in self.find.practice.log(auction_id) if row.sequence > after][
                :limit
            ]
        return await self.auctions.log(auction_id, after=after, limit=limit)


def audience_for(terms: Terms, caller: Principal | Ticket) -> str:
    """Name the audience that a caller, or the bearer of a ticket, belongs to."""
    return audience_of(terms, caller.party_id, is_auditor=caller.role == Role.AUDITOR)
