"""Everything the environment may say to the bids service."""

import base64
import binascii
import re
from pathlib import Path
from typing import Final, Self

from pydantic import Field, PositiveFloat, SecretStr, field_validator, model_validator

from shared.settings import ServiceSettings

KEY_BYTES: Final = 32

_OCID_PREFIX: Final = re.compile(r"ocds-[a-z0-9]{6}", re.ASCII)
"""What a prefix looks like. Source: https://standard.open-contracting.org/1.1/en/schema/identifiers/
"""


class BidsSettings(ServiceSettings):
    """Settings of the bids service beside the house's."""

    receipt_key: SecretStr
    """The Ed25519 seed that signs receipts: 32 bytes in base64."""

    filing_deadline_s: PositiveFloat = 10.0
    """From a bid's last byte to its commit; what takes longer gets no receipt."""

    intake_grace_s: PositiveFloat = 15.0
    """How long after the deadline the gate is closed: longer than any filing under way."""

    profiles_folder: Path | None = None
    """A folder of policy profiles beside those that come with the house; one TOML file each."""

    documents_folder: Path = Path("/var/lib/commonlot/documents")
    """Where documents lie, unless `documents_url` is set; all replicas share the folder."""

    documents_url: str | None = Field(default=None, pattern=r"^(s3|https)://[^\s]+$")
    """The bucket in which documents lie, as `s3://bucket/prefix`; its credentials are `AWS_…`."""

    documents_sweep_s: PositiveFloat = 3_600.0
    """How often bytes that no record names are looked for; they are removed when a day old."""

    ocid_prefix: str = "ocds-local0"
    """Begins the id of every contracting process in open data; a publisher registers its own."""

    @field_validator("ocid_prefix")
    @classmethod
    def _must_be_a_prefix(cls, value: str) -> str:
        if not _OCID_PREFIX.fullmatch(value):
            sentence = "must be `ocds-` and six lower-case letters or digits"
            raise ValueError(sentence)
        return value

    @field_validator("receipt_key")
    @classmethod
    def _must_be_a_seed(cls, value: SecretStr) -> SecretStr:
        try:
            seed = base64.b64decode(value.get_secret_value(), validate=True)
        except binascii.Error:
            seed = b""
        if len(seed) != KEY_BYTES:
            sentence = "must be 32 bytes in base64"
            raise ValueError(sentence)
        return value

    @model_validator(mode="after")
    def _grace_must_outlast_filing(self) -> Self:
        if self.intake_grace_s <= self.filing_deadline_s:
            sentence = "intake_grace_s must be longer than filing_deadline_s"
            raise ValueError(sentence)
        return self

    def receipt_seed(self) -> bytes:
        """Return the seed of the signing key: 32 bytes."""
        return base64.b64decode(self.receipt_key.get_secret_value())
