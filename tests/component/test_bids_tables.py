"""Bids by spreadsheet on an RFP that asks for more than a price."""

from decimal import Decimal
from typing import Final

import pytest

from services.bids.domain.bid_tables import BidTableInvalid
from services.bids.domain.forms import stated_form
from services.bids.domain.scoring.plan import plan_of
from services.bids.domain.terms import Attestation, CostCovered, Criterion, CriterionKind, Terms
from services.bids.store.profiles import read_profiles
from services.bids.store.rfps import terms_text
from services.bids.usecases.bids import TableAct
from shared.db import Pool
from shared.domain.bid_content import read_content
from shared.domain.canonical import canonical
from shared.domain.ids import new_id
from tests.component.bids_purchase import OPENED_AT, Purchase, publish

TERMS: Final = Terms(
    criteria=(
        Criterion(name="Uptime", kind=CriterionKind.NUMERIC, weight=Decimal(40)),
        Criterion(
            name="price", kind=CriterionKind.PRICE, weight=Decimal(60), covers=CostCovered.ALL
        ),
    ),
    attestations=(Attestation(name="no_gifts", sentence="Nothing was given."),),
)


@pytest.fixture
async def purchase(bids_database: Pool) -> Purchase:
    purchase = await publish(bids_database)
    form = stated_form(TERMS, plan_of(TERMS.criteria), read_profiles().find("open"))
    await bids_database.execute(
        "UPDATE rfp SET terms = $1, form = $2", terms_text(TERMS), canonical(form)
    )
    return purchase


async def file(purchase: Purchase, table: str) -> int:
    act = TableAct(request_id=new_id(), vendor_id=purchase.vendors[0], received_at=OPENED_AT)
    return len(await purchase.bidding.file_table(purchase.rfp_id, table.encode(), act))


async def test_spreadsheet_answers_and_attests_what_the_form_asks(purchase: Purchase) -> None:
    filed = await file(
        purchase, "lot_number,unit_price,answer:Uptime,attest:no_gifts\n1,0.25,99.5,yes\n"
    )
    await purchase.open_bids()

    text = await purchase.pool.fetchval("SELECT content FROM unsealed_bid WHERE failure IS NULL")
    content = read_content(text.encode())
    assert filed == 1
    assert [(each.criterion, each.text) for each in content.answers] == [("Uptime", "99.5")]
    assert content.attestations == ("no_gifts",)


@pytest.mark.parametrize(
    "table",
    [
        "lot_number,unit_price,attest:no_gifts\n1,0.25,yes\n",
        "lot_number,unit_price,answer:Uptime\n1,0.25,99.5\n",
        "lot_number,unit_price,answer:Uptime,attest:no_gifts\n1,0.25,often,yes\n",
    ],
)
async def test_spreadsheet_that_leaves_something_unsaid_files_nothing(
    purchase: Purchase, table: str
) -> None:
    with pytest.raises(BidTableInvalid):
        await file(purchase, table)

    assert await purchase.pool.fetchval("SELECT count(*) FROM bid_version") == 0
