"""Releases keep the published schemas, tell no field unknown to these, and leak no bid."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest
from jsonschema import Draft4Validator
from pydantic import ValidationError

from services.bids.domain.ocds.purchase import (
    Award,
    AwardStatus,
    Bid,
    BidStatus,
    Bought,
    Contract,
    ContractStatus,
    Criterion,
    CriterionType,
    Decided,
    Item,
    Lot,
    Method,
    Party,
    Period,
    Planning,
    Purchase,
    Tag,
    Tender,
    TenderStatus,
)
from services.bids.domain.ocds.releases import (
    EXTENSIONS,
    Published,
    Told,
    package_data,
    release_data,
)
from services.bids.domain.ocds.written import Data, json_text
from services.bids.settings import BidsSettings
from shared.domain.money import Currency, Money
from tests.open_contracting import package_validator, release_schema, unknown_fields

USD: Final = Currency("USD")
NOON: Final = datetime(2026, 11, 2, 12, tzinfo=UTC)


def usd(text: str) -> Money:
    return Money(int(Decimal(text).scaleb(2)), USD)


MILK: Final = Item(
    id="item-1",
    description="Milk, half pint",
    quantity=Decimal("11000.5"),
    unit="half pint",
    lot_id="lot-1",
    scheme="UNSPSC",
    code="50131700",
)

LOT: Final = Lot(
    id="lot-1",
    title="Milk",
    status=TenderStatus.COMPLETE,
    budget=usd("90000"),
    period=Period(starts_at=NOON, ends_at=NOON.replace(year=2027)),
    criteria=(
        Criterion(name="Price", type=CriterionType.PRICE, percent=Decimal("62.5")),
        Criterion(
            name="Service",
            type=CriterionType.QUALITY,
            percent=Decimal("37.5"),
            points_min=Decimal(20),
            description="Delivery before seven.",
        ),
    ),
    has_auction=True,
)

TENDER: Final = Tender(
    id="rfp-1",
    title="Milk and bread",
    description="For four districts.",
    status=TenderStatus.COMPLETE,
    procuring_entity_id="coop",
    method=Method.OPEN,
    decided=Decided.RATED_CRITERIA,
    lots=(LOT, Lot(id="lot-2", title="Bread", status=TenderStatus.UNSUCCESSFUL)),
    items=(MILK,),
    bought=Bought.GOODS,
    budget=usd("90000"),
    bidding=Period(starts_at=NOON, ends_at=NOON),
    questions=Period(ends_at=NOON),
    opened_at=NOON,
    opening_told="By two of three custodians.",
)


def bid(number: int, status: BidStatus, value: str | None, **more: Any) -> Bid:
    return Bid(
        **{
            "id": f"bid-{number}",
            "tenderer_id": f"vendor-{number}",
            "status": status,
            "filed_at": NOON,
            "lot_ids": ("lot-1",),
            "value": None if value is None else usd(value),
            **more,
        }
    )


PURCHASE: Final = Purchase(
    ocid="ocds-213czf-rfp-1",
    parties=(
        Party(id="coop", name="Cooperative"),
        Party(id="north", name="North District", is_buyer=True),
        *(Party(id=f"vendor-{number}", name=f"Vendor {number}") for number in (1, 2, 3, 4)),
    ),
    planning=Planning(rationale="Nine districts asked for milk.", budget=usd("90000.10")),
    buyer_id="north",
    tender=TENDER,
    bids=(
        bid(1, BidStatus.VALID, "82500.07", rank=1),
        bid(2, BidStatus.VALID, "84000", rank=2),
        bid(3, BidStatus.DISQUALIFIED, "1"),
        bid(4, BidStatus.WITHDRAWN, None),
    ),
    tells_bids=True,
    awards=(
        Award(
            id="award-1",
            title="Milk",
            status=AwardStatus.ACTIVE,
            decided_at=NOON,
            lot_ids=("lot-1",),
            supplier_ids=("vendor-1",),
            value=usd("82500.07"),
            items=(MILK,),
            bid_ids=("bid-1",),
            reason="The highest score.",
        ),
    ),
    contracts=(
        Contract(
            id="contract-1",
            award_id="award-1",
            status=ContractStatus.ACTIVE,
            title="Milk for North District",
            value=usd("82500.07"),
            period=Period(starts_at=NOON, extends_to=NOON.replace(year=2029)),
            signed_at=NOON,
            items=(MILK,),
            buyer_id="north",
        ),
    ),
)

TOLD: Final = Told(id="ocds-213czf-rfp-1-3", at=NOON, tags=(Tag.AWARD, Tag.CONTRACT))
PUBLISHED: Final = Published(uri="https://example.org/releases/1", publisher="Cooperative", at=NOON)

SEALED: Final = replace(PURCHASE, tells_bids=False, awards=(), contracts=())
PLANNED: Final = replace(
    SEALED,
    bids=(),
    buyer_id=None,
    tender=Tender(
        id="rfp-1",
        title="Milk",
        status=TenderStatus.PLANNED,
        procuring_entity_id="coop",
        method=Method.SELECTIVE,
        decided=Decided.PRICE_ONLY,
        lots=(Lot(id="lot-1", title="Milk", status=TenderStatus.PLANNED),),
        items=(replace(MILK, scheme=None, code=None),),
    ),
)


def read(purchase: Purchase) -> Any:
    """Render and write a package with one release, and read its release back."""
    package = package_data([release_data(purchase, TOLD)], PUBLISHED)
    return json.loads(json_text(package), parse_float=Decimal)


@pytest.fixture(scope="module")
def schema() -> Any:
    return release_schema()


@pytest.fixture(scope="module")
def validator(schema: Any) -> Draft4Validator:
    return package_validator(schema)


@pytest.mark.parametrize("purchase", [PURCHASE, SEALED, PLANNED])
def test_a_package_keeps_the_standards_schema(
    purchase: Purchase, validator: Draft4Validator
) -> None:
    package = read(purchase)

    assert [error.message for error in validator.iter_errors(package)] == []


@pytest.mark.parametrize("purchase", [PURCHASE, SEALED, PLANNED])
def test_a_release_tells_no_field_that_the_standard_does_not_know(
    purchase: Purchase, schema: Any
) -> None:
    (release,) = read(purchase)["releases"]

    assert list(unknown_fields(release, schema, schema)) == []


def test_the_schema_refuses_what_is_wrong(validator: Draft4Validator, schema: Any) -> None:
    package = read(PURCHASE)
    (release,) = package["releases"]

    release["tender"]["lots"][0]["status"] = "finished"
    release["bids"]["details"][0]["vendor"] = "vendor-1"

    assert [error.message.split(" is ")[0] for error in validator.iter_errors(package)] == [
        "'finished'"
    ]
    assert list(unknown_fields(release, schema, schema)) == ["/bids/details/vendor"]


def test_a_package_names_each_extension_that_is_used() -> None:
    package = read(PURCHASE)

    assert package["extensions"] == list(EXTENSIONS)
    assert package["version"] == "1.1"


def test_amounts_are_numbers_with_just_their_own_digits() -> None:
    text = json_text(release_data(PURCHASE, TOLD))

    assert '"value": {"amount": 82500.07, "currency": "USD"}' in text
    assert '"quantity": 11000.5' in text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1E+3"), "1000"),
        ({'a"b': [True, None, 3, "ü"]}, '{"a\\"b": [true, null, 3, "\\u00fc"]}'),
    ],
)
def test_json_is_written_exactly(data: Data, text: str) -> None:
    assert json_text(data) == text


def test_references_name_known_parties_in_their_roles() -> None:
    (release,) = read(PURCHASE)["releases"]

    assert {party["id"]: party["roles"] for party in release["parties"]} == {
        "coop": ["procuringEntity"],
        "north": ["buyer"],
        "vendor-1": ["tenderer", "supplier"],
        "vendor-2": ["tenderer"],
        "vendor-3": ["tenderer"],
        "vendor-4": ["tenderer"],
    }
    assert release["buyer"] == {"id": "north", "name": "North District"}
    assert release["awards"][0]["suppliers"] == [{"id": "vendor-1", "name": "Vendor 1"}]
    (contract,) = release["contracts"]
    assert contract["awardID"] == "award-1"
    assert contract["buyer"] == {"id": "north", "name": "North District"}
    assert contract["period"]["maxExtentDate"] == "2029-11-02T12:00:00.000000Z"


def test_statistics_count_what_was_not_withdrawn() -> None:
    (release,) = read(PURCHASE)["releases"]

    told = {(each["relatedLot"], each["measure"]): each for each in release["bids"]["statistics"]}
    assert {key: each["value"] for key, each in told.items() if key[0] == "lot-1"} == {
        ("lot-1", "bids"): 3,
        ("lot-1", "bidders"): 3,
        ("lot-1", "validBids"): 2,
        ("lot-1", "disqualifiedBids"): 1,
        ("lot-1", "lowestValidBidValue"): Decimal("82500.07"),
        ("lot-1", "highestValidBidValue"): 84000,
    }
    assert told["lot-2", "bids"]["value"] == 0


def test_bids_that_may_not_be_told_are_counted_and_nothing_else() -> None:
    text = json_text(release_data(SEALED, TOLD))

    (release,) = read(SEALED)["releases"]
    measures = {each["measure"] for each in release["bids"]["statistics"]}
    assert measures == {"bids", "bidders"}
    assert "details" not in release["bids"]
    assert "vendor" not in text.lower()
    assert "82500" not in text


def test_an_award_before_bids_are_told_names_its_supplier_alone() -> None:
    (release,) = read(replace(PURCHASE, tells_bids=False))["releases"]

    roles = {party["id"]: party["roles"] for party in release["parties"]}
    assert roles["vendor-1"] == ["supplier"]
    assert "vendor-2" not in roles
    assert "relatedBids" not in release["awards"][0]


def test_bid_that_may_not_be_told_yet_is_counted_beside_those_that_are() -> None:
    kept = replace(PURCHASE.bids[1], is_told=False)
    purchase = replace(PURCHASE, bids=(PURCHASE.bids[0], kept, *PURCHASE.bids[2:]))

    (release,) = read(purchase)["releases"]

    assert [each["id"] for each in release["bids"]["details"]] == ["bid-1", "bid-3", "bid-4"]
    measures = {
        each["measure"]: each["value"]
        for each in release["bids"]["statistics"]
        if each["relatedLot"] == "lot-1"
    }
    assert measures == {"bids": 3, "bidders": 3}
    assert "vendor-2" not in {party["id"] for party in release["parties"]}


def test_extensions_are_pinned_to_what_never_changes() -> None:
    versions = [url.split("/")[-2] for url in EXTENSIONS]

    assert all(len(version) == 40 and int(version, 16) for version in versions)


def test_criteria_tell_weights_and_thresholds() -> None:
    (release,) = read(PURCHASE)["releases"]

    criteria = release["tender"]["lots"][0]["awardCriteria"]["criteria"]
    assert [each["numbers"] for each in criteria] == [
        [{"number": Decimal("62.5"), "weight": "percentageExact"}],
        [
            {"number": Decimal("37.5"), "weight": "percentageExact"},
            {"number": 20, "threshold": "minimumScore"},
        ],
    ]


def test_an_auction_is_told_for_its_lot() -> None:
    with_auction, without = (read(each)["releases"][0]["tender"] for each in (PURCHASE, PLANNED))

    assert [lot["techniques"]["hasElectronicAuction"] for lot in with_auction["lots"]] == [
        True,
        False,
    ]
    assert with_auction["submissionMethod"] == ["electronicSubmission", "electronicAuction"]
    assert without["submissionMethod"] == ["electronicSubmission"]


def test_instants_are_told_in_utc() -> None:
    (release,) = read(PURCHASE)["releases"]

    assert release["date"] == "2026-11-02T12:00:00.000000Z"
    assert release["tender"]["bidOpening"]["date"] == "2026-11-02T12:00:00.000000Z"


def settings(prefix: str) -> BidsSettings:
    return BidsSettings.model_validate(
        {
            "database_url": "postgres://127.0.0.1/bids",
            "nats_url": "nats://127.0.0.1",
            "issuer": "https://issuer.example.org",
            "port": 0,
            "receipt_key": base64.b64encode(bytes(32)).decode(),
            "ocid_prefix": prefix,
        }
    )


def test_a_publisher_names_its_own_registered_prefix() -> None:
    assert settings("ocds-213czf").ocid_prefix == "ocds-213czf"


@pytest.mark.parametrize("prefix", ["", "213czf", "ocds-213czf0", "ocds-213CZF", "ocds-213cz\n"])
def test_a_prefix_that_could_not_be_registered_is_refused(prefix: str) -> None:
    with pytest.raises(ValidationError, match="six lower-case letters or digits"):
        settings(prefix)
