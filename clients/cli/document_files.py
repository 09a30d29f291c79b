"""Put documents into keeping from the shell, and fetch them."""

from pathlib import Path
from uuid import UUID

import click

from clients.cli.documents import name_of, new_binary_file
from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.documents import attach, fetch, put_authority
from clients.http import Document

_ROLES = ("buyer", "vendor", "evaluator", "auditor", "member", "observer")

_role_option = click.option(
    "--role",
    type=click.Choice(_ROLES),
    help="Who looks; a buyer, but for one's own list a vendor, if not said.",
)


@click.group()
def documents() -> None:
    """Put documents into keeping by their hash, list one's own, and fetch them.

    A vendor's documents go with its bid: `bid seal --document FILE` seals and puts them, so that
    nobody can read them before the custodians open the bids.

    \b
    Example:
        commonlot documents put terms.pdf --rfp RFP_ID
        commonlot documents get 9f86d081… --out terms.pdf
    """  # noqa: D301 - click reads the \b as "keep these lines"


@documents.command("put")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--rfp", "rfp_id", type=click.UUID, help="Make FILE a part of this RFP.")
@click.option("--authority", is_flag=True, help="FILE lets the cooperative buy for a member.")
@speaks_as("buyer")
def documents_put(*, way: Way, file: Path, rfp_id: UUID | None, authority: bool) -> None:
    """Put FILE: as a part of an RFP, or as a member's authority document.

    What is part of an RFP is read by everybody once it is published. The answer names the hash, by
    which an authority is put on record. Where no answer came, put the same FILE again.

    \b
    Example:
        commonlot documents put terms.pdf --rfp 0190a1b2-…
        commonlot documents put letter.pdf --authority
    """  # noqa: D301 - likewise
    if (rfp_id is None) != authority:
        sentence = "Give either --rfp or --authority."
        raise click.UsageError(sentence)

    async def put(client: Client) -> Document:
        if rfp_id is None:
            return await put_authority(client.bids, file)
        return await attach(client.bids, file, rfp_id=str(rfp_id))

    answer = way.run(put)
    way.tell(answer, [f"{file.name} is kept as {answer['sha256']}."])


@documents.command("list")
@click.option("--bid", "bid_id", type=click.UUID, help="Those of this opened bid instead.")
@_role_option
@speaks_as("vendor")
def documents_list(*, way: Way, bid_id: UUID | None, role: str | None) -> None:
    """List the documents that one has put, or those of an opened bid that one may read.

    Until the opening a bid's documents have no name. Evaluators see those of the bids that they
    score; what tells a price is shown to them when the prices are.

    \b
    Example:
        commonlot documents list --party $VENDOR
        commonlot documents list --bid 0190a1b2-… --role evaluator --party $EVALUATOR
    """  # noqa: D301 - likewise

    async def read(client: Client) -> list[Document]:
        if bid_id is not None:
            return list((await client.bids.bid_documents(str(bid_id)))["items"])
        return [each async for each in client.bids.documents()]

    listed = way.as_role(role or ("vendor" if bid_id is None else "buyer")).run(read)
    way.tell({"items": listed}, map(_line, listed))


@documents.command("get")
@click.argument("sha256")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file for the document.",
)
@_role_option
@speaks_as("buyer")
def documents_get(*, way: Way, sha256: str, out: Path, role: str | None) -> None:
    """Fetch the document with this SHA-256, check it, and keep it in a new file.

    A bid's document is found by its own hash from the opening on, by the RFP's buyer, auditors, and
    the evaluators who score the bid; `documents list --bid` names the hashes.

    \b
    Example:
        commonlot documents get 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 \\
            --out drawing.pdf
    """  # noqa: D301 - likewise

    async def get(client: Client) -> int:
        return await fetch(client.bids, sha256, kept)

    with new_binary_file(out, hint="--out") as kept:
        length_bytes = way.as_role(role or "buyer").run(get)
    told = {"sha256": sha256, "length_bytes": length_bytes, "file": name_of(kept)}
    way.tell(told, [f"Kept in {out}: {length_bytes} bytes, as they were put."])


def _line(document: Document) -> str:
    told = f"{document['sha256']}  {document['length_bytes']:>10}  {document['name']}"
    return f"{told}  (with the prices)" if document.get("with_prices") else told
