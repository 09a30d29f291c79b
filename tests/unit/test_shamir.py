"""Shamir's scheme over GF(256), against published vectors and by its properties."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.shamir import evaluate, interpolate, inverse, multiply

BYTES = st.integers(0, 255)


@pytest.mark.parametrize(
    ("left", "right", "product"),
    [
        # FIPS 197 sections 4.2 and 4.2.1.
        (0x57, 0x83, 0xC1),
        (0x57, 0x13, 0xFE),
        # The tests of codahale/shamir (GF256Test).
        (90, 21, 254),
        (133, 5, 167),
        (0, 21, 0),
    ],
)
def test_products_are_those_of_the_published_vectors(left: int, right: int, product: int) -> None:
    assert multiply(left, right) == multiply(right, left) == product


@pytest.mark.parametrize(
    ("left", "right", "quotient"), [(90, 21, 189), (6, 55, 151), (22, 192, 138), (0, 192, 0)]
)
def test_quotients_are_those_of_codahale_shamir(left: int, right: int, quotient: int) -> None:
    assert multiply(left, inverse(right)) == quotient


def test_polynomial_has_the_value_of_codahale_shamir() -> None:
    assert evaluate([bytes([byte]) for byte in (1, 0, 2, 3)], 2) == bytes([17])


@pytest.mark.parametrize(
    ("points", "secret"),
    [
        ({1: 1, 2: 2, 3: 3}, 0),
        ({1: 80, 2: 90, 3: 20}, 30),
        ({1: 43, 2: 22, 3: 86}, 107),
    ],
)
def test_secrets_are_those_of_codahale_shamir(points: dict[int, int], secret: int) -> None:
    shares = {index: bytes([value]) for index, value in points.items()}

    assert interpolate(shares) == bytes([secret])


def test_every_number_but_0_has_an_inverse() -> None:
    assert all(multiply(number, inverse(number)) == 1 for number in range(1, 256))
    assert inverse(0) == 0


@given(st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=5), st.data())
def test_any_shares_as_many_as_needed_give_the_secret(
    coefficients: list[bytes], data: st.DataObject
) -> None:
    needed = len(coefficients)
    indexes = data.draw(st.sets(st.integers(1, 255), min_size=needed, max_size=needed))

    shares = {index: evaluate(coefficients, index) for index in indexes}

    assert interpolate(shares) == coefficients[0]


@given(secret=BYTES, other=BYTES, drawn=BYTES, index=st.integers(1, 255))
def test_one_share_of_two_is_as_likely_for_any_other_secret(
    secret: int, other: int, drawn: int, index: int
) -> None:
    """For each secret there is exactly one coefficient that gives the very same share."""
    share = evaluate([bytes([secret]), bytes([drawn])], index)

    fitting = [
        one for one in range(256) if evaluate([bytes([other]), bytes([one])], index) == share
    ]

    assert len(fitting) == 1


def test_a_wrong_share_gives_a_wrong_secret_without_a_word() -> None:
    coefficients = (b"secret", b"random")
    shares = {index: evaluate(coefficients, index) for index in (1, 2, 3)}
    shares[2] = bytes([shares[2][0] ^ 1]) + shares[2][1:]

    secrets = [
        interpolate({index: shares[index] for index in pair}) for pair in combinations(shares, 2)
    ]

    assert [secret == b"secret" for secret in secrets] == [False, True, False]
