"""Follow live auctions from the shell."""

import contextlib
import json
from uuid import UUID

import click

from clients.cli.way import ROLES, Way, speaks_as
from clients.client import Client
from clients.stream import Frame


@click.group()
def auctions() -> None:
    """Follow live auctions.

    \b
    Example:
        commonlot auctions watch AUCTION_ID
    """  # noqa: D301 - click reads the \b as "keep these lines"


@auctions.command("watch")
@click.argument("auction_id", type=click.UUID)
@click.option(
    "--role",
    type=click.Choice(ROLES),
    default="observer",
    show_default=True,
    help="As whom to watch; each role sees what is meant for it.",
)
@speaks_as("observer")
def auctions_watch(*, way: Way, auction_id: UUID, role: str) -> None:
    """Print every change of the auction AUCTION_ID until it is over; Ctrl-C leaves earlier.

    With --json, each change is one line of JSON.

    \b
    Example:
        commonlot auctions watch --role vendor --party $VENDOR 0190a1b2-…
    """  # noqa: D301 - likewise

    async def watch(client: Client) -> None:
        async for frame in client.auctions.watch(str(auction_id)):
            if "status" in frame.data:
                click.echo(json.dumps(frame.data) if way.as_json else _line(frame))

    with contextlib.suppress(KeyboardInterrupt):
        way.as_role(role).run(watch)


def _line(frame: Frame) -> str:
    """Say in one line where an auction stands, as far as the caller may see it."""
    shown = frame.data
    lead = shown.get("lead") or {}
    leader = " at ".join(lead[name] for name in ("alias", "unit_price") if lead.get(name))
    return "  ".join(
        (
            str(shown["server_time"]),
            f"{shown['status']:<9}",
            f"{shown['offers']} offers",
            f"lead {leader or 'not shown'}",
            f"closes {shown['closes_at']}",
        )
    )
