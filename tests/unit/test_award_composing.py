"""What of a bid goes into a published bundle, and what does not."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from services.bids.ports.publishing import OpenedRow
from services.bids.usecases import composing
from services.bids.usecases.composing import Seen
from shared.domain.bid_content import (
    Answer,
    BidContent,
    Package,
    TechnicalContent,
    one_price,
    write_content,
    write_technical,
)
from shared.domain.bid_documents import Document
from shared.domain.ids import BidId, LotId, PartyId, new_id
from shared.domain.money import Currency, UnitPrice

USD: Final = Currency("USD")
HERE, HIDDEN = LotId(new_id()), LotId(new_id())
PRICE: Final = UnitPrice.parse("0.25", USD)
NONCE: Final = bytes(range(32))
SECRET: Final = "how we keep milk fresh"

CONTENT: Final = BidContent(
    currency=USD,
    nonce=NONCE,
    pricing=one_price(PRICE),
    answers=(Answer("days", "12"), Answer("method", SECRET), Answer("staff", "7")),
    packages=(Package(((HERE, PRICE), (HIDDEN, UnitPrice.parse("0.19", USD)))),),
    documents=(Document("recipe.pdf", "0" * 64, 10),),
)
TECHNICAL: Final = TechnicalContent(nonce=NONCE, answers=CONTENT.answers)

ROW: Final = OpenedRow(
    bid_id=BidId(new_id()),
    vendor_id=PartyId(new_id()),
    version=1,
    received_at=datetime(2027, 3, 1, tzinfo=UTC),
    log_index=1,
    failure=None,
    price=PRICE,
    rank=1,
    score=Decimal(100),
    content=write_content(CONTENT).decode(),
    technical=write_technical(TECHNICAL).decode(),
)


def seen(*lot_ids: LotId) -> Seen:
    return Seen(lot_ids=frozenset(lot_ids), sees_proposals=False)


def test_numbers_that_are_scored_are_told_and_words_and_documents_are_not() -> None:
    told = composing._bid(ROW, seen(HERE, HIDDEN), {"days"})

    assert told.content is not None
    assert told.technical is not None
    assert told.content["answers"] == [{"criterion": "days", "text": "12"}]
    assert told.technical["answers"] == [{"criterion": "days", "text": "12"}]
    assert "documents" not in told.content
    assert SECRET not in str(told)


def test_package_that_holds_a_hidden_lot_is_counted_and_not_told() -> None:
    hidden = composing._bid(ROW, seen(HERE), {"days"})
    whole = composing._bid(ROW, seen(HERE, HIDDEN), {"days"})

    assert (hidden.packages_left_out, whole.packages_left_out) == (1, 0)
    assert "0.19" not in str(hidden)
    assert "0.19" in str(whole)


def test_bid_that_failed_tells_its_failure_alone() -> None:
    told = composing._bid(replace(ROW, content=None, technical=None, price=None), seen(HERE), set())

    assert (told.content, told.technical, told.unit_price) == (None, None, None)
