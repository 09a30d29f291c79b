"""Hold what a search's process tells where it has no answer."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unfit:
    """A refusal on its way to the service."""

    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Beyond:
    """Word that another engine is to search."""
