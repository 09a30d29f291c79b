"""Seal small secrets before they are stored: AES-256-GCM, each bound to the place it belongs to."""

import base64
import binascii
import secrets
from typing import Final, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
"""Drawn at random for each secret: far fewer than 2**32 are ever sealed under one key.
Source: NIST SP 800-38D section 8.3.
"""

FORMAT: Final = b"\x01"
"""The first byte of what is stored: nonce and ciphertext follow. Another form gets another."""


class VaultKeyMalformed(Exception):  # noqa: N818 - a fact about a setting
    """The vault's key is not 32 bytes in base64."""


class SecretUnreadable(Exception):  # noqa: N818 - a fact about a row
    """A stored secret was sealed under another vault key, or moved to another place."""


class Vault:
    """Seal and open secrets under one key."""

    def __init__(self, key: bytes) -> None:
        """Take the vault's key of 32 bytes.

        Raises:
            VaultKeyMalformed: It has another length.
        """
        if len(key) != KEY_BYTES:
            sentence = f"the key must be {KEY_BYTES} bytes"
            raise VaultKeyMalformed(sentence)
        self._cipher = AESGCM(key)

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read the vault's key as a setting holds it, in base64.

        Raises:
            VaultKeyMalformed: It is not 32 bytes in base64.
        """
        return cls(key_of(text))

    def seal(self, secret: bytes, *, place: bytes) -> bytes:
        """Encrypt a secret for its place: the row's id, say."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return FORMAT + nonce + self._cipher.encrypt(nonce, secret, place)

    def open(self, sealed: bytes, *, place: bytes) -> bytes:
        """Decrypt the secret of a place.

        Raises:
            SecretUnreadable: It was not sealed by this vault for this place.
        """
        form, nonce, ciphertext = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if form != FORMAT:
            sentence = "what is stored is of another format"
            raise SecretUnreadable(sentence)
        try:
            return self._cipher.decrypt(nonce, ciphertext, place)
        except (InvalidTag, ValueError) as error:
            sentence = "it was not sealed under this key for this place"
            raise SecretUnreadable(sentence) from error


def derived_key(key: bytes, *, salt: bytes, label: bytes) -> bytes:
    """Derive a key of 32 bytes from a vault's for a use of its own, which the label names.

    Source: HKDF with SHA-256, RFC 5869.
    """
    return HKDF(SHA256(), KEY_BYTES, salt, label).derive(key)


def key_of(text: str) -> bytes:
    """Read a key as a setting holds it, in base64.

    Raises:
        VaultKeyMalformed: It is not written in base64.
    """
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        sentence = "the key must be written in base64"
        raise VaultKeyMalformed(sentence) from error
