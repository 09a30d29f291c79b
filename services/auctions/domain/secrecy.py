"""Commit to a value that the log may not show yet, so that it can be checked later."""

import hashlib
from typing import Final

from services.auctions.domain.commands import Secret

SALT_BYTES_MIN: Final = 16
"""Prices are easily guessed: without this much chance beside it, a digest would tell the price."""


def commitment(salt: bytes, value: bytes) -> str:
    """Hash a value under its salt: SHA-256(salt ‖ value), in hex."""
    return hashlib.sha256(salt + value).hexdigest()


def committed(name: str, value: str, salt: bytes) -> tuple[str, Secret]:
    """Make the commitment to a value, and the secret that is kept apart.

    Raises:
        ValueError: The salt is too short to hide anything, which is a defect of the caller.
    """
    if len(salt) < SALT_BYTES_MIN:
        sentence = f"a secret needs a salt of at least {SALT_BYTES_MIN} bytes"
        raise ValueError(sentence)
    return commitment(salt, value.encode()), Secret(name, value, salt)


def opens(digest: str, value: bytes, salt: bytes) -> bool:
    """Tell whether a value and its salt are what a commitment was made to."""
    return commitment(salt, value) == digest
