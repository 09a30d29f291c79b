"""Play a season from the first registration to the last webhook, through the public APIs alone."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from clients.http import Document, Http, Patience
from clients.services import LocalStack
from examples.season import awards, live, sealed
from examples.season.cast import Cast, Clocks, gather, state_requirements
from examples.season.plan import Season, needed_by
from examples.season.receiver import Receiver
from examples.season.records import Played, StagePlayed
from examples.season.screen import Screen
from shared.clock import Clock

NEEDED_IN: Final = timedelta(days=90)
"""The plan's days of need may be long past; needs are stated for a day to come."""

PATIENCE: Final = Patience(total_s=120.0)
"""Longer than a service takes to come back, and to take over what its forerunner left running."""

ENVIRONMENT: Final[Mapping[str, str]] = {
    "COMMONLOT_FILING_DEADLINE_S": "2.5",
    "COMMONLOT_INTAKE_GRACE_S": "3",
    "COMMONLOT_IDEMPOTENCY_RUNNING_S": "4",
    "COMMONLOT_WEBHOOK_TIMEOUT_S": "3",
    "COMMONLOT_WEBHOOK_CLAIM_S": "5",
    "COMMONLOT_WEBHOOK_SCHEDULE_S": "[0.5, 1, 1, 2, 2, 5, 5, 5, 10]",
}
"""The services' clocks, shortened by their own settings for a season of a minute."""


async def play(
    season: Season, *, stack: LocalStack, screen: Screen, clock: Clock, clocks: Clocks
) -> Played:
    """Play a whole season.

    Raises:
        Problem: A service refused what the plan asks for.
        Unreachable: A service was away for longer than calls are patient.
        Stalled: Something that had to happen did not.
        LotsDiffer: The service's lots are not the plan's.
        AuctionLost: An auction was refused or cancelled.
    """
    season = needed_by(season, (clock.now() + NEEDED_IN).date())
    async with Http(patience=PATIENCE) as http, Receiver().listening() as receiver:
        cast = await gather(
            season, stack=stack, http=http, screen=screen, clock=clock, clocks=clocks
        )
        await state_requirements(cast)
        alone = await _alone(cast)
        endpoints = await awards.subscribe(cast, receiver)
        pooled, lots = await pool(cast)
        auctions = await live.play(cast, lots)
        made = await awards.award(cast, lots)
        lines = sum(len(award.lines) for award in made)
        sent = await awards.deliveries(cast, receiver, endpoints, lines)
        rfp_id = next(iter(lots.values()))["rfp_id"]
        published = await awards.published(cast, rfp_id)
        return Played(
            season=season,
            alone=alone,
            pooled=pooled,
            auctions=auctions,
            awards=made,
            published=published,
            received=receiver.received,
            sent=sent,
            package=await cast.buyer.bids.ocds(rfp_id),
        )


async def play_to_auctions(
    season: Season,
    *,
    stack: LocalStack,
    http: Http,
    screen: Screen,
    clock: Clock,
    clocks: Clocks,
) -> tuple[Cast, dict[str, str]]:
    """Play the pooled stage up to its auctions, and leave these to whoever comes."""
    season = needed_by(season, (clock.now() + NEEDED_IN).date())
    cast = await gather(season, stack=stack, http=http, screen=screen, clock=clock, clocks=clocks)
    await state_requirements(cast)
    _, lots = await pool(cast)
    return cast, await live.schedule(cast, lots)


async def pool(cast: Cast) -> tuple[StagePlayed, dict[str, Document]]:
    """Play the pooled stage up to its rankings."""
    played, _, lots = await sealed.play(cast, cast.season.pooled)
    return played, lots


async def _alone(cast: Cast) -> StagePlayed | None:
    """Play the stage in which each buys alone, if there is one, and free its requirements."""
    stage = cast.season.alone
    if stage is None:
        return None
    played, rfp_id, _ = await sealed.play(cast, stage)
    await sealed.cancel(cast, rfp_id, "The members pool their needs instead.")
    return played
