"""Leave a stack running with live auctions in it, and say what to open and what to try."""

import asyncio
import signal
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from clients.client import Client
from clients.http import Document, Http
from clients.services import LocalStack
from deploy.local.places import write_private
from deploy.local.stack import running_stack
from examples.season import sample
from examples.season.cast import Cast, Clocks
from examples.season.pace import until
from examples.season.player import ENVIRONMENT, play_to_auctions
from examples.season.screen import Screen
from shared.clock import SystemClock

CLOCKS: Final = Clocks(auction=timedelta(hours=1), soft_close_s=120, standstill_s=60)

OPEN_TIMEOUT_S: Final = 30.0


def keep_running(folder: Path, screen: Screen) -> None:
    """Play the invented season up to its live auctions, and stay until Ctrl-C."""
    screen.say(f"PostgreSQL, NATS and three services start in {folder}")
    with running_stack(folder, ENVIRONMENT):
        lines = asyncio.run(_prepare(LocalStack.read(folder), folder, screen))
        for line in lines:
            screen.console.print(line, markup=False, soft_wrap=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            screen.say("Stopping.")


async def _prepare(stack: LocalStack, folder: Path, screen: Screen) -> list[str]:
    async with Http() as http:
        season = sample.load_season()
        cast, auctions = await play_to_auctions(
            season, stack=stack, http=http, screen=screen, clock=SystemClock(), clocks=CLOCKS
        )
        live = season.live[0]
        vendor = live.vendors[-1].vendor_reference
        tokens = await _tokens(cast, vendor)
        auction_id = auctions[live.lot_key]
        standing = await until(
            lambda: _live_standing(cast.vendors[vendor], auction_id),
            awaited="the auctions to open",
            timeout_s=OPEN_TIMEOUT_S,
        )
        for role, token in tokens.items():
            write_private(folder / f"header-{role}", f"Authorization: Bearer {token}\n")
        return [
            *_places(stack, auctions, tokens["observer"]),
            *(f"  {role:<9} {token}" for role, token in tokens.items()),
            *_curls(stack, auction_id, folder, str(standing["price_to_beat"])),
        ]


async def _live_standing(vendor: Client, auction_id: str) -> Document | None:
    standing = await vendor.auctions.standing(auction_id)
    return standing if standing["status"] == "live" else None


async def _tokens(cast: Cast, vendor: str) -> dict[str, str]:
    vendor_ids = {reference: party_id for party_id, reference in cast.vendor_of_id.items()}
    parties: Mapping[str, str | None] = {
        "buyer": cast.buyer_id,
        "member": next(iter(cast.member_of_id)),
        "vendor": vendor_ids[vendor],
        "custodian": cast.custodian_id,
        "auditor": None,
        "observer": None,
        "operator": None,
    }
    return {
        role: await cast.stack.token(cast.http, role=role, party_id=party_id)
        for role, party_id in parties.items()
    }


def _places(stack: LocalStack, auctions: Mapping[str, str], observer: str) -> list[str]:
    services = stack.services
    return [
        "",
        "Open in a browser: the board, signed in as an observer (the buyer's token shows more):",
        f"  {services.auctions}/#token={observer}",
        "",
        "The auctions, and the reference of each service:",
        *(f"  {key:<14} {services.auctions}/auctions/{one}" for key, one in auctions.items()),
        *(
            f"  {name:<14} {url}/docs"
            for name, url in (
                ("bids", services.bids),
                ("auctions", services.auctions),
                ("notify", services.notify),
            )
        ),
        "",
        "Tokens, valid for an hour:",
    ]


def _curls(stack: LocalStack, auction_id: str, folder: Path, price: str) -> list[str]:
    auction = f"{stack.services.auctions}/v1/auctions/{auction_id}"
    offer = f'{{"unit_price": "{price}", "currency": "USD"}}'
    return [
        "",
        "Try in another shell: watch an auction, see where a vendor stands, let it offer.",
        f"  curl -sw '\\n' -H @{folder}/header-observer {auction}",
        f"  curl -sw '\\n' -H @{folder}/header-vendor {auction}/standing",
        (
            f"  curl -sw '\\n' -H @{folder}/header-vendor -H 'Content-Type: application/json'"
            f" -d '{offer}' {auction}/offers"
        ),
        "",
        "Ctrl-C stops everything.",
    ]
