"""Issue tokens on loopback for the embedded default: `python -m deploy.local.issuer`.

It stands where a production installation has its OIDC issuer. Whoever can read the token secret
may have a token of any role; the file is readable by its owner alone.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import jwt
import structlog
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from deploy.local.places import LOOPBACK, write_private
from deploy.local.settings import ISSUER_PREFIX
from shared.auth import Role, scopes_of
from shared.clock import Clock, SystemClock
from shared.logs import configure

BODY_BYTES_MAX: Final = 4096

_log: Final = structlog.get_logger()


class IssuerSettings(BaseSettings):
    """What the supervisor tells the issuer."""

    model_config = SettingsConfigDict(env_prefix=ISSUER_PREFIX, extra="ignore", frozen=True)

    port: int = Field(ge=1, le=65535)
    key_file: Path
    token_secret_file: Path
    audience: str = "commonlot"
    token_lifetime_s: PositiveInt = 3600

    @property
    def url(self) -> str:
        """The issuer's name, which is where it answers."""
        return f"http://{LOOPBACK}:{self.port}"


class TokenRequest(BaseModel):
    """Who the token is to speak for; without a party it speaks for the role alone."""

    model_config = ConfigDict(extra="forbid")

    role: Role
    party_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An Ed25519 key pair and its id, the thumbprint of the public half."""

    private: Ed25519PrivateKey
    kid: str
    jwk: Mapping[str, str]


class Issuer:
    """The routes of the local issuer."""

    def __init__(
        self,
        settings: IssuerSettings,
        key: SigningKey,
        token_secret: str,
        clock: Clock,
    ) -> None:
        """Keep what is needed to answer."""
        self._settings = settings
        self._key = key
        self._token_secret = token_secret
        self._clock = clock

    def app(self) -> web.Application:
        """Assemble the routes."""
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_get("/.well-known/openid-configuration", self.discover)
        app.router.add_get("/jwks.json", self.keys)
        app.router.add_post("/token", self.issue)
        return app

    async def discover(self, _request: web.Request) -> web.Response:
        """Say who we are and where our keys are."""
        url = self._settings.url
        return web.json_response(
            {
                "issuer": url,
                "jwks_uri": f"{url}/jwks.json",
                "token_endpoint": f"{url}/token",
                "id_token_signing_alg_values_supported": ["EdDSA"],
            }
        )

    async def keys(self, _request: web.Request) -> web.Response:
        """Give the public key as a JSON Web Key Set."""
        return web.json_response({"keys": [dict(self._key.jwk)]})

    async def issue(self, request: web.Request) -> web.Response:
        """Give a token to whoever shows the secret."""
        if not self._knows_secret(request.headers.get("Authorization", "")):
            return _problem(401, "token_secret_wrong", "Show the token secret as bearer.")
        try:
            wanted = TokenRequest.model_validate_json(await request.read())
        except ValidationError:
            sentence = f"Send a role ({', '.join(sorted(Role))}) and a party_id, a UUID or null."
            return _problem(422, "token_request_invalid", sentence)
        token = self._sign(wanted)
        _log.info("token_issued", role=wanted.role, party_id=str(wanted.party_id))
        lifetime_s = self._settings.token_lifetime_s
        return web.json_response(
            {"access_token": token, "token_type": "Bearer", "expires_in": lifetime_s},
            headers={"Cache-Control": "no-store"},
        )

    def _knows_secret(self, authorization: str) -> bool:
        shown = authorization.encode(errors="replace")
        return hmac.compare_digest(shown, f"Bearer {self._token_secret}".encode())

    def _sign(self, wanted: TokenRequest) -> str:
        party_id = None if wanted.party_id is None else str(wanted.party_id)
        issued_at = int(self._clock.now().timestamp())
        claims = {
            "iss": self._settings.url,
            "aud": self._settings.audience,
            "sub": party_id or f"role:{wanted.role}",
            "party_id": party_id,
            "role": wanted.role,
            "scope": " ".join(sorted(scopes_of(wanted.role))),
            "jti": str(uuid4()),
            "iat": issued_at,
            "exp": issued_at + self._settings.token_lifetime_s,
        }
        headers = {"typ": "at+jwt", "kid": self._key.kid}
        return jwt.encode(claims, self._key.private, algorithm="EdDSA", headers=headers)


def signing_key(path: Path) -> SigningKey:
    """Read the key pair, or make it the first time."""
    if not path.exists():
        text = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_private(path, text.decode("ascii"))
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    if not isinstance(private, Ed25519PrivateKey):
        message = f"{path} holds no Ed25519 key."
        raise TypeError(message)
    public = {
        "crv": "Ed25519",
        "kty": "OKP",
        "x": _base64url(private.public_key().public_bytes_raw()),
    }
    # The thumbprint hashes the required members in this order. Source: RFC 7638, RFC 8037.
    canonical = json.dumps(public, separators=(",", ":"), sort_keys=True).encode()
    kid = _base64url(hashlib.sha256(canonical).digest())
    return SigningKey(private, kid, {**public, "kid": kid, "use": "sig", "alg": "EdDSA"})


def main() -> None:
    """Answer until told to stop."""
    configure("json", service="issuer")
    settings = IssuerSettings()
    secret = settings.token_secret_file.read_text(encoding="ascii").strip()
    issuer = Issuer(settings, signing_key(settings.key_file), secret, SystemClock())
    web.run_app(
        issuer.app(), host=LOOPBACK, port=settings.port, print=_say_started, access_log=None
    )


def _say_started(_words: str) -> None:
    _log.info("issuer_started")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def _problem(status: int, code: str, detail: str) -> web.Response:
    body = {"status": status, "code": code, "title": "No token was issued", "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json")


if __name__ == "__main__":
    main()
