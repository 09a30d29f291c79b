"""Everything the environment may say to the auctions service."""

import base64
import binascii
from typing import Final

from pydantic import PositiveFloat, SecretStr, field_validator

from shared.settings import ServiceSettings

KEY_BYTES: Final = 32


class AuctionsSettings(ServiceSettings):
    """Settings of the auctions service beside the house's; rules come with each auction."""

    vault_key: SecretStr
    """Encrypts at rest what logs only commit to: 32 bytes in base64."""

    checkpoint_key: SecretStr
    """The Ed25519 seed that signs checkpoints: 32 bytes in base64."""

    outage_s: PositiveFloat = 5.0
    """From how long an absence of its desk on an auction's bidders get their time back."""

    @field_validator("vault_key", "checkpoint_key")
    @classmethod
    def _must_be_32_bytes(cls, value: SecretStr) -> SecretStr:
        try:
            key = base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != KEY_BYTES:
            sentence = "must be 32 bytes in base64"
            raise ValueError(sentence)
        return value

    def checkpoint_seed(self) -> bytes:
        """Return the seed of the signing key: 32 bytes."""
        return base64.b64decode(self.checkpoint_key.get_secret_value())
