"""Say what can go wrong between a client and a service."""

import json
from collections.abc import Mapping
from typing import Any, Final, Self

DETAIL_CHARACTERS_MAX: Final = 500
"""How much of an answer that is no problem document is quoted."""

_RFC_9457: Final = frozenset({"type", "title", "status", "detail", "instance", "code"})
"""The members that every problem document has; the others are the refusal's own."""


class ClientError(Exception):
    """The call did not do what was asked; `code` is stable, and meant for programs."""

    code: str = "client_error"

    @property
    def told(self) -> Mapping[str, Any]:
        """What is known beside the sentence: lists of faults, by the names of their members."""
        return {}


class Problem(ClientError):  # noqa: N818 - the trade's word for a refusal over HTTP
    """A service refused: the members of its problem document (RFC 9457).

    `code` is stable and meant for programs; `detail` is a sentence for people; `errors` lists
    faults of single fields or rows, where the refusal has any; `details` holds all its own members.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str,
        errors: tuple[Mapping[str, Any], ...] = (),
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Keep what the service said."""
        super().__init__(f"{detail} ({status} {code})")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        self.details: Mapping[str, Any] = details or {}

    @property
    def told(self) -> Mapping[str, Any]:
        """The refusal's own members: `errors`, `breaches`, `reasons` and the like."""
        return self.details

    @classmethod
    def read(cls, status: int, body: bytes) -> Self:
        """Read a refusal; an answer that is no problem document is quoted as it stands."""
        text = body.decode(errors="replace")
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            return cls(status=status, code="unknown", detail=text[:DETAIL_CHARACTERS_MAX])
        errors = document.get("errors")
        return cls(
            status=status,
            code=str(document.get("code", "unknown")),
            detail=str(document.get("detail", "")),
            errors=tuple(errors) if isinstance(errors, list) else (),
            request_id=document.get("instance"),
            details={name: said for name, said in document.items() if name not in _RFC_9457},
        )


class Unreachable(ClientError):  # noqa: N818 - a fact about a call
    """No service answered in time, though it was asked again and again.

    What was asked may have happened all the same: ask with the same idempotency key later.
    """

    code = "unreachable"
