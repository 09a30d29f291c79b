"""Say how the Python children start: the issuer, the migration runner, the services."""

import sys
from collections.abc import Mapping
from typing import Final

import aiohttp

from deploy.local.places import LOOPBACK, DataFolder
from deploy.local.processes import Launch
from deploy.local.roles import Server
from deploy.local.settings import CHECKOUT, ISSUER_PREFIX, SERVICES, LocalSettings, environment_for

AUDIENCE: Final = "commonlot"
PROBE_TIMEOUT_S: Final = 2.0
HTTP_OK: Final = 200

_LINE_BY_LINE: Final = {"PYTHONUNBUFFERED": "1"}

_DEFAULTS: Final = {
    "notify": {"COMMONLOT_WEBHOOK_ALLOW_LOOPBACK": "true"},
}
"""What a service is told unless our own environment says otherwise."""

KEYS_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "bids": {"COMMONLOT_RECEIPT_KEY": "bids"},
    "auctions": {
        "COMMONLOT_VAULT_KEY": "auctions-vault",
        "COMMONLOT_CHECKPOINT_KEY": "auctions-checkpoint",
    },
    "notify": {"COMMONLOT_VAULT_KEY": "notify"},
}
"""The variables that carry a service's own 32-byte keys, each with its name in the data folder."""

FOLDERS_OF: Final[Mapping[str, Mapping[str, str]]] = {
    "bids": {"COMMONLOT_DOCUMENTS_FOLDER": "documents"},
}
"""The variables that name a service's own folders, each with its name in the data folder."""


def loopback_url(port: int) -> str:
    """Name an HTTP server of ours."""
    return f"http://{LOOPBACK}:{port}"


def issuer_launch(folder: DataFolder, settings: LocalSettings, port: int) -> Launch:
    """Say how the local issuer starts; its token secret is minted the first time."""
    folder.token_secret()
    assigned = {
        "PORT": str(port),
        "KEY_FILE": str(folder.path / "issuer-key.pem"),
        "TOKEN_SECRET_FILE": str(folder.token_secret_file),
        "AUDIENCE": AUDIENCE,
        "TOKEN_LIFETIME_S": str(settings.token_lifetime_s),
    }
    prefixed = {f"{ISSUER_PREFIX}{name}": value for name, value in assigned.items()}
    return _python("issuer", ["deploy.local.issuer"], prefixed)


def migration_launch(server: Server, settings: LocalSettings) -> Launch | None:
    """Say how the migration runner starts, as the owner; None if there is none."""
    if settings.migration_module is None:
        return None
    assigned = {"COMMONLOT_DATABASE_URL": server.url}
    return _python("migrate", [settings.migration_module, *SERVICES], assigned)


def service_launch(service: str, assigned: Mapping[str, str], settings: LocalSettings) -> Launch:
    """Say how a service starts, with the variables that are its own beside those of all."""
    common = {
        "COMMONLOT_HOST": LOOPBACK,
        "COMMONLOT_AUDIENCE": AUDIENCE,
        "COMMONLOT_LOG_FORMAT": "json",
    }
    module = settings.service_module.format(service=service)
    return _python(service, [module], {**common, **assigned}, _DEFAULTS.get(service, {}))


def keys_of(service: str, folder: DataFolder) -> dict[str, str]:
    """Read a service's own keys from the data folder; each is minted the first time."""
    return {variable: folder.key(name) for variable, name in KEYS_OF.get(service, {}).items()}


def folders_of(service: str, folder: DataFolder) -> dict[str, str]:
    """Name the folders within the data folder that a service keeps files in."""
    return {
        variable: str(folder.path / name) for variable, name in FOLDERS_OF.get(service, {}).items()
    }


async def answers(url: str) -> bool:
    """Tell whether a GET is answered with 200."""
    timeout = aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url) as answer:
            return answer.status == HTTP_OK
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _python(
    name: str,
    module: list[str],
    assigned: Mapping[str, str],
    default: Mapping[str, str] | None = None,
) -> Launch:
    """Start a module of ours as we were started. It dies at once with us: it holds no state."""
    return Launch(
        name=name,
        arguments=[sys.executable, "-m", *module],
        environment=environment_for({**_LINE_BY_LINE, **assigned}, default=default or {}),
        folder=CHECKOUT,
    )
