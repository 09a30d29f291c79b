"""Hold the sealing of bids to opening for its one key and context, and for nothing else."""

import hashlib
import hmac
import traceback
from dataclasses import replace
from hashlib import sha256
from itertools import permutations
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from shared import sealing
from shared.domain.ids import LotId, OpeningId, PartyId
from shared.sealing import KeyPair, SealContext, Share, SharePurpose

CONTEXT = SealContext(
    opening_id=OpeningId(UUID("01890000-0000-7000-8000-000000000001")),
    lot_id=LotId(UUID("01890000-0000-7000-8000-000000000002")),
    vendor_id=PartyId(UUID("01890000-0000-7000-8000-000000000003")),
    bid_version_id=UUID("01890000-0000-7000-8000-000000000004"),
)
OTHER_ID = UUID("01890000-0000-7000-8000-0000000000ff")
CANARY = b'{"unit_price":"31.4159"}'

# Two key pairs that everybody knows. Source: RFC 7748 section 6.1.
KEYS = KeyPair(
    bytes.fromhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"),
    bytes.fromhex("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"),
)
OTHER_KEYS = KeyPair(
    bytes.fromhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"),
    bytes.fromhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
)

ORDINARY_SEALED_BYTES = 16_432
"""Four blocks of 4,096 and 48 bytes more."""
LARGEST_SEALED_BYTES = 65_584
"""Sixteen blocks of 4,096 and 48 bytes more."""

SHARE = Share(index=1, threshold=1, value=KEYS.private).to_bytes()


def flipped(data: bytes, bit: int) -> bytes:
    """Flip one bit, counted from the first byte's lowest."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# Keys.


def test_public_keys_are_the_published_ones() -> None:
    assert sealing.public_of(KEYS.private) == KEYS.public
    assert sealing.public_of(OTHER_KEYS.private) == OTHER_KEYS.public


def test_a_generated_pair_belongs_together_and_is_new_each_time() -> None:
    first, second = sealing.generate_key_pair(), sealing.generate_key_pair()

    assert sealing.check_pair(first.private, first.public)
    assert not sealing.check_pair(first.private, second.public)
    assert first.private != second.private


def test_representations_show_no_key() -> None:
    share = Share(index=1, threshold=1, value=KEYS.private)

    shown = [repr(KEYS), str(KEYS), f"{KEYS}", repr(share), str(share)]

    assert set(shown) == {"KeyPair()", "Share(index=1, threshold=1)"}


@given(st.integers(3, 8 * 31 + 5))
def test_a_corrupt_private_key_does_not_pass_for_the_published_one(bit: int) -> None:
    assert not sealing.check_pair(flipped(KEYS.private, bit), KEYS.public)


@pytest.mark.parametrize("bit", [0, 1, 2, 254, 255])
def test_a_bit_that_x25519_ignores_neither_fails_the_check_nor_the_opening(bit: int) -> None:
    private = flipped(KEYS.private, bit)
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)

    assert sealing.check_pair(private, KEYS.public)
    assert sealing.unseal(sealed, private, CONTEXT) == CANARY


@pytest.mark.parametrize("length", [0, 31, 33])
def test_keys_of_another_length_are_refused(length: int) -> None:
    key = bytes(length)
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)

    assert not sealing.check_pair(key, KEYS.public)
    assert not sealing.check_pair(KEYS.private, key)
    with pytest.raises(sealing.KeyMalformed):
        sealing.public_of(key)
    with pytest.raises(sealing.KeyMalformed):
        sealing.seal(CANARY, key, CONTEXT)
    with pytest.raises(sealing.KeyMalformed):
        sealing.unseal(sealed, key, CONTEXT)


@pytest.mark.parametrize("coordinate", [0, 1])
def test_a_public_key_whose_secret_everybody_knows_is_refused(coordinate: int) -> None:
    small_order = coordinate.to_bytes(32, "little")

    with pytest.raises(sealing.KeyMalformed):
        sealing.seal(CANARY, small_order, CONTEXT)
    with pytest.raises(sealing.KeyMalformed):
        sealing.seal_share(SHARE, small_order, opening_id=CONTEXT.opening_id, purpose="custody")


# Bids.


@given(st.binary(max_size=300))
def test_a_sealed_bid_opens_to_what_was_sealed(plaintext: bytes) -> None:
    sealed = sealing.seal(plaintext, KEYS.public, CONTEXT)

    assert sealing.unseal(sealed, KEYS.private, CONTEXT) == plaintext


@pytest.mark.parametrize(
    ("length", "sealed_length"),
    [
        (0, ORDINARY_SEALED_BYTES),
        (1, ORDINARY_SEALED_BYTES),
        (4092, ORDINARY_SEALED_BYTES),
        (4093, ORDINARY_SEALED_BYTES),
        (16_380, ORDINARY_SEALED_BYTES),
        (16_381, ORDINARY_SEALED_BYTES + 4096),
        (20_476, ORDINARY_SEALED_BYTES + 4096),
        (20_477, ORDINARY_SEALED_BYTES + 2 * 4096),
        (65_532, LARGEST_SEALED_BYTES),
    ],
)
def test_only_whole_blocks_above_the_ordinary_size_show_in_the_length(
    length: int, sealed_length: int
) -> None:
    plaintext = length * b"\x00"

    sealed = sealing.seal(plaintext, KEYS.public, CONTEXT)

    assert len(sealed) == sealed_length
    assert sealing.is_sealed_length(len(sealed))
    assert sealing.unseal(sealed, KEYS.private, CONTEXT) == plaintext


def test_a_bid_beyond_the_largest_envelope_is_refused() -> None:
    with pytest.raises(sealing.BidBeyondSeal):
        sealing.seal(65_533 * b"x", KEYS.public, CONTEXT)


@pytest.mark.parametrize(
    "length",
    [
        0,
        47,
        48,
        48 + 3 * 4096,
        ORDINARY_SEALED_BYTES - 1,
        ORDINARY_SEALED_BYTES + 1,
        LARGEST_SEALED_BYTES + 4096,
    ],
)
def test_other_lengths_are_not_those_of_a_sealed_bid(length: int) -> None:
    assert not sealing.is_sealed_length(length)
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(bytes(length), KEYS.private, CONTEXT)


def test_the_bid_does_not_occur_in_its_sealed_bytes() -> None:
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)

    assert CANARY not in sealed
    assert b"31.4159" not in sealed


def test_sealing_the_same_bid_twice_shows_no_likeness() -> None:
    first = sealing.seal(CANARY, KEYS.public, CONTEXT)
    second = sealing.seal(CANARY, KEYS.public, CONTEXT)

    assert first[:32] != second[:32]
    assert first[32:] != second[32:]


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(CONTEXT, opening_id=OpeningId(OTHER_ID)),
        replace(CONTEXT, lot_id=LotId(OTHER_ID)),
        replace(CONTEXT, vendor_id=PartyId(OTHER_ID)),
        replace(CONTEXT, bid_version_id=OTHER_ID),
        replace(CONTEXT, lot_id=LotId(CONTEXT.vendor_id), vendor_id=PartyId(CONTEXT.lot_id)),
    ],
    ids=["opening", "lot", "vendor", "version", "lot and vendor exchanged"],
)
def test_a_bid_does_not_open_in_another_context(elsewhere: SealContext) -> None:
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)

    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, KEYS.private, elsewhere)


def test_a_bid_does_not_open_with_another_key() -> None:
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)

    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, OTHER_KEYS.private, CONTEXT)


# The top bit of the encapsulated key (255) is one that X25519 ignores; HPKE binds it all the same.
@given(st.one_of(st.just(255), st.integers(0, 8 * ORDINARY_SEALED_BYTES - 1)))
def test_a_flipped_bit_anywhere_in_the_sealed_bid_is_found(bit: int) -> None:
    sealed = flipped(sealing.seal(CANARY, KEYS.public, CONTEXT), bit)

    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, KEYS.private, CONTEXT)


@pytest.mark.parametrize("lengthening", [4096, -4096])
def test_a_bid_with_a_block_more_or_fewer_is_found(lengthening: int) -> None:
    sealed = sealing.seal(20_000 * b"x", KEYS.public, CONTEXT)
    altered = (sealed + bytes(4096))[: len(sealed) + lengthening]

    assert sealing.is_sealed_length(len(altered))
    with pytest.raises(sealing.SealBroken):
        sealing.unseal(altered, KEYS.private, CONTEXT)


@pytest.mark.parametrize(
    "padded",
    [
        b"\x00\x00\x00\x02{}".ljust(4 * 4096 - 1, b"\x00") + b"x",
        b"\x00\x00\x00\x02{}{}".ljust(4 * 4096, b"\x00"),
        b"\x00\x00\x00\x02{}".ljust(5 * 4096, b"\x00"),
        (16_381).to_bytes(4, "big").ljust(4 * 4096, b"x"),
        b"\xff\xff\xff\xff".ljust(4 * 4096, b"x"),
    ],
    ids=["last byte", "text behind", "needless block", "one byte too long", "absurdly long"],
)
def test_a_bid_padded_in_another_way_is_broken(padded: bytes) -> None:
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
    recipient = X25519PublicKey.from_public_bytes(KEYS.public)
    sealed = suite.encrypt(padded, recipient, CONTEXT.info)

    with pytest.raises(sealing.SealBroken):
        sealing.unseal(sealed, KEYS.private, CONTEXT)


def test_every_failure_to_open_reads_the_same_and_tells_nothing() -> None:
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)
    attempts = [
        (flipped(sealed, 7), KEYS.private, CONTEXT),
        (sealed, OTHER_KEYS.private, CONTEXT),
        (sealed, KEYS.private, replace(CONTEXT, bid_version_id=OTHER_ID)),
        (sealed[:-1], KEYS.private, CONTEXT),
    ]

    sentences = set()
    for altered, private, context in attempts:
        with pytest.raises(sealing.SealBroken) as refusal:
            sealing.unseal(altered, private, context)
        sentences.add(refusal.value.sentence)
        assert not refusal.value.details
        assert "31.4159" not in "".join(traceback.format_exception(refusal.value))

    assert sentences == {"The seal does not open with this key in this place."}


def test_the_context_is_written_as_the_scheme_and_a_hash_of_canonical_json() -> None:
    # The hash of {"bid_version_id":"0189…0004","lot_id":"0189…0002",…}, taken with sha256sum.
    written = "223d6865aaf6b54cd525729a3c537ec2307a4ef7fc52a24b2ad7573f3719638d"

    assert CONTEXT.info == b"coop-seal/1" + bytes.fromhex(written)


def test_a_sealed_bid_opens_by_the_letter_of_rfc_9180() -> None:
    sealed = sealing.seal(CANARY, KEYS.public, CONTEXT)

    padded = open_by_rfc_9180(sealed, KEYS.private, CONTEXT.info)

    assert padded == (b"\x00\x00\x00\x18" + CANARY).ljust(4 * 4096, b"\x00")


# Shares.


@pytest.mark.parametrize("purpose", ["custody", "opening"])
def test_a_sealed_share_opens_to_what_was_sealed(purpose: SharePurpose) -> None:
    sealed = sealing.seal_share(SHARE, KEYS.public, opening_id=CONTEXT.opening_id, purpose=purpose)
    opened = sealing.unseal_share(
        sealed, KEYS.private, opening_id=CONTEXT.opening_id, purpose=purpose
    )

    assert opened == SHARE
    assert KEYS.private not in sealed


def test_an_openings_key_travels_to_its_custodian_and_back_to_the_opener() -> None:
    opening, custodian, opener = (sealing.generate_key_pair() for _ in range(3))
    opening_id = CONTEXT.opening_id
    bid = sealing.seal(CANARY, opening.public, CONTEXT)

    (share,) = sealing.deal(opening.private)
    held = sealing.seal_share(
        share.to_bytes(), custodian.public, opening_id=opening_id, purpose="custody"
    )
    taken = sealing.unseal_share(held, custodian.private, opening_id=opening_id, purpose="custody")
    submitted = sealing.seal_share(taken, opener.public, opening_id=opening_id, purpose="opening")
    received = sealing.unseal_share(
        submitted, opener.private, opening_id=opening_id, purpose="opening"
    )
    combined = sealing.combine([Share.from_bytes(received)])

    assert sealing.check_pair(combined, opening.public)
    assert sealing.unseal(bid, combined, CONTEXT) == CANARY


def test_a_share_does_not_open_for_another_purpose_opening_or_reader() -> None:
    opening_id = CONTEXT.opening_id
    sealed = sealing.seal_share(SHARE, KEYS.public, opening_id=opening_id, purpose="custody")

    with pytest.raises(sealing.SealBroken):
        sealing.unseal_share(sealed, KEYS.private, opening_id=opening_id, purpose="opening")
    with pytest.raises(sealing.SealBroken):
        sealing.unseal_share(
            sealed, KEYS.private, opening_id=OpeningId(OTHER_ID), purpose="custody"
        )
    with pytest.raises(sealing.SealBroken):
        sealing.unseal_share(sealed, OTHER_KEYS.private, opening_id=opening_id, purpose="custody")


@given(st.integers(0, 8 * 82 - 1))
def test_a_flipped_bit_anywhere_in_a_sealed_share_is_found(bit: int) -> None:
    opening_id = CONTEXT.opening_id
    sealed = sealing.seal_share(SHARE, KEYS.public, opening_id=opening_id, purpose="opening")

    assert len(sealed) == 82
    with pytest.raises(sealing.SealBroken):
        sealing.unseal_share(
            flipped(sealed, bit), KEYS.private, opening_id=opening_id, purpose="opening"
        )


@pytest.mark.parametrize("length", [0, 81, 83])
def test_a_sealed_share_of_another_length_is_broken(length: int) -> None:
    with pytest.raises(sealing.SealBroken):
        sealing.unseal_share(
            bytes(length), KEYS.private, opening_id=CONTEXT.opening_id, purpose="custody"
        )


def test_a_share_is_written_as_index_threshold_and_value() -> None:
    share = Share(index=3, threshold=2, value=KEYS.private)

    assert share.to_bytes() == b"\x03\x02" + KEYS.private
    assert Share.from_bytes(b"\x03\x02" + KEYS.private) == share


@pytest.mark.parametrize("number", [1, 255])
def test_a_share_takes_the_smallest_and_the_largest_numbers(number: int) -> None:
    written = bytes((number, number)) + KEYS.private

    share = Share.from_bytes(written)

    assert (share.index, share.threshold) == (number, number)


@pytest.mark.parametrize(("index", "threshold"), [(0, 1), (256, 1), (1, 0), (1, 256)])
def test_a_share_with_numbers_that_no_dealer_deals_is_refused(index: int, threshold: int) -> None:
    with pytest.raises(sealing.ShareMalformed):
        Share(index=index, threshold=threshold, value=KEYS.private)


@pytest.mark.parametrize("length", [0, 33, 35])
def test_bytes_of_another_length_are_not_a_share(length: int) -> None:
    with pytest.raises(sealing.ShareMalformed):
        Share.from_bytes(length * b"\x01")
    with pytest.raises(sealing.ShareMalformed):
        sealing.seal_share(
            length * b"\x01", KEYS.public, opening_id=CONTEXT.opening_id, purpose="custody"
        )


def test_a_key_of_another_length_is_not_dealt() -> None:
    with pytest.raises(sealing.ShareMalformed):
        sealing.deal(KEYS.private[:-1])


def test_shares_that_are_not_the_whole_key_do_not_combine() -> None:
    part = Share(index=1, threshold=2, value=KEYS.private)

    with pytest.raises(sealing.ShareMalformed):
        sealing.combine([])
    with pytest.raises(sealing.ShareMalformed):
        sealing.combine([part, part])
    with pytest.raises(sealing.ShareMalformed):
        sealing.combine([part])
    with pytest.raises(sealing.ShareMalformed):
        sealing.combine([part, replace(part, index=2, threshold=3)])


def open_by_rfc_9180(sealed: bytes, private: bytes, info: bytes) -> bytes:
    """Open HPKE's base mode step by step: sections 4.1 (KEM), 5.1 (key schedule), 5.2 (AEAD)."""
    kem_suite, suite = b"KEM\x00\x20", b"HPKE\x00\x20\x00\x01\x00\x02"
    encapsulated, ciphertext = sealed[:32], sealed[32:]
    key = X25519PrivateKey.from_private_bytes(private)
    shared_point = key.exchange(X25519PublicKey.from_public_bytes(encapsulated))
    kem_context = encapsulated + key.public_key().public_bytes_raw()
    pseudorandom = labeled_extract(kem_suite, b"", b"eae_prk", shared_point)
    shared_secret = labeled_expand(kem_suite, pseudorandom, b"shared_secret", kem_context)
    hashes = [
        labeled_extract(suite, b"", b"psk_id_hash", b""),
        labeled_extract(suite, b"", b"info_hash", info),
    ]
    schedule = b"\x00" + b"".join(hashes)
    secret = labeled_extract(suite, shared_secret, b"secret", b"")
    content_key = labeled_expand(suite, secret, b"key", schedule)
    nonce = labeled_expand(suite, secret, b"base_nonce", schedule, length=12)
    return AESGCM(content_key).decrypt(nonce, ciphertext, b"")


def labeled_extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt, b"HPKE-v1" + suite + label + material, sha256)


def labeled_expand(
    suite: bytes, key: bytes, label: bytes, info: bytes, *, length: int = 32
) -> bytes:
    labeled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(key, labeled + b"\x01", sha256)[:length]


@pytest.mark.parametrize(("threshold", "custodians"), [(1, 1), (1, 3), (2, 3), (3, 3), (3, 5)])
def test_any_threshold_of_the_shares_make_the_key(threshold: int, custodians: int) -> None:
    shares = sealing.deal(KEYS.private, threshold=threshold, custodians=custodians)

    for some in permutations(shares, threshold):
        assert sealing.combine(some) == KEYS.private
    assert sealing.combine(shares) == KEYS.private


@pytest.mark.parametrize("threshold", [2, 3, 5])
def test_fewer_shares_than_the_threshold_do_not_make_the_key(threshold: int) -> None:
    shares = sealing.deal(KEYS.private, threshold=threshold, custodians=5)

    with pytest.raises(sealing.ShareMalformed):
        sealing.combine(shares[: threshold - 1])
    # Nor does a share that pretends to need fewer.
    pretending = [replace(share, threshold=threshold - 1) for share in shares[: threshold - 1]]
    assert not sealing.check_pair(sealing.combine(pretending), KEYS.public)


@pytest.mark.parametrize(("threshold", "custodians"), [(0, 1), (2, 1), (1, 256), (0, 0)])
def test_a_key_is_not_dealt_to_fewer_than_are_needed(threshold: int, custodians: int) -> None:
    with pytest.raises(sealing.ShareMalformed):
        sealing.deal(KEYS.private, threshold=threshold, custodians=custodians)


def test_every_flipped_bit_of_a_share_breaks_its_commitment() -> None:
    share = sealing.deal(KEYS.private, threshold=2, custodians=3)[1]
    salt = bytes(range(32))
    commitment = sealing.commit_to(share, salt)

    whole = share.to_bytes()
    for bit in range(8 * len(whole)):
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            altered = Share.from_bytes(bytes(flipped))
        except sealing.ShareMalformed:
            continue
        assert sealing.commit_to(altered, salt) != commitment
    assert commitment == hashlib.sha256(salt + whole).digest()
