"""State what members need, pool it into lots, and reckon what that saves, from the shell."""

from collections.abc import Iterator
from typing import Any, BinaryIO, Literal, TypedDict, Unpack
from uuid import UUID

import click

from clients.cli.documents import json_object, table_text
from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.http import Document

CATEGORIES = (
    "goods",
    "software",
    "bandwidth",
    "network_security",
    "recovery_capacity",
    "training",
    "staff",
)


@click.group()
def requirements() -> None:
    """State what members need.

    \b
    Example:
        commonlot requirements import needs.csv --currency USD
    """  # noqa: D301 - click reads the \b as "keep these lines"


@requirements.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--currency", required=True, help="The currency of every price, such as USD.")
@click.option(
    "--decimal",
    type=click.Choice(["point", "comma"]),
    help="What stands before decimals, where a column could be read in two ways.",
)
@speaks_as("buyer")
def requirements_import(
    *, way: Way, file: BinaryIO, currency: str, decimal: Literal["point", "comma"] | None
) -> None:
    """State every need in the CSV FILE (`-` reads the input), or none of them.

    The first line names the columns: member_reference, category, item_code, specification, unit,
    quantity, commitment, need_by, term_months, delivery_area, baseline_unit_price, reference. Where
    rows are wrong, each is named by its line and column, and nothing is stored.

    \b
    Example:
        commonlot requirements import needs.csv --currency USD --party $BUYER
    """  # noqa: D301 - likewise
    table = table_text(file)

    async def state(client: Client) -> Document:
        return await client.bids.import_requirements(table, currency=currency, decimal=decimal)

    imported = way.run(state)
    way.tell(imported, [f"Stated {imported['rows']} requirements (import {imported['id']})."])


class PoolChoices(TypedDict):
    """What `pool` is asked to pool, and how."""

    by: str
    category: str | None
    item: str | None
    reference: tuple[str, ...]
    coincidence_factor: str | None
    circuit: tuple[str, ...]
    simultaneous: int | None
    group_size: int | None
    members_per_post: int | None


@click.command()
@click.argument("rfp_id", type=click.UUID)
@click.option(
    "--by",
    type=click.Choice(["alone", "item", "area"]),
    required=True,
    help="What makes one lot: each need alone, like items, or like items of one delivery area.",
)
@click.option("--preview", is_flag=True, help="Show what it would make, and keep nothing.")
@click.option("--category", type=click.Choice(CATEGORIES), help="Only needs of this category.")
@click.option("--item", help="Only needs of this item code.")
@click.option("--reference", multiple=True, help="Only needs of this reference; may be repeated.")
@click.option("--coincidence-factor", help="Bandwidth: the share of the sum at the worst instant.")
@click.option("--circuit", multiple=True, help="Bandwidth: a size that is sold; may be repeated.")
@click.option("--simultaneous", type=click.IntRange(1), help="Recovery: needs at one time.")
@click.option("--group-size", type=click.IntRange(1), help="Training: attendees of one session.")
@click.option("--members-per-post", type=click.IntRange(1), help="Staff: members of one post.")
@speaks_as("buyer")
def pool(*, way: Way, rfp_id: UUID, preview: bool, **chosen: Unpack[PoolChoices]) -> None:
    """Pool requirements into the lots of the draft RFP_ID; pooling again replaces them.

    Quantities add up plainly, unless the terms of their category's rule are given. What is left out
    is listed with its reason.

    \b
    Example:
        commonlot pool --by item --category training --group-size 20 --preview 0190a1b2-…
    """  # noqa: D301 - click reads the \b as "keep these lines"
    request = _pool_request(chosen)

    async def pool_now(client: Client) -> Document:
        ask = client.bids.preview_pool if preview else client.bids.pool_by
        return await ask(str(rfp_id), request)

    pooled = way.run(pool_now)
    way.tell(pooled, _pool_lines(pooled, preview=preview))


@click.command()
@click.argument("rfp_id", type=click.UUID)
@click.option(
    "--tier",
    "tiers",
    type=(int, str, str),
    multiple=True,
    metavar="LOT FROM PRICE",
    help="A unit price from a quantity up, for all units of a lot; may be repeated.",
)
@click.option(
    "--elastic",
    type=(int, str, str, str),
    multiple=True,
    metavar="LOT PRICE QUANTITY E",
    help="PRICE at QUANTITY, falling as quantity grows to the power of -E.",
)
@click.option(
    "--erate",
    type=(int, click.IntRange(1, 2)),
    multiple=True,
    metavar="LOT CATEGORY",
    help="Which E-rate discount applies to a lot: category 1 or 2.",
)
@click.option("--running-cost", default="0", show_default=True, help="Of the consortium in all.")
@click.option(
    "--case",
    "file",
    type=click.File("rb"),
    help="The whole request as a JSON file, instead of the options above.",
)
@speaks_as("buyer")
def case(*, way: Way, rfp_id: UUID, file: BinaryIO | None, **chosen: Any) -> None:
    """Reckon what pooling the lots of RFP_ID saves each member, or costs it; nothing is kept.

    Each lot has either tiers or an elastic price. Alone, a member pays the price of its own
    quantity; together, all pay that of the whole, and a part of the running cost. Who saves nothing
    is told not to join.

    \b
    Example:
        commonlot case --tier 1 1 0.2100 --tier 1 100000 0.1900 --running-cost 15000 0190a1b2-…
    """  # noqa: D301 - likewise
    written = None if file is None else json_object(file, hint="--case")
    lots = _case_lots(chosen["tiers"], chosen["elastic"], chosen["erate"])
    if (written is None) == (not lots):
        sentence = "Give prices by --tier or --elastic, or all of it by --case."
        raise click.UsageError(sentence)

    async def reckon(client: Client) -> Document:
        if written is not None:
            return await client.bids.case(str(rfp_id), written)
        currency = (await client.bids.rfp(str(rfp_id)))["currency"]
        asked = {"lots": lots, "running_cost": chosen["running_cost"], "currency": currency}
        return await client.bids.case(str(rfp_id), asked)

    reckoned = way.run(reckon)
    way.tell(reckoned, _case_lines(reckoned))


def _pool_request(chosen: PoolChoices) -> Document:
    bandwidth = {
        "coincidence_factor": chosen["coincidence_factor"],
        "circuits": list(chosen["circuit"]),
    }
    rules = {
        "bandwidth": _said(bandwidth),
        "recovery_capacity": _said({"simultaneous": chosen["simultaneous"]}),
        "training": _said({"group_size": chosen["group_size"]}),
        "staff": _said({"members_per_post": chosen["members_per_post"]}),
    }
    request = {
        "by": chosen["by"],
        "category": chosen["category"],
        "item_code": chosen["item"],
        "requirement_references": list(chosen["reference"]),
        "rules": _said(rules),
    }
    return _said(request)


def _said(choices: Document) -> dict[str, Any]:
    """Leave out what was not given."""
    return {name: choice for name, choice in choices.items() if choice}


def _pool_lines(pooled: Document, *, preview: bool) -> Iterator[str]:
    volumes = pooled.get("volumes") or [lot["volume"] for lot in pooled["lots"]]
    for lot, volume in zip(pooled["lots"], volumes, strict=True):
        firm = f"{volume['firm']} firm, {volume['estimated']} estimated"
        quantity = f"{volume['quantity']} {lot['unit']}"
        members = f"members: {lot['members']}"
        yield f"lot {lot['number']:>3}  {lot['title']}: {quantity} ({firm}), {members}"
        if "id" in lot:
            yield f"         {lot['id']}"
    for left_out in pooled["left_out"]:
        yield f"left out {left_out['requirement_id']}: {left_out['sentence']}"
    if pooled["left_out_count"] > len(pooled["left_out"]):
        yield f"left out in all: {pooled['left_out_count']}"
    if preview:
        yield "Nothing was kept; without --preview it is."


def _case_lots(
    tiers: tuple[tuple[int, str, str], ...],
    elastic: tuple[tuple[int, str, str, str], ...],
    erate: tuple[tuple[int, int], ...],
) -> list[dict[str, Any]]:
    lots: dict[int, dict[str, Any]] = {}
    for number, quantity, price in tiers:
        lot = lots.setdefault(number, {"number": number})
        lot.setdefault("tiers", []).append({"quantity_from": quantity, "unit_price": price})
    for number, price, quantity, elasticity in elastic:
        curve = {"unit_price": price, "quantity": quantity, "elasticity": elasticity}
        lots.setdefault(number, {"number": number})["elastic"] = curve
    for number, category in erate:
        if number not in lots:
            sentence = f"Lot {number} has no price."
            raise click.BadParameter(sentence, param_hint="--erate")
        lots[number]["erate_category"] = category
    return [lots[number] for number in sorted(lots)]


def _case_lines(reckoned: Document) -> Iterator[str]:
    currency = reckoned["currency"]
    for lot in reckoned["lots"]:
        even = lot["break_even"]
        pays = f"pays from {even}" if even is not None else "pays at no quantity"
        yield (
            f"lot {lot['number']:>3}  {lot['quantity']} at {lot['unit_price']}:"
            f" alone {lot['alone']}, together {lot['together']}; {pays}"
        )
    for member in reckoned["members"]:
        advice = "join" if member["advice"] == "join" else "don't join"
        yield f"{advice:<10}  saves {member['saving']:>14}  {member['reference']}  {member['name']}"
    yield (
        f"In all: alone {reckoned['alone']['net']}, together {reckoned['together']['net']}"
        f" {currency}, saving {reckoned['saving']};"
        f" {reckoned['joining']} of {reckoned['members_count']} members should join."
    )
