"""Lay in a report what members pay beside what they would pay alone, and by each rule of sharing.

What each group would pay by itself is reckoned from the bundle alone: from the winning bids' own
prices and how the lot was pooled. The reckoning is asked for as a task, as it may take seconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.bids.domain.awards.answers import is_accepted
from services.bids.domain.awards.award import AwardStatus
from services.bids.domain.awards.lines import AwardLineId
from services.bids.domain.pooling.portions import Asked
from services.bids.domain.replay.bundle import (
    AwardBundle,
    PublishedAward,
    PublishedLine,
    PublishedLot,
)
from services.bids.domain.replay.rebuilding import RebuiltLot, terms_of
from services.bids.domain.report.figures import (
    ReportedCharge,
    ReportedCore,
    ReportedLeftOut,
    ReportedMember,
    ReportedSharing,
    ReportedSharingRule,
)
from services.bids.domain.report.sentences import in_money, listed, standing
from services.bids.domain.sharing.beside import Charged, LeftOut, Shared, SharingTask, told_core
from services.bids.domain.sharing.core import CoreCheck
from services.bids.domain.sharing.games import costs_alone, members_of
from services.bids.domain.sharing.of_lot import LotGame, Won, game_of
from services.bids.domain.sharing.shapley import Sample
from services.bids.domain.sharing.shares import Rule, Share, Sharing
from shared.domain.bid_content import one_price
from shared.domain.ids import LotId, PartyId
from shared.domain.money import Money, digits_of

LOTS_MAX: Final = 20
"""Of so many lots one report lays the rules beside each other, as somebody waits for it."""

NAMED_MAX: Final = 8
"""A larger group is told by its size, as nobody reads more names in a sentence."""

TOO_MANY_LOTS: Final = (
    f"A report tells this of its first {LOTS_MAX} awarded lots; the report of this lot alone tells "
    "it as well."
)

_NOTHING_AWARDED: Final = "Nothing is awarded of this lot, so that there is no cost to be shared."

_ONE_MEMBER: Final = "One member takes all that is awarded, so that there is nothing to be shared."

_ZONES: Final = (
    "The lot was pooled by its largest needs, those of a hazard zone together. Which members share "
    "a zone is not published, so that what a group would pay by itself cannot be told here."
)

_MARGIN: Final = (
    "What members pay as awarded holds the consortium's margin; alone, and by each rule, they are "
    "reckoned without it."
)

_NOT_LOOKED: Final = "Whether any group would pay less by itself was not found in time."

RULES_SAID: Final[Mapping[Rule, tuple[str, str]]] = {
    Rule.EQUAL_PRICE: ("Equal price", "Every unit costs the same."),
    Rule.COST_ALONE: ("By cost alone", "Everybody saves the same part of what it would pay alone."),
    Rule.EQUAL_SAVING: ("Equal saving", "Everybody saves the same amount."),
    Rule.SEPARABLE_COST: (
        "Separable cost",
        "Each pays what it adds to the others, and of the rest by what joining is worth to it.",
    ),
    Rule.SHAPLEY: (
        "Shapley",
        "Each pays what it adds, on the average over all orders in which members may join.",
    ),
    Rule.NUCLEOLUS: (
        "Nucleolus",
        "The group that gains least gains as much as can be, then the next.",
    ),
    Rule.AIRPORT: (
        "Airport",
        "The largest need sets the cost; each step up to it is shared by those who need it.",
    ),
}
"""Each rule's name and what it does, for people."""


@dataclass(frozen=True, slots=True)
class ToShare:
    """A lot's cost: its game, and in minor units what each member pays as awarded."""

    built: LotGame
    paid: Mapping[PartyId, int]


def task_of(bundle: AwardBundle, lot: PublishedLot) -> SharingTask | None:
    """Say what is to be reckoned for a lot's sharing; None where there are no figures."""
    found = _to_share(bundle, lot)
    if isinstance(found, str):
        return None
    draw, game = RebuiltLot(bundle, lot).draw, found.built.game
    return SharingTask(
        game=game,
        currency=bundle.rfp.currency,
        sample=Sample(b"" if draw is None else draw.merkle_root),
        charged=tuple(Fraction(found.paid[member_id]) for member_id in members_of(game)),
    )


def sharing_of(
    bundle: AwardBundle, lot: PublishedLot, reckoned: Mapping[LotId, Sequence[Shared]]
) -> ReportedSharing:
    """Report how members of a lot share its cost, and how they could, from what was reckoned."""
    found = _to_share(bundle, lot)
    if isinstance(found, str):
        return ReportedSharing(missing=found)
    if lot.id not in reckoned:
        return ReportedSharing(missing=TOO_MANY_LOTS)
    outcomes = reckoned[lot.id]
    charged = [_core(bundle, each.core) for each in outcomes if isinstance(each, Charged)]
    sharings = [each for each in outcomes if isinstance(each, Sharing)]
    margin = (_MARGIN,) if terms_of(bundle).margin_percent else ()
    return ReportedSharing(
        built_on=(*found.built.told, *margin),
        members=tuple(_members(bundle, found, sharings)),
        core=charged[0] if charged else ReportedCore(is_stable=None, told=_NOT_LOOKED),
        rules=tuple(_rule(bundle, each) for each in sharings),
        left_out=tuple(
            ReportedLeftOut(rule=each.rule, name=RULES_SAID[each.rule][0], reason=each.reason)
            for each in outcomes
            if isinstance(each, LeftOut)
        ),
    )


def _to_share(bundle: AwardBundle, lot: PublishedLot) -> ToShare | str:
    """Build the game of what was awarded, or say why there are no figures."""
    awards = standing(lot)
    if not awards:
        return _NOTHING_AWARDED
    if lot.pooling is not None and lot.pooling.zones_left_out:
        return _ZONES
    rebuilt = RebuiltLot(bundle, lot)
    lines = {award.id: tuple(_taken(bundle, award)) for award in awards}
    asked = [Asked(share.member_id, share.quantity) for share in lot.shares]
    won = [_won(rebuilt, award, lines[award.id]) for award in awards]
    built = game_of(won, asked, rebuilt.pool_rule)
    if len(built.game.needs) == 1:
        return _ONE_MEMBER
    paid = dict.fromkeys(built.game.needs, 0)
    for line in (each for own in lines.values() for each in own):
        paid[line.member_id] += int(Decimal(line.total).scaleb(digits_of(rebuilt.currency)))
    return ToShare(built, paid)


def _taken(bundle: AwardBundle, award: PublishedAward) -> Iterator[PublishedLine]:
    """Keep the lines that hold: of an award that is not made yet, all of them."""
    terms = terms_of(bundle)
    for line in award.lines:
        answers = {} if line.accepts is None else {AwardLineId(line.id): line.accepts}
        is_open = award.status is not AwardStatus.MADE
        if is_open or is_accepted(AwardLineId(line.id), answers, terms):
            yield line


def _won(rebuilt: RebuiltLot, award: PublishedAward, lines: Sequence[PublishedLine]) -> Won:
    price = rebuilt.price(award.unit_price)
    return Won(
        pricing=rebuilt.pricing_of(award.vendor_id) or one_price(price),
        price=price,
        quantities={line.member_id: line.quantity for line in lines},
    )


def _members(
    bundle: AwardBundle, found: ToShare, sharings: Sequence[Sharing]
) -> Iterator[ReportedMember]:
    game, currency = found.built.game, bundle.rfp.currency
    shares = {each.rule: {share.member_id: share for share in each.shares} for each in sharings}
    for member_id, exact in zip(members_of(game), costs_alone(game), strict=True):
        alone, paid = round(exact), found.paid[member_id]
        yield ReportedMember(
            member=bundle.name_of(member_id),
            pays=str(Money(paid, currency)),
            alone=str(Money(alone, currency)),
            saving=str(Money(alone - paid, currency)),
            charges={rule: _charge(own[member_id]) for rule, own in shares.items()},
        )


def _charge(share: Share) -> ReportedCharge:
    error = share.standard_error
    return ReportedCharge(
        pays=str(share.pays),
        saving=str(share.saving),
        standard_error=None if error is None else str(error),
    )


def _rule(bundle: AwardBundle, sharing: Sharing) -> ReportedSharingRule:
    name, meaning = RULES_SAID[sharing.rule]
    return ReportedSharingRule(
        rule=sharing.rule, name=name, meaning=meaning, core=_core(bundle, sharing.core)
    )


def _core(bundle: AwardBundle, check: CoreCheck) -> ReportedCore:
    """Say who would do better alone, by name where these are few."""
    currency, strongest = bundle.rfp.currency, check.strongest
    if strongest is None:
        return ReportedCore(is_stable=check.is_stable, told=told_core(check, currency))
    names = tuple(sorted(map(bundle.name_of, strongest.members)))
    together = f"{listed(names)} together" if len(names) > 1 else names[0]
    who = together if len(names) <= NAMED_MAX else f"a group of {len(names)} members"
    gain = in_money(strongest.gain / 10 ** digits_of(currency), currency)
    return ReportedCore(
        is_stable=check.is_stable,
        told=(
            f"{check.objecting} of {check.groups} groups that were looked at would pay less by "
            f"themselves; most of all {who}, by {gain}."
        ),
        strongest=names,
        gain=str(Money(round(strongest.gain), currency)),
    )
