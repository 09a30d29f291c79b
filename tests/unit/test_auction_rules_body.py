"""The rules of an auction as a request writes them: every member of the published language."""

from dataclasses import MISSING, fields

import pytest
from pydantic import ValidationError

from shared.events.bids import AuctionRules, StepBand
from shared.web.auction_rules import AuctionRulesBody


def test_the_request_knows_every_rule_and_no_other() -> None:
    assert set(AuctionRulesBody.model_fields) == {field.name for field in fields(AuctionRules)}


def test_what_the_request_leaves_out_means_what_the_published_language_says() -> None:
    told = AuctionRulesBody().told()

    for field in fields(AuctionRules):
        if field.default is not MISSING:
            assert getattr(told, field.name) == field.default, field.name


def test_bands_are_told_in_their_order() -> None:
    body = AuctionRulesBody.model_validate(
        {"step_kind": "bands", "step_bands": [{"above": "1000", "step": "200"}]}
    )

    assert body.told().step_bands == (StepBand(above="1000", step="200"),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"format": "penny"},
        {"step": 0.5},
        {"extensions_max": -1},
        {"colour": "red"},
        {"rounds": 0},
        {"feature_maxima": ["1.5"]},
    ],
)
def test_a_rule_of_another_form_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AuctionRulesBody.model_validate(wrong)
