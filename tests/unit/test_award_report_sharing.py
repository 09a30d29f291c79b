"""The report's sharing: what members pay, would pay alone, and by each rule; who would object."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from services.bids.api.report_pages import page_of
from services.bids.domain.awards.award import AwardStatus
from services.bids.domain.pooling.rules import (
    CoincidenceTerms,
    LargestNeedsTerms,
)
from services.bids.domain.pooling.rules import Rule as PoolingRule
from services.bids.domain.replay.bundle import (
    AwardBundle,
    PublishedAward,
    PublishedLot,
    PublishedPooling,
    PublishedShare,
)
from services.bids.domain.replay.reading import read_bundle, write_bundle
from services.bids.domain.report.figures import ReportedSharing, RfpReport
from services.bids.domain.report.sharing import LOTS_MAX
from services.bids.domain.report.whole import report_of, sharing_tasks
from services.bids.domain.sharing.beside import LeftOut, Shared, share_beside
from services.bids.domain.sharing.of_lot import PLAIN_SUM, PoolRule
from services.bids.domain.sharing.shares import Rule
from services.bids.usecases import composing
from shared.domain.bid_content import NONCE_BYTES, BidContent, Pricing, Tier, write_content
from shared.domain.ids import LotId, PartyId, new_id
from shared.domain.money import Currency, UnitPrice

BUNDLE: Final = Path(__file__).resolve().parents[1] / "golden" / "awards" / "coop-award-1.json"
USD: Final = Currency("USD")
TIERS: Final = (("1", "10"), ("1000", "9"), ("5000", "8"), ("10000", "7.5"))
NEEDS: Final = ("400", "1600", "3000", "6000")


@pytest.fixture(scope="module")
def golden() -> AwardBundle:
    return read_bundle(BUNDLE.read_text(encoding="utf-8"))


def made_of(lot: PublishedLot) -> PublishedAward:
    return next(award for award in lot.awards if award.status is AwardStatus.MADE)


def with_lot(bundle: AwardBundle, lot: PublishedLot, **members: Any) -> AwardBundle:
    """A bundle of one lot that is another in some members."""
    return replace(bundle, lots=(replace(lot, **members),))


def bought(
    bundle: AwardBundle,
    *,
    needs: Sequence[str] = NEEDS,
    tiers: Sequence[tuple[str, str]] = TIERS,
    paid: Sequence[str] = ("3000.00", "12000.00", "22500.00", "45000.00"),
) -> AwardBundle:
    """The first lot alone, as four districts buy it in tiers."""
    lot = bundle.lots[0]
    award = made_of(lot)
    members = sorted({share.member_id for share in lot.shares})
    content = BidContent(
        currency=USD,
        nonce=bytes(NONCE_BYTES),
        pricing=Pricing(
            tuple(Tier(Decimal(least), UnitPrice.parse(each, USD)) for least, each in tiers)
        ),
    )
    offered = json.loads(write_content(content))
    bids = tuple(
        replace(bid, content=offered) if bid.vendor_id == award.vendor_id else bid
        for bid in lot.bids
    )
    quantities = [Decimal(need) for need in needs]
    lines = tuple(
        replace(line, member_id=member_id, quantity=quantity, total=total, baseline_total=None)
        for line, member_id, quantity, total in zip(
            award.lines, members, quantities, paid, strict=True
        )
    )
    whole = sum(quantities)
    return with_lot(
        bundle,
        lot,
        quantity=whole,
        shares=tuple(
            PublishedShare(member_id=member_id, quantity=quantity)
            for member_id, quantity in zip(members, quantities, strict=True)
        ),
        bids=bids,
        awards=(replace(award, unit_price=tiers[-1][1], quantity=Decimal(whole), lines=lines),),
    )


def shared(bundle: AwardBundle) -> ReportedSharing:
    """What the report of a bundle tells of its first lot's sharing."""
    return whole_report(bundle).lots[0].sharing


def whole_report(bundle: AwardBundle) -> RfpReport:
    reckoned: Mapping[LotId, Sequence[Shared]] = {
        lot_id: list(share_beside(task)) for lot_id, task in sharing_tasks(bundle).items()
    }
    return report_of(bundle, reckoned=reckoned)


def test_members_are_told_what_they_pay_would_pay_alone_and_by_each_rule(
    golden: AwardBundle,
) -> None:
    sharing = shared(bought(golden))

    assert [(each.member, each.pays, each.alone, each.saving) for each in sharing.members] == [
        ("District 1", "3000.00", "4000.00", "1000.00"),
        ("District 2", "12000.00", "14400.00", "2400.00"),
        ("District 3", "22500.00", "27000.00", "4500.00"),
        ("District 4", "45000.00", "48000.00", "3000.00"),
    ]
    saved = {
        rule: [each.charges[rule].saving for each in sharing.members]
        for rule in (Rule.EQUAL_PRICE, Rule.SHAPLEY, Rule.NUCLEOLUS)
    }
    assert saved == {
        Rule.EQUAL_PRICE: ["1000.00", "2400.00", "4500.00", "3000.00"],
        Rule.SHAPLEY: ["966.66", "3066.67", "3766.67", "3100.00"],
        Rule.NUCLEOLUS: ["500.00", "3550.00", "3950.00", "2900.00"],
    }
    assert len(sharing.rules) == 6
    assert [each.rule for each in sharing.left_out] == [Rule.AIRPORT]
    assert "winning bid's own prices" in sharing.built_on[0]


def test_who_would_do_better_alone_is_named_with_what_it_would_gain(golden: AwardBundle) -> None:
    # In equal parts the smallest member pays 20,625.00 where it would pay 4,000.00 alone; with the
    # second it is charged 41,250.00 for 2,000 units that cost 18,000.00 at the second tier.
    equal = ("20625.00", "20625.00", "20625.00", "20625.00")

    sharing = shared(bought(golden, paid=equal))

    core = sharing.core
    assert core is not None
    assert core.is_stable is False
    assert core.strongest == ("District 1", "District 2")
    assert core.gain == "23250.00"
    assert core.told.endswith("most of all District 1 and District 2 together, by 23,250.00 USD.")
    assert sharing.members[0].saving == "-16625.00"


def test_equal_saving_is_told_with_the_group_that_would_leave(golden: AwardBundle) -> None:
    rules = {each.rule: each.core for each in shared(bought(golden)).rules}

    assert rules[Rule.EQUAL_SAVING].strongest == ("District 2", "District 3", "District 4")
    assert rules[Rule.EQUAL_SAVING].gain == "1725.00"
    assert rules[Rule.NUCLEOLUS].is_stable is True


def test_rounding_of_lines_makes_no_objection(golden: AwardBundle) -> None:
    # 80.5 units at 0.27 are 21.735, and the line is 21.74: nobody leaves for half a cent.
    sharing = shared(golden)

    assert sharing.members[2].pays == "21.74"
    assert sharing.core is not None
    assert sharing.core.is_stable is True


@pytest.mark.parametrize(("more", "is_stable"), [(4, True), (5, False)])
def test_group_objects_from_beyond_a_cent_for_each_member(
    golden: AwardBundle, more: int, *, is_stable: bool
) -> None:
    # Of 100 units at one price a member pays so many cents more than it would alone.
    paid = (f"100.{more:02d}", "100.00", "100.00", "100.00")
    needs = ("100", "100", "100", "100")

    sharing = shared(bought(golden, needs=needs, tiers=(("1", "1"),), paid=paid))

    assert sharing.core is not None
    assert sharing.core.is_stable is is_stable


def test_lot_of_which_nothing_is_awarded_says_so(golden: AwardBundle) -> None:
    sharing = whole_report(golden).lots[4].sharing

    assert (
        sharing.missing == "Nothing is awarded of this lot, so that there is no cost to be shared."
    )
    assert sharing.members == ()


def test_lot_of_one_member_has_nothing_to_share(golden: AwardBundle) -> None:
    lot = golden.lots[0]
    award = made_of(lot)
    one = (replace(award, lines=award.lines[:1]),)

    sharing = shared(with_lot(golden, lot, shares=lot.shares[:1], awards=one))

    assert sharing.missing is not None
    assert sharing.missing.startswith("One member takes all")


def test_capacity_for_the_largest_need_is_shared_by_the_airport_rule(golden: AwardBundle) -> None:
    needs, paid = ("8", "11", "13", "18"), ("2.88", "3.96", "4.68", "6.48")
    bundle = bought(golden, needs=needs, tiers=(("1", "1"),), paid=paid)
    peak = PublishedPooling(rule=PoolingRule.LARGEST_NEEDS, terms={"simultaneous": 1})
    lot = replace(bundle.lots[0], pooling=peak, quantity=Decimal(18))

    sharing = shared(replace(bundle, lots=(lot,)))

    airport = [each.charges[Rule.AIRPORT].pays for each in sharing.members]
    assert airport == ["2.00", "3.00", "4.00", "9.00"]
    assert sharing.left_out == ()
    assert "largest_needs" in sharing.built_on[0]


def test_lot_pooled_by_shared_hazard_zones_says_why_there_are_no_figures(
    golden: AwardBundle,
) -> None:
    bundle = bought(golden)
    pooling = PublishedPooling(
        rule=PoolingRule.LARGEST_NEEDS, terms={"simultaneous": 1}, zones_left_out=True
    )

    sharing = shared(replace(bundle, lots=(replace(bundle.lots[0], pooling=pooling),)))

    assert sharing.missing is not None
    assert "hazard zone" in sharing.missing


def test_declined_lines_of_an_award_that_is_made_take_no_part(golden: AwardBundle) -> None:
    bundle = bought(golden)
    (award,) = bundle.lots[0].awards
    lines = tuple(replace(line, accepts=place < 3) for place, line in enumerate(award.lines))
    terms = {**bundle.rfp.terms, "acceptance_window_s": 3600}
    asked = replace(bundle, rfp=replace(bundle.rfp, terms=terms))

    made = with_lot(asked, bundle.lots[0], awards=(replace(award, lines=lines),))
    waiting = replace(award, lines=lines, status=AwardStatus.RECOMMENDED)

    assert [each.member for each in shared(made).members] == [
        "District 1",
        "District 2",
        "District 3",
    ]
    assert len(shared(with_lot(asked, bundle.lots[0], awards=(waiting,))).members) == 4


def test_margin_is_held_in_what_members_pay_and_that_is_said(golden: AwardBundle) -> None:
    bundle = bought(golden, paid=("3030.00", "12120.00", "22725.00", "45450.00"))
    terms = {**bundle.rfp.terms, "margin_percent": "1"}

    sharing = shared(replace(bundle, rfp=replace(bundle.rfp, terms=terms)))

    assert (sharing.members[0].pays, sharing.members[0].saving) == ("3030.00", "970.00")
    assert sharing.members[0].charges[Rule.EQUAL_PRICE].pays == "3000.00"
    assert "margin" in sharing.built_on[-1]


def test_report_of_many_lots_lays_the_rules_beside_each_other_for_the_first(
    golden: AwardBundle,
) -> None:
    lots = tuple(replace(golden.lots[0], id=LotId(new_id())) for _ in range(LOTS_MAX + 1))
    bundle = replace(golden, lots=lots)

    tasks = sharing_tasks(bundle)
    report = report_of(bundle, reckoned={lot_id: [] for lot_id in tasks})

    assert list(tasks) == [lot.id for lot in lots[:LOTS_MAX]]
    assert report.lots[-1].sharing.missing is not None
    assert "the report of this lot alone" in report.lots[-1].sharing.missing
    assert list(sharing_tasks(bundle, lot_id=lots[-1].id)) == [lots[-1].id]


def test_what_was_not_reckoned_in_time_leaves_what_is_known(golden: AwardBundle) -> None:
    bundle = bought(golden)
    slow = [LeftOut(rule, "It was not reckoned.") for rule in Rule]

    sharing = report_of(bundle, reckoned={bundle.lots[0].id: slow}).lots[0].sharing

    assert sharing.members[0].alone == "4000.00"
    assert sharing.core is not None
    assert sharing.core.is_stable is None
    assert "not found in time" in sharing.core.told
    assert len(sharing.left_out) == 7


def test_page_tells_rules_as_sentences_and_who_would_leave(golden: AwardBundle) -> None:
    page = page_of(whole_report(bought(golden)))

    assert "What each rule would charge the members of lot 1, in USD" in page
    assert "<span>12,000.00</span>" in page
    assert (
        '<strong class="more">Yes:</strong> 1 of 14 groups that were looked at would pay less by '
        "themselves; most of all District 2, District 3 and District 4 together, by 1,725.00 USD."
    ) in page
    assert "<p>Left out: Airport." in page


def test_page_says_in_a_sentence_that_all_rules_agree(golden: AwardBundle) -> None:
    page = page_of(whole_report(replace(golden, lots=golden.lots[:1])))

    assert "would charge every member just what it would pay alone: Equal price, By cost" in page
    assert "What each rule would charge" not in page


def test_hazard_zones_stay_out_of_a_bundle() -> None:
    one, other = PartyId(new_id()), PartyId(new_id())
    peak = LargestNeedsTerms(simultaneous=2)

    together = composing._pooling(PoolRule(peak, {one: "river bend", other: "river bend"}))
    apart = composing._pooling(PoolRule(peak, {one: "river bend", other: "hill"}))
    by_factor = composing._pooling(
        PoolRule(CoincidenceTerms(Decimal("0.5")), {one: "river bend", other: "river bend"})
    )

    assert together == PublishedPooling(
        rule=PoolingRule.LARGEST_NEEDS, terms={"simultaneous": 2}, zones_left_out=True
    )
    assert apart is not None
    assert apart.zones_left_out is False
    assert by_factor == PublishedPooling(
        rule=PoolingRule.COINCIDENCE, terms={"factor": "0.5", "circuits": []}
    )
    assert composing._pooling(PLAIN_SUM) is None


def test_pooling_is_written_and_read_in_one_form(golden: AwardBundle) -> None:
    pooling = PublishedPooling(
        rule=PoolingRule.COINCIDENCE, terms={"factor": "0.5", "circuits": ["100"]}
    )
    bundle = with_lot(golden, golden.lots[0], pooling=pooling)

    assert read_bundle(write_bundle(bundle)).lots[0].pooling == pooling
