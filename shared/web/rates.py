"""Bound how often one caller may ask: a token bucket for each, in this process."""

import time
from collections import OrderedDict
from dataclasses import dataclass
from math import ceil
from typing import Final

from shared.web.problems import RateExceeded

CALLERS_MAX: Final = 10_000
"""How many callers' buckets are kept; the least recently seen starts anew with a full one."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at_s: float


class Rates:
    """Count each caller's requests against a steady rate and a burst."""

    def __init__(self, *, requests_per_s: int, burst: int) -> None:
        """Allow each caller `requests_per_s` for long, and `burst` at once."""
        self._requests_per_s = requests_per_s
        self._burst = burst
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def count(self, caller: str) -> None:
        """Count one request of a caller.

        Raises:
            RateExceeded: The caller's bucket is empty; the refusal says when it will not be.
        """
        now_s = time.monotonic()
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._new_bucket(caller, now_s)
        earned = (now_s - bucket.filled_at_s) * self._requests_per_s
        bucket.tokens = min(self._burst, bucket.tokens + earned)
        bucket.filled_at_s = now_s
        self._buckets.move_to_end(caller)
        if bucket.tokens < 1:
            wait_s = ceil((1 - bucket.tokens) / self._requests_per_s)
            sentence = f"Up to {self._requests_per_s} requests a second are answered."
            raise RateExceeded(sentence, retry_after_s=wait_s)
        bucket.tokens -= 1

    def _new_bucket(self, caller: str, now_s: float) -> _Bucket:
        if len(self._buckets) >= CALLERS_MAX:
            self._buckets.popitem(last=False)
        bucket = _Bucket(self._burst, now_s)
        self._buckets[caller] = bucket
        return bucket
