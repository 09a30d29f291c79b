"""Name the winners, wait out the standstill, and see every award line reach its member."""

import json
from decimal import Decimal
from typing import Final

from clients.errors import Problem
from clients.http import Document
from examples.season.cast import Cast
from examples.season.pace import for_each, until
from examples.season.receiver import Receiver
from examples.season.records import Award, Line, Published
from examples.season.sealed import CONFLICT
from shared.domain.money import Currency, Money, UnitPrice, digits_of

LINE_MADE: Final = "award.line_made.v1"
"""The one event type to which the members' endpoints subscribe."""

MADE_TIMEOUT_S: Final = 60.0
WEBHOOKS_TIMEOUT_S: Final = 150.0
"""What a dying service held is sent again: messages after half a minute, deliveries after one."""


async def subscribe(cast: Cast, receiver: Receiver) -> dict[str, str]:
    """Let every member that has a need ask for webhooks; return the endpoints' ids by member."""
    endpoints: dict[str, str] = {}
    members = dict.fromkeys(need.member_reference for need in cast.season.pooled.needs)
    title = f"{len(members)} members ask for webhooks"
    with cast.screen.step(title, len(members)) as advance:

        async def ask(reference: str) -> None:
            url = receiver.url_for(reference)
            endpoint = await cast.members[reference].notify.create_endpoint(url, [LINE_MADE])
            receiver.trust(reference, endpoint["secret"])
            endpoints[reference] = endpoint["id"]
            advance()

        await for_each(members, ask)
    return endpoints


async def award(cast: Cast, lots: dict[str, Document]) -> tuple[Award, ...]:
    """Name the best of every lot as winner; after the standstill, read the awards as made."""
    awards: list[Award] = []
    with cast.screen.step(f"{len(lots)} winners are named, and stand still", len(lots)) as advance:

        async def intend(lot: Document) -> None:
            await _intend(cast, lot["id"])
            advance()

        await for_each(lots.values(), intend)
    with cast.screen.step(f"{len(lots)} awards become final", len(lots)) as advance:

        async def make(item: tuple[str, Document]) -> None:
            key, lot = item
            made = await until(
                lambda: _made(cast, lot["id"]),
                awaited=f"the award of {key} to become final",
                timeout_s=MADE_TIMEOUT_S,
            )
            awards.append(await _award(cast, key, made))
            advance()

        await for_each(lots.items(), make)
    return tuple(awards)


async def published(cast: Cast, rfp_id: str) -> Published:
    """Read what anybody may read of the awards, to check it and to read it."""
    with cast.screen.step("The award bundle and its report are fetched"):
        buyer = cast.buyer
        return Published(
            bundle=await buyer.awards.bundle(rfp_id),
            page=await buyer.awards.report(rfp_id),
            keys=json.dumps(dict(await buyer.bids.receipt_keys())),
        )


async def deliveries(
    cast: Cast, receiver: Receiver, endpoints: dict[str, str], lines: int
) -> frozenset[str]:
    """Wait for every line's webhook, and return the ids that notify's books call delivered."""
    sent: set[str] = set()

    async def all_came() -> bool | None:
        return True if receiver.count >= lines else None

    with cast.screen.step(f"{lines} signed webhooks reach the members"):
        await until(
            all_came, awaited=f"{lines} webhooks", timeout_s=WEBHOOKS_TIMEOUT_S, poll_s=0.05
        )
    with cast.screen.step("The books of deliveries are read", len(endpoints)) as advance:

        async def read(item: tuple[str, str]) -> None:
            reference, endpoint_id = item
            books = cast.members[reference].notify

            async def delivered() -> set[str] | None:
                kept = [delivery async for delivery in books.deliveries(endpoint_id)]
                is_done = all(delivery["status"] == "delivered" for delivery in kept)
                return {delivery["event_id"] for delivery in kept} if is_done else None

            sent.update(
                await until(
                    delivered,
                    awaited=f"the deliveries to {reference} to be recorded",
                    timeout_s=WEBHOOKS_TIMEOUT_S,
                )
            )
            advance()

        await for_each(endpoints.items(), read)
    return frozenset(sent)


async def _intend(cast: Cast, lot_id: str) -> None:
    try:
        await cast.buyer.awards.intend(lot_id)
    except Problem as problem:
        # The answer of an earlier try may have been lost: then there is an award.
        if problem.status != CONFLICT or not await cast.buyer.awards.of_lot(lot_id):
            raise


async def _made(cast: Cast, lot_id: str) -> Document | None:
    (award,) = await cast.buyer.awards.of_lot(lot_id)
    return award if award["status"] == "made" else None


async def _award(cast: Cast, key: str, made: Document) -> Award:
    currency = cast.season.currency
    lines = [_line(cast, line) async for line in cast.buyer.awards.lines(made["id"])]
    return Award(
        lot_key=key,
        vendor_reference=cast.vendor_of_id[made["vendor_id"]],
        price=UnitPrice.parse(made["unit_price"], currency),
        quantity=Decimal(made["quantity"]),
        total=money_of(made["total"], currency),
        lines=tuple(lines),
    )


def _line(cast: Cast, line: Document) -> Line:
    currency = cast.season.currency
    baseline = line["baseline_total"]
    return Line(
        id=line["id"],
        member_reference=cast.member_of_id[line["member_id"]],
        quantity=Decimal(line["quantity"]),
        total=money_of(line["total"], currency),
        baseline_total=None if baseline is None else money_of(baseline, currency),
    )


def money_of(text: str, currency: Currency) -> Money:
    """Read a total from its decimal string, exactly."""
    return Money(int(Decimal(text).scaleb(digits_of(currency))), currency)
