"""Make of a bundle what the rules were given when they decided."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from uuid import UUID

from services.bids.domain.auctioning import Bidder, Rankings
from services.bids.domain.awards.lines import Payment, Pooled, Share
from services.bids.domain.ceremony import Purpose
from services.bids.domain.consortium import CostSharing
from services.bids.domain.lots import Lot
from services.bids.domain.openings import UnsealedBid
from services.bids.domain.pooling.rules import terms_written
from services.bids.domain.replay.bundle import AwardBundle, PublishedBid, PublishedLot
from services.bids.domain.replay.reading import read
from services.bids.domain.rfps import Rfp, RfpStatus
from services.bids.domain.scoring.candidates import Candidate
from services.bids.domain.scoring.cascade import Disqualification
from services.bids.domain.scoring.gathering import Answered, candidate_of, judged
from services.bids.domain.scoring.panels import (
    AgreedScore,
    Declaration,
    IndividualScore,
    Panel,
    Scorebook,
)
from services.bids.domain.scoring.plan import Plan, plan_of
from services.bids.domain.scoring.ranking import score
from services.bids.domain.scoring.ties import Draw
from services.bids.domain.sharing.of_lot import PLAIN_SUM, PoolRule
from services.bids.domain.terms import PRICE_ALONE, Terms
from shared.domain.bid_content import (
    Answer,
    BidContent,
    Pricing,
    read_content,
    read_technical,
)
from shared.domain.bid_forms import BidForm
from shared.domain.canonical import canonical
from shared.domain.ids import BidId, LotId, PartyId
from shared.domain.money import PRICE_SCALE, Currency, UnitPrice

NOBODY = PartyId(UUID(int=0))
"""Who decides nothing here: custodians and drafters are not asked about."""


@dataclass(frozen=True)
class RebuiltLot:
    """A lot of a bundle, as the rules know it."""

    bundle: AwardBundle
    told: PublishedLot

    @property
    def currency(self) -> Currency:
        """The RFP's currency."""
        return self.bundle.rfp.currency

    @cached_property
    def lot(self) -> Lot:
        """The lot itself."""
        told, rfp = self.told, self.bundle.rfp
        return Lot(
            id=told.id,
            rfp_id=rfp.id,
            buyer_id=rfp.buyer_id,
            number=told.number,
            title=told.title,
            category=told.category,
            item_code=told.item_code,
            specification=told.specification,
            unit=told.unit,
            term_months=told.term_months,
            delivery_area=told.delivery_area,
            quantity=told.quantity,
            currency=rfp.currency,
            status=told.status,
        )

    @cached_property
    def contents(self) -> dict[BidId, BidContent]:
        """What opened bids offer.

        Raises:
            ContentMalformed: A content is not in its one written form.
        """
        return {
            bid.bid_id: read_content(canonical(bid.content).encode())
            for bid in self.told.bids
            if bid.content is not None
        }

    @cached_property
    def unsealed(self) -> tuple[UnsealedBid, ...]:
        """The lot's bids as the opening showed them, priced anew from what they offer."""
        return tuple(self._unsealed(bid) for bid in self.told.bids)

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """What of the opened bids is scored, and no marks yet."""
        plan, contract = plan_told(self.bundle), terms_of(self.bundle).contract
        return tuple(
            candidate_of(plan, self._answered(bid), contract)
            for bid in self.told.bids
            if bid.unit_price
        )

    @cached_property
    def book(self) -> Scorebook:
        """The evaluators' scores, each evaluator under an id made of its alias."""
        scheme, told = self.bundle.scheme, self.told
        return Scorebook(
            lot_id=told.id,
            plan=plan_told(self.bundle),
            panels=tuple(
                Panel(
                    name=panel.name,
                    criteria=frozenset(panel.criteria),
                    evaluator_ids=frozenset(map(_evaluator, panel.evaluators)),
                )
                for panel in scheme.panels
            ),
            bid_ids=frozenset(bid.bid_id for bid in told.bids),
            declarations={
                _evaluator(alias): Declaration(
                    evaluator_id=_evaluator(alias),
                    has_conflict=True,
                    statement="",
                    declared_at=self.bundle.rfp.closes_at,
                )
                for alias in scheme.conflicted
            },
            scores=tuple(
                IndividualScore(
                    bid_id=each.bid_id,
                    criterion=each.criterion,
                    evaluator_id=_evaluator(each.evaluator),
                    mark=each.mark,
                )
                for each in told.marks
            ),
            agreed=tuple(
                AgreedScore(
                    bid_id=each.bid_id,
                    criterion=each.criterion,
                    mark=each.mark,
                    reason=each.reason,
                )
                for each in told.agreed
            ),
            prices_released_at=told.prices_released_at,
        )

    @cached_property
    def draw(self) -> Draw | None:
        """What a lot is drawn from among equals."""
        roots = (
            opening.hash_list.merkle_root
            for opening in self.bundle.openings
            if opening.hash_list.purpose is Purpose.PRICE
        )
        root = next(roots, None)
        return None if root is None else Draw(bytes.fromhex(root), self.told.id)

    @cached_property
    def pooled(self) -> Pooled:
        """Whose the lot is, and by which rule its members pay."""
        terms, told = terms_of(self.bundle), self.told
        shares = tuple(
            Share(
                member_id=share.member_id,
                quantity=share.quantity,
                baseline=None if share.baseline is None else self.price(share.baseline),
            )
            for share in told.shares
        )
        by_attendance = terms.cost_shared_by is CostSharing.ATTENDANCE
        enrolled = {PartyId(UUID(key)): count for key, count in told.enrolments.items()}
        payment = Payment(
            by=terms.cost_shared_by,
            enrolments=enrolled if by_attendance else None,
            margin_percent=terms.margin_percent,
        )
        return Pooled(lot=self.lot, shares=shares, payment=payment)

    @property
    def pool_rule(self) -> PoolRule:
        """How the lot's shares add up; hazard zones are not told."""
        pooling = self.told.pooling
        if pooling is None:
            return PLAIN_SUM
        return PoolRule(terms_written(pooling.rule, pooling.terms))

    def price(self, text: str) -> UnitPrice:
        """Read a unit price."""
        return UnitPrice.parse(text, self.currency)

    def set_aside(self, before: int | None = None) -> tuple[Disqualification, ...]:
        """List what was set aside before a place on the lot's chain, or at all, in its order."""
        return tuple(
            Disqualification(each.bid_id, each.reason)
            for each in self.told.disqualifications
            if before is None or each.sequence < before
        )

    def rankings(self, at: int) -> Rankings:
        """Rank the lot's bids as they stood at a place on its chain.

        Raises:
            Refusal: What keeps the bids from being scored.
        """
        out = {each.bid_id: each.reason for each in self.set_aside(at)}
        vendors_out = {bid.vendor_id for bid in self.told.bids if bid.bid_id in out}
        sealed = tuple(
            sorted(
                (
                    Bidder(bid.vendor_id, bid.rank, self.price(bid.unit_price))
                    for bid in self.told.bids
                    if bid.rank is not None and bid.unit_price and bid.bid_id not in out
                ),
                key=lambda bidder: bidder.rank,
            )
        )
        auction = self.told.auction
        if auction is not None and auction.sequence < at:
            standing = tuple(
                Bidder(place.vendor_id, place.rank, self.price(place.unit_price))
                for place in auction.standing
                if place.vendor_id not in vendors_out
            )
            if standing:
                return Rankings(sealed, standing)
        return Rankings(sealed, scored=self._scored(sealed, out))

    def pricing_of(self, vendor_id: PartyId) -> Pricing | None:
        """Find by what prices a vendor's bid was opened."""
        bids = (bid for bid in self.told.bids if bid.vendor_id == vendor_id)
        contents = (self.contents.get(bid.bid_id) for bid in bids)
        return next((content.pricing for content in contents if content is not None), None)

    def _scored(self, sealed: Sequence[Bidder], out: dict[BidId, str]) -> tuple[Bidder, ...] | None:
        plan = plan_told(self.bundle)
        if plan == plan_of(PRICE_ALONE):
            return None
        _, candidates = judged(self.book, self.candidates)
        ranked = score(plan, candidates, disqualified=out, draw=self.draw).ranked
        prices = {bidder.vendor_id: bidder.price for bidder in sealed}
        return tuple(
            Bidder(each.candidate.vendor_id, each.rank, prices[each.candidate.vendor_id])
            for each in ranked
        )

    def _unsealed(self, bid: PublishedBid) -> UnsealedBid:
        content = self.contents.get(bid.bid_id)
        price = None if bid.unit_price is None else self.price(bid.unit_price)
        exact_e4 = None if content is None else content.pricing.exact_e4(self.told.quantity)
        if exact_e4 is not None:
            price = UnitPrice(round(exact_e4), self.currency)
        outcome = bid.failure or price
        assert outcome is not None, "a bid has a price or a failure"
        return UnsealedBid(
            bid_id=bid.bid_id,
            lot_id=self.told.id,
            vendor_id=bid.vendor_id,
            version=bid.version,
            received_at=bid.received_at,
            log_index=bid.log_index,
            outcome=outcome,
            exact_e4=exact_e4,
            content=content,
        )

    def _answered(self, bid: PublishedBid) -> Answered:
        answers: list[Answer] = []
        if bid.technical is not None:
            answers += read_technical(canonical(bid.technical).encode()).answers
        if bid.bid_id in self.contents:
            answers += self.contents[bid.bid_id].answers
        return Answered(
            bid_id=bid.bid_id,
            vendor_id=bid.vendor_id,
            price=Fraction(self.price(bid.unit_price or "").e4, PRICE_SCALE),
            received_at=bid.received_at,
            log_index=bid.log_index,
            answers=answers,
        )


def plan_told(bundle: AwardBundle) -> Plan:
    """Read how an RFP is scored."""
    return read(Plan, bundle.scheme.plan)


def terms_of(bundle: AwardBundle) -> Terms:
    """Read an RFP's terms."""
    return read(Terms, bundle.rfp.terms)


def form_of(bundle: AwardBundle) -> BidForm:
    """Rebuild what bids were checked against, with the lots that are told."""
    lots: dict[LotId, Decimal] = {lot.id: lot.quantity for lot in bundle.lots}
    return BidForm(
        currency=bundle.rfp.currency,
        closes_at=bundle.rfp.closes_at,
        lots=lots,
        envelopes=len(bundle.openings),
    )


def rfp_of(bundle: AwardBundle) -> Rfp:
    """Rebuild an RFP as far as it binds an award."""
    head = bundle.rfp
    first = head.earliest_award_at
    return Rfp(
        id=head.id,
        buyer_id=head.buyer_id,
        title=head.title,
        currency=head.currency,
        consortium_model=head.consortium_model,
        policy_profile=head.policy_profile,
        custodian_id=NOBODY,
        standstill_s=head.standstill_s,
        status=RfpStatus.CLOSED,
        closes_at=head.closes_at,
        drafted_at=head.drafted_at,
        terms=terms_of(bundle),
        earliest_award_at=first,
        earliest_award_on=None if first is None else first.date(),
    )


def _evaluator(alias: str) -> PartyId:
    return PartyId(UUID(bytes=hashlib.sha256(alias.encode()).digest()[:16]))
