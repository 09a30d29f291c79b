"""Share out what is in the air, so that a slow or dead receiver never delays another.

In all, a bounded number of attempts is in the air. An endpoint begins with one at a time; each good
answer doubles that, up to a bound, and a failure takes it back to one. All endpoints whose last
attempt failed have half of the whole together, so that however many are dead, the others go on.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable
from typing import Final

from shared.domain.ids import EndpointId

REMEMBERED_MAX: Final = 50_000
"""How many endpoints are remembered; a forgotten one begins again with one attempt at a time."""

_FAILING: Final = 0


class Slots:
    """Count what is in the air, and tell what more may be claimed."""

    def __init__(self, *, concurrency_max: int, per_endpoint_max: int) -> None:
        """Begin with everything free and nothing known."""
        self._concurrency_max = concurrency_max
        self._per_endpoint_max = per_endpoint_max
        self._in_air: Counter[EndpointId] = Counter()
        self._allowances: OrderedDict[EndpointId, int] = OrderedDict()
        self._unrecorded = 0

    @property
    def in_air(self) -> int:
        """How many attempts wait for their answer."""
        return self._in_air.total()

    @property
    def free(self) -> int:
        """How many more attempts may be begun; an outcome that is not recorded holds its slot."""
        return max(self._concurrency_max - self.in_air - self._unrecorded, 0)

    def quotas(self, endpoints: Iterable[EndpointId]) -> dict[EndpointId, int]:
        """Tell how much may be claimed for each endpoint; those that get nothing are left out."""
        for_failing = self._concurrency_max // 2 - self._failing_in_air()
        quotas: dict[EndpointId, int] = {}
        for endpoint_id in endpoints:
            allowance = self._allowances.get(endpoint_id, 1)
            is_failing = allowance == _FAILING
            quota = (1 if is_failing else allowance) - self._in_air[endpoint_id]
            if quota <= 0 or (is_failing and for_failing <= 0):
                continue
            for_failing -= is_failing
            quotas[endpoint_id] = quota
        return quotas

    def begin(self, endpoint_id: EndpointId) -> None:
        """Count an attempt that begins."""
        self._in_air[endpoint_id] += 1

    def end(self, endpoint_id: EndpointId, *, is_good: bool) -> None:
        """Count an attempt that ended, and learn from how it did."""
        self._in_air[endpoint_id] -= 1
        if not self._in_air[endpoint_id]:
            del self._in_air[endpoint_id]
        self._unrecorded += 1
        if is_good:
            doubled = 2 * max(self._allowances.get(endpoint_id, 1), 1)
            self._allowances[endpoint_id] = min(doubled, self._per_endpoint_max)
        else:
            self._allowances[endpoint_id] = _FAILING
        self._allowances.move_to_end(endpoint_id)
        if len(self._allowances) > REMEMBERED_MAX:
            self._allowances.popitem(last=False)

    def recorded(self, count: int) -> None:
        """Free the slots of outcomes that are on record, or given up."""
        self._unrecorded -= count

    def _failing_in_air(self) -> int:
        return sum(
            count
            for endpoint_id, count in self._in_air.items()
            if self._allowances.get(endpoint_id) == _FAILING
        )
