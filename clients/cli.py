"""Speak to Commonlot from the shell: `commonlot --help`.

Exit status: 0 done, 1 a service refused, 2 the command line is wrong, 3 no service was reached.
"""

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn, TypedDict, TypeVar, Unpack
from uuid import UUID

import click

from clients.client import Client
from clients.custodian import make_key, open_rfp, public_text, read_key
from clients.errors import ClientError, Unreachable
from clients.http import Document, Http, Patience
from clients.services import LocalStack, Services, StackNotFound
from clients.stream import Frame
from clients.verify import told, verify_file
from shared.auction_log import LogBroken
from shared.checkpoints import KeySetMalformed, read_key_set

REFUSED: Final = 1
UNREACHABLE: Final = 3
ERRORS_SHOWN_MAX: Final = 20

ROLES: Final = ("buyer", "member", "vendor", "custodian", "auditor", "observer", "operator")

PATIENCE: Final = Patience(total_s=10.0)
"""A person waits less long than a program."""

Result = TypeVar("Result")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Buy together with Commonlot, from the shell.

    Without further options the commands speak to the stack that runs on this machine (`python -m
    deploy.local up`), and get their token from its issuer. Elsewhere give --url and --token, or set
    COMMONLOT_URL and COMMONLOT_TOKEN.
    """


def main() -> None:
    """Run the command line."""
    cli.main(prog_name="commonlot")


class WayOptions(TypedDict):
    """The options that say how to reach the services."""

    data: Path | None
    url: str | None
    token: str | None


@dataclass(frozen=True, slots=True)
class Way:
    """How a command reaches the services, as its options say."""

    data: Path | None
    url: str | None
    token: str | None

    async def client(self, http: Http, *, role: str, party_id: UUID | None) -> Client:
        """Make a client: with the given token, else with one of the local issuer."""
        stack = None if self.url and self.token else self.stack()
        services = Services.behind(self.url) if self.url else _known(stack).services
        token = self.token or await _token(_known(stack), http, role, party_id)
        return Client(services, token, http)

    def stack(self) -> LocalStack:
        """Find the local stack."""
        return LocalStack.find() if self.data is None else LocalStack.read(self.data)


def _known(stack: LocalStack | None) -> LocalStack:
    assert stack is not None
    return stack


async def _token(stack: LocalStack, http: Http, role: str, party_id: UUID | None) -> str:
    return await stack.token(http, role=role, party_id=None if party_id is None else str(party_id))


_data_option = click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    help="The local stack's data folder.  [default: where one runs]",
)
_party_option = click.option(
    "--party", type=click.UUID, help="The party's id, for a token of the local issuer."
)
_url_option = click.option(
    "--url", envvar="COMMONLOT_URL", help="Where all services answer, instead of --data."
)
_token_option = click.option(
    "--token", envvar="COMMONLOT_TOKEN", help="An access token, instead of --party."
)


@cli.command()
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the caller is.")
@_party_option
@_data_option
def token(*, role: str, party: UUID | None, data: Path | None) -> None:
    """Print an access token of the local issuer.

    A token speaks for one party in one role; its party id is what registering the party answered.
    A buyer's may be any UUID: the purchasing officer registers the others.

    \b
        TOKEN=$(commonlot token --role buyer --party $(uuidgen))
        curl -H "Authorization: Bearer $TOKEN" http://127.0.0.1:PORT/v1/rfps
    """  # noqa: D301 - click reads the \b as "keep these lines"

    async def ask(http: Http) -> str:
        return await _token(Way(data, None, None).stack(), http, role, party)

    click.echo(_run(ask))


@cli.group()
def custodian() -> None:
    """Keep the key share without which no bid can be read, and open bids with it.

    \b
        commonlot custodian key  --party UUID --key-file custodian.key
        commonlot custodian open --party UUID --key-file custodian.key RFP_ID
    """  # noqa: D301 - likewise


_key_file_option = click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("custodian.key"),
    show_default=True,
    help="The file of the private key. Whoever has it can open the bids: guard it, and back it up.",
)


@custodian.command("key")
@_party_option
@_key_file_option
@_data_option
@_url_option
@_token_option
def custodian_key(*, party: UUID | None, key_file: Path, **way: Unpack[WayOptions]) -> None:
    """Make a key unless the file holds one, and register its public half.

    Solicitations published from now on deal their share to it. The private half stays in the file.
    """
    private = _private_key(key_file, may_make=True)

    async def register(http: Http) -> Document:
        client = await Way(**way).client(http, role="custodian", party_id=party)
        return await client.bids.register_custodian_key(public_text(private))

    answer = _run(register)
    click.echo(f"Registered {answer['public_key']} for custodian {answer['custodian_id']}.")


@custodian.command("open")
@click.argument("rfp_id", type=click.UUID)
@_party_option
@_key_file_option
@_data_option
@_url_option
@_token_option
def custodian_open(
    *, rfp_id: UUID, party: UUID | None, key_file: Path, **way: Unpack[WayOptions]
) -> None:
    """Open the bids of the solicitation RFP_ID, once its deadline has passed.

    The share is fetched, unsealed with the key file, sealed to the opener, and handed over; the
    command ends when the bids are open.
    """
    private = _private_key(key_file, may_make=False)

    async def open_bids(http: Http) -> Document:
        client = await Way(**way).client(http, role="custodian", party_id=party)
        return await open_rfp(client.bids, str(rfp_id), private)

    opening = _run(open_bids)
    click.echo(f"Opened {opening['opened']} bids; {opening['failed']} could not be opened.")


@cli.group()
def auctions() -> None:
    """Follow live auctions."""


@auctions.command("watch")
@click.argument("auction_id", type=click.UUID)
@_party_option
@click.option("--role", type=click.Choice(ROLES), default="observer", show_default=True)
@_data_option
@_url_option
@_token_option
def auctions_watch(
    *, auction_id: UUID, party: UUID | None, role: str, **way: Unpack[WayOptions]
) -> None:
    """Print every change of the auction AUCTION_ID until it is over; Ctrl-C leaves earlier."""

    async def watch(http: Http) -> None:
        client = await Way(**way).client(http, role=role, party_id=party)
        async for frame in client.auctions.watch(str(auction_id)):
            if "status" in frame.data:
                click.echo(_line(frame))

    with contextlib.suppress(KeyboardInterrupt):
        _run(watch)


@cli.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The JWK set that signs checkpoints: what /v1/checkpoint-keys answers.",
)
def verify(*, file: Path, key_file: Path | None) -> None:
    """Check the exported log FILE of an auction, offline.

    Chain, checkpoint, ranking and winner are computed anew. The first line that is wrong is named,
    and the exit status is then 1.
    """
    try:
        keys = None if key_file is None else read_key_set(key_file.read_text(encoding="utf-8"))
        verified = verify_file(file, keys)
    except (LogBroken, KeySetMalformed, UnicodeDecodeError, OSError) as error:
        _leave(error, REFUSED)
    for line in told(verified):
        click.echo(line)


def _line(frame: Frame) -> str:
    """Say in one line where an auction stands, as far as the caller may see it."""
    shown = frame.data
    lead = shown.get("lead") or {}
    leader = " at ".join(lead[name] for name in ("alias", "unit_price") if lead.get(name))
    return "  ".join(
        (
            str(shown["server_time"]),
            f"{shown['status']:<9}",
            f"{shown['offers']} offers",
            f"lead {leader or 'not shown'}",
            f"closes {shown['closes_at']}",
        )
    )


def _private_key(path: Path, *, may_make: bool) -> bytes:
    try:
        private = make_key(path) if may_make and not path.exists() else read_key(path)
        public_text(private)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it holds no private key"
        sentence = f"{path} cannot be used: {reason}."
        raise click.BadParameter(sentence, param_hint="--key-file") from error
    return private


def _run(act: Callable[[Http], Awaitable[Result]]) -> Result:
    """Run a command to its end, or leave with a sentence and the exit status of its kind."""

    async def within() -> Result:
        async with Http(patience=PATIENCE) as http:
            return await act(http)

    try:
        return asyncio.run(within())
    except (Unreachable, StackNotFound) as error:
        _leave(error, UNREACHABLE)
    except ClientError as error:
        _leave(error, REFUSED)


def _leave(error: Exception, status: int) -> NoReturn:
    click.echo(f"commonlot: {error}", err=True)
    for fault in getattr(error, "errors", ())[:ERRORS_SHOWN_MAX]:
        click.echo("  " + ", ".join(f"{name} {value}" for name, value in fault.items()), err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
