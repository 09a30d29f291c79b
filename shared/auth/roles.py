"""Say who may do what: roles, and the scopes that each may be granted at the most."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What a caller is to the cooperative."""

    BUYER = "buyer"
    MEMBER = "member"
    VENDOR = "vendor"
    CUSTODIAN = "custodian"
    EVALUATOR = "evaluator"
    AUDITOR = "auditor"
    OBSERVER = "observer"
    OPERATOR = "operator"


_EVERYONE: Final = frozenset(
    {"rfp:read", "opening:read", "award:read", "auction:read", "document:read"}
)


_ENDPOINTS: Final = frozenset({"endpoint:read", "endpoint:write"})


ROLE_SCOPES: Final[Mapping[Role, frozenset[str]]] = MappingProxyType(
    {
        Role.BUYER: _EVERYONE
        | _ENDPOINTS
        | {
            *("party:read", "party:write"),
            *("requirement:read", "requirement:write"),
            *("rfp:write", "award:write", "auction:write", "audit:read"),
            "document:write",
        },
        Role.MEMBER: _EVERYONE
        | _ENDPOINTS
        | {"requirement:read", "requirement:write", "document:write"},
        Role.VENDOR: _EVERYONE
        | _ENDPOINTS
        | {"bid:read", "bid:write", "offer:write", "document:write"},
        Role.CUSTODIAN: _EVERYONE | {"custodian:write"},
        Role.EVALUATOR: _EVERYONE | {"score:write"},
        Role.AUDITOR: _EVERYONE | {"party:read", "requirement:read", "audit:read"},
        Role.OBSERVER: _EVERYONE,
        Role.OPERATOR: _EVERYONE | {"operate"},
    }
)
"""The most that each role may be granted."""


def scopes_of(role: Role) -> frozenset[str]:
    """Tell the most that a role may be granted."""
    return ROLE_SCOPES[role]
