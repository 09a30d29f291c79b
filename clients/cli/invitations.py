"""Invite vendors to a solicitation from the shell, and say as a vendor whether one will bid."""

from collections.abc import Iterator
from typing import Literal
from uuid import UUID

import click

from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.http import Document


@click.command("invite")
@click.argument("rfp_id", type=click.UUID)
@click.argument("vendor_ids", type=click.UUID, nargs=-1, required=True)
@speaks_as("buyer")
def rfp_invite(*, way: Way, rfp_id: UUID, vendor_ids: tuple[UUID, ...]) -> None:
    """Invite the vendors VENDOR_IDS to RFP_ID; each is told by an event of its own.

    An invitation shuts nobody out: any other vendor that sees the solicitation may bid as well.
    Those invited to a draft are told at its publication, and nobody is told twice. No vendor learns
    who else was invited. Who is not qualified, or serves no lot's regions, is invited all the same,
    and it is said what would be refused.

    \b
    Example:
        commonlot rfp invite 0190a1b2-… $DAIRY $CREAMERY
        commonlot rfp invitations 0190a1b2-…
    """  # noqa: D301 - click reads the \b as "keep these lines"

    async def invite(client: Client) -> Document:
        return await client.bids.invite(str(rfp_id), [str(one) for one in vendor_ids])

    invited = way.run(invite)
    fresh = [one["vendor_id"] for one in invited["invited"]]
    standing = len(set(vendor_ids)) - len(fresh)
    lines = [f"Invited {vendor_id}." for vendor_id in fresh]
    if standing:
        lines.append(f"{standing} of them had been invited before.")
    way.tell(invited, [*lines, *_hindrances(invited)])


@click.command("invitations")
@click.argument("rfp_id", type=click.UUID)
@click.option(
    "--role",
    type=click.Choice(["buyer", "vendor", "auditor"]),
    default="buyer",
    show_default=True,
    help="Who looks; a vendor sees its own.",
)
@speaks_as("buyer")
def rfp_invitations(*, way: Way, rfp_id: UUID, role: str) -> None:
    """List who is invited to RFP_ID or answered uninvited, and what each intends.

    \b
    Example:
        commonlot rfp invitations 0190a1b2-…
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        return {"items": [one async for one in client.bids.invitations(str(rfp_id))]}

    listed = way.as_role(role).run(read)
    way.tell(listed, list(_lines(listed)) or ["Nobody is invited, and nobody answered."])


@click.command("intent")
@click.argument("rfp_id", type=click.UUID)
@click.option("--bid", "intent", flag_value="bid", help="One means to bid.")
@click.option("--decline", "intent", flag_value="decline", help="One will not bid.")
@click.option("--reason", help="Why, for the buyer alone.")
@speaks_as("vendor")
def rfp_intent(
    *, way: Way, rfp_id: UUID, intent: Literal["bid", "decline"] | None, reason: str | None
) -> None:
    """Tell the buyer of RFP_ID whether one will bid; it binds to nothing.

    Until the deadline one may say otherwise, and a vendor that was not invited may say it as well.
    No other vendor is told. A buyer that hears early who declines can still ask others. Who means
    to bid is told what would be refused if it filed now, and may still put that right.

    \b
    Example:
        commonlot rfp intent 0190a1b2-… --decline --reason "We do not deliver so far west."
    """  # noqa: D301 - likewise
    if intent is None:
        sentence = "Say whether to --bid or to --decline."
        raise click.UsageError(sentence)

    async def state(client: Client) -> Document:
        return await client.bids.state_intent(str(rfp_id), intent, reason=reason)

    stated = way.run(state)
    said = f"The buyer is told that you {_meant(stated['intent'])}."
    way.tell(stated, [said, *_hindrances(stated)])


def _meant(intent: str) -> str:
    return "mean to bid" if intent == "bid" else "decline"


def _lines(listed: Document) -> Iterator[str]:
    for one in listed["items"]:
        how = "not invited" if one["invited_at"] is None else "invited"
        said = "has not answered" if one["intent"] is None else f"says: {one['intent']}"
        because = f" ({one['reason']})" if one["reason"] else ""
        yield f"{one['vendor_id']}  {how}, {said}{because}"


def _hindrances(told: Document) -> Iterator[str]:
    """Say what would be refused at the filing; a service of an earlier release says nothing."""
    for one in told.get("hindrances", ()):
        lots = f" (lots {', '.join(one['lot_ids'])})" if one["lot_ids"] else ""
        refused = f"A bid of {one['vendor_id']} would be refused, {one['code']}"
        yield f"{refused}: {one['sentence']}{lots}"
