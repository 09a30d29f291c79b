"""Hold receipts to proving what was filed, offline, and nothing that was not signed."""

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import jwt
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from shared import receipts
from shared.domain.ids import BidId, LotId, OpeningId
from shared.receipts import Receipt, ReceiptAction

# A key that everybody knows. Source: RFC 8037 appendices A.1 to A.3.
SEED = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
COORDINATE = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
THUMBPRINT = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
KEY = receipts.load_signing_key(SEED)
PUBLIC_KEY = KEY.public_key()

FILED = Receipt(
    opening_id=OpeningId(UUID("01890000-0000-7000-8000-000000000001")),
    lot_id=LotId(UUID("01890000-0000-7000-8000-000000000002")),
    bid_id=BidId(UUID("01890000-0000-7000-8000-000000000003")),
    version=2,
    action=ReceiptAction.FILED,
    sealed_sha256=32 * "ab",
    received_at=datetime(2026, 5, 4, 16, 59, 59, 999_999, tzinfo=UTC),
    log_index=7,
    log_hash=32 * "cd",
)
WITHDRAWN = replace(FILED, version=3, action=ReceiptAction.WITHDRAWN, sealed_sha256=None)

PAYLOAD = {
    "action": "filed",
    "bid_id": "01890000-0000-7000-8000-000000000003",
    "log_hash": 32 * "cd",
    "log_index": 7,
    "lot_id": "01890000-0000-7000-8000-000000000002",
    "opening_id": "01890000-0000-7000-8000-000000000001",
    "received_at": "2026-05-04T16:59:59.999999Z",
    "sealed_sha256": 32 * "ab",
    "version": 2,
}
HEADER = {"alg": "EdDSA", "kid": THUMBPRINT, "typ": "receipt+jws"}
TOKEN = receipts.sign_receipt(FILED, KEY, THUMBPRINT)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + -len(segment) % 4 * "=")


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def signed(payload: bytes, header: object = HEADER) -> str:
    """Sign any payload under any header, by hand."""
    signing_input = f"{encoded(compact(header))}.{encoded(payload)}"
    return f"{signing_input}.{encoded(KEY.sign(signing_input.encode()))}"


@pytest.mark.parametrize("receipt", [FILED, WITHDRAWN], ids=["filed", "withdrawn"])
def test_a_signed_receipt_verifies_to_what_was_signed(receipt: Receipt) -> None:
    token = receipts.sign_receipt(receipt, KEY, THUMBPRINT)

    assert receipts.verify_receipt(token, PUBLIC_KEY) == receipt


def test_a_receipt_is_a_compact_jws_over_canonical_json() -> None:
    header, payload, signature = TOKEN.split(".")

    assert json.loads(decoded(header)) == HEADER
    assert decoded(payload) == compact(PAYLOAD)
    PUBLIC_KEY.verify(decoded(signature), f"{header}.{payload}".encode())
    with pytest.raises(InvalidSignature):
        PUBLIC_KEY.verify(decoded(signature), f"{header}.{payload}x".encode())


def test_a_receipt_signed_by_hand_verifies() -> None:
    assert receipts.verify_receipt(signed(compact(PAYLOAD)), PUBLIC_KEY) == FILED


def test_the_same_receipt_is_signed_to_the_same_token() -> None:
    assert receipts.sign_receipt(FILED, KEY, THUMBPRINT) == TOKEN


def test_a_withdrawal_carries_no_hash_of_a_bid() -> None:
    token = receipts.sign_receipt(WITHDRAWN, KEY, THUMBPRINT)

    assert "sealed_sha256" not in json.loads(decoded(token.split(".")[1]))


def test_another_key_does_not_verify_a_receipt() -> None:
    other = receipts.generate_signing_key().public_key()

    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(TOKEN, other)


@given(st.integers(0, len(TOKEN) - 1), st.integers(0, 6))
def test_a_flipped_bit_anywhere_in_a_token_is_found(position: int, bit: int) -> None:
    changed = chr(ord(TOKEN[position]) ^ 1 << bit)
    altered = TOKEN[:position] + changed + TOKEN[position + 1 :]

    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(altered, PUBLIC_KEY)


@given(st.one_of(st.text(), st.text("abAB01-_.=")))
def test_text_that_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(text, PUBLIC_KEY)
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.claimed_key_id(text)


@pytest.mark.parametrize("ending", ["=", "==", "\n", " ", ".", "A"])
def test_a_receipt_has_no_second_written_form(ending: str) -> None:
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(TOKEN + ending, PUBLIC_KEY)


@pytest.mark.parametrize(
    "header",
    [
        HEADER | {"typ": "JWT"},
        HEADER | {"typ": "at+jwt"},
        HEADER | {"typ": None},
        {"alg": "EdDSA", "kid": THUMBPRINT},
        HEADER | {"alg": "none"},
        HEADER | {"alg": "HS256"},
        {"kid": THUMBPRINT, "typ": "receipt+jws"},
        HEADER | {"crit": ["exp"], "exp": 0},
        HEADER | {"crit": ["b64"], "b64": False},
        [],
    ],
    ids=repr,
)
def test_another_type_or_algorithm_is_refused_even_if_signed(header: object) -> None:
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(signed(compact(PAYLOAD), header), PUBLIC_KEY)


def test_a_receipt_signed_with_the_public_key_as_a_secret_is_refused() -> None:
    secret = PUBLIC_KEY.public_bytes_raw()
    header = HEADER | {"alg": "HS256"}
    token = jwt.PyJWS().encode(compact(PAYLOAD), secret, algorithm="HS256", headers=header)

    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(token, PUBLIC_KEY)


def test_a_receipt_of_the_other_edwards_curve_is_refused() -> None:
    other = Ed448PrivateKey.generate()
    token = jwt.PyJWS().encode(compact(PAYLOAD), other, algorithm="EdDSA", headers=HEADER)

    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(token, PUBLIC_KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"action": "opened"},
        {"action": "withdrawn"},
        {"version": 0},
        {"version": "2"},
        {"version": True},
        {"version": 2.0},
        {"log_index": -1},
        {"log_hash": 32 * "CD"},
        {"log_hash": 31 * "cd"},
        {"log_hash": None},
        {"sealed_sha256": 32 * "AB"},
        {"sealed_sha256": None},
        {"sealed_sha256": 7},
        {"received_at": "2026-05-04T16:59:59.999999"},
        {"received_at": "2026-05-04T18:59:59.999999+02:00"},
        {"received_at": "2026-05-04T16:59:59Z"},
        {"received_at": 7},
        {"bid_id": "01890000000070008000000000000003"},
        {"bid_id": 7},
        {"unit_price": "31.4159"},
    ],
    ids=repr,
)
def test_a_signed_payload_that_is_no_receipt_is_refused(change: dict[str, object]) -> None:
    payload = compact(dict(sorted((PAYLOAD | change).items())))

    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(signed(payload), PUBLIC_KEY)


@pytest.mark.parametrize("member", sorted(PAYLOAD))
def test_a_signed_payload_that_lacks_a_member_is_refused(member: str) -> None:
    payload = compact({name: value for name, value in PAYLOAD.items() if name != member})

    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(signed(payload), PUBLIC_KEY)


@pytest.mark.parametrize("payload", [b"7", b"[]", b"null", b"{", b"\xff", b"[" * 1000])
def test_a_signed_payload_of_another_shape_is_refused(payload: bytes) -> None:
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(signed(payload), PUBLIC_KEY)


def test_a_token_longer_than_any_receipt_is_refused_however_well_signed() -> None:
    longest_key_id = "k" * (len(THUMBPRINT) + 3 * (2048 - len(TOKEN)) // 4)
    fits = receipts.sign_receipt(FILED, KEY, longest_key_id)
    exceeds = receipts.sign_receipt(FILED, KEY, longest_key_id + "kk")

    assert receipts.verify_receipt(fits, PUBLIC_KEY) == FILED
    assert len(fits) <= 2048 < len(exceeds)
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.verify_receipt(exceeds, PUBLIC_KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0},
        {"log_index": -1},
        {"log_hash": "cd"},
        {"sealed_sha256": None},
        {"sealed_sha256": 32 * "AB"},
        {"action": ReceiptAction.WITHDRAWN},
        {"received_at": datetime(2026, 5, 4, 17)},  # noqa: DTZ001 - a naive instant is the case
        {"received_at": datetime(2026, 5, 4, 17, tzinfo=timezone(timedelta(hours=2)))},
    ],
    ids=repr,
)
def test_a_receipt_out_of_range_cannot_be_made(change: dict[str, object]) -> None:
    members = {name: getattr(FILED, name) for name in Receipt.__slots__}

    with pytest.raises(ValueError, match="out of its range"):
        Receipt(**members | change)


@pytest.mark.parametrize("change", [{"version": 1}, {"log_index": 0}], ids=repr)
def test_the_first_version_and_the_first_entry_of_a_log_are_in_range(
    change: dict[str, int],
) -> None:
    members = {name: getattr(FILED, name) for name in Receipt.__slots__}
    receipt = Receipt(**members | change)

    token = receipts.sign_receipt(receipt, KEY, THUMBPRINT)

    assert receipts.verify_receipt(token, PUBLIC_KEY) == receipt


def test_the_key_a_receipt_names_can_be_read_before_verifying() -> None:
    assert receipts.claimed_key_id(TOKEN) == THUMBPRINT


@pytest.mark.parametrize("header", [{"alg": "EdDSA"}, HEADER | {"kid": 7}, []], ids=repr)
def test_a_receipt_that_names_no_key_is_refused_one(header: object) -> None:
    with pytest.raises(receipts.ReceiptInvalid):
        receipts.claimed_key_id(signed(compact(PAYLOAD), header))


def test_the_thumbprint_is_the_published_one() -> None:
    assert receipts.key_id_of(PUBLIC_KEY) == THUMBPRINT


def test_the_jwk_is_the_published_one_with_its_use() -> None:
    assert receipts.jwk_of(PUBLIC_KEY) == {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": COORDINATE,
        "kid": THUMBPRINT,
        "use": "sig",
        "alg": "EdDSA",
    }


def test_a_key_set_made_of_the_jwk_verifies_a_receipt() -> None:
    key_set = jwt.PyJWKSet([receipts.jwk_of(PUBLIC_KEY)])

    payload = jwt.PyJWS().decode(TOKEN, key_set[THUMBPRINT], algorithms=["EdDSA"])

    assert payload == compact(PAYLOAD)


def test_a_signing_key_is_kept_as_its_seed() -> None:
    key = receipts.generate_signing_key()

    kept = receipts.load_signing_key(receipts.dump_signing_key(key))

    assert receipts.dump_signing_key(KEY) == SEED
    assert kept.public_key() == key.public_key()


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_seed_of_another_length_is_a_defect(length: int) -> None:
    with pytest.raises(ValueError, match="32"):
        receipts.load_signing_key(bytes(length))
