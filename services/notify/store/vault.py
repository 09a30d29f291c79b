"""Seal signing keys before they are stored, each bound to its endpoint."""

from functools import lru_cache
from typing import Final

from services.notify.ports import Secret
from shared import vault
from shared.domain.ids import EndpointId
from shared.vault import SecretUnreadable, VaultKeyMalformed

__all__ = ["SecretUnreadable", "Vault", "VaultKeyMalformed"]

OPENED_MAX: Final = 10_000
"""How many opened keys are remembered, so that sending does not decrypt one for each delivery."""


class Vault:
    """Seal and open endpoints' signing keys under one key."""

    def __init__(self, key: bytes) -> None:
        """Take the vault's key of 32 bytes.

        Raises:
            VaultKeyMalformed: It has another length.
        """
        self._vault = vault.Vault(key)
        self._open = lru_cache(maxsize=OPENED_MAX)(self._decrypt)

    @classmethod
    def from_text(cls, text: str) -> "Vault":
        """Read the vault's key as a setting holds it, in base64.

        Raises:
            VaultKeyMalformed: It is not 32 bytes in base64.
        """
        return cls(vault.key_of(text))

    def seal(self, endpoint_id: EndpointId, secret: Secret) -> bytes:
        """Encrypt a signing key for its endpoint's row."""
        return self._vault.seal(secret.key, place=endpoint_id.bytes)

    def open(self, endpoint_id: EndpointId, sealed: bytes) -> Secret:
        """Decrypt the signing key of an endpoint's row.

        Raises:
            SecretUnreadable: It was not sealed by this vault for this endpoint.
        """
        return self._open(endpoint_id, sealed)

    def _decrypt(self, endpoint_id: EndpointId, sealed: bytes) -> Secret:
        return Secret(self._vault.open(sealed, place=endpoint_id.bytes))
