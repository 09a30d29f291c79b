"""What bids are asked beside their prices: made of criteria, plan and profile, checked alike."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final
from uuid import UUID

import pytest

from services.bids.domain.consortium import ConsortiumModel
from services.bids.domain.erate import ErateCategory
from services.bids.domain.evaluation import open_bid
from services.bids.domain.forms import StatedForm, answers_where_asked, stated_form
from services.bids.domain.openings import BidFailure, SealedBid
from services.bids.domain.policy import Profile
from services.bids.domain.scoring.candidates import CostRule
from services.bids.domain.scoring.plan import LowestCost, Plan, plan_of
from services.bids.domain.technical import open_technical
from services.bids.domain.terms import (
    ATTESTATIONS_MAX,
    PRICE_ALONE,
    Attestation,
    ContractTerms,
    CostCovered,
    Criterion,
    CriterionKind,
    Terms,
    TermsUnfit,
    require_fit,
)
from services.bids.store.profiles import read_profiles
from shared.domain.bid_content import (
    Answer,
    BidContent,
    Pricing,
    TechnicalContent,
    Tier,
    TiersApply,
    one_price,
    write_content,
    write_technical,
)
from shared.domain.bid_documents import EnvelopeKind
from shared.domain.bid_forms import (
    AnswerKind,
    Asked,
    BidForm,
    faults_of,
    technical_faults_of,
)
from shared.domain.ids import BidId, LotId, OpeningId, PartyId
from shared.domain.money import Currency, UnitPrice
from shared.sealing import SealContext, generate_key_pair, seal

BOOK: Final = read_profiles()
OPEN: Final = BOOK.find("open")
USD: Final = Currency("USD")
LOT: Final = LotId(UUID(int=1))
OPENING: Final = OpeningId(UUID(int=2))
KEYS: Final = generate_key_pair()
NOW: Final = datetime(2027, 3, 15, 12, tzinfo=UTC)

CRITERIA: Final = (
    Criterion(name="price", kind=CriterionKind.PRICE, weight=Decimal(60), covers=CostCovered.ALL),
    Criterion(name="uptime", kind=CriterionKind.NUMERIC, weight=Decimal(20)),
    Criterion(name="method", kind=CriterionKind.RATED, weight=Decimal(20)),
    Criterion(name="insured", kind=CriterionKind.PASS_FAIL),
)
APART: Final = (
    Criterion(
        name="price", kind=CriterionKind.PRICE, weight=Decimal(100), covers=CostCovered.ELIGIBLE
    ),
)
IN_PRICE: Final = EnvelopeKind.PRICE
ELIGIBLE_PART: Final = Asked(
    name="eligible_unit_price",
    kind=AnswerKind.NUMBER,
    is_required=True,
    least=Decimal(0),
    envelope=IN_PRICE,
    is_part_of_price=True,
)
UPTIME: Final = Asked(name="uptime", kind=AnswerKind.NUMBER, is_required=True)

FORM: Final = BidForm(
    currency=USD,
    closes_at=NOW,
    lots={LOT: Decimal(10)},
    asked=(UPTIME, Asked(name="energy", kind=AnswerKind.NUMBER, least=Decimal(0))),
    attestations={"non_collusion"},
)
BID: Final = BidContent(
    currency=USD,
    nonce=bytes(32),
    pricing=one_price(UnitPrice.parse("2.50", USD)),
    answers=(Answer("uptime", "99.95"), Answer("energy", "0")),
    attestations=("non_collusion",),
)


def answering(**answers: str) -> BidContent:
    return replace(BID, answers=tuple(Answer(name, text) for name, text in answers.items()))


def sealed(written: bytes) -> SealedBid:
    bid = SealedBid(
        bid_id=BidId(UUID(int=3)),
        lot_id=LOT,
        vendor_id=PartyId(UUID(int=4)),
        version_id=UUID(int=5),
        version=1,
        received_at=NOW - timedelta(days=1),
        log_index=1,
        sealed_sha256=b"",
        sealed=b"",
    )
    context = SealContext(
        opening_id=OPENING,
        lot_id=bid.lot_id,
        vendor_id=bid.vendor_id,
        bid_version_id=bid.version_id,
    )
    envelope = seal(written, KEYS.public, context)
    return replace(bid, sealed=envelope, sealed_sha256=sha256(envelope).digest())


class TestStating:
    def test_numbers_must_be_answered_and_what_evaluators_judge_may_be(self) -> None:
        form = stated_form(Terms(criteria=CRITERIA), None, OPEN)

        assert form.asked == (UPTIME, Asked(name="method"), Asked(name="insured"))

    def test_plan_asks_for_costs_days_and_features(self) -> None:
        cost = CostRule(
            added=("energy",), rate_per_day=Decimal(5), features_max={"recycled": Decimal("0.1")}
        )

        form = stated_form(Terms(), Plan(method=LowestCost(), cost=cost), OPEN)

        zero = Decimal(0)
        assert form.asked == (
            Asked(name="recycled", kind=AnswerKind.NUMBER, least=zero, envelope=IN_PRICE),
            Asked(
                name="energy",
                kind=AnswerKind.NUMBER,
                is_required=True,
                least=zero,
                envelope=IN_PRICE,
            ),
            Asked(
                name="days", kind=AnswerKind.NUMBER, is_required=True, least=zero, envelope=IN_PRICE
            ),
        )

    def test_criterion_that_is_a_cost_too_is_asked_with_the_prices(self) -> None:
        plan = Plan(method=LowestCost(), cost=CostRule(added=("uptime",)))

        form = stated_form(Terms(criteria=CRITERIA), plan, OPEN)

        assert [(each.name, each.envelope) for each in form.asked or ()] == [
            ("uptime", IN_PRICE),
            ("method", EnvelopeKind.TECHNICAL),
            ("insured", EnvelopeKind.TECHNICAL),
        ]

    @pytest.mark.parametrize(
        ("criteria", "plan"),
        [
            (APART, None),
            (APART, Plan(method=LowestCost())),
            (PRICE_ALONE, plan_of(APART)),
        ],
    )
    def test_eligible_part_is_asked_where_the_criteria_or_the_plan_part_it(
        self, criteria: tuple[Criterion, ...], plan: Plan | None
    ) -> None:
        form = stated_form(Terms(criteria=criteria), plan, OPEN)

        assert form.asked == (ELIGIBLE_PART,)

    @pytest.mark.parametrize(
        ("contract", "is_required"),
        [
            (ContractTerms(fee_percent=Decimal(2)), True),
            (ContractTerms(erate_category=ErateCategory.ONE), False),
        ],
    )
    def test_eligible_part_may_be_left_out_where_an_e_rate_category_states_a_percentage(
        self,
        contract: ContractTerms,
        is_required: bool,  # noqa: FBT001 - a table
    ) -> None:
        form = stated_form(Terms(criteria=APART, contract=contract), None, OPEN)

        assert form.asked == (replace(ELIGIBLE_PART, is_required=is_required),)

    def test_rfp_that_asks_for_a_price_alone_takes_answers_to_anything(self) -> None:
        assert stated_form(Terms(criteria=PRICE_ALONE), None, OPEN).asked is None

    @pytest.mark.parametrize(
        ("profile", "name"),
        [(BOOK.find("erate"), "lowest_corresponding_price"), (BOOK.find("open"), None)],
    )
    def test_profiles_attestations_come_before_the_buyers_own(
        self, profile: Profile, name: str | None
    ) -> None:
        own = Attestation(name="no_gifts", sentence="nothing was given to a member's staff")

        form = stated_form(Terms(attestations=(own,)), None, profile)

        assert [each.name for each in form.attestations] == ([name] if name else []) + ["no_gifts"]
        assert form.attestations[-1] == own
        assert all(each.sentence for each in form.attestations)

    def test_attestations_of_one_name_and_too_many_of_them_are_unfit(self) -> None:
        named = [Attestation(name=f"a{number}", sentence="so it is") for number in range(11)]

        def fit(*attestations: Attestation) -> None:
            terms = Terms(attestations=attestations)
            require_fit(terms, model=ConsortiumModel.GROUP_PROCUREMENT, closes_at=NOW)

        fit(*named[:ATTESTATIONS_MAX])
        with pytest.raises(TermsUnfit, match="at most 10 attestations"):
            fit(*named)
        with pytest.raises(TermsUnfit, match="the same name"):
            fit(named[0], replace(named[0], name="A0"))


class TestChecking:
    @pytest.mark.parametrize("text", ["99.95", "0", "-3", "123456789012345.123456"])
    def test_plain_number_is_taken(self, text: str) -> None:
        assert faults_of(answering(uptime=text), FORM, LOT) == ()

    @pytest.mark.parametrize("text", ["99,95", "1e9", "NaN", "ten", " 5", "1.1234567", "1" * 16])
    def test_anything_else_is_no_number_and_is_not_repeated(self, text: str) -> None:
        (fault,) = faults_of(answering(uptime=text), FORM, LOT)

        assert fault.code == "answer_no_number"
        assert text not in fault.sentence

    def test_cost_is_never_below_zero(self) -> None:
        assert faults_of(answering(uptime="1", energy="0"), FORM, LOT) == ()

        (fault,) = faults_of(answering(uptime="1", energy="-0.01"), FORM, LOT)
        assert fault.code == "answer_too_low"

    def test_only_what_must_be_answered_is_missed(self) -> None:
        (fault,) = faults_of(answering(energy="1"), FORM, LOT)

        assert (fault.code, "uptime" in fault.sentence) == ("answer_missing", True)

    def test_words_are_taken_where_nothing_asks_for_a_number(self) -> None:
        form = replace(FORM, asked=(Asked(name="method"),))

        assert faults_of(answering(method="By hand."), form, LOT) == ()

    @pytest.mark.parametrize(("text", "is_taken"), [("6.6667", True), ("6.666701", False)])
    def test_part_of_a_price_is_at_most_the_price_as_it_is_shown_and_scored(
        self,
        text: str,
        is_taken: bool,  # noqa: FBT001 - a table
    ) -> None:
        # A unit of nine costs 60 / 9 on the average: 6.6667, as it is ranked and scored.
        tiers = (("1", "10"), ("4", "5"))
        graduated = Pricing(
            tuple(Tier(Decimal(start), UnitPrice.parse(price, USD)) for start, price in tiers),
            TiersApply.GRADUATED,
        )
        bid = replace(BID, pricing=graduated, answers=(Answer("eligible_unit_price", text),))
        form = replace(FORM, lots={LOT: Decimal(9)}, asked=(ELIGIBLE_PART,))

        codes = [fault.code for fault in faults_of(bid, form, LOT)]

        assert codes == ([] if is_taken else ["answer_above_price"])

    def test_number_that_is_no_part_of_the_price_may_be_above_it(self) -> None:
        assert faults_of(answering(uptime="99", energy="2.51"), FORM, LOT) == ()


class TestEnvelopes:
    FORM: Final = replace(
        FORM,
        asked=(UPTIME, Asked(name="energy", kind=AnswerKind.NUMBER, envelope=IN_PRICE)),
        envelopes=2,
    )
    TECHNICAL: Final = TechnicalContent(
        nonce=bytes(32), answers=(Answer("uptime", "99.95"),), attestations=("non_collusion",)
    )

    def test_answers_in_their_own_envelopes_are_taken(self) -> None:
        assert faults_of(answering(energy="0"), self.FORM, LOT) == ()
        assert technical_faults_of(self.TECHNICAL, self.FORM) == ()

    def test_cost_in_the_technical_envelope_is_misplaced_and_not_repeated(self) -> None:
        told = replace(self.TECHNICAL, answers=BID.answers)

        (fault,) = technical_faults_of(told, self.FORM)

        assert fault.code == "answer_misplaced"
        assert fault.sentence == "“energy” goes into the price envelope."

    def test_technical_answer_beside_the_price_is_misplaced(self) -> None:
        (fault,) = faults_of(answering(uptime="1"), self.FORM, LOT)

        assert fault.code == "answer_misplaced"
        assert fault.sentence == "“uptime” goes into the technical envelope."

    def test_what_nobody_asked_is_unknown_in_either(self) -> None:
        strange = (Answer("colour", "red"),)
        told = replace(self.TECHNICAL, answers=(*self.TECHNICAL.answers, *strange))

        found = (
            *faults_of(answering(colour="red"), self.FORM, LOT),
            *technical_faults_of(told, self.FORM),
        )

        assert [fault.code for fault in found] == ["criterion_unknown", "criterion_unknown"]

    def test_one_envelope_takes_every_answer(self) -> None:
        assert faults_of(BID, replace(self.FORM, envelopes=1), LOT) == ()

    def test_answers_are_read_from_the_envelope_that_asked_for_them_and_no_other(self) -> None:
        stated = StatedForm(asked=self.FORM.asked)
        technical = (Answer("uptime", "99"), Answer("energy", "1"))
        price = (Answer("uptime", "100"), Answer("energy", "2"))

        read = answers_where_asked(stated, technical=technical, price=price)

        assert list(read) == [Answer("uptime", "99"), Answer("energy", "2")]

    def test_all_answers_are_read_where_nothing_was_asked(self) -> None:
        one, other = Answer("colour", "red"), Answer("shape", "round")

        read = answers_where_asked(StatedForm(), technical=(one,), price=(other,))

        assert list(read) == [one, other]


class TestOpening:
    @pytest.mark.parametrize(
        ("content", "failure"),
        [
            (answering(), BidFailure.ANSWER_MISSING),
            (answering(uptime="ten"), BidFailure.ANSWER_UNFIT),
            (answering(uptime="1", energy="-1"), BidFailure.ANSWER_UNFIT),
            (answering(uptime="1", colour="red"), BidFailure.ANSWER_UNFIT),
            (replace(BID, attestations=()), BidFailure.ATTESTATION_MISSING),
        ],
    )
    def test_bid_that_does_not_answer_fails_with_its_reason(
        self, content: BidContent, failure: BidFailure
    ) -> None:
        bid = sealed(write_content(content))

        opened = open_bid(bid, opening_id=OPENING, form=FORM, private_key=KEYS.private)

        assert (opened.outcome, opened.content) == (failure, None)

    def test_bid_that_answers_opens(self) -> None:
        bid = sealed(write_content(BID))

        opened = open_bid(bid, opening_id=OPENING, form=FORM, private_key=KEYS.private)

        assert opened.outcome == UnitPrice.parse("2.50", USD)

    def test_technical_part_fails_with_its_reason_too(self) -> None:
        form = replace(FORM, envelopes=2)
        attested = TechnicalContent(nonce=bytes(32), attestations=("non_collusion",))
        parts = [
            attested,
            replace(attested, attestations=()),
            replace(attested, answers=BID.answers),
        ]

        failures = [
            open_technical(
                sealed(write_technical(part)),
                opening_id=OPENING,
                form=form,
                private_key=KEYS.private,
            ).failure
            for part in parts
        ]

        assert failures == [BidFailure.ANSWER_MISSING, BidFailure.ANSWER_MISSING, None]
