"""Keep an opening's share: make a key, and hand the share over when the deadline has passed.

The share of an opening's private key comes sealed to the custodian's registered key. At the
opening it is sealed anew, to a key that the opener has made for this moment, so that neither
travels in clear and nobody but the opener can read it.
"""

import asyncio
import base64
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from uuid import UUID

from clients.bids import BidsClient
from clients.errors import ClientError, Problem
from clients.http import Document
from shared.domain.ids import OpeningId
from shared.domain.refusals import Refusal
from shared.sealing import (
    Share,
    commit_to,
    generate_key_pair,
    public_of,
    seal_share,
    unseal_share,
)

OPENING_TIMEOUT_S: Final = 60.0
POLL_S: Final = 0.1

_PRIVATE: Final = 0o600
_LOOK_AGAIN: Final = frozenset({"opener_key_stale", "opening_not_closed"})
"""The opening went on while the share was on its way: what counts is where it stands now."""


class OpeningFailed(ClientError):  # noqa: N818 - a fact about an opening
    """The opening did not open, and the sentence says why."""

    code = "opening_failed"


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

    Where more custodians are needed, this waits for them; when their window passes, or the opener
    dies meanwhile and its successor shows another key, the share is handed over anew.

    Raises:
        OpeningFailed: The share was refused, the opening was cancelled, or it took too long.
        Problem: The service refuses, because the deadline has not come or the share is not ours.
        Unreachable: The service did not answer in time.
    """

    async def look() -> Document:
        return await bids.opening(rfp_id)

    return await _open(bids, look, private, timeout_s=timeout_s)


async def rehearse(
    bids: BidsClient, opening_id: str, private: bytes, *, timeout_s: float = OPENING_TIMEOUT_S
) -> Document:
    """Do one's part in a rehearsal, or in any opening of which one knows the id.

    Raises:
        OpeningFailed: The share was refused, the opening was cancelled, or it took too long.
        Problem: The service refuses.
        Unreachable: The service did not answer in time.
    """

    async def look() -> Document:
        return await bids.opening_by_id(opening_id)

    return await _open(bids, look, private, timeout_s=timeout_s)


async def check_share(bids: BidsClient, opening: Document, private: bytes) -> int:
    """Unseal one's own share and hold it against its commitment; the answer is its index.

    Nothing is handed over: this tells before the deadline whether the key file will do.

    Raises:
        OpeningFailed: The share is not the one that was dealt.
        SealBroken: The key is not the one to which the share was sealed.
        Problem: The caller has no seat in this opening.
        Unreachable: The service did not answer in time.
    """
    index, _ = await _own_share(bids, opening, private)
    return index


async def _open(
    bids: BidsClient,
    look: Callable[[], Awaitable[Document]],
    private: bytes,
    *,
    timeout_s: float,
) -> Document:
    handed_to: str | None = None
    index: int | None = None
    ends_at_s = time.monotonic() + timeout_s
    while time.monotonic() < ends_at_s:
        opening = await look()
        if opening["status"] == "unsealed":
            return opening
        _refuse_failed(opening, index)
        opener_key = opening["opener_key"]
        is_void = handed_to is not None and not _has_submitted(opening, index)
        if opening["status"] == "closed" and opener_key and (opener_key != handed_to or is_void):
            index = await _hand_over(bids, opening, private)
            handed_to = opener_key
        await asyncio.sleep(POLL_S)
    sentence = f"The opening was not over {timeout_s:.0f} s after it was asked for."
    raise OpeningFailed(sentence)


def _has_submitted(opening: Document, index: int | None) -> bool:
    return any(seat["index"] == index and seat["is_submitted"] for seat in opening["seats"])


def _refuse_failed(opening: Document, index: int | None) -> None:
    if opening["status"] == "cancelled":
        sentence = "The solicitation was cancelled; its bids stay sealed."
        raise OpeningFailed(sentence)
    # What stood there before this share was handed over is an earlier share's fault.
    for seat in opening["seats"]:
        if seat["index"] == index and seat["refused_reason"] is not None:
            sentence = f"The opener refused the share: {seat['refused_reason']}."
            raise OpeningFailed(sentence)


async def _hand_over(bids: BidsClient, opening: Document, private: bytes) -> int:
    """Seal the share to the opener and submit it; the answer is its index."""
    index, share = await _own_share(bids, opening, private)
    opening_id = OpeningId(UUID(opening["id"]))
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
    return index


async def _own_share(bids: BidsClient, opening: Document, private: bytes) -> tuple[int, bytes]:
    dealt = await bids.sealed_share(opening["id"])
    index = int(dealt["index"])
    share = unseal_share(
        bytes_of(dealt["sealed_share"]),
        private,
        opening_id=OpeningId(UUID(opening["id"])),
        purpose="custody",
    )
    _require_dealt(share, opening, index)
    return index, share


def _require_dealt(share: bytes, opening: Document, index: int) -> None:
    """Check one's own share against its commitment before anybody is shown it."""
    for seat in opening["seats"]:
        if seat["index"] == index:
            committed = commit_to(Share.from_bytes(share), bytes.fromhex(seat["salt"]))
            if committed.hex() == seat["commitment"]:
                return
    sentence = "The share that was dealt is not the one that the opening's commitment names."
    raise OpeningFailed(sentence)
