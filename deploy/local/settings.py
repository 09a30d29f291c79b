"""Read what the environment may say to the embedded default, and pass on what services need."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import Field, PositiveFloat, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PREFIX: Final = "COMMONLOT_LOCAL_"
ISSUER_PREFIX: Final = "COMMONLOT_ISSUER_"

CHECKOUT: Final = Path(__file__).resolve().parents[2]
"""The folder from which `python -m services.bids` finds its package."""

DATABASE: Final = "commonlot"
SERVICES: Final = ("bids", "auctions", "notify")

_KEPT_FROM_SERVICES: Final = frozenset({"DATABASE_URL", "NATS_URL"})
"""The owner's connections: a service gets its own role's instead."""


class LocalSettings(BaseSettings):
    """Settings of the supervisor, from `COMMONLOT_LOCAL_…`; the two server URLs have no prefix."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(default=None, validation_alias="DATABASE_URL")
    nats_url: SecretStr | None = Field(default=None, validation_alias="NATS_URL")

    data: Path | None = None
    service_module: str = "services.{service}"
    migration_module: str | None = "shared.migrate"

    ready_timeout_s: PositiveFloat = 60.0
    migration_timeout_s: PositiveFloat = 120.0
    stop_grace_s: PositiveFloat = 10.0
    backoff_s_min: PositiveFloat = 0.2
    backoff_s_max: PositiveFloat = 5.0
    steady_after_s: PositiveFloat = 10.0
    log_bytes_max: PositiveInt = 10 * 1024 * 1024
    log_files_kept: PositiveInt = 3
    postgres_connections_max: PositiveInt = 200
    nats_memory_bytes_max: PositiveInt = 256 * 1024 * 1024
    nats_store_bytes_max: PositiveInt = 4 * 1024 * 1024 * 1024
    token_lifetime_s: PositiveInt = 3600


def environment_for(assigned: Mapping[str, str], *, default: Mapping[str, str]) -> dict[str, str]:
    """Make a child's environment: what is assigned wins over ours, ours over the defaults.

    The supervisor's own settings and the owner's connections stay behind.
    """
    ours = {
        name: value
        for name, value in inherited_environment().items()
        if name not in _KEPT_FROM_SERVICES and not name.startswith(PREFIX)
    }
    return {**default, **ours, **assigned}


def inherited_environment() -> dict[str, str]:
    """Copy our own environment, for a child."""
    return dict(os.environ)  # noqa: TID251 - it is passed on, not read
