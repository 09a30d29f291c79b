"""Seal bids so that nobody reads them before their opening: the scheme "coop-seal/1".

A bid is padded, then sealed to the public key of its opening with HPKE (RFC 9180), base mode, and
bound to one opening, lot, vendor and bid version. The opening's private key leaves its dealer only
as shares, each sealed to the custodian who holds it. The vendor's client and the bids service seal
by the same functions; what differs is only who saw the price.

Nothing here logs, and no refusal repeats what was sealed or says at which step the unsealing
failed. Python cannot wipe memory: whoever holds a key drops it as soon as its work is done.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from shared import shamir
from shared.domain.canonical import canonical, digest
from shared.domain.ids import LotId, OpeningId, PartyId
from shared.domain.refusals import Kind, Refusal

SCHEME: Final = b"coop-seal/1"
SHARE_SCHEME: Final = b"coop-share/1"

KEY_BYTES: Final = 32
"""Private and public keys of X25519 are 32 bytes each. Source: RFC 7748 section 5."""

BLOCK_BYTES: Final = 4096
ORDINARY_BLOCKS: Final = 4
"""Every bid fills at least four blocks, so that all ordinary ones have one and the same length."""
BLOCKS_MAX: Final = 16

LENGTH_BYTES: Final = 4
BID_BYTES_MAX: Final = BLOCKS_MAX * BLOCK_BYTES - LENGTH_BYTES
"""65,532: documents are filed by hash, so that what is sealed is numbers and short answers."""

OVERHEAD_BYTES: Final = 48
"""The encapsulated key (32) and the authentication tag (16). Source: RFC 9180 section 7."""

SALT_BYTES: Final = 32
"""The random bytes before a share under its commitment."""

SHARE_HEAD_BYTES: Final = 2
SHARE_BYTES: Final = SHARE_HEAD_BYTES + KEY_BYTES
SHARES_MAX: Final = 255
"""An index is one byte and never 0, where Shamir's scheme keeps the secret itself."""

# AES-256-GCM, because browsers offer it beside X25519, so that a vendor can seal there too.
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)

# Each refusal has one sentence wherever it is raised, so that it tells nothing about the place.
_BROKEN_SENTENCE: Final = "The seal does not open with this key in this place."
_SHARE_SENTENCE: Final = "This is not a share of an opening's key."

SharePurpose = Literal["custody", "opening"]


class SealBroken(Refusal):
    """What was sealed does not open: another key, another context, or altered bytes."""

    kind = Kind.INVALID
    code = "seal_broken"


class KeyMalformed(Refusal):
    """The bytes are not an X25519 key that can be sealed to."""

    kind = Kind.INVALID
    code = "key_malformed"


class ShareMalformed(Refusal):
    """The bytes are not a share of an opening's key, or the shares do not belong together."""

    kind = Kind.INVALID
    code = "share_malformed"


class BidBeyondSeal(Refusal):
    """The bid is longer than the largest envelope."""

    kind = Kind.TOO_LARGE
    code = "bid_beyond_seal"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """One opening's (or custodian's) X25519 keys, 32 bytes each; neither shows in `repr`."""

    private: bytes = field(repr=False)
    public: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealContext:
    """Say what a sealed bid is bound to; sealed under another context it does not open.

    The closing instant is left out on purpose. A deadline may lawfully move after bids were
    sealed, and the opening keeps its key while nothing was combined; bids bound to the old instant
    could then never be opened. `opening_id` already stands for the RFP and the envelope, and the
    receipt, not the seal, proves when a bid came in. For the same reason no addendum is bound.
    HPKE itself binds the opening's public key.
    """

    opening_id: OpeningId
    lot_id: LotId
    vendor_id: PartyId
    bid_version_id: UUID

    @property
    def info(self) -> bytes:
        """Write the context as HPKE's `info`: the scheme, then 32 bytes."""
        return SCHEME + digest(canonical(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Carry one custodian's part of an opening's private key; the part never shows in `repr`.

    `threshold` distinct shares make the key. The value is a point of Shamir's scheme at `index`, as
    long as the key; with a threshold of 1 it is the key itself.

    Raises:
        ShareMalformed: An index or threshold outside 1 to 255, or a value that is not 32 bytes.
    """

    index: int
    threshold: int
    value: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what no dealer deals."""
        numbers_fit = all(1 <= number <= SHARES_MAX for number in (self.index, self.threshold))
        if not numbers_fit or len(self.value) != KEY_BYTES:
            raise ShareMalformed(_SHARE_SENTENCE)

    def to_bytes(self) -> bytes:
        """Write the share: index, threshold, value."""
        return bytes((self.index, self.threshold)) + self.value

    @classmethod
    def from_bytes(cls, share: bytes) -> Self:
        """Read what `to_bytes` wrote.

        Raises:
            ShareMalformed: Not the bytes of a share.
        """
        if len(share) != SHARE_BYTES:
            raise ShareMalformed(_SHARE_SENTENCE)
        return cls(index=share[0], threshold=share[1], value=share[SHARE_HEAD_BYTES:])


def generate_key_pair() -> KeyPair:
    """Make a new X25519 key pair."""
    private = X25519PrivateKey.generate()
    return KeyPair(private.private_bytes_raw(), private.public_key().public_bytes_raw())


def public_of(private: bytes) -> bytes:
    """Derive the public key of a private key.

    Raises:
        KeyMalformed: Not 32 bytes.
    """
    return _private_key(private).public_key().public_bytes_raw()


def check_pair(private: bytes, public: bytes) -> bool:
    """Tell whether a combined private key belongs to the published public key.

    X25519 ignores five bits of a private key; a key that differs in them alone opens the same
    bids, and passes.
    """
    if len(private) != KEY_BYTES:
        return False
    return hmac.compare_digest(public_of(private), public)


def seal(plaintext: bytes, public_key: bytes, context: SealContext) -> bytes:
    """Seal a bid to its opening's public key.

    The result has one length for every bid up to 16,380 bytes, and grows by whole blocks of 4 KiB
    above that, so that its length tells next to nothing. Sealing twice gives different bytes.

    Raises:
        BidBeyondSeal: More than `BID_BYTES_MAX` bytes.
        KeyMalformed: The public key is not one that can be sealed to.
    """
    return _encrypt(_pad(plaintext), public_key, context.info)


def unseal(sealed: bytes, private_key: bytes, context: SealContext) -> bytes:
    """Open a sealed bid.

    Raises:
        SealBroken: Another key or context, altered bytes, or padding that is not this scheme's.
        KeyMalformed: The private key is not 32 bytes.
    """
    if not is_sealed_length(len(sealed)):
        raise SealBroken(_BROKEN_SENTENCE)
    return _unpad(_decrypt(sealed, private_key, context.info))


def is_sealed_length(length_bytes: int) -> bool:
    """Tell whether a sealed bid can have this length; it is all a service can check on receipt."""
    blocks, rest = divmod(length_bytes - OVERHEAD_BYTES, BLOCK_BYTES)
    return rest == 0 and ORDINARY_BLOCKS <= blocks <= BLOCKS_MAX


def deal(private_key: bytes, *, threshold: int = 1, custodians: int = 1) -> tuple[Share, ...]:
    """Split an opening's private key into a share for each custodian.

    Any `threshold` of them make the key; fewer tell nothing of it.

    Raises:
        ShareMalformed: The key is not 32 bytes, or not 1 <= threshold <= custodians <= 255.
    """
    if len(private_key) != KEY_BYTES or not 1 <= threshold <= custodians <= SHARES_MAX:
        sentence = "A key is dealt to 1 to 255 custodians, and no more are needed than hold it."
        raise ShareMalformed(sentence)
    # A symmetric key is 32 bytes drawn evenly; an X25519 key has bits that are always the same.
    drawn = [AESGCM.generate_key(8 * KEY_BYTES) for _ in range(threshold - 1)]
    return tuple(
        Share(index=index, threshold=threshold, value=shamir.evaluate((private_key, *drawn), index))
        for index in range(1, custodians + 1)
    )


def combine(shares: Sequence[Share]) -> bytes:
    """Put an opening's private key together; `check_pair` must follow.

    Shares beyond the threshold are not looked at.

    Raises:
        ShareMalformed: Too few, one twice, or of different thresholds.
    """
    thresholds = {share.threshold for share in shares}
    points = {share.index: share.value for share in shares}
    if len(thresholds) != 1 or len(points) != len(shares) or len(points) < min(thresholds):
        sentence = "These shares do not make a key."
        raise ShareMalformed(sentence)
    needed = list(points.items())[: thresholds.pop()]
    return shamir.interpolate(dict(needed))


def commit_to(share: Share, salt: bytes) -> bytes:
    """Commit to a share: SHA-256 of `SALT_BYTES` random bytes and the share.

    Published when the share is dealt, it tells later whether this very share came back, and which
    one did not. A share is 32 random bytes, so that salt and commitment may both be public.
    """
    return hashlib.sha256(salt + share.to_bytes()).digest()


def seal_share(
    share: bytes, public_key: bytes, *, opening_id: OpeningId, purpose: SharePurpose
) -> bytes:
    """Seal a share to one reader, for one opening and one purpose.

    `custody` is the dealer's way to the custodian's registered key; `opening` is the custodian's
    way to the ephemeral key of the opener. What was sealed for the one does not open as the other.

    Raises:
        ShareMalformed: Not the bytes of a share.
        KeyMalformed: The public key is not one that can be sealed to.
    """
    return _encrypt(
        Share.from_bytes(share).to_bytes(), public_key, _share_info(opening_id, purpose)
    )


def unseal_share(
    sealed: bytes, private_key: bytes, *, opening_id: OpeningId, purpose: SharePurpose
) -> bytes:
    """Open a sealed share; `Share.from_bytes` reads the result.

    Raises:
        SealBroken: Another key, opening or purpose, or altered bytes.
        KeyMalformed: The private key is not 32 bytes.
    """
    if len(sealed) != OVERHEAD_BYTES + SHARE_BYTES:
        raise SealBroken(_BROKEN_SENTENCE)
    return _decrypt(sealed, private_key, _share_info(opening_id, purpose))


def _share_info(opening_id: OpeningId, purpose: SharePurpose) -> bytes:
    bound = {"opening_id": opening_id, "purpose": purpose}
    return SHARE_SCHEME + digest(canonical(bound))


def _pad(plaintext: bytes) -> bytes:
    if len(plaintext) > BID_BYTES_MAX:
        sentence = f"A bid is at most {BID_BYTES_MAX} bytes; file documents by their hash."
        raise BidBeyondSeal(sentence)
    framed = len(plaintext).to_bytes(LENGTH_BYTES, "big") + plaintext
    return framed.ljust(_padded_bytes(len(plaintext)), b"\x00")


def _unpad(padded: bytes) -> bytes:
    length_bytes = int.from_bytes(padded[:LENGTH_BYTES], "big")
    plaintext = padded[LENGTH_BYTES : LENGTH_BYTES + length_bytes]
    filling = padded[LENGTH_BYTES + length_bytes :]
    # One bid has one padded form, so that no vendor can hide a second text behind the first.
    if len(padded) != _padded_bytes(length_bytes) or any(filling):
        raise SealBroken(_BROKEN_SENTENCE)
    return plaintext


def _padded_bytes(length_bytes: int) -> int:
    blocks = -(-(LENGTH_BYTES + length_bytes) // BLOCK_BYTES)
    return max(blocks, ORDINARY_BLOCKS) * BLOCK_BYTES


def _encrypt(plaintext: bytes, public_key: bytes, info: bytes) -> bytes:
    try:
        return _SUITE.encrypt(plaintext, X25519PublicKey.from_public_bytes(public_key), info)
    except ValueError:
        # A wrong length, or a point of small order, whose shared secret everybody knows.
        sentence = "The public key is not one that can be sealed to."
        raise KeyMalformed(sentence) from None


def _decrypt(sealed: bytes, private_key: bytes, info: bytes) -> bytes:
    key = _private_key(private_key)
    try:
        return _SUITE.decrypt(sealed, key, info)
    except (InvalidTag, ValueError):
        raise SealBroken(_BROKEN_SENTENCE) from None


def _private_key(private: bytes) -> X25519PrivateKey:
    if len(private) != KEY_BYTES:
        sentence = f"A private key is {KEY_BYTES} bytes."
        raise KeyMalformed(sentence)
    return X25519PrivateKey.from_private_bytes(private)
