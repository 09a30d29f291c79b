"""Say who is calling, and refuse who may not."""

from dataclasses import dataclass
from datetime import datetime

from shared.auth.roles import Role
from shared.domain.ids import PartyId
from shared.domain.refusals import Kind, Refusal


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
