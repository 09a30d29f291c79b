"""Access tokens: what is accepted, everything that is not, and how the issuer's keys are asked."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jwt
import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from shared.auth import (
    ROLE_SCOPES,
    IssuerInsecure,
    IssuerUnavailable,
    Principal,
    Role,
    ScopeMissing,
    TokenInvalid,
    TokenLimits,
    TokenMissing,
    TokenVerifier,
    bearer,
    require_scope,
    scopes_of,
)
from shared.clock import FixedClock

NOW = datetime(2027, 3, 1, 12, 0, tzinfo=UTC)
PARTY = "01890000-0000-7000-8000-00000000000a"


@dataclass
class Issuer:
    """A small issuer on loopback whose answers a test may spoil."""

    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    key_id: str = "first"
    url: str = ""
    fetches: int = 0
    is_away: bool = False
    keys_url: str | None = None
    others: tuple[Mapping[str, object], ...] = ()

    def claims(self, **changes: object) -> dict[str, object]:
        claims = {
            "iss": self.url,
            "aud": "commonlot",
            "sub": PARTY,
            "jti": "token-1",
            "iat": int(NOW.timestamp()),
            "exp": int(NOW.timestamp()) + 3600,
            "role": "vendor",
            "scope": "offer:write auction:read",
            "party_id": PARTY,
            **changes,
        }
        return {name: value for name, value in claims.items() if value is not ...}

    def token(self, header: Mapping[str, object] | None = None, /, **changes: object) -> str:
        headers = {"typ": "at+jwt", "kid": self.key_id, **(header or {})}
        return jwt.encode(self.claims(**changes), self.key, algorithm="EdDSA", headers=headers)

    async def configuration(self, _request: web.Request) -> web.Response:
        self.fetches += 1
        if self.is_away:
            raise web.HTTPServiceUnavailable
        keys_url = self.keys_url or f"{self.url}/jwks.json"
        return web.json_response({"issuer": self.url, "jwks_uri": keys_url})

    async def keys(self, _request: web.Request) -> web.Response:
        public: dict[str, Any] = json.loads(
            jwt.algorithms.OKPAlgorithm.to_jwk(self.key.public_key())
        )
        return web.json_response({"keys": [*self.others, {**public, "kid": self.key_id}]})


@pytest_asyncio.fixture(loop_scope="session")
async def issuer() -> AsyncIterator[Issuer]:
    issuer = Issuer()
    app = web.Application()
    app.router.add_get("/.well-known/openid-configuration", issuer.configuration)
    app.router.add_get("/jwks.json", issuer.keys)
    async with TestServer(app) as server:
        issuer.url = str(server.make_url("")).rstrip("/")
        yield issuer


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOW)


@pytest.fixture
def verifier(issuer: Issuer, clock: FixedClock) -> TokenVerifier:
    return TokenVerifier(issuer.url, "commonlot", clock=clock)


async def test_good_token_tells_party_role_and_scopes(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    principal = await verifier.verify(issuer.token())

    assert principal == Principal(
        party_id=UUID(PARTY),  # type: ignore[arg-type]  # a party's id is a UUID in disguise
        role=Role.VENDOR,
        scopes=frozenset({"offer:write", "auction:read"}),
        token_id="token-1",
        expires_at=NOW + timedelta(hours=1),
        subject=PARTY,
    )


async def test_scopes_beyond_the_role_are_cut_off(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.token(scope="offer:write award:write operate")

    principal = await verifier.verify(token)

    assert principal.scopes == {"offer:write"}


async def test_token_without_party_speaks_for_none(issuer: Issuer, verifier: TokenVerifier) -> None:
    token = issuer.token(role="operator", scope="operate", party_id=None, sub="night-shift")

    principal = await verifier.verify(token)

    assert principal.party_id is None
    assert principal.key == "operator:night-shift"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "https://elsewhere.example"}, id="another issuer"),
        pytest.param({"aud": "another"}, id="another audience"),
        pytest.param({"aud": ["commonlot", "another"]}, id="several audiences"),
        pytest.param({"sub": ...}, id="no subject"),
        pytest.param({"jti": ...}, id="no token id"),
        pytest.param({"exp": ...}, id="no end"),
        pytest.param({"iat": ...}, id="no beginning"),
        pytest.param({"aud": ...}, id="no audience"),
        pytest.param({"iss": ...}, id="no issuer"),
        pytest.param({"role": ...}, id="no role"),
        pytest.param({"role": "emperor"}, id="unknown role"),
        pytest.param({"party_id": "somebody"}, id="party that is no UUID"),
        pytest.param({"party_id": 7}, id="party that is no text"),
        pytest.param({"scope": ["offer:write"]}, id="scope that is no text"),
        pytest.param({"exp": "2027-03-01"}, id="end that is no number"),
        pytest.param({"iat": True}, id="beginning that is no number"),
    ],
)
async def test_token_with_a_wrong_claim_is_refused(
    issuer: Issuer, verifier: TokenVerifier, changes: dict[str, object]
) -> None:
    token = issuer.token(**changes)

    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


@pytest.mark.parametrize("kind", ["JWT", "stream-ticket+jwt", None])
async def test_token_of_another_type_is_refused(
    issuer: Issuer, verifier: TokenVerifier, kind: str | None
) -> None:
    token = issuer.token({"typ": kind})

    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


@pytest.mark.parametrize(("lifetime_s", "is_good"), [(7200, True), (7201, False)])
async def test_lifetime_of_a_token_is_capped(
    issuer: Issuer, verifier: TokenVerifier, *, lifetime_s: int, is_good: bool
) -> None:
    token = issuer.token(exp=int(NOW.timestamp()) + lifetime_s)

    assert await accepts(verifier, token) is is_good


@pytest.mark.parametrize(("ahead_s", "is_good"), [(5, True), (6, False)])
@pytest.mark.parametrize("claim", ["iat", "nbf"])
async def test_token_may_begin_as_late_as_the_leeway(
    issuer: Issuer, verifier: TokenVerifier, claim: str, *, ahead_s: int, is_good: bool
) -> None:
    token = issuer.token(**{claim: int(NOW.timestamp()) + ahead_s})

    assert await accepts(verifier, token) is is_good


async def test_token_is_refused_from_its_last_instant_on_though_it_was_known(
    issuer: Issuer, verifier: TokenVerifier, clock: FixedClock
) -> None:
    token = issuer.token(exp=int(NOW.timestamp()) + 60)
    clock.advance(timedelta(seconds=60) - timedelta(microseconds=1))
    was_good = await accepts(verifier, token)

    clock.advance(timedelta(microseconds=1))

    assert (was_good, await accepts(verifier, token)) == (True, False)


async def test_token_signed_by_another_key_is_refused(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    stranger = Issuer(url=issuer.url)

    with pytest.raises(TokenInvalid):
        await verifier.verify(stranger.token())


async def test_public_key_used_as_a_shared_secret_is_refused(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    secret = issuer.key.public_key().public_bytes_raw()
    headers = {"typ": "at+jwt", "kid": "first"}
    token = jwt.encode(issuer.claims(), secret, algorithm="HS256", headers=headers)

    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


async def test_unsigned_token_is_refused(issuer: Issuer, verifier: TokenVerifier) -> None:
    headers = {"typ": "at+jwt", "kid": "first"}
    token = jwt.encode(issuer.claims(), "", algorithm="none", headers=headers)

    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


@pytest.mark.parametrize("token", ["", "a.b.c", "é.ü.ø", "x" * 8_001, "\udcff"])
async def test_text_that_is_no_token_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(TokenInvalid):
        await verifier.verify(token)


async def test_refusal_of_a_token_quotes_nothing_of_it(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    token = issuer.token(role="canary-role")

    with pytest.raises(TokenInvalid) as refused:
        await verifier.verify(token)

    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "canary" not in refused.value.sentence


async def test_keys_are_fetched_once_for_many_tokens(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    tokens = [issuer.token(jti=f"token-{number}") for number in range(5)]

    for token in tokens:
        await verifier.verify(token)

    assert issuer.fetches == 1


async def test_unknown_key_id_asks_the_issuer_at_most_every_thirty_seconds(
    issuer: Issuer, verifier: TokenVerifier, clock: FixedClock
) -> None:
    await verifier.verify(issuer.token())
    forged = issuer.token({"kid": "invented"})
    counts = []

    for step_s in (29, 1, 29, 1):
        clock.advance(timedelta(seconds=step_s))
        assert not await accepts(verifier, forged)
        counts.append(issuer.fetches)

    assert counts == [1, 2, 2, 3]


async def test_rotated_key_is_found_and_the_old_one_stops(
    issuer: Issuer, verifier: TokenVerifier, clock: FixedClock
) -> None:
    old_token = issuer.token()
    await verifier.verify(old_token)
    issuer.key, issuer.key_id = Ed25519PrivateKey.generate(), "second"
    clock.advance(timedelta(minutes=10))

    is_new_good = await accepts(verifier, issuer.token(jti="token-2"))

    assert (is_new_good, await accepts(verifier, old_token)) == (True, False)


async def test_known_keys_serve_while_the_issuer_is_away_but_not_for_ever(
    issuer: Issuer, verifier: TokenVerifier, clock: FixedClock
) -> None:
    await verifier.verify(issuer.token())
    issuer.is_away = True

    clock.advance(timedelta(hours=24))
    later = int(clock.now().timestamp())
    was_good = await accepts(verifier, issuer.token(iat=later, exp=later + 60))
    clock.advance(timedelta(seconds=1))

    assert was_good
    with pytest.raises(IssuerUnavailable):
        await verifier.verify(issuer.token(iat=later, exp=later + 60, jti="token-2"))


async def test_issuer_that_was_never_reached_is_unavailable_until_it_answers(
    issuer: Issuer, verifier: TokenVerifier, clock: FixedClock
) -> None:
    issuer.is_away = True
    with pytest.raises(IssuerUnavailable) as refused:
        await verifier.verify(issuer.token())
    issuer.is_away = False

    clock.advance(timedelta(seconds=1))

    assert refused.value.retry_after_s == 1
    assert await accepts(verifier, issuer.token())


async def test_keys_on_another_origin_are_not_fetched(
    issuer: Issuer, verifier: TokenVerifier
) -> None:
    issuer.keys_url = issuer.url.replace("127.0.0.1", "localhost") + "/jwks.json"

    with pytest.raises(IssuerUnavailable):
        await verifier.verify(issuer.token())


async def test_keys_of_other_kinds_are_passed_over(issuer: Issuer, clock: FixedClock) -> None:
    issuer.others = ({"kty": "RSA", "kid": "rsa"}, {"kty": "OKP", "crv": "Ed25519", "x": "?"})
    verifier = TokenVerifier(issuer.url, "commonlot", clock=clock)

    assert await accepts(verifier, issuer.token())


async def test_remembered_tokens_are_bounded(issuer: Issuer, clock: FixedClock) -> None:
    limits = TokenLimits(tokens_max=2)
    verifier = TokenVerifier(issuer.url, "commonlot", clock=clock, limits=limits)

    for number in range(3):
        await verifier.verify(issuer.token(jti=f"token-{number}"))

    assert [known.token_id for known, _ in verifier._known.values()] == ["token-1", "token-2"]


@pytest.mark.parametrize(
    "issuer_url",
    ["http://issuer.example", "http://10.0.0.1:8080", "ftp://127.0.0.1", "http://127.0.0.1.nip.io"],
)
def test_plain_issuer_outside_loopback_is_refused(issuer_url: str, clock: FixedClock) -> None:
    with pytest.raises(IssuerInsecure):
        TokenVerifier(issuer_url, "commonlot", clock=clock)


@pytest.mark.parametrize(
    "issuer_url",
    ["https://issuer.example", "http://localhost:8080", "http://127.0.0.9", "http://[::1]:8080"],
)
def test_https_or_loopback_issuer_is_taken(issuer_url: str, clock: FixedClock) -> None:
    TokenVerifier(issuer_url, "commonlot", clock=clock)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc"])
def test_header_without_a_bearer_token_is_refused(header: str | None) -> None:
    with pytest.raises(TokenMissing):
        bearer(header)


@pytest.mark.parametrize("header", ["Bearer abc", "bearer abc"])
def test_scheme_of_a_bearer_token_may_be_of_any_case(header: str) -> None:
    assert bearer(header) == "abc"


def test_act_without_its_scope_is_refused() -> None:
    principal = Principal(None, Role.OBSERVER, frozenset({"rfp:read"}), "token-1", NOW)

    require_scope(principal, "rfp:read")

    with pytest.raises(ScopeMissing, match="award:write"):
        require_scope(principal, "award:write")


def test_every_role_has_its_scopes_and_may_read_what_is_public() -> None:
    assert set(ROLE_SCOPES) == set(Role)
    for role in Role:
        assert {"rfp:read", "opening:read", "award:read", "auction:read"} <= scopes_of(role)


@pytest.mark.parametrize(
    ("scope", "roles"),
    [
        ("party:write", {"buyer"}),
        ("party:read", {"buyer", "auditor"}),
        ("requirement:write", {"buyer", "member"}),
        ("requirement:read", {"buyer", "member", "auditor"}),
        ("rfp:write", {"buyer"}),
        ("bid:write", {"vendor"}),
        ("bid:read", {"vendor"}),
        ("custodian:write", {"custodian"}),
        ("award:write", {"buyer"}),
        ("auction:write", {"buyer"}),
        ("offer:write", {"vendor"}),
        ("endpoint:write", {"member", "vendor", "buyer"}),
        ("endpoint:read", {"member", "vendor", "buyer"}),
        ("audit:read", {"buyer", "auditor"}),
        ("operate", {"operator"}),
    ],
)
def test_scope_belongs_to_its_roles_alone(scope: str, roles: set[str]) -> None:
    holders = {role.value for role in Role if scope in scopes_of(role)}

    assert holders == roles


async def accepts(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except TokenInvalid:
        return False
    return True
