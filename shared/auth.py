"""Know who is calling: access tokens of one issuer, roles, and a scope for each act.

A token is a JWT of the type `at+jwt` (RFC 9068), signed with Ed25519 by the one issuer that the
settings name. What a caller may do is the token's `scope` claim, cut down to what its role may do
at most; whom it speaks for is its `party_id` claim, never anything in a request's body.
"""

import asyncio
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import ip_address
from types import MappingProxyType
from typing import Any, Final, Protocol
from urllib.parse import SplitResult, urlsplit
from uuid import UUID

import aiohttp
import jwt
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.clock import Clock
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal

log = structlog.get_logger(__name__)


class Role(StrEnum):
    """What a caller is to the cooperative."""

    BUYER = "buyer"
    MEMBER = "member"
    VENDOR = "vendor"
    CUSTODIAN = "custodian"
    AUDITOR = "auditor"
    OBSERVER = "observer"
    OPERATOR = "operator"


_EVERYONE: Final = frozenset({"rfp:read", "opening:read", "award:read", "auction:read"})

_ENDPOINTS: Final = frozenset({"endpoint:read", "endpoint:write"})

ROLE_SCOPES: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    {
        Role.BUYER: _EVERYONE
        | _ENDPOINTS
        | {
            *("party:read", "party:write"),
            *("requirement:read", "requirement:write"),
            *("rfp:write", "award:write", "auction:write", "audit:read"),
        },
        Role.MEMBER: _EVERYONE | _ENDPOINTS | {"requirement:read", "requirement:write"},
        Role.VENDOR: _EVERYONE | _ENDPOINTS | {"bid:read", "bid:write", "offer:write"},
        Role.CUSTODIAN: _EVERYONE | {"custodian:write"},
        Role.AUDITOR: _EVERYONE | {"party:read", "requirement:read", "audit:read"},
        Role.OBSERVER: _EVERYONE,
        Role.OPERATOR: _EVERYONE | {"operate"},
    }
)
"""The most that each role may be granted."""


def scopes_of(role: Role) -> frozenset[str]:
    """Tell the most that a role may be granted."""
    return ROLE_SCOPES[role]


class TokenMissing(Refusal):
    """The request carries no bearer token."""

    kind = Kind.UNAUTHENTICATED
    code = "token_missing"


class TokenInvalid(Refusal):
    """The bearer token is not a valid access token of this issuer for this audience."""

    kind = Kind.UNAUTHENTICATED
    code = "token_invalid"


class ScopeMissing(Refusal):
    """The token does not grant the scope that the act needs."""

    kind = Kind.FORBIDDEN
    code = "scope_missing"


class IssuerUnavailable(Refusal):
    """The issuer's keys cannot be read at the moment, and none are known."""

    kind = Kind.UNAVAILABLE
    code = "issuer_unavailable"


class IssuerInsecure(Exception):  # noqa: N818 - a fact about the settings, told when a service starts
    """The issuer is not reached by https, and it is not on loopback."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling, as a verified token says.

    `party_id` is None for a caller that speaks for no party (an operator, an observer). `subject`
    is the token's `sub`: it parts two such callers.
    """

    party_id: PartyId | None
    role: Role
    scopes: frozenset[str]
    token_id: str
    expires_at: datetime
    subject: str = ""

    @property
    def key(self) -> str:
        """Name the caller in one text: what its idempotency keys and its rate are counted by."""
        return str(self.party_id) if self.party_id else f"{self.role}:{self.subject}"


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


def bearer(authorization: str | None) -> str:
    """Take the token out of an `Authorization` header.

    Raises:
        TokenMissing: There is no such header, or it is not of the Bearer scheme.
    """
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        sentence = "Send an access token in the header Authorization: Bearer."
        raise TokenMissing(sentence)
    return token.strip()


def require_scope(principal: Principal, scope: str) -> None:
    """Let the caller pass only with the scope that its act needs.

    Raises:
        ScopeMissing: The token does not grant it.
    """
    if scope not in principal.scopes:
        sentence = f"This act needs the scope {scope}, which the access token does not grant."
        raise ScopeMissing(sentence, details={"scope": scope})


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
        scopes=ROLE_SCOPES[role].intersection(claims.scope.split()),
        token_id=claims.jti,
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        subject=claims.sub,
    )


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
