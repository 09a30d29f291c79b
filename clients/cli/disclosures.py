"""Claim parts of a bid, decide on claims, and make what a public-records request gets."""

from pathlib import Path
from uuid import UUID

import click

from clients.cli.documents import new_binary_file
from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.documents import checked
from clients.http import Document


@click.command("claim")
@click.argument("bid_id", type=click.UUID)
@click.option(
    "--part",
    required=True,
    help="prices, capacity, members, answer:CRITERION, alternate:NUMBER or document:SHA256.",
)
@click.option("--ground", required=True, help="The law by which it is confidential, and why.")
@speaks_as("vendor")
def bid_claim(*, way: Way, bid_id: UUID, part: str, ground: str) -> None:
    """Claim that a part of one's opened bid is confidential; the buyer decides.

    Claims are taken from the opening until the first disclosure. Better make them in the bid
    itself, as `claims` of its JSON file: they are recorded with the opening then.

    \b
    Example:
        commonlot bid claim 0190a1b2-… --party $VENDOR --part answer:method \\
            --ground "Trade secret, Utah Code 13-24-2: known to three people here."
    """  # noqa: D301 - click reads the \b as "keep these lines"

    async def claim(client: Client) -> Document:
        return await client.bids.claim(str(bid_id), part=part, ground=ground)

    made = way.run(claim)
    way.tell(made, [f"Claim {made['id']} waits for the buyer's decision."])


@click.command("claims")
@click.argument("rfp_id", type=click.UUID)
@speaks_as("buyer")
def rfp_claims(*, way: Way, rfp_id: UUID) -> None:
    """List what vendors claim to be confidential in their bids to RFP_ID.

    \b
    Example:
        commonlot rfp claims 0190a1b2-…
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        return await client.bids.claims(str(rfp_id))

    claims = way.run(read)
    way.tell(claims, (_line(each) for each in claims["items"]))


@click.command("judge")
@click.argument("claim_id", type=click.UUID)
@click.option("--grant/--refuse", "is_granted", required=True, help="Keep the part, or show it.")
@click.option("--reason", required=True, help="Why; it is published with the redaction.")
@speaks_as("buyer")
def rfp_judge(*, way: Way, claim_id: UUID, is_granted: bool, reason: str) -> None:
    """Decide on a claim of confidentiality; until the first disclosure it may be decided anew.

    \b
    Example:
        commonlot rfp judge 0190a1b2-… --refuse --reason "It stands in the vendor's own catalogue."
    """  # noqa: D301 - likewise

    async def judge(client: Client) -> Document:
        return await client.bids.judge_claim(str(claim_id), is_granted=is_granted, reason=reason)

    judged = way.run(judge)
    way.tell(judged, [_line(judged)])


@click.command("disclose")
@click.argument("rfp_id", type=click.UUID)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file for the bundle.",
)
@speaks_as("buyer")
def rfp_disclose(*, way: Way, rfp_id: UUID, out: Path) -> None:
    """Make what a public-records request for RFP_ID may get, and keep it in a new ZIP file.

    It holds everything that is public, without what was granted to be confidential; its
    redactions.jsonl lists each place, ground and reason. Every claim must be decided first, and the
    policy profile says from when: mostly, once every lot is awarded.

    \b
    Example:
        commonlot rfp disclose 0190a1b2-… --out milk-2027.zip
    """  # noqa: D301 - likewise

    async def disclose(client: Client) -> Document:
        made = await client.bids.disclose(str(rfp_id))
        await client.bids.fetch_disclosure(made["id"], kept)
        checked(kept, made["sha256"])
        return made

    with new_binary_file(out, hint="--out") as kept:
        made = way.run(disclose)
    lines = [f"Kept in {out}: {made['length_bytes']} bytes, {made['redactions']} redactions."]
    way.tell(made, lines)


def _line(claim: Document) -> str:
    verdict = {None: "undecided", True: "granted", False: "refused"}[claim.get("is_granted")]
    return f"{claim['id']}  {verdict:<9}  bid {claim['bid_id']}  {claim['part']}: {claim['ground']}"
