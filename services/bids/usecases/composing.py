"""Put an award bundle together from what is kept, as far as the reader may see it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from services.bids.domain.awards.award import Award, Protest
from services.bids.domain.consortium import CostSharing
from services.bids.domain.lots import exact
from services.bids.domain.pooling.rules import LargestNeedsTerms, rule_of
from services.bids.domain.replay.awards import line_told
from services.bids.domain.replay.bundle import (
    AgreedMark,
    AwardBundle,
    ChainHead,
    GivenMark,
    LeftOut,
    NamedParty,
    PublishedAuction,
    PublishedAward,
    PublishedBid,
    PublishedDisqualification,
    PublishedLine,
    PublishedLot,
    PublishedOpening,
    PublishedPanel,
    PublishedPlace,
    PublishedPooling,
    PublishedProtest,
    PublishedScenario,
    PublishedShare,
    RfpHead,
    Scheme,
)
from services.bids.domain.replay.scores import scores_of
from services.bids.domain.rfps import Rfp, terms_digest, written_terms
from services.bids.domain.scoring.gathering import numbers_in, numbers_of
from services.bids.domain.sharing.of_lot import PoolRule
from services.bids.domain.winners import serial
from services.bids.domain.winners.scenarios import Scenario
from services.bids.ports.awards import LineRecord
from services.bids.ports.publishing import LotMaterial, OpenedRow, RfpMaterial
from services.bids.ports.scoring import LotBook
from shared.domain.bid_content import (
    Answer,
    read_content,
    read_technical,
    write_content,
    write_technical,
)
from shared.domain.canonical import canonical, digest
from shared.domain.ids import LotId, PartyId, RfpId


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a reader may see: these lots whole, and of awards also what was never announced."""

    lot_ids: frozenset[LotId]
    sees_proposals: bool


def compose(material: RfpMaterial, openings: Sequence[PublishedOpening], seen: Seen) -> AwardBundle:
    """Write a bundle; lots that are not seen whole, and scenarios that hold them, are left out."""
    told = [each for each in material.lots if each.lot.id in seen.lot_ids]
    hidden = [each for each in material.lots if each.lot.id not in seen.lot_ids]
    shown = {str(lot_id) for lot_id in seen.lot_ids}
    scenarios = [each for each in material.scenarios if _lots_of(each) <= shown]
    reaching = [each for each in material.scenarios if not _lots_of(each) <= shown]
    aliases = _aliases(material.rfp.id, [each.book for each in material.lots])
    lots = tuple(_lot(each, material.rfp, seen, aliases) for each in told)
    left = {
        *(each.lot.id for each in hidden),
        *(each.id for each in reaching),
    }
    return AwardBundle(
        rfp=_head(material),
        scheme=_scheme(material, aliases),
        openings=tuple(openings),
        parties=_parties(material.names, lots, scenarios),
        lots=lots,
        scenarios=tuple(map(_scenario, scenarios)),
        lots_left_out=tuple(
            LeftOut(id=each.lot.id, name=f"{each.lot.number}: {each.lot.title}") for each in hidden
        ),
        scenarios_left_out=tuple(LeftOut(id=each.id, name=each.name) for each in reaching),
        chain_heads=tuple(
            ChainHead(aggregate=head.aggregate, sequence=head.sequence, hash=head.hash.hex())
            for key, head in sorted(material.heads.items(), key=lambda item: item[1].aggregate)
            if key not in left
        ),
    )


def _head(material: RfpMaterial) -> RfpHead:
    rfp = material.rfp
    first = rfp.earliest_award_on
    return RfpHead(
        id=rfp.id,
        buyer_id=rfp.buyer_id,
        buyer_name=material.names.get(rfp.buyer_id),
        title=rfp.title,
        currency=rfp.currency,
        consortium_model=rfp.consortium_model,
        policy_profile=rfp.policy_profile,
        profile_sha256=None if rfp.profile_sha256 is None else rfp.profile_sha256.hex(),
        standstill_s=rfp.standstill_s,
        closes_at=rfp.closes_at,
        drafted_at=rfp.drafted_at,
        published_at=rfp.published_at,
        earliest_award_on=None if first is None else first.isoformat(),
        earliest_award_at=rfp.earliest_award_at,
        addendum=rfp.addendum,
        terms=_plain(canonical(written_terms(rfp.terms))),
        terms_sha256=terms_digest(rfp.terms),
    )


def _scheme(material: RfpMaterial, aliases: Mapping[PartyId, str]) -> Scheme:
    book = material.lots[0].book.book
    conflicted = (each.evaluator_id for each in book.declarations.values() if each.has_conflict)
    return Scheme(
        plan=_plain(canonical(book.plan)),
        plan_sha256=digest(canonical(book.plan)).hex(),
        panels=tuple(
            PublishedPanel(
                name=panel.name,
                criteria=tuple(sorted(panel.criteria)),
                evaluators=tuple(sorted(aliases[each] for each in panel.evaluator_ids)),
            )
            for panel in book.panels
        ),
        conflicted=tuple(sorted(aliases[each] for each in conflicted)),
    )


def _aliases(rfp_id: RfpId, books: Sequence[LotBook]) -> dict[PartyId, str]:
    """Number the evaluators of an RFP in an order that tells nothing of them."""
    known: set[PartyId] = set()
    for each in books:
        known |= {one for panel in each.book.panels for one in panel.evaluator_ids}
        known |= set(each.book.declarations) | {one.evaluator_id for one in each.book.scores}
    drawn = sorted(known, key=lambda one: hashlib.sha256(rfp_id.bytes + one.bytes).digest())
    return {evaluator_id: f"Evaluator {number}" for number, evaluator_id in enumerate(drawn, 1)}


def _parties(
    names: Mapping[PartyId, str], lots: Sequence[PublishedLot], scenarios: Sequence[Scenario]
) -> tuple[NamedParty, ...]:
    told: set[PartyId] = set()
    for lot in lots:
        told |= {bid.vendor_id for bid in lot.bids} | {share.member_id for share in lot.shares}
    for scenario in scenarios:
        told |= {PartyId(UUID(vendor.id)) for vendor in scenario.problem.vendors}
    return tuple(NamedParty(id=each, name=names.get(each, str(each))) for each in sorted(told))


def _lot(
    material: LotMaterial, rfp: Rfp, seen: Seen, aliases: Mapping[PartyId, str]
) -> PublishedLot:
    lot, book = material.lot, material.book
    by_attendance = rfp.terms.cost_shared_by is CostSharing.ATTENDANCE
    enrolled = {str(member): count for member, count in sorted(material.enrolments.items())}
    awards = [
        award for award in material.awards if seen.sees_proposals or award.intended_at is not None
    ]
    return PublishedLot(
        id=lot.id,
        number=lot.number,
        title=lot.title,
        category=lot.category,
        item_code=lot.item_code,
        specification=lot.specification,
        unit=lot.unit,
        term_months=lot.term_months,
        delivery_area=lot.delivery_area,
        quantity=exact(lot.quantity),
        status=lot.status,
        shares=tuple(
            PublishedShare(
                member_id=share.member_id,
                quantity=exact(share.quantity),
                baseline=None if share.baseline is None else str(share.baseline),
            )
            for share in material.shares
        ),
        pooling=_pooling(material.rule),
        enrolments=enrolled if by_attendance else {},
        bids=tuple(_bid(bid, seen, numbers_of(book.book.plan)) for bid in material.bids),
        disqualifications=_disqualifications(material),
        marks=_marks(book, aliases),
        agreed=tuple(
            AgreedMark(
                bid_id=each.bid_id,
                criterion=each.criterion,
                mark=exact(each.mark),
                reason=each.reason,
            )
            for each in book.book.agreed
        ),
        prices_released_at=book.book.prices_released_at,
        scores=scores_of(book.book, book.candidates, book.disqualifications, draw=book.draw),
        auction=_auction(material),
        awards=tuple(_award(material, award) for award in awards),
        protests=tuple(map(_protest, material.protests)),
        not_awarded_reason=material.places.not_awarded_reason,
    )


def _pooling(rule: PoolRule) -> PublishedPooling | None:
    """Tell how shares add up; hazard zones are what members said of themselves, and stay inside."""
    if rule.terms is None:
        return None
    zones = list((rule.zones or {}).values())
    by_zone = isinstance(rule.terms, LargestNeedsTerms)
    return PublishedPooling(
        rule=rule_of(rule.terms),
        terms=_plain(canonical(rule.terms)),
        zones_left_out=by_zone and len(set(zones)) < len(zones),
    )


def _bid(bid: OpenedRow, seen: Seen, scored: AbstractSet[str]) -> PublishedBid:
    """Tell a bid with what decided over it; answers in words and documents are not in a bundle."""
    content, technical, packages = None, None, 0
    if bid.content is not None:
        whole = read_content(bid.content.encode())
        kept = tuple(
            package
            for package in whole.packages
            if all(lot_id in seen.lot_ids for lot_id, _ in package.prices)
        )
        packages = len(whole.packages) - len(kept)
        told = replace(
            whole,
            packages=kept,
            answers=_numbers(whole.answers, scored),
            documents=(),
            claims=(),
        )
        content = _plain(write_content(told).decode())
    if bid.technical is not None:
        part = read_technical(bid.technical.encode())
        answers = _numbers(part.answers, scored)
        told_part = replace(part, answers=answers, documents=(), claims=())
        technical = _plain(write_technical(told_part).decode())
    return PublishedBid(
        bid_id=bid.bid_id,
        vendor_id=bid.vendor_id,
        version=bid.version,
        received_at=bid.received_at,
        log_index=bid.log_index,
        failure=bid.failure,
        content=content,
        technical=technical,
        packages_left_out=packages,
        unit_price=None if bid.price is None else str(bid.price),
        rank=bid.rank,
        score=None if bid.score is None else f"{bid.score:f}",
    )


def _numbers(answers: Sequence[Answer], scored: AbstractSet[str]) -> tuple[Answer, ...]:
    """Keep the answers that are scored as numbers, and so as public as the scores."""
    numbers = numbers_in(answers)
    return tuple(each for each in answers if each.criterion in scored and each.criterion in numbers)


def _marks(book: LotBook, aliases: Mapping[PartyId, str]) -> tuple[GivenMark, ...]:
    given = (
        GivenMark(
            bid_id=each.bid_id,
            criterion=each.criterion,
            evaluator=aliases[each.evaluator_id],
            mark=exact(each.mark),
        )
        for each in book.book.scores
    )
    return tuple(sorted(given, key=lambda each: (each.bid_id, each.criterion, each.evaluator)))


def _disqualifications(material: LotMaterial) -> tuple[PublishedDisqualification, ...]:
    places = material.places.disqualified
    return tuple(
        PublishedDisqualification(
            bid_id=each.bid_id,
            reason=each.reason,
            decided_at=places[each.bid_id].at,
            sequence=places[each.bid_id].sequence,
        )
        for each in material.book.disqualifications
    )


def _auction(material: LotMaterial) -> PublishedAuction | None:
    auction, place = material.auction, material.places.auction
    if auction is None or place is None:
        return None
    return PublishedAuction(
        id=auction.id,
        closed_at=place.at,
        sequence=place.sequence,
        standing=tuple(
            PublishedPlace(vendor_id=each.vendor_id, rank=each.rank, unit_price=str(each.price))
            for each in auction.standing
        ),
    )


def _award(material: LotMaterial, award: Award) -> PublishedAward:
    place = material.places.awards.get(award.id)
    return PublishedAward(
        id=award.id,
        vendor_id=award.vendor_id,
        unit_price=str(award.price),
        quantity=exact(award.quantity),
        total=str(award.total),
        status=award.status,
        decided_at=award.decided_at,
        sequence=None if place is None else place.sequence,
        reason=award.reason,
        scenario_id=award.scenario_id,
        intended_at=award.intended_at,
        standstill_ends_at=award.standstill_ends_at,
        made_at=award.made_at,
        ended_at=award.ended_at,
        ended_reason=award.ended_reason,
        lines=tuple(_line(line) for line in material.lines.get(award.id, ())),
    )


def _line(record: LineRecord) -> PublishedLine:
    return line_told(record.id, record.line, accepts=record.accepts)


def _protest(protest: Protest) -> PublishedProtest:
    return PublishedProtest(
        id=protest.id,
        vendor_id=protest.vendor_id,
        grounds=protest.grounds,
        filed_at=protest.filed_at,
        is_upheld=protest.is_upheld,
        decision=protest.decision,
        decided_at=protest.decided_at,
        moot_at=protest.moot_at,
    )


def _scenario(scenario: Scenario) -> PublishedScenario:
    result = scenario.result
    return PublishedScenario(
        id=scenario.id,
        name=scenario.name,
        made_at=scenario.made_at,
        seed=scenario.seed,
        problem=_plain(serial.written(scenario.problem)),
        rules=tuple(_plain(serial.written(rule)) for rule in scenario.rules),
        result=None if result is None else _plain(serial.written(result)),
        chosen_at=scenario.chosen_at,
        chosen_reason=scenario.chosen_reason,
    )


def _lots_of(scenario: Scenario) -> set[str]:
    return {lot.id for lot in scenario.problem.lots}


def _plain(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    return document
