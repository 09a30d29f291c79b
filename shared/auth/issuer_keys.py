"""Know the issuer's public keys: fetched when needed, cached, and bounded in every way."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

import aiohttp
import jwt
import structlog

from shared.auth.principals import IssuerInsecure, IssuerUnavailable
from shared.clock import Clock

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """The bounds of a verifier; seconds where the name ends in `_s`."""

    lifetime_s_max: int = 2 * 60 * 60
    """The longest life of a token: exp - iat. A stolen token is worth no more than this."""

    leeway_s: int = 5
    """How far the issuer's clock may be ahead of ours."""

    keys_fresh_s: int = 600
    """How long fetched keys, and verdicts on tokens, are used without asking again."""

    keys_stale_s_max: int = 24 * 60 * 60
    """How long known keys are used while the issuer is away."""

    refetch_s_min: int = 30
    """The least time between two fetches: tokens with invented key ids cannot flood the issuer."""

    first_fetch_s_min: int = 1
    """The least time between two fetches while no key is known: a service may start first."""

    fetch_timeout_s: float = 5.0
    """How long one answer of the issuer may take."""

    tokens_max: int = 10_000
    """How many verified tokens are remembered; the least recently used is forgotten."""


_DOCUMENT_BYTES_MAX: Final = 256 * 1024
"""The largest answer that is read from the issuer."""


_KEYS_MAX: Final = 32
"""The most keys that are kept of one key set; a rotating issuer shows two or three."""


class IssuerKeys:
    """Know the issuer's public keys: fetched when needed, cached, and bounded in every way."""

    def __init__(
        self,
        issuer: str,
        *,
        clock: Clock,
        limits: TokenLimits,
        sessions: Callable[[], aiohttp.ClientSession],
    ) -> None:
        """Remember where the keys are; nothing is fetched yet.

        Raises:
            IssuerInsecure: The issuer is a plain-http address outside loopback.
        """
        self._issuer = issuer.rstrip("/")
        self._origin = _secure_origin(self._issuer)
        self._clock = clock
        self._limits = limits
        self._sessions = sessions
        self._keys: dict[str, jwt.PyJWK] = {}
        self._fetched_at: datetime | None = None
        self._tried_at: datetime | None = None
        self._fetching = asyncio.Lock()

    async def get(self, key_id: str) -> jwt.PyJWK | None:
        """Find a key by its id, asking the issuer when the id is unknown or the keys are old.

        Raises:
            IssuerUnavailable: No key is known that is fresh enough to be used.
        """
        if self._is_wanting(key_id) and not (self._fetching.locked() and key_id in self._keys):
            # Whoever comes while keys are being fetched waits for them, unless an old one will do.
            async with self._fetching:
                if self._is_wanting(key_id) and self._may_ask():
                    await self._fetch()
        if self._age() > timedelta(seconds=self._limits.keys_stale_s_max):
            sentence = "The issuer of access tokens cannot be reached; try again shortly."
            raise IssuerUnavailable(sentence, retry_after_s=1)
        return self._keys.get(key_id)

    def _is_wanting(self, key_id: str) -> bool:
        is_fresh = self._age() < timedelta(seconds=self._limits.keys_fresh_s)
        return not is_fresh or key_id not in self._keys

    def _may_ask(self) -> bool:
        if self._tried_at is None:
            return True
        limits = self._limits
        pause_s = limits.refetch_s_min if self._keys else limits.first_fetch_s_min
        return self._clock.now() - self._tried_at >= timedelta(seconds=pause_s)

    def _age(self) -> timedelta:
        return self._clock.now() - self._fetched_at if self._fetched_at else timedelta.max

    async def _fetch(self) -> None:
        self._tried_at = self._clock.now()
        try:
            async with self._sessions() as session:
                place = f"{self._issuer}/.well-known/openid-configuration"
                address = self._keys_address(await self._document(session, place))
                keys = _usable_keys(await self._document(session, address))
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            log.warning("issuer_keys_not_fetched", issuer=self._issuer, reason=repr(error))
            return
        self._keys = keys
        self._fetched_at = self._clock.now()

    async def _document(self, session: aiohttp.ClientSession, address: str) -> dict[str, Any]:
        timeout = aiohttp.ClientTimeout(total=self._limits.fetch_timeout_s)
        async with session.get(address, timeout=timeout, allow_redirects=False) as answer:
            if answer.status != 200:  # noqa: PLR2004 - HTTP's own number
                sentence = f"the issuer answered {answer.status}"
                raise ValueError(sentence)
            raw = await answer.content.read(_DOCUMENT_BYTES_MAX + 1)
            while len(raw) <= _DOCUMENT_BYTES_MAX and (chunk := await answer.content.readany()):
                raw += chunk
        return _json_object(raw)

    def _keys_address(self, document: Mapping[str, Any]) -> str:
        address = document.get("jwks_uri")
        if document.get("issuer") != self._issuer or not isinstance(address, str):
            sentence = "the configuration is not the issuer's own"
            raise ValueError(sentence)
        if _origin(urlsplit(address)) != self._origin:
            sentence = "jwks_uri is on another origin than the issuer"
            raise ValueError(sentence)
        return address


def _usable_keys(document: Mapping[str, Any]) -> dict[str, jwt.PyJWK]:
    """Keep the Ed25519 keys that sign; others in the set are none of ours."""
    keys: dict[str, jwt.PyJWK] = {}
    members = document.get("keys")
    for member in members if isinstance(members, list) else ():
        if not _is_ours(member) or len(keys) == _KEYS_MAX:
            continue
        public = {name: member[name] for name in ("kty", "crv", "x", "kid")}
        try:
            keys[member["kid"]] = jwt.PyJWK.from_dict(public, algorithm="EdDSA")
        except jwt.PyJWTError as error:
            log.warning("issuer_key_unusable", kid=member["kid"], reason=repr(error))
    if not keys:
        sentence = "the key set holds no Ed25519 key"
        raise ValueError(sentence)
    return keys


def _is_ours(member: object) -> bool:
    return (
        isinstance(member, dict)
        and member.get("kty") == "OKP"
        and member.get("crv") == "Ed25519"
        and isinstance(member.get("kid"), str)
        and isinstance(member.get("x"), str)
        and member.get("use", "sig") == "sig"
    )


def _json_object(raw: bytes) -> dict[str, Any]:
    if len(raw) > _DOCUMENT_BYTES_MAX:
        sentence = "the issuer's document is too large"
        raise ValueError(sentence)
    document = json.loads(raw)
    if not isinstance(document, dict):
        sentence = "the issuer's document is not an object"
        raise ValueError(sentence)  # noqa: TRY004 - the document is wrong, not our call
    return document


def _secure_origin(issuer: str) -> tuple[str, str, int]:
    parts = urlsplit(issuer)
    origin = _origin(parts)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(origin[1])):
        return origin
    sentence = f"The issuer {issuer} must be reached by https; plain http is for loopback alone."
    raise IssuerInsecure(sentence)


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    default_port = 443 if parts.scheme == "https" else 80
    return parts.scheme, (parts.hostname or "").lower(), parts.port or default_port


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
