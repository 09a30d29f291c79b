"""Decide lots from the shell, and lead their awards on: approve, protest, answer, withdraw."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import click

from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.http import Document

_ROLES = ("buyer", "member", "vendor", "auditor", "observer")

_role_option = click.option(
    "--role", type=click.Choice(_ROLES), default="buyer", show_default=True, help="Who looks."
)


@click.command("intend")
@click.argument("lot_id", type=click.UUID)
@click.option("--vendor", type=click.UUID, help="Another than the best ranked; needs a reason.")
@click.option("--reason", help="Why it goes to another than the best.")
@speaks_as("buyer")
def award_intend(*, way: Way, lot_id: UUID, vendor: UUID | None, reason: str | None) -> None:
    """Name the winner of the lot LOT_ID: the best ranked, unless another is named with a reason.

    The ranking is the auction's where one was held, else that of the scores, else that of the
    sealed prices. The award becomes final by itself when the standstill passes without protest.

    \b
    Example:
        commonlot award intend $LOT
        commonlot award intend $LOT --vendor $VENDOR --reason "The best withdrew its references."
    """  # noqa: D301 - click reads the \b as "keep these lines"

    async def ask(client: Client) -> Document:
        named = None if vendor is None else str(vendor)
        return await client.awards.intend(str(lot_id), vendor_id=named, reason=reason)

    award = way.run(ask)
    way.tell(award, _award_lines([award]))


@click.command("intend-scenario")
@click.argument("rfp_id", type=click.UUID)
@click.argument("scenario_id", type=click.UUID)
@click.option("--choose", "reason", help="Choose the scenario first, with this reason.")
@speaks_as("buyer")
def award_intend_scenario(*, way: Way, rfp_id: UUID, scenario_id: UUID, reason: str | None) -> None:
    """Name the winners of all lots of the scenario SCENARIO_ID of the RFP RFP_ID at once.

    Only the chosen scenario decides, and only while what it was solved on still stands.

    \b
    Example:
        commonlot award intend-scenario $RFP $SCENARIO --choose "The cheapest with two suppliers."
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> list[Document]:
        place = str(rfp_id), str(scenario_id)
        if reason is not None:
            await client.awards.choose_scenario(*place, reason=reason)
        return await client.awards.intend_scenario(*place)

    awards = way.run(ask)
    way.tell({"items": awards}, _award_lines(awards))


@click.command("show")
@click.argument("lot_id", type=click.UUID)
@_role_option
@speaks_as("buyer")
def award_show(*, way: Way, lot_id: UUID, role: str) -> None:
    """Show the awards of the lot LOT_ID: what stands, and behind it what was withdrawn.

    \b
    Example:
        commonlot award show $LOT
        commonlot award show $LOT --role vendor --party $VENDOR
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> list[Document]:
        return await client.awards.of_lot(str(lot_id))

    awards = way.as_role(role).run(ask)
    way.tell({"items": awards}, _award_lines(awards) if awards else ["The lot has no award."])


@click.command("approve")
@click.argument("lot_id", type=click.UUID)
@speaks_as("buyer")
def award_approve(*, way: Way, lot_id: UUID) -> None:
    """Approve what is proposed for the lot LOT_ID, as another person than the one who decided it.

    Where the RFP's policy profile asks for a second person, nobody hears of a decision before.

    \b
    Example:
        commonlot award approve $LOT --token $SECOND_PERSONS_TOKEN
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> list[Document]:
        return await client.awards.approve(str(lot_id))

    awards = way.run(ask)
    way.tell({"items": awards}, _award_lines(awards))


@click.command("withdraw")
@click.argument("lot_id", type=click.UUID)
@click.option("--reason", required=True, help="Why; the lot's chain keeps it.")
@speaks_as("buyer")
def award_withdraw(*, way: Way, lot_id: UUID, reason: str) -> None:
    """Take the awards of the lot LOT_ID back, on their way or final; it is to be decided anew.

    \b
    Example:
        commonlot award withdraw $LOT --reason "The vendor gave the contract back."
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> list[Document]:
        return await client.awards.withdraw(str(lot_id), reason=reason)

    awards = way.run(ask)
    way.tell({"items": awards}, _award_lines(awards))


@click.command("notice")
@click.argument("lot_id", type=click.UUID)
@speaks_as("vendor")
def award_notice(*, way: Way, lot_id: UUID) -> None:
    """Show one's notice of how the lot LOT_ID was decided: one's own place, the winner's, and why.

    \b
    Example:
        commonlot award notice $LOT --party $VENDOR
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> Document:
        return await client.awards.notice(str(lot_id))

    notice = way.run(ask)
    way.tell(notice, _notice_lines(notice))


@click.command("protest")
@click.argument("lot_id", type=click.UUID)
@click.option("--grounds", required=True, help="On what grounds.")
@speaks_as("vendor")
def award_protest(*, way: Way, lot_id: UUID, grounds: str) -> None:
    """Protest against the award of the lot LOT_ID, within its standstill, as a vendor that bid.

    The standstill rests until the buyer has decided.

    \b
    Example:
        commonlot award protest $LOT --party $VENDOR --grounds "Our delivery time was read wrong."
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> Document:
        return await client.awards.protest(str(lot_id), grounds=grounds)

    filed = way.run(ask)
    way.tell(filed, [f"Protest {filed['id']} is filed; the standstill rests."])


@click.command("rule")
@click.argument("lot_id", type=click.UUID)
@click.argument("protest_id", type=click.UUID)
@click.option("--uphold/--deny", required=True, help="Whether the lot is to be decided anew.")
@click.option("--decision", required=True, help="The decision in words.")
@speaks_as("buyer")
def award_rule(*, way: Way, lot_id: UUID, protest_id: UUID, uphold: bool, decision: str) -> None:
    """Decide the protest PROTEST_ID against the award of the lot LOT_ID.

    Denied, the standstill goes on where it rested; upheld, the lot is to be decided anew.

    \b
    Example:
        commonlot award rule $LOT $PROTEST --deny --decision "The offer says ten days."
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> Document:
        return await client.awards.decide_protest(
            str(lot_id), str(protest_id), is_upheld=uphold, decision=decision
        )

    decided = way.run(ask)
    came = "upheld; the lot is to be decided anew" if uphold else "denied; the standstill goes on"
    way.tell(decided, [f"Protest {decided['id']} is {came}."])


@click.command("answer")
@click.argument("award_id", type=click.UUID)
@click.argument("line_id", type=click.UUID)
@click.option("--accept/--decline", required=True, help="Whether the member takes its line.")
@speaks_as("member")
def award_answer(*, way: Way, award_id: UUID, line_id: UUID, accept: bool) -> None:
    """Accept or decline one's line LINE_ID of the award AWARD_ID, while its window is open.

    The last answer counts; what silence means, the RFP says.

    \b
    Example:
        commonlot award answer $AWARD $LINE --accept --party $DISTRICT
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> Document:
        return await client.awards.answer_line(str(award_id), str(line_id), accepts=accept)

    answered = way.run(ask)
    said = "accepted" if answered["accepts"] else "declined"
    way.tell(answered, [f"Line {answered['award_line_id']} is {said}."])


@click.command("contracts")
@click.argument("award_id", type=click.UUID)
@_role_option
@speaks_as("buyer")
def award_contracts(*, way: Way, award_id: UUID, role: str) -> None:
    """Sum up what is signed after the award AWARD_ID: by whom, until when, and for how much.

    \b
    Example:
        commonlot award contracts $AWARD
        commonlot award contracts $AWARD --role member --party $DISTRICT
    """  # noqa: D301 - likewise

    async def ask(client: Client) -> list[Document]:
        return await client.awards.contracts(str(award_id))

    contracts = way.as_role(role).run(ask)
    way.tell({"items": contracts}, _contract_lines(contracts))


def _award_lines(awards: Sequence[Document]) -> Iterator[str]:
    for award in awards:
        yield (
            f"{award['status']}  {award['vendor_name']}: {award['quantity']} at "
            f"{award['unit_price']} = {award['total']} {award['currency']}  (award {award['id']})"
        )
        if award["suspended_at"]:
            yield "  a protest stops the standstill"
        elif award["status"] == "intended":
            yield f"  final after {award['standstill_ends_at']}, unless a vendor protests"
        if award["status"] == "recommended":
            yield f"  members answer until {award['answers_end_at']}"
        if award["ended_reason"]:
            yield f"  {award['ended_reason']}"


def _notice_lines(notice: Document) -> Iterator[str]:
    place = "has no place in the ranking" if notice["rank"] is None else f"ranks {notice['rank']}"
    price = "" if notice["unit_price"] is None else f" at {notice['unit_price']}"
    yield f"{notice['lot_title']}: your bid {place}{price}."
    if notice["score"]["set_aside"]:
        yield f"It was set aside: {notice['score']['set_aside']}"
    for winner in notice["winners"]:
        yield (
            f"{winner['vendor_name']} is to get {winner['quantity']} at {winner['unit_price']} "
            f"= {winner['total']} {notice['currency']}."
        )
    if notice["reason"]:
        yield f"Reason: {notice['reason']}"
    if notice["is_suspended"]:
        yield "A protest stops the standstill."
    elif notice["standstill_ends_at"]:
        yield f"Protests are taken until {notice['standstill_ends_at']}."


def _contract_lines(contracts: Sequence[Document]) -> Iterator[str]:
    for contract in contracts:
        until = f"until {contract['ends_on']}" if contract["ends_on"] else "for a single delivery"
        yield (
            f"{contract['signed_by']} signs for {contract['total']} {contract['currency']}, "
            f"from {contract['begins_on']} {until}; fee {contract['fee']}"
        )
        for line in contract["lines"]:
            support = "" if line["support"] is None else f", {line['support']} of it supported"
            yield (
                f"  {line['order_reference']}  {line['member_id']}: {line['quantity']} "
                f"for {line['total']}{support}; net {line['net']}"
            )
