"""Say no: one exception type for every rule that refuses, with a kind and a stable code."""

from collections.abc import Mapping
from enum import StrEnum
from typing import ClassVar


class Kind(StrEnum):
    """Why an act was refused; `shared.web` holds the one table from kind to HTTP status."""

    MALFORMED = "malformed"
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    INVALID = "invalid"
    TOO_MANY = "too_many"
    UNAVAILABLE = "unavailable"


class Refusal(Exception):  # noqa: N818 - a refusal is a fact about an act, not an error of the program
    """Refuse an act, with a sentence for the person who asked.

    A subclass is one rule: it fixes `kind` and `code`, and its name is the fact (`OfferTooHigh`).
    `sentence` must be safe to show to the caller. `details` are JSON-ready members that are
    added to the problem document; `retry_after_s` becomes the `Retry-After` header.
    """

    kind: ClassVar[Kind]
    code: ClassVar[str]

    def __init__(
        self,
        sentence: str,
        *,
        details: Mapping[str, object] | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        """Keep the sentence, the details and the time after which a retry makes sense."""
        super().__init__(sentence)
        self.sentence = sentence
        self.details: Mapping[str, object] = details or {}
        self.retry_after_s = retry_after_s
