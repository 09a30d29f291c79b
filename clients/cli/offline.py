"""Ask the local issuer for a token, and check an exported log: what needs no service of ours."""

import json
from pathlib import Path
from uuid import UUID

import click

from clients.cli.way import REFUSED, ROLES, Way, data_option, json_option, leave, party_option
from clients.verify import told, verify_file
from shared.auction_log import LogBroken
from shared.checkpoints import KeySetMalformed, read_key_set


@click.command()
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the caller is.")
@party_option
@data_option
@json_option
def token(*, role: str, party: UUID | None, data: Path | None, as_json: bool) -> None:
    """Print an access token of the local issuer.

    A token speaks for one party in one role; its party id is what registering the party answered.
    A buyer's may be any UUID: the purchasing officer registers the others.

    \b
    Example:
        export COMMONLOT_TOKEN=$(commonlot token --role buyer --party $(uuidgen))
        curl -H "Authorization: Bearer $COMMONLOT_TOKEN" http://127.0.0.1:PORT/v1/rfps
    """  # noqa: D301 - click reads the \b as "keep these lines"
    way = Way(role=role, data=data, party=party, as_json=as_json)
    issued = way.ask_token()
    way.tell({"access_token": issued}, [issued])


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The JWK set that signs checkpoints: what /v1/checkpoint-keys answers.",
)
@json_option
def verify(*, file: Path, key_file: Path | None, as_json: bool) -> None:
    """Check the exported log FILE of an auction, offline.

    Chain, checkpoint, ranking and winner are computed anew. The first line that is wrong is named,
    and the exit status is then 1.

    \b
    Example:
        commonlot verify auction.jsonl --key checkpoint-keys.json
    """  # noqa: D301 - likewise
    try:
        keys = None if key_file is None else read_key_set(key_file.read_text(encoding="utf-8"))
        verified = verify_file(file, keys)
    except (LogBroken, KeySetMalformed, UnicodeDecodeError, OSError) as error:
        leave(error, REFUSED, as_json=as_json)
    lines = list(told(verified))
    if as_json:
        log = {"auction_id": str(verified.log.auction_id), "entries": len(verified.log.entries)}
        click.echo(json.dumps(log | {"found": lines}, indent=2, ensure_ascii=False))
        return
    for line in lines:
        click.echo(line)
