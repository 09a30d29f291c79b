"""Tell bidders how their lot was decided, and parties what is signed after an award."""

from dataclasses import replace

from services.bids.domain.awards.award import Award, AwardStatus
from services.bids.domain.awards.notices import Decided, Notice, NoticeUnknown, notice_to
from services.bids.domain.contracts import Contract, contracts_of
from services.bids.domain.policy import PolicyBook
from services.bids.ports.awards import Awards, Ground
from services.bids.usecases.awards import is_by_price, rankings_of
from services.bids.usecases.scoring import standing_scores
from shared.auth import Principal, Role
from shared.domain.ids import AwardId, LotId, PartyId
from shared.domain.refusals import Kind, Refusal


class ContractsNotReady(Refusal):
    """There is nothing to sign before an award is made, and nothing after its withdrawal."""

    kind = Kind.CONFLICT
    code = "contracts_not_ready"


class Notices:
    """Read what follows from an award for those whom it concerns."""

    def __init__(self, awards: Awards, *, policies: PolicyBook) -> None:
        """Use a store of awards; a profile says in which time zone days are counted."""
        self._awards = awards
        self._policies = policies

    async def notice(self, lot_id: LotId, *, vendor_id: PartyId) -> Notice:
        """Write a vendor's notice of a lot on which it bid.

        Raises:
            LotUnknown: No such lot.
            NoticeUnknown: No winner is named yet, or the vendor did not bid.
        """
        ground = await self._awards.ground(lot_id)
        if vendor_id not in {bid.vendor_id for bid in ground.standing.opened}:
            raise NoticeUnknown
        return notice_to(vendor_id, _decided(ground))

    async def contracts(self, award_id: AwardId, viewer: Principal) -> tuple[Contract, ...]:
        """Sum up contracts: a member that of its own line; all the buyer, the winner and auditors.

        Raises:
            AwardUnknown: No such award.
            ContractsNotReady: It is not made, or it was withdrawn.
            PolicyProfileUnknown: The RFP's profile was taken out of its folder.
        """
        signed = await self._awards.contracts(award_id)
        award: Award = signed.awarded.award
        if award.status is not AwardStatus.MADE or award.made_at is None:
            sentence = f"The award is {award.status}; contracts follow when it is made."
            raise ContractsNotReady(sentence)
        zone = self._policies.find(signed.profile).zone
        begins_on = award.made_at.astimezone(zone).date()
        contracts = contracts_of(signed.awarded, signed.rates, begins_on=begins_on)
        lot = signed.awarded.lot
        if viewer.role is Role.AUDITOR or viewer.party_id in {lot.buyer_id, award.vendor_id}:
            return contracts
        return tuple(
            replace(contract, lines=own)
            for contract in contracts
            if (own := tuple(each for each in contract.lines if each.member_id == viewer.party_id))
        )


def _decided(ground: Ground) -> Decided:
    standing = ground.standing
    awards = standing.lot_awards.awards
    if not awards:
        raise NoticeUnknown
    rankings = rankings_of(ground)
    by_price = is_by_price(ground.book)
    return Decided(
        lot=ground.lot,
        awards=[(award, standing.names[award.id]) for award in awards],
        bidders=rankings.deciding,
        by_auction=bool(rankings.auction),
        scoring=None if by_price else standing_scores(ground.book),
    )
