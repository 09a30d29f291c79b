"""Keep a custodian's key from the shell, check the share that was dealt to it, and open bids."""

from pathlib import Path
from uuid import UUID

import click

from clients.cli.way import Way, speaks_as
from clients.client import Client
from clients.custodian import (
    OPENING_TIMEOUT_S,
    OpeningFailed,
    check_share,
    make_key,
    open_rfp,
    public_text,
    read_key,
    rehearse,
)
from clients.http import Document

_key_file_option = click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("custodian.key"),
    show_default=True,
    help="The file of the private key. Whoever has it can open the bids: guard it, and back it up.",
)
_wait_option = click.option(
    "--wait",
    "wait_s",
    type=click.FloatRange(min=0.1),
    default=OPENING_TIMEOUT_S,
    show_default=True,
    help="Seconds to wait for the deadline's close, and for the other custodians.",
)


@click.group()
def keys() -> None:
    """Keep the key share without which no bid can be read.

    \b
    Once:                 commonlot keys generate
                          commonlot keys register --party $CUSTODIAN
    After publication:    commonlot keys share --party $CUSTODIAN RFP_ID
    After the deadline:   commonlot open --party $CUSTODIAN RFP_ID
    """  # noqa: D301 - click reads the \b as "keep these lines"


@keys.command("generate")
@_key_file_option
@click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
def keys_generate(*, key_file: Path, as_json: bool) -> None:
    """Make a private key in a new file that its owner alone may read; no service is asked.

    A file that is there is never overwritten: the shares dealt to it would be lost.

    \b
    Example:
        commonlot keys generate --key-file custodian.key
    """  # noqa: D301 - likewise
    try:
        public_key = public_text(make_key(key_file))
    except OSError as error:
        raise _unfit(key_file, error) from error
    told = {"key_file": str(key_file), "public_key": public_key}
    lines = [f"Made {key_file}; its public half is {public_key}. Back the file up."]
    Way(role="custodian", as_json=as_json).tell(told, lines)


@keys.command("register")
@_key_file_option
@speaks_as("custodian")
def keys_register(*, way: Way, key_file: Path) -> None:
    """Register the public half of the key; the private half stays in its file.

    Solicitations published from now on deal their share to it.

    \b
    Example:
        commonlot keys register --party $CUSTODIAN --key-file custodian.key
    """  # noqa: D301 - likewise
    _register(way, _private_key(key_file))


@keys.command("share")
@click.argument("rfp_id", type=click.UUID)
@_key_file_option
@speaks_as("custodian")
def keys_share(*, way: Way, rfp_id: UUID, key_file: Path) -> None:
    """Check that the key file opens the share dealt for RFP_ID; nothing is handed over.

    The share is held against the commitment that was published with it. Do this soon after the
    publication: a key that is lost is found missing while there is still time.

    \b
    Example:
        commonlot keys share --party $CUSTODIAN 0190a1b2-…
    """  # noqa: D301 - likewise
    private = _private_key(key_file)

    async def check(client: Client) -> Document:
        opening = await client.bids.opening(str(rfp_id))
        index = await check_share(client.bids, opening, private)
        return {"opening_id": opening["id"], "index": index, "threshold": opening["threshold"]}

    checked = way.run(check)
    line = (
        f"Share {checked['index']} opens, and is the one that was dealt;"
        f" {checked['threshold']} such shares open the bids."
    )
    way.tell(checked, [line])


@keys.command("rehearse")
@click.argument("opening_id", type=click.UUID)
@_key_file_option
@_wait_option
@speaks_as("custodian")
def keys_rehearse(*, way: Way, opening_id: UUID, key_file: Path, wait_s: float) -> None:
    """Do one's part in the rehearsal OPENING_ID, which opens a canary in place of bids.

    \b
    Example:
        commonlot keys rehearse --party $CUSTODIAN 0190a1b2-…
    """  # noqa: D301 - likewise
    private = _private_key(key_file)

    async def practise(client: Client) -> Document:
        return await rehearse(client.bids, str(opening_id), private, timeout_s=wait_s)

    rehearsed = way.run(practise)
    way.tell(rehearsed, [f"The rehearsal is {rehearsed['status']}: the shares make the key."])


@click.command("open")
@click.argument("rfp_id", type=click.UUID)
@click.option(
    "--envelope",
    type=click.Choice(["price", "technical"]),
    default="price",
    show_default=True,
    help="Which of two envelopes; the technical one is opened first.",
)
@_key_file_option
@_wait_option
@speaks_as("custodian")
def open_bids(*, way: Way, rfp_id: UUID, envelope: str, key_file: Path, wait_s: float) -> None:
    """Open the bids of the solicitation RFP_ID, once its deadline has passed.

    A custodian's share is fetched, unsealed with the key file, sealed to the opener, and handed
    over; the command ends when the bids are open. Where more custodians are needed, each runs it.

    \b
    Example:
        commonlot open --party $CUSTODIAN --wait 600 0190a1b2-…
    """  # noqa: D301 - likewise
    _open(way, (rfp_id, envelope), _private_key(key_file), wait_s)


@click.group()
def custodian() -> None:
    """Make and register a key in one step, and open bids with it; `keys` does it step by step.

    \b
    Example:
        commonlot custodian key  --party UUID --key-file custodian.key
        commonlot custodian open --party UUID --key-file custodian.key RFP_ID
    """  # noqa: D301 - likewise


@custodian.command("key")
@_key_file_option
@speaks_as("custodian")
def custodian_key(*, way: Way, key_file: Path) -> None:
    """Make a key unless the file holds one, and register its public half.

    Solicitations published from now on deal their share to it. The private half stays in the file.

    \b
    Example:
        commonlot custodian key --party $CUSTODIAN --key-file custodian.key
    """  # noqa: D301 - likewise
    _register(way, _private_key(key_file, may_make=True))


custodian.add_command(open_bids, "open")


def _register(way: Way, private: bytes) -> None:
    async def register(client: Client) -> Document:
        return await client.bids.register_custodian_key(public_text(private))

    answer = way.run(register)
    line = f"Registered {answer['public_key']} for custodian {answer['custodian_id']}."
    way.tell(answer, [line])


def _open(way: Way, which: tuple[UUID, str], private: bytes, wait_s: float) -> None:
    rfp_id, envelope = which

    async def hand_over(client: Client) -> Document:
        bids = client.bids
        if envelope == "price":
            return await open_rfp(bids, str(rfp_id), private, timeout_s=wait_s)
        async for seat in bids.custody():
            if (seat["rfp_id"], seat["purpose"]) == (str(rfp_id), envelope):
                return await rehearse(bids, str(seat["id"]), private, timeout_s=wait_s)
        sentence = "You have no seat in an opening of technical parts of this solicitation."
        raise OpeningFailed(sentence)

    opening = way.run(hand_over)
    line = f"Opened {opening['opened']} bids; {opening['failed']} could not be opened."
    way.tell(opening, [line])


def _private_key(path: Path, *, may_make: bool = False) -> bytes:
    try:
        private = make_key(path) if may_make and not path.exists() else read_key(path)
        public_text(private)
    except (OSError, ValueError) as error:
        raise _unfit(path, error) from error
    return private


def _unfit(path: Path, error: Exception) -> click.BadParameter:
    reason = error.strerror if isinstance(error, OSError) else "it holds no private key"
    sentence = f"{path} cannot be used: {reason}."
    return click.BadParameter(sentence, param_hint="--key-file")
