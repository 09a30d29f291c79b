"""Draft, publish and amend solicitations from the shell, and show what vendors are asked."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, BinaryIO, Final, TypedDict, Unpack
from uuid import UUID

import click

from clients.cli.documents import json_object
from clients.cli.way import REFUSED, ROLES, Way, speaks_as
from clients.client import Client
from clients.errors import ClientError
from clients.http import Document

DAY_S: Final = 86_400


class InstantType(click.ParamType[datetime]):
    """An instant with its offset, as RFC 3339 writes it."""

    name = "instant"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read an instant; a time without an offset is no instant."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(value)
        except ValueError:
            instant = datetime.min  # noqa: DTZ901 - it has no offset, and is refused below
        if instant.tzinfo is None:
            self.fail(f"{value} is no instant such as 2027-03-01T12:00:00Z.", param, ctx)
        return instant


@click.group()
def rfp() -> None:
    """Draft, publish and amend solicitations, answer questions about them, and show them.

    \b
    Example:
        commonlot rfp draft --title Milk --currency USD --custodian $NOTARY \\
            --closes-at 2027-03-01T12:00:00Z --standstill 864000
        commonlot pool RFP_ID --by area
        commonlot rfp publish RFP_ID
    """  # noqa: D301 - click reads the \b as "keep these lines"


class DraftChoices(TypedDict):
    """What `rfp draft` is given beside the custodians."""

    title: str | None
    currency: str | None
    closes_at: datetime
    standstill_s: int | None
    model: str | None
    profile: str | None
    terms: BinaryIO | None
    from_rfp: UUID | None
    template: UUID | None


@rfp.command("draft")
@click.option("--title", help="What is bought.")
@click.option("--currency", help="The currency of bids and awards, such as USD.")
@click.option(
    "--closes-at",
    type=InstantType(),
    required=True,
    help="The deadline, with its offset; a bid received at that instant is late.",
)
@click.option(
    "--custodian",
    "custodians",
    type=click.UUID,
    multiple=True,
    help="Who holds a share of the opening's key; may be repeated.",
)
@click.option(
    "--threshold", type=click.IntRange(1), help="How many of them open the bids.  [default: all]"
)
@click.option(
    "--standstill",
    "standstill_s",
    type=click.IntRange(0),
    help="Seconds between an award's intent and the award.",
)
@click.option(
    "--model",
    type=click.Choice(["group_pricing", "group_procurement", "resale"]),
    help="Who signs and who pays.  [default: group_procurement]",
)
@click.option("--profile", help="The policy profile, such as erate.  [default: open]")
@click.option("--terms", type=click.File("rb"), help="Terms and criteria, as a JSON file.")
@click.option("--from", "from_rfp", type=click.UUID, help="An earlier RFP to draft from.")
@click.option("--template", type=click.UUID, help="A template to draft from.")
@speaks_as("buyer")
def rfp_draft(
    *,
    way: Way,
    custodians: tuple[UUID, ...],
    threshold: int | None,
    **chosen: Unpack[DraftChoices],
) -> None:
    """Draft a solicitation; nobody but its buyer sees it before it is published.

    Drafted from a template or an earlier RFP, it takes from that whatever is not given here.

    \b
    Example:
        commonlot rfp draft --title "Milk 2027" --currency USD --standstill 864000 \\
            --closes-at 2027-03-01T12:00:00Z --custodian $A --custodian $B --threshold 2
    """  # noqa: D301 - likewise
    if threshold is not None and threshold > len(custodians):
        sentence = "It cannot be more than there are custodians."
        raise click.BadParameter(sentence, param_hint="--threshold")
    body = _draft_body(chosen, custodians)

    async def draft(client: Client) -> Document:
        drafted = await client.bids.draft(body)
        if len(custodians) > 1:
            await _name_custodians(client, drafted, custodians, threshold or len(custodians))
        return drafted

    drafted = way.run(draft)
    way.tell(drafted, [f"Drafted {drafted['id']}: {drafted['title']}."])


@rfp.command("publish")
@click.argument("rfp_id", type=click.UUID)
@click.option("--check", is_flag=True, help="Only name what the policy profile forbids.")
@speaks_as("buyer")
def rfp_publish(*, way: Way, rfp_id: UUID, check: bool) -> None:
    """Publish the draft RFP_ID: its terms are frozen, and its lots take sealed bids.

    Where its policy profile forbids that, every rule that is broken is named with its source. With
    --check nothing is published, and the exit status is 1 where there are breaches.

    \b
    Example:
        commonlot rfp publish --check 0190a1b2-… && commonlot rfp publish 0190a1b2-…
    """  # noqa: D301 - likewise

    async def publish(client: Client) -> Document:
        ask = client.bids.breaches if check else client.bids.publish
        return await ask(str(rfp_id))

    answer = way.run(publish)
    if not check:
        way.tell(answer, [f"Published {answer['id']}: bids until {answer['closes_at']}."])
        return
    breaches = answer["breaches"]
    lines = [f"{each['rule']}: {each['sentence']} ({each['source']})" for each in breaches]
    way.tell(answer, lines or ["The policy profile forbids nothing of it."])
    if breaches:
        raise click.exceptions.Exit(REFUSED)


@rfp.command("amend")
@click.argument("rfp_id", type=click.UUID)
@click.option("--text", required=True, help="What changes, as all are told.")
@click.option(
    "--substantial/--not-substantial",
    "is_substantial",
    default=None,
    help="Whether bids received before must be confirmed, and waits begin again.  [required]",
)
@click.option("--closes-at", type=InstantType(), help="A later deadline.")
@speaks_as("buyer")
def rfp_amend(
    *, way: Way, rfp_id: UUID, text: str, is_substantial: bool | None, closes_at: datetime | None
) -> None:
    """Issue the next addendum of the published RFP_ID, before its deadline; all are told.

    \b
    Example:
        commonlot rfp amend 0190a1b2-… --not-substantial --text "Lot 2 is delivered by 7 a.m."
    """  # noqa: D301 - likewise
    if is_substantial is None:
        sentence = "Say whether it is --substantial or --not-substantial."
        raise click.UsageError(sentence)

    async def amend(client: Client) -> Document:
        return await client.bids.amend(
            str(rfp_id), text=text, is_substantial=is_substantial, closes_at=closes_at
        )

    addendum = way.run(amend)
    line = f"Issued addendum {addendum['version']}; bids until {addendum['closes_at']}."
    way.tell(addendum, [line])


@rfp.command("answer")
@click.argument("question_id", type=click.UUID)
@click.option("--text", required=True, help="The answer, as all are told.")
@click.option("--reword", help="The question in other words, where its own tell who asked.")
@speaks_as("buyer")
def rfp_answer(*, way: Way, question_id: UUID, text: str, reword: str | None) -> None:
    """Answer the question QUESTION_ID, once and to all; `rfp show` lists open questions.

    \b
    Example:
        commonlot rfp answer 0190a1b2-… --text "Yes, half-pints only."
    """  # noqa: D301 - likewise

    async def answer(client: Client) -> Document:
        return await client.bids.answer_question(str(question_id), answer=text, reworded=reword)

    answered = way.run(answer)
    way.tell(answered, [f"Answered: {answered['question']}"])


@rfp.command("cancel")
@click.argument("rfp_id", type=click.UUID)
@click.option("--reason", required=True, help="Why, as all who may see it are told.")
@click.option("--yes", is_flag=True, help="Do not ask whether that is meant.")
@speaks_as("buyer")
def rfp_cancel(*, way: Way, rfp_id: UUID, reason: str, yes: bool) -> None:
    """Cancel RFP_ID and whatever of it has not ended; that is never undone.

    Its bids stay sealed for ever, a live auction of its lots is cancelled, and its requirements are
    free for another solicitation. Once a lot is awarded it cannot be cancelled any more. To change
    something, or to give more time, use `rfp amend`. Nobody is told when a draft is cancelled.

    \b
    Example:
        commonlot rfp cancel 0190a1b2-… --reason "The grant was not renewed."
    """  # noqa: D301 - likewise
    if not yes:
        click.confirm(f"Cancel {rfp_id} for good?", abort=True, err=True)

    async def cancel(client: Client) -> Document:
        return await client.bids.cancel(str(rfp_id), reason=reason)

    cancelled = way.run(cancel)
    way.tell(cancelled, [f"Cancelled {cancelled['id']}: {cancelled['title']}."])


@rfp.command("show")
@click.argument("rfp_id", type=click.UUID)
@click.option(
    "--role", type=click.Choice(ROLES), default="buyer", show_default=True, help="Who looks."
)
@speaks_as("buyer")
def rfp_show(*, way: Way, rfp_id: UUID, role: str) -> None:
    """Show RFP_ID with its lots, addenda and questions, as far as the caller may see them.

    \b
    Example:
        commonlot rfp show --role vendor --party $VENDOR 0190a1b2-…
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        bids, named = client.bids, str(rfp_id)
        return {
            "rfp": await bids.rfp(named),
            "lots": [lot async for lot in bids.lots(named)],
            "addenda": [addendum async for addendum in bids.addenda(named)],
            "questions": [question async for question in bids.questions(named)],
        }

    shown = way.as_role(role).run(read)
    way.tell(shown, _rfp_lines(shown))


@rfp.command("ocds")
@click.argument("rfp_id", type=click.UUID)
@speaks_as("observer")
def rfp_ocds(*, way: Way, rfp_id: UUID) -> None:
    """Read the published RFP_ID as open contracting data; --json prints the release package.

    It is the same for everybody, and keeps the Open Contracting Data Standard, 1.1: bids are
    counted once bidding is over, and told with names and prices while their lot is awarded. A
    release has the same id for as long as nothing changes.

    \b
    Example:
        commonlot rfp ocds --json 0190a1b2-… > releases.json
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        return await client.bids.ocds(str(rfp_id))

    package = way.run(read)
    way.tell(package, _release_lines(package))


async def _name_custodians(
    client: Client, drafted: Document, custodians: tuple[UUID, ...], threshold: int
) -> None:
    named = [str(one) for one in custodians]
    try:
        await client.bids.plan_ceremony(drafted["id"], custodian_ids=named, threshold=threshold)
    except ClientError:
        click.echo(f"Drafted {drafted['id']}, for its first custodian alone.", err=True)
        raise


def _draft_body(chosen: DraftChoices, custodians: tuple[UUID, ...]) -> Document:
    is_anew = chosen["from_rfp"] is None and chosen["template"] is None
    terms = chosen["terms"]
    body = {
        "title": chosen["title"],
        "currency": chosen["currency"],
        "closes_at": chosen["closes_at"].isoformat(),
        "standstill_s": chosen["standstill_s"],
        "consortium_model": chosen["model"] or ("group_procurement" if is_anew else None),
        "policy_profile": chosen["profile"] or ("open" if is_anew else None),
        "custodian_id": str(custodians[0]) if custodians else None,
        "terms": None if terms is None else json_object(terms, hint="--terms"),
        "from_rfp_id": chosen["from_rfp"] and str(chosen["from_rfp"]),
        "template_id": chosen["template"] and str(chosen["template"]),
    }
    return {name: said for name, said in body.items() if said is not None}


def _rfp_lines(shown: Document) -> Iterator[str]:
    told = shown["rfp"]
    yield f"{told['title']} ({told['status']}), {told['currency']}, policy {told['policy_profile']}"
    yield f"bids until {told['closes_at']}"
    if told["earliest_award_on"]:
        yield f"no award before {told['earliest_award_on']}"
    terms = told["terms"]
    if terms["prequalified_only"]:
        yield "for vendors that are qualified on the day on which they file"
    if terms["acceptance_window_s"] and terms["silence_means"]:
        days = f"{terms['acceptance_window_s'] / DAY_S:g} days"
        yield f"members answer within {days} of an award; silence means {terms['silence_means']}"
    for lot in shown["lots"]:
        quantity = f"{lot['quantity']} {lot['unit']}"
        yield f"lot {lot['number']:>3}  {lot['id']}  {lot['title']}: {quantity} ({lot['status']})"
    for addendum in shown["addenda"]:
        weight = "substantial" if addendum["is_substantial"] else "not substantial"
        yield f"addendum {addendum['version']} ({weight}): {addendum['text']}"
    for question in shown["questions"]:
        yield f"question {question['id']}: {question['question']}"
        yield f"  {question['answer'] or 'not answered yet'}"


def _release_lines(package: Document) -> Iterator[str]:
    for release in package["releases"]:
        tender, awards = release["tender"], release.get("awards", [])
        yield f"{release['id']} ({', '.join(release['tag'])}), {release['date']}"
        yield f"{tender['title']} ({tender['status']}), lots: {len(tender['lots'])}"
        for award in awards:
            suppliers = ", ".join(each["name"] for each in award["suppliers"])
            yield f"award {award['id']} ({award['status']}): {suppliers}"
    yield "With --json, the release package itself."
