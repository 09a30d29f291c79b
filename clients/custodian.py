"""Keep an opening's share: make a key, and hand the share over when the deadline has passed.

The share of an opening's private key comes sealed to the custodian's registered key. At the
opening it is sealed anew, to a key that the opener has made for this moment, so that neither
travels in clear and nobody but the opener can read it.
"""

import asyncio
import base64
import os
import time
from pathlib import Path
from typing import Final
from uuid import UUID

from clients.bids import BidsClient
from clients.errors import ClientError, Problem
from clients.http import Document
from shared.domain.ids import OpeningId
from shared.domain.refusals import Refusal
from shared.sealing import generate_key_pair, public_of, seal_share, unseal_share

OPENING_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.1

_PRIVATE: Final = 0o600
_LOOK_AGAIN: Final = frozenset({"opener_key_stale", "opening_not_closed"})
"""The opening went on while the share was on its way: what counts is where it stands now."""


class OpeningFailed(ClientError):  # noqa: N818 - a fact about an opening
    """The opening did not open, and the sentence says why."""


def text_of(key: bytes) -> str:
    """Write bytes as base64url without padding."""
    return base64.urlsafe_b64encode(key).rstrip(b"=").decode("ascii")


def bytes_of(text: str) -> bytes:
    """Read base64url, with or without padding.

    Raises:
        ValueError: Not base64url.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def make_key(path: Path) -> bytes:
    """Make a private key, keep it in a new file that its owner alone may read, and return it.

    Raises:
        FileExistsError: There is a file already; a key is never overwritten.
    """
    private = generate_key_pair().private
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with open(descriptor, "w", encoding="ascii") as file:  # noqa: PTH123 - it is a descriptor
        file.write(text_of(private) + "\n")
    return private


def read_key(path: Path) -> bytes:
    """Read a private key from its file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It holds no key.
    """
    return bytes_of(path.read_text(encoding="ascii").strip())


def public_text(private: bytes) -> str:
    """Write the public half of a private key, as it is registered.

    Raises:
        ValueError: Not a private key.
    """
    try:
        return text_of(public_of(private))
    except Refusal as refusal:
        raise ValueError(refusal.sentence) from None


async def open_rfp(
    bids: BidsClient, rfp_id: str, private: bytes, *, timeout_s: float = OPENING_TIMEOUT_S
) -> Document:
    """Hand the share over, and wait until the bids are open; the answer is the opening.

    When the opener dies meanwhile, its successor shows another key and gets the share anew.

    Raises:
        OpeningFailed: The share was refused, the opening was cancelled, or it took too long.
        Problem: The service refuses, because the deadline has not come or the share is not ours.
        Unreachable: The service did not answer in time.
    """
    handed_to: str | None = None
    ends_at_s = time.monotonic() + timeout_s
    while time.monotonic() < ends_at_s:
        opening = await bids.opening(rfp_id)
        if opening["status"] == "unsealed":
            return opening
        _refuse_failed(opening)
        opener_key = opening["opener_key"]
        if opening["status"] == "closed" and opener_key not in {None, handed_to}:
            await _hand_over(bids, opening, private)
            handed_to = opener_key
        await asyncio.sleep(POLL_S)
    sentence = f"The bids were not open {timeout_s:.0f} s after they were asked for."
    raise OpeningFailed(sentence)


def _refuse_failed(opening: Document) -> None:
    if opening["status"] == "cancelled":
        sentence = "The solicitation was cancelled; its bids stay sealed."
        raise OpeningFailed(sentence)
    reason = opening.get("refused_share_reason")
    if reason is not None:
        sentence = f"The opener refused the share: {reason}."
        raise OpeningFailed(sentence)


async def _hand_over(bids: BidsClient, opening: Document, private: bytes) -> None:
    opening_id = OpeningId(UUID(opening["id"]))
    dealt = await bids.sealed_share(opening["id"])
    share = unseal_share(
        bytes_of(dealt["sealed_share"]), private, opening_id=opening_id, purpose="custody"
    )
    resealed = seal_share(
        share, bytes_of(opening["opener_key"]), opening_id=opening_id, purpose="opening"
    )
    try:
        await bids.submit_share(
            opening["id"], opener_key=opening["opener_key"], resealed_share=text_of(resealed)
        )
    except Problem as problem:
        if problem.code not in _LOOK_AGAIN:
            raise
