"""Register who takes part, from the shell."""

from typing import BinaryIO

import click

from clients.cli.documents import table_text
from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.http import Document


@click.group()
def parties() -> None:
    """Register who takes part.

    \b
    Example:
        commonlot parties import districts.csv
    """  # noqa: D301 - click reads the \b as "keep these lines"


@parties.command("import")
@click.argument("file", type=click.File("rb"))
@speaks_as("buyer")
def parties_import(*, way: Way, file: BinaryIO) -> None:
    """Register every party in the CSV FILE (`-` reads the input), or none of them.

    The first line names the columns: kind (member, vendor or custodian), reference, name, area; and
    of members, as far as they are known: member_kind, enrolment, hazard_zone, category_one_percent,
    category_two_percent, authority_kind, authority_sha256, authority_signed_on. Where rows are
    wrong, each is named by its line and column, and nothing is stored.

    \b
    Example:
        commonlot parties import districts.csv --party $BUYER
    """  # noqa: D301 - likewise
    table = table_text(file)

    async def register(client: Client) -> Document:
        return await client.bids.import_parties(table)

    imported = way.run(register)
    way.tell(imported, [f"Registered {imported['rows']} parties (import {imported['id']})."])
