"""Show how members may share what an award costs, and what it saved them, from the shell."""

from collections.abc import Iterator
from uuid import UUID

import click

from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.http import Document

RULES = (
    "equal_price",
    "cost_alone",
    "equal_saving",
    "separable_cost",
    "shapley",
    "nucleolus",
    "airport",
)

_role_option = click.option(
    "--role",
    type=click.Choice(["buyer", "member", "auditor"]),
    default="buyer",
    show_default=True,
    help="Who looks; a member sees its own row.",
)


@click.command("shares")
@click.argument("lot_id", type=click.UUID)
@click.option("--rule", type=click.Choice(RULES), help="Only this rule.  [default: all of them]")
@_role_option
@speaks_as("buyer")
def award_shares(*, way: Way, lot_id: UUID, rule: str | None, role: str) -> None:
    """Show what members would pay for the lot LOT_ID by each rule of sharing, and who would object.

    \b
    equal_price     every unit costs the same; what members with large needs bring is shared by all
    cost_alone      everybody saves the same part of what it would pay alone
    equal_saving    everybody saves the same amount
    separable_cost  each pays what it adds, and a part of the rest by what joining is worth to it
    shapley         each pays what it adds, on the average over all orders of joining
    nucleolus       the group that gains least gains all it can, so that none leaves if that can be
    airport         the most demanding sets the cost, each step is shared by those who need it

    The core is told in a sentence: whether any group of members would pay less by itself. Nothing
    is changed by this; awards are shared as their RFP says.

    \b
    Example:
        commonlot award shares $LOT
        commonlot award shares --rule nucleolus --role member --party $DISTRICT $LOT
    """  # noqa: D301 - click reads the \b as "keep these lines"

    async def read(client: Client) -> Document:
        return await client.awards.sharings(str(lot_id), rule=rule)

    found = way.as_role(role).run(read)
    way.tell(found, _share_lines(found))


@click.command("savings")
@click.argument("rfp_id", type=click.UUID)
@_role_option
@speaks_as("buyer")
def award_savings(*, way: Way, rfp_id: UUID, role: str) -> None:
    """Show what the awards of the RFP RFP_ID saved, and whom they cost.

    Each line is held against what its member paid before, would pay alone, and was first offered.
    Members that pay more are named, and what could not be compared is counted. Of what is saved
    against standing alone, the volume effect is what the larger quantity does at the same first
    offers, and the competition effect what came after these.

    \b
    Example:
        commonlot award savings $RFP
        commonlot award savings --json $RFP | jq '.comparisons[].saving'
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        return await client.awards.savings(str(rfp_id))

    found = way.as_role(role).run(read)
    way.tell(found, _savings_lines(found))


def _share_lines(found: Document) -> Iterator[str]:
    currency = found["currency"]
    cost = "not reckoned" if found["cost"] is None else f"{currency} {found['cost']}"
    yield f"Members: {found['members']}; what they pay together: {cost}."
    yield from found["built_on"]
    alone = {each["member_id"]: each["cost"] for each in found["alone"]}
    for sharing in found["sharings"]:
        yield f"{sharing['rule']}: {sharing['core']['told']}"
        for share in sharing["shares"]:
            error = share["standard_error"]
            about = "" if error is None else f" (give or take {error})"
            yield (
                f"  {share['member_id']}  pays {share['pays']:>14}{about}"
                f"  alone {alone[share['member_id']]:>14}  saves {share['saving']:>14}"
            )
    for left_out in found["left_out"]:
        yield f"left out {left_out['rule']}: {left_out['reason']}"


def _savings_lines(found: Document) -> Iterator[str]:
    yield from found["told"]
    for comparison in found["comparisons"]:
        for member in comparison["members"]:
            if member["saving"].startswith("-"):
                more = member["saving"].removeprefix("-")
                yield f"  pays {more} more against {comparison['against']}: {member['member_id']}"
    yield from (f"left out: {sentence}" for sentence in found["left_out"])
