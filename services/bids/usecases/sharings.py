"""Lay beside each other what a lot's members would pay by each rule of sharing its cost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.bids.domain.auctioning import Bidder
from services.bids.domain.awards.answers import accepted_of
from services.bids.domain.awards.award import Award, EvaluationUnknown
from services.bids.domain.awards.deciding import BidsMissing
from services.bids.domain.evaluation import Sight, sight_of
from services.bids.domain.lots import Lot
from services.bids.domain.pooling.portions import Asked, members_quantities
from services.bids.domain.sharing.beside import LeftOut, SharingTask
from services.bids.domain.sharing.games import CostGame, costs_alone, members_of
from services.bids.domain.sharing.of_lot import LotGame, PoolRule, Won, game_of
from services.bids.domain.sharing.shapley import Sample
from services.bids.domain.sharing.shares import Rule, Sharing
from services.bids.ports.awards import Awards, Ground
from services.bids.ports.sharing import PoolRules, Sharers
from services.bids.usecases.awards import rankings_of
from shared.auth import Principal, Role
from shared.domain.bid_content import one_price
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Currency, Money

_OF_RANKING: Final = (
    "Nothing is awarded yet: this is what the best of the ranking that decides would cost."
)

_NO_MARGIN: Final = (
    "What the vendor gets is shared here; the RFP's margin comes on top of what each member pays."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LotSharings:
    """A lot's cost shared by each rule, on what that is built, and who may read whose row.

    `alone` is what each member pays standing alone, in the order of ids, without rounding in
    between; `only` is the member whose row alone is shown, None where all are.
    """

    lot: Lot
    built_on: tuple[str, ...]
    alone: tuple[tuple[PartyId, Money], ...]
    sharings: tuple[Sharing, ...]
    left_out: tuple[LeftOut, ...]
    seed: bytes
    only: PartyId | None = None


class LotSharing:
    """Share a lot's cost by rules that members may choose between."""

    def __init__(self, awards: Awards, rules: PoolRules, sharers: Sharers) -> None:
        """Use a store of awards, one of pooling rules, and whoever shares costs."""
        self._awards = awards
        self._rules = rules
        self._sharers = sharers

    async def of_lot(
        self, lot_id: LotId, viewer: Principal, *, rules: tuple[Rule, ...]
    ) -> LotSharings:
        """Share what a lot costs by its awards, or else by the best of the ranking that decides.

        Its buyer and auditors see every row, as far as they see its evaluation; a member of the
        lot sees its own, once an award was announced.

        Raises:
            LotUnknown: No such lot.
            EvaluationUnknown: There is nothing to be shared yet, or nothing for the viewer to see.
            BidsMissing: No bid was opened.
            ScoresIncomplete: Evaluators have not judged everything that decides.
            AnswerMissing: A bid lacks an answer that its score needs.
        """
        ground = await self._awards.ground(lot_id)
        only = _row_of(ground, viewer)
        rule = await self._rules.of_lot(lot_id)
        built = _built(ground, rule)
        seed = b"" if ground.book.draw is None else ground.book.draw.merkle_root
        task = SharingTask(
            game=built.game, currency=ground.lot.currency, rules=rules, sample=Sample(seed)
        )
        (found,) = await self._sharers.share([task])
        return LotSharings(
            lot=ground.lot,
            built_on=built.told,
            alone=_alone(built.game, ground.lot.currency),
            sharings=tuple(each for each in found if isinstance(each, Sharing)),
            left_out=tuple(each for each in found if isinstance(each, LeftOut)),
            seed=seed,
            only=only,
        )


def _row_of(ground: Ground, viewer: Principal) -> PartyId | None:
    """Find whose row alone a viewer sees: None for all of them.

    Raises:
        EvaluationUnknown: It sees nothing of this.
    """
    lot, is_auditor = ground.lot, viewer.role is Role.AUDITOR
    sight = sight_of(lot, viewer_id=viewer.party_id, is_auditor=is_auditor)
    if sight is Sight.WHOLE and (is_auditor or viewer.party_id == lot.buyer_id):
        return None
    members = {share.member_id for share in ground.shares}
    announced = (award.intended_at for award in ground.standing.lot_awards.awards)
    if viewer.party_id in members and any(announced):
        return viewer.party_id
    sentence = "There is no evaluation of this lot to be seen yet."
    raise EvaluationUnknown(sentence)


def _built(ground: Ground, rule: PoolRule) -> LotGame:
    awards = ground.standing.lot_awards.awards
    asked = [Asked(share.member_id, share.quantity) for share in ground.shares]
    won = [_won(ground, award) for award in awards] if awards else [_best(ground, asked)]
    built = game_of(won, asked, rule)
    told = list(built.told)
    if not awards:
        told.insert(0, _OF_RANKING)
    if ground.standing.rfp.terms.margin_percent:
        told.append(_NO_MARGIN)
    return LotGame(built.game, tuple(told))


def _won(ground: Ground, award: Award) -> Won:
    standing = ground.standing
    lines = accepted_of(award, standing.lines[award.id], standing.answers, standing.rfp.terms)
    return Won(
        pricing=standing.pricing_of(award.vendor_id) or one_price(award.price),
        price=award.price,
        quantities={line.member_id: line.quantity for _, line in lines},
    )


def _best(ground: Ground, asked: Sequence[Asked]) -> Won:
    ranking = rankings_of(ground).deciding
    if not ranking:
        sentence = "No bid of the lot was opened, so that there is no cost to share."
        raise BidsMissing(sentence)
    best: Bidder = ranking[0]
    return Won(
        pricing=ground.standing.pricing_of(best.vendor_id) or one_price(best.price),
        price=best.price,
        quantities=members_quantities(ground.lot.quantity, asked),
    )


def _alone(game: CostGame, currency: Currency) -> tuple[tuple[PartyId, Money], ...]:
    return tuple(
        (member_id, Money(round(cost), currency))
        for member_id, cost in zip(members_of(game), costs_alone(game), strict=True)
    )
