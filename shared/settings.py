"""Read what the environment may say to every service; each service adds its own."""

from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

SECRETS_FOLDER: Final = Path("/run/secrets/commonlot")
"""Where a cluster mounts secrets: one file per setting, named like its variable in lower case."""


class ServiceSettings(BaseSettings):
    """Settings of one process, from `COMMONLOT_…` variables or from mounted secrets."""

    model_config = SettingsConfigDict(env_prefix="COMMONLOT_", extra="ignore", frozen=True)

    database_url: SecretStr
    nats_url: SecretStr
    issuer: str
    audience: str = "commonlot"
    host: str = "127.0.0.1"
    port: int = Field(ge=0, le=65535)
    log_format: Literal["json", "console"] = "json"
    bus_namespace: str = Field(default="commonlot", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    bus_stream_bytes_max: PositiveInt = 1024**3
    bus_replicas: Literal[1, 3, 5] = 1

    database_pool_size: PositiveInt = 8
    statement_timeout_s: PositiveFloat = 10.0
    outbox_batch_max: PositiveInt = 500
    outbox_poll_s: PositiveFloat = 0.1
    lease_s: PositiveFloat = 3.0
    clock_skew_max_s: PositiveFloat = 0.25
    body_deadline_s: PositiveFloat = 10.0
    requests_per_s: PositiveInt = 2_000
    requests_burst: PositiveInt = 4_000
    idempotency_running_s: PositiveFloat = 15.0
    """How long a request may run before another under its key takes over from it."""

    shutdown_grace_s: PositiveFloat = 5.0
    start_timeout_s: PositiveFloat = 60.0

    @classmethod
    def load(cls) -> Self:
        """Read the environment and, where it is mounted, the secrets folder.

        Raises:
            pydantic.ValidationError: A setting is missing or wrong; the process should not start.
        """
        folder = SECRETS_FOLDER if SECRETS_FOLDER.is_dir() else None
        return cls(_secrets_dir=folder)
