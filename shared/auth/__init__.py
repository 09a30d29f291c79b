"""Know who is calling: access tokens of one issuer, roles, and a scope for each act.

A token is a JWT of the type `at+jwt` (RFC 9068), signed with Ed25519 by the one issuer that the
settings name. What a caller may do is the token's `scope` claim, cut down to what its role may do
at most; whom it speaks for is its `party_id` claim, never anything in a request's body.
"""

from shared.auth.issuer_keys import IssuerKeys, TokenLimits
from shared.auth.principals import (
    IssuerInsecure,
    IssuerUnavailable,
    Principal,
    ScopeMissing,
    TokenInvalid,
    TokenMissing,
    bearer,
    require_scope,
)
from shared.auth.roles import ROLE_SCOPES, Role, scopes_of
from shared.auth.tokens import FixedVerifier, TokenVerifier, Verifier

__all__ = [
    "ROLE_SCOPES",
    "FixedVerifier",
    "IssuerInsecure",
    "IssuerKeys",
    "IssuerUnavailable",
    "Principal",
    "Role",
    "ScopeMissing",
    "TokenInvalid",
    "TokenLimits",
    "TokenMissing",
    "TokenVerifier",
    "Verifier",
    "bearer",
    "require_scope",
    "scopes_of",
]
