"""Claim an opened bid back for a clerical error, and decide on such claims, from the shell."""

from collections.abc import Iterator
from hashlib import sha256
from typing import BinaryIO, Final
from uuid import UUID

import click

from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.http import Document

MISTAKES: Final = ("arithmetic_error", "omission", "transcription")

CHUNK_BYTES: Final = 1024 * 1024
"""How much of a file is in memory at once: evidence may be long."""


@click.group()
def withdrawal() -> None:
    """Take an opened bid back for a mistake of the pen, where the law lets one.

    Before the deadline `bid withdraw` takes a bid back freely. After the opening its vendor can
    only claim it, within the days that the policy profile of the solicitation says, and the buyer
    decides, with a reason, before the lot is awarded. Prices are not changed.

    \b
    Example:
        commonlot withdrawal claim LOT_ID --mistake omission --reason "Freight was left out." \\
            --evidence work-papers.pdf
        commonlot withdrawal list LOT_ID
        commonlot withdrawal decide LOT_ID CLAIM_ID --grant --reason "The papers show it."
    """  # noqa: D301 - click reads the \b as "keep these lines"


@withdrawal.command("claim")
@click.argument("lot_id", type=click.UUID)
@click.option(
    "--mistake",
    type=click.Choice(MISTAKES),
    required=True,
    help="What went wrong: a sum, something left out, or a figure copied wrongly.",
)
@click.option("--reason", required=True, help="How it came about, for the buyer alone.")
@click.option(
    "--evidence",
    type=click.File("rb"),
    required=True,
    help="What shows it, such as the work papers; only its hash is sent.",
)
@speaks_as("vendor")
def withdrawal_claim(
    *, way: Way, lot_id: UUID, mistake: str, reason: str, evidence: BinaryIO
) -> None:
    """Claim one's opened bid on LOT_ID back; until the buyer decides, it stands.

    A mistake of judgment is none of these. Keep the evidence as it is: the hash that is sent proves
    that nobody changed it. Send the evidence itself to the buyer.

    \b
    Example:
        commonlot withdrawal claim 0190a1b2-… --mistake arithmetic_error \\
            --reason "Row 7 was not added." --evidence work-papers.xlsx
    """  # noqa: D301 - likewise
    digest = _digest_of(evidence)

    async def claim(client: Client) -> Document:
        return await client.bids.claim_withdrawal(
            str(lot_id), mistake=mistake, reason=reason, evidence_sha256=digest
        )

    claimed = way.run(claim)
    line = f"Claimed {claimed['id']}; evidence {digest}. The buyer decides."
    way.tell(claimed, [line])


@withdrawal.command("list")
@click.argument("lot_id", type=click.UUID)
@click.option(
    "--role",
    type=click.Choice(["buyer", "vendor", "auditor"]),
    default="buyer",
    show_default=True,
    help="Who looks.",
)
@speaks_as("buyer")
def withdrawal_list(*, way: Way, lot_id: UUID, role: str) -> None:
    """List the claims on LOT_ID: to its buyer all of them, to a vendor its own.

    \b
    Example:
        commonlot withdrawal list 0190a1b2-… --role vendor --party $VENDOR
    """  # noqa: D301 - likewise

    async def read(client: Client) -> Document:
        return {"items": [claim async for claim in client.bids.withdrawal_claims(str(lot_id))]}

    listed = way.as_role(role).run(read)
    way.tell(listed, list(_claim_lines(listed)) or ["Nobody wants a bid back."])


@withdrawal.command("decide")
@click.argument("lot_id", type=click.UUID)
@click.argument("claim_id", type=click.UUID)
@click.option("--grant/--refuse", "is_granted", default=None, help="Which it is.  [required]")
@click.option("--reason", required=True, help="Why, as the vendor is told and the record keeps.")
@speaks_as("buyer")
def withdrawal_decide(
    *, way: Way, lot_id: UUID, claim_id: UUID, is_granted: bool | None, reason: str
) -> None:
    """Decide on CLAIM_ID, once: a bid that is withdrawn leaves the ranking of LOT_ID.

    \b
    Example:
        commonlot withdrawal decide 0190a1b2-… 0190c3d4-… --refuse --reason "It is a judgment."
    """  # noqa: D301 - likewise
    if is_granted is None:
        sentence = "Say whether to --grant it or to --refuse it."
        raise click.UsageError(sentence)

    async def decide(client: Client) -> Document:
        return await client.bids.decide_withdrawal(
            str(lot_id), str(claim_id), is_granted=is_granted, reason=reason
        )

    decided = way.run(decide)
    outcome = "is withdrawn" if decided["is_granted"] else "stands"
    way.tell(decided, [f"Bid {decided['bid_id']} {outcome}."])


def _digest_of(file: BinaryIO) -> str:
    digest = sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _claim_lines(listed: Document) -> Iterator[str]:
    states = {None: "not decided", True: "withdrawn", False: "refused"}
    for claim in listed["items"]:
        yield f"{claim['id']}  bid {claim['bid_id']}: {claim['mistake']}"
        yield f"  {claim['reason']}"
        yield f"  evidence {claim['evidence_sha256']}; {states[claim['is_granted']]}"
