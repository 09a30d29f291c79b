"""Everything the environment may say to the notify service."""

from typing import Self

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr, model_validator

from services.notify.domain.deliveries import SCHEDULE_S
from shared.settings import ServiceSettings


class NotifySettings(ServiceSettings):
    """Settings of the notify service beside the house's."""

    vault_key: SecretStr
    """Encrypts endpoints' secrets at rest: 32 bytes in base64."""

    webhook_allow_loopback: bool = False
    """Lets webhooks go to http and loopback addresses, where receivers run on this machine."""

    webhook_schedule_s: tuple[PositiveFloat, ...] = Field(
        default=SCHEDULE_S, min_length=1, max_length=50
    )
    """The pauses between attempts of one delivery, as JSON: `[5, 300, 1800]`."""

    webhook_timeout_s: PositiveFloat = 15.0
    webhook_concurrency_max: PositiveInt = 500
    webhook_per_endpoint_max: PositiveInt = 16
    webhook_claim_batch_max: PositiveInt = 256
    webhook_claim_s: PositiveFloat = 60.0
    webhook_poll_s: PositiveFloat = 0.2
    endpoints_per_party_max: PositiveInt = 20

    @model_validator(mode="after")
    def _claim_must_outlast_an_attempt(self) -> Self:
        if self.webhook_claim_s <= self.webhook_timeout_s:
            sentence = "webhook_claim_s must be longer than webhook_timeout_s"
            raise ValueError(sentence)
        return self
