"""Split a secret so that any few of its shares make it, and fewer tell nothing: Shamir's scheme.

Each byte of the secret is the value at 0 of a polynomial of its own over GF(256), whose other
coefficients are drawn at random; a share is the polynomials' values at the share's index. Shares
carry no check of their own: wrong ones combine, silently, into a wrong secret.

Source: A. Shamir, "How to share a secret", CACM 22 (1979); the field is that of AES, FIPS 197
section 4.
"""

from collections.abc import Mapping, Sequence
from typing import Final

_MODULUS: Final = 0x11B
"""x^8 + x^4 + x^3 + x + 1. Source: FIPS 197 section 4.2."""


def evaluate(coefficients: Sequence[bytes], index: int) -> bytes:
    """Compute the share at `index`, 1 to 255; the secret is the first coefficient.

    All coefficients have the length of the secret; there are as many as shares are needed.
    """
    value = bytes(len(coefficients[0]))
    for coefficient in reversed(coefficients):
        value = _xor(_scale(value, index), coefficient)
    return value


def interpolate(points: Mapping[int, bytes]) -> bytes:
    """Compute the secret from shares by their indexes, exactly as many as are needed."""
    secret = bytes(len(next(iter(points.values()))))
    for index, value in points.items():
        weight = 1
        for other in points:
            if other != index:
                weight = multiply(weight, multiply(other, inverse(other ^ index)))
        secret = _xor(secret, _scale(value, weight))
    return secret


def multiply(left: int, right: int) -> int:
    """Multiply in GF(256); the steps are the same for all factors, so that time tells nothing."""
    product = 0
    for bit in range(8):
        product ^= left * (right >> bit & 1)
        left = left << 1 ^ _MODULUS * (left >> 7)
    return product


def inverse(number: int) -> int:
    """Invert in GF(256): the 254th power; that of 0 is 0."""
    power = number
    for _ in range(6):
        power = multiply(multiply(power, power), number)
    return multiply(power, power)


def _scale(value: bytes, factor: int) -> bytes:
    return bytes(multiply(byte, factor) for byte in value)


def _xor(left: bytes, right: bytes) -> bytes:
    return bytes(one ^ other for one, other in zip(left, right, strict=True))
