"""Pool like requirements into lots, exactly and in a stable order.

Requirements are alike when category, item, specification, unit and term are the same. How their
quantities add up is a rule of their category (`rules`). Every share keeps its requirement, so that
an award goes back to the members exactly (`portions`).
"""

from services.bids.domain.pooling.grouping import pool
from services.bids.domain.pooling.needs import (
    CANDIDATES_MAX,
    TITLE_MAX,
    Candidate,
    LeftOut,
    LeftOutReason,
    Like,
    Pool,
    PoolBy,
    PooledLot,
    PoolMember,
    PoolTerms,
    RequirementsTooMany,
    RequirementUnknown,
    Share,
    require_poolable,
)
from services.bids.domain.pooling.rules import Basis, PoolingRules, Rule, Volume

__all__ = [
    "CANDIDATES_MAX",
    "TITLE_MAX",
    "Basis",
    "Candidate",
    "LeftOut",
    "LeftOutReason",
    "Like",
    "Pool",
    "PoolBy",
    "PoolMember",
    "PoolTerms",
    "PooledLot",
    "PoolingRules",
    "RequirementUnknown",
    "RequirementsTooMany",
    "Rule",
    "Share",
    "Volume",
    "pool",
    "require_poolable",
]
