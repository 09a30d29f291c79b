"""Verify access tokens: JWTs of one issuer, for one audience."""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import aiohttp
import jwt
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.auth.issuer_keys import IssuerKeys, TokenLimits
from shared.auth.principals import Principal, TokenInvalid
from shared.auth.roles import Role, scopes_of
from shared.clock import Clock
from shared.domain.ids import PartyId

log = structlog.get_logger(__name__)


_TOKEN_CHARACTERS_MAX: Final = 8_000
"""The longest token: a header line holds no more in the servers that stand before us."""


_ALGORITHMS: Final = ["EdDSA"]
"""One family, a constant. Source: RFC 8725 section 3.1."""


_CLAIMS_REQUIRED: Final = ["exp", "iat", "aud", "iss", "sub", "jti"]


_OPTIONS: Final[Any] = {
    "require": _CLAIMS_REQUIRED,
    "strict_aud": True,
    # The three instants are judged below, by the clock that the service was given.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


_INVALID: Final = "The access token is not valid here."
"""One sentence for every fault: which one it was helps nobody but a forger."""


class _Claims(BaseModel):
    """The claims that are read, of their exact types."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    sub: str = Field(max_length=200)
    jti: str = Field(min_length=1, max_length=200)
    iat: int = Field(ge=0, lt=2**33)
    exp: int = Field(ge=0, lt=2**33)
    nbf: int | None = Field(default=None, ge=0, lt=2**33)
    role: str
    scope: str = Field(default="", max_length=2_000)
    party_id: str | None = Field(default=None, max_length=36)


class Verifier(Protocol):
    """Whatever tells whom a token speaks for."""

    async def verify(self, token: str) -> Principal:
        """Tell whom a token speaks for.

        Raises:
            TokenInvalid: Any fault of the token.
            IssuerUnavailable: The issuer's keys are not known.
        """
        ...


class FixedVerifier:
    """Know some tokens by heart: the twin of `TokenVerifier` for tests."""

    def __init__(self, principals: Mapping[str, Principal]) -> None:
        """Give each token its principal."""
        self._principals = principals

    async def verify(self, token: str) -> Principal:
        """Tell whom a token speaks for."""
        if token not in self._principals:
            raise TokenInvalid(_INVALID)
        return self._principals[token]


class TokenVerifier:
    """Verify access tokens of one issuer for one audience."""

    def __init__(
        self,
        issuer: str,
        audience: str,
        *,
        clock: Clock,
        limits: TokenLimits | None = None,
        sessions: Callable[[], aiohttp.ClientSession] = aiohttp.ClientSession,
    ) -> None:
        """Keep what a good token must say.

        Args:
            issuer: The issuer's URL, exactly as its tokens say it in `iss`.
            audience: The one audience that a token must be for.
            clock: Judges the token's instants.
            limits: The bounds; the defaults suit production.
            sessions: Opens the client session of one fetch of keys.

        Raises:
            IssuerInsecure: The issuer is a plain-http address outside loopback.
        """
        self._issuer = issuer.rstrip("/")
        self._audience = audience
        self._clock = clock
        self._limits = limits or TokenLimits()
        self._keys = IssuerKeys(issuer, clock=clock, limits=self._limits, sessions=sessions)
        self._known: OrderedDict[bytes, tuple[Principal, datetime]] = OrderedDict()

    async def verify(self, token: str) -> Principal:
        """Tell whom a token speaks for.

        A verdict is remembered until the token expires, and no longer than keys are fresh, so that
        a key which the issuer has taken back stops working.

        Raises:
            TokenInvalid: Any fault of the token.
            IssuerUnavailable: The issuer's keys are not known.
        """
        now = self._clock.now()
        fingerprint = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._known.get(fingerprint)
        if known is not None and now < known[1]:
            self._known.move_to_end(fingerprint)
            return known[0]
        principal = await self._verify_anew(token, now)
        self._remember(fingerprint, principal, now)
        return principal

    def _remember(self, fingerprint: bytes, principal: Principal, now: datetime) -> None:
        until = now + timedelta(seconds=self._limits.keys_fresh_s)
        self._known[fingerprint] = principal, min(until, principal.expires_at)
        self._known.move_to_end(fingerprint)
        while len(self._known) > self._limits.tokens_max:
            self._known.popitem(last=False)

    async def _verify_anew(self, token: str, now: datetime) -> Principal:
        if len(token) > _TOKEN_CHARACTERS_MAX or not token.isascii():
            raise TokenInvalid(_INVALID)
        key = await self._keys.get(_key_id(token))
        if key is None:
            raise TokenInvalid(_INVALID)
        try:
            content = jwt.decode(
                token,
                key,
                algorithms=_ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                options=_OPTIONS,
            )
            claims = _Claims.model_validate(content)
        except (jwt.PyJWTError, ValidationError):
            # Neither error is chained: both may quote the token.
            raise TokenInvalid(_INVALID) from None
        self._judge_instants(claims, now)
        return _principal(claims)

    def _judge_instants(self, claims: _Claims, now: datetime) -> None:
        latest_start = now.timestamp() + self._limits.leeway_s
        begins = max(claims.iat, claims.nbf or 0)
        is_current = begins <= latest_start and now.timestamp() < claims.exp
        if not is_current or not 0 < claims.exp - claims.iat <= self._limits.lifetime_s_max:
            raise TokenInvalid(_INVALID)


def _key_id(token: str) -> str:
    """Read the key's id from a token's header, once the header is that of an access token."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError:
        raise TokenInvalid(_INVALID) from None
    kind, key_id = header.get("typ"), header.get("kid")
    # PyJWT does not look at `typ`: without this line any other token of the issuer would do.
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") != "at+jwt":
        raise TokenInvalid(_INVALID)
    if not isinstance(key_id, str):
        raise TokenInvalid(_INVALID)
    return key_id


def _principal(claims: _Claims) -> Principal:
    try:
        role = Role(claims.role)
        party_id = PartyId(UUID(claims.party_id)) if claims.party_id else None
    except ValueError:
        raise TokenInvalid(_INVALID) from None
    return Principal(
        party_id=party_id,
        role=role,
        scopes=scopes_of(role).intersection(claims.scope.split()),
        token_id=claims.jti,
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        subject=claims.sub,
    )
