"""Put documents into keeping from the shell, and fetch them."""

from pathlib import Path
from uuid import UUID

import click

from clients.cli.documents import name_of, new_binary_file
from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.documents import attach, fetch, put_authority
from clients.http import Document


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
@speaks_as("vendor")
def documents_list(*, way: Way) -> None:
    """List the documents that one has put; a bid's have no name here.

    \b
    Example:
        commonlot documents list --party $VENDOR
    """  # noqa: D301 - likewise

    async def read(client: Client) -> list[Document]:
        return [each async for each in client.bids.documents()]

    kept = way.run(read)
    lines = (f"{each['sha256']}  {each['length_bytes']:>10}  {each['name']}" for each in kept)
    way.tell({"items": kept}, lines)


@documents.command("get")
@click.argument("sha256")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file for the document.",
)
@speaks_as("buyer")
def documents_get(*, way: Way, sha256: str, out: Path) -> None:
    """Fetch the document with this SHA-256, check it, and keep it in a new file.

    A bid's document is found by its own hash from the opening on, by the RFP's buyer and auditors.

    \b
    Example:
        commonlot documents get 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 \\
            --out drawing.pdf
    """  # noqa: D301 - likewise

    async def get(client: Client) -> int:
        return await fetch(client.bids, sha256, kept)

    with new_binary_file(out, hint="--out") as kept:
        length_bytes = way.run(get)
    told = {"sha256": sha256, "length_bytes": length_bytes, "file": name_of(kept)}
    way.tell(told, [f"Kept in {out}: {length_bytes} bytes, as they were put."])
