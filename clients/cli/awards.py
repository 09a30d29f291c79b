"""Fetch what was decided of an RFP, and decide it again offline."""

import json
import sys
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final
from uuid import UUID

import click

from clients.award_bundle import BundleMalformed, Checked, Proving, check_file, told
from clients.cli.way import REFUSED, Way, json_option, leave, speaks_as
from clients.client import Client
from shared.checkpoints import KeySetMalformed, read_key_set

UNPROVEN: Final = 4
"""The exit status where a proof was asked for and did not come in its time."""

SECONDS_MAX: Final = 3_600
"""The longest search again: an hour."""

_output_option = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write.",
)


@click.group()
def award() -> None:
    """Decide lots, lead their awards on, and fetch and verify what was decided.

    \b
    Example:
        commonlot award intend $LOT
        commonlot award bundle $RFP --output award.json
        commonlot award verify award.json
    """  # noqa: D301 - click reads the \b as "keep these lines"


@award.command("bundle")
@click.argument("rfp_id", type=click.UUID)
@_output_option
@speaks_as("observer")
def award_bundle(*, way: Way, rfp_id: UUID, output: Path) -> None:
    """Write the award bundle of the RFP RFP_ID into a file.

    It holds all of the lots that are awarded: bids, scores, scenarios, awards, lines, the opening's
    signed record. Of lots on which more is to come nothing is told.

    \b
    Example:
        commonlot award bundle $RFP --output award.json
    """  # noqa: D301 - likewise

    async def fetch(client: Client) -> str:
        return await client.awards.bundle(str(rfp_id))

    _write(way, output, way.run(fetch))


@award.command("report")
@click.argument("rfp_id", type=click.UUID)
@_output_option
@speaks_as("observer")
def award_report(*, way: Way, rfp_id: UUID, output: Path) -> None:
    """Write the report of the RFP RFP_ID into a file: one page, for people, to read or print.

    \b
    Example:
        commonlot award report $RFP --output award.html
    """  # noqa: D301 - likewise

    async def fetch(client: Client) -> str:
        return await client.awards.report(str(rfp_id))

    _write(way, output, way.run(fetch))


@award.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The JWK set that signs receipts and records: what /v1/receipt-keys answers.",
)
@click.option(
    "--prove",
    is_flag=True,
    help="Search again by the solver (highspy) for an award that costs less.",
)
@click.option(
    "--seconds",
    type=click.IntRange(1, SECONDS_MAX),
    default=60,
    show_default=True,
    help="With --prove: how long each search may take.",
)
@json_option
def award_verify(
    *, bundle: Path, key_file: Path | None, prove: bool, seconds: int, as_json: bool
) -> None:
    """Decide everything in BUNDLE again, offline, and hold it against what is stated.

    From the published bids alone: their list and its Merkle root, prices, ranks, scores, ties and
    disqualifications; each scenario's problem, rules and exact cost; winners, and every member's
    line to the cent. What was found right is told line by line. The first thing that differs is
    named, with what is stated and what is computed, and the exit status is then 1. What no bundle
    can show by itself is told as not checked.

    That no award of a scenario costs less is its solver's word, told with its gap. With --prove the
    solver is asked again, offline and in processes of its own: from the same problem, rules and
    seed the same award must come out, at the same cost, and what each rule costs. A cheaper award
    is a difference; where a search does not end in its time, the exit status is 4.

    \b
    Example:
        commonlot award verify award.json --key receipt-keys.json
        commonlot award verify award.json --prove
    """  # noqa: D301 - likewise
    proving = Proving(seconds=seconds, say=partial(click.echo, err=True)) if prove else None
    try:
        keys = None if key_file is None else read_key_set(key_file.read_text(encoding="utf-8"))
        checked = check_file(bundle, keys, proving)
    except (BundleMalformed, KeySetMalformed, UnicodeDecodeError, OSError) as error:
        leave(error, REFUSED, as_json=as_json)
    _tell(checked, as_json=as_json)
    if checked.difference is not None:
        sys.exit(REFUSED)
    if prove and checked.not_proven:
        sys.exit(UNPROVEN)


def _tell(checked: Checked, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(asdict(checked), indent=2, ensure_ascii=False))
        return
    for line in told(checked):
        click.echo(line)
    if checked.difference is not None:
        click.echo(f"commonlot: differs at {checked.difference}", err=True)


def _write(way: Way, output: Path, text: str) -> None:
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        leave(error, REFUSED, as_json=way.as_json)
    way.tell({"file": str(output)}, [f"written to {output}"])
