"""Share whole posts among members that need fractions of one: bin packing with few members a bin.

A member is served by one specialist for its fraction, so that a fraction is not split; a need of a
whole post or more takes that many posts for itself, and its fraction is packed. Posts hold a
thousand thousandths.

The fewest posts lie between a lower bound and what a good heuristic finds; where the two meet, the
packing is proven. Otherwise a search that tries every packing closes the gap; it is bounded in
steps, not in time, so that the same needs always get the same answer. What it leaves open is said:
`at_least` is proven, and no more posts than there are in `posts` are needed.
"""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from shared.domain.ids import PartyId

FULL: Final = 1_000
"""One post, in thousandths."""

SEARCHED_MEMBERS_MAX: Final = 120
"""The most fractions whose packing is searched; sixty districts share far fewer specialists."""

LOOKS_MAX: Final = 1_000_000
"""The most looks at a post that the searches for one lot take: about half a second."""

PAIR: Final = 2
"""Of two members at most, the fewest posts are found at once, without a search."""


@dataclass(frozen=True, slots=True)
class Post:
    """One whole post: which members it serves, each with how many thousandths."""

    members: tuple[tuple[PartyId, int], ...]

    @property
    def filled(self) -> int:
        """How many thousandths of it are asked for."""
        return sum(thousandths for _, thousandths in self.members)

    @property
    def spare(self) -> int:
        """How many thousandths are left over."""
        return FULL - self.filled


@dataclass(frozen=True, slots=True)
class Packing:
    """Posts that serve every need. Fewer than `at_least` cannot do it."""

    posts: tuple[Post, ...]
    at_least: int

    @property
    def is_proven(self) -> bool:
        """Tell whether no packing has fewer posts."""
        return len(self.posts) == self.at_least

    @property
    def spare(self) -> int:
        """How many thousandths are left over in all."""
        return sum(post.spare for post in self.posts)


class _Item(NamedTuple):
    """A member's fraction of a post, in thousandths: above 0, below a whole one."""

    size: int
    member_id: PartyId


def pack(needs: Mapping[PartyId, int], *, members_per_post: int) -> Packing:
    """Pack needs, in thousandths of a post, into as few posts as can be proven or found.

    The same needs give the same posts, whatever their order.
    """
    own: list[Post] = []
    items: list[_Item] = []
    for member_id in sorted(needs):
        whole, rest = divmod(needs[member_id], FULL)
        own += [Post(((member_id, FULL),))] * whole
        if rest:
            items.append(_Item(rest, member_id))
    items.sort(key=lambda item: (-item.size, item.member_id))
    bins, at_least = _packed(items, members_per_post)
    shared = (Post(tuple((item.member_id, item.size) for item in each)) for each in bins)
    return Packing((*own, *shared), len(own) + at_least)


def _packed(items: Sequence[_Item], most: int) -> tuple[list[list[_Item]], int]:
    """Pack items, the largest first; return the bins, and how many there must be."""
    at_least = _lower_bound([item.size for item in items], most)
    if most <= PAIR:
        pairs = _pairs(items, most)
        return pairs, len(pairs)
    best = min(_best_fit(items, most), _fullest_first(items, most), key=len)
    best = _evenly_in_fewer(items, most, at_least, best)
    if len(items) > SEARCHED_MEMBERS_MAX:
        return best, at_least
    looks = _Looks(LOOKS_MAX)
    while at_least < len(best):
        try:
            found = _Search(items, most, at_least, looks).run()
        except _OutOfLooks:
            break
        if found is not None:
            return found, at_least
        at_least += 1
    return best, at_least


def _lower_bound(sizes: Sequence[int], most: int) -> int:
    """Tell how many posts there must be at least.

    No post holds more than a whole one, nor more than `most` members; and items above half a post
    meet none of their like. Source: Martello and Toth, Knapsack Problems (1990), the bound L2.
    """
    if not sizes:
        return 0
    bound = max(_ceil(sum(sizes), FULL), _ceil(len(sizes), most))
    counts = Counter(sizes)
    for least in (size for size in counts if 2 * size <= FULL):
        alone = sum(count for size, count in counts.items() if size > FULL - least)
        halves = [size for size in sizes if 2 * size > FULL and size <= FULL - least]
        small = sum(size * count for size, count in counts.items() if least <= size <= FULL // 2)
        room = len(halves) * FULL - sum(halves)
        bound = max(bound, alone + len(halves) + max(0, _ceil(small - room, FULL)))
    return max(bound, sum(1 for size in sizes if 2 * size > FULL))


def _best_fit(items: Sequence[_Item], most: int) -> list[list[_Item]]:
    """Put each item, the largest first, into the fullest post that still takes it."""
    bins: list[list[_Item]] = []
    by_load: list[list[int]] = [[] for _ in range(FULL)]
    for item in items:
        load = next((at for at in range(FULL - item.size, 0, -1) if by_load[at]), None)
        if load is None:
            bins.append([item])
            place, load = len(bins) - 1, 0
        else:
            place = by_load[load].pop()
            bins[place].append(item)
        if load + item.size < FULL and len(bins[place]) < most:
            by_load[load + item.size].append(place)
    return bins


def _fullest_first(items: Sequence[_Item], most: int) -> list[list[_Item]]:
    """Fill one post after another: the largest that is left, then whatever fits best with it."""
    left: dict[int, list[_Item]] = {}
    for item in reversed(items):
        left.setdefault(item.size, []).append(item)
    bins: list[list[_Item]] = []
    while left:
        chosen = [max(left)]
        room = FULL - chosen[0]
        while len(chosen) < most:
            taken = Counter(chosen)
            fitting = [size for size in left if size <= room and len(left[size]) > taken[size]]
            if not fitting:
                break
            # With few places left, large ones fill best; an exact fill is looked for one ahead.
            chosen.append(max(fitting, key=lambda size: (_completes(size, room, left), size)))
            room -= chosen[-1]
        bins.append([left[size].pop() for size in chosen])
        left = {size: listed for size, listed in left.items() if listed}
    return bins


def _completes(size: int, room: int, left: Mapping[int, Sequence[_Item]]) -> bool:
    """Tell whether the size fills the room, alone or with one other that is left."""
    rest = room - size
    return rest == 0 or len(left.get(rest, ())) > (rest == size)


def _pairs(items: Sequence[_Item], most: int) -> list[list[_Item]]:
    """Pair the largest with the smallest while they fit: no pairing has more pairs.

    The largest that fits with no smallest fits with nobody; if it fits, any partner of its may be
    changed for the smallest.
    """
    bins: list[list[_Item]] = []
    smallest = len(items) - 1
    for at, item in enumerate(items):
        if at > smallest:
            break
        bins.append([item])
        if most == PAIR and at < smallest and item.size + items[smallest].size <= FULL:
            bins[-1].append(items[smallest])
            smallest -= 1
    return bins


def _evenly_in_fewer(
    items: Sequence[_Item], most: int, at_least: int, best: list[list[_Item]]
) -> list[list[_Item]]:
    """Look for fewer posts by spreading the members evenly, halving the gap with each try."""
    low, high = at_least, len(best) - 1
    while low <= high:
        middle = (low + high) // 2
        found = _evenly(items, most, middle)
        if found is None:
            low = middle + 1
        else:
            best, high = found, middle - 1
    return best


def _evenly(items: Sequence[_Item], most: int, posts: int) -> list[list[_Item]] | None:
    """Put each item, the largest first, into the emptiest post; None when one does not fit."""
    bins: list[list[_Item]] = [[] for _ in range(posts)]
    emptiest = [(0, place) for place in range(posts)]
    for item in items:
        if not emptiest or emptiest[0][0] + item.size > FULL:
            return None
        load, place = emptiest[0]
        bins[place].append(item)
        if len(bins[place]) < most:
            heapq.heapreplace(emptiest, (load + item.size, place))
        else:
            heapq.heappop(emptiest)
    return bins


class _OutOfLooks(Exception):  # noqa: N818 - a fact about the search, caught where it began
    """The search has tried as much as it may."""


class _Looks:
    """Count down how often a search may still look at a post."""

    def __init__(self, count: int) -> None:
        self._left = count

    def take(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise _OutOfLooks


class _Search:
    """Look for a packing into a given number of posts, by trying every one that differs."""

    def __init__(self, items: Sequence[_Item], most: int, posts: int, looks: _Looks) -> None:
        self._items = items
        self._most = most
        self._bins: list[list[_Item]] = [[] for _ in range(posts)]
        self._free = [FULL] * posts
        self._looks = looks
        self._left = [0] * (len(items) + 1)
        for at in range(len(items) - 1, -1, -1):
            self._left[at] = self._left[at + 1] + items[at].size

    def run(self) -> list[list[_Item]] | None:
        """Return the posts, or None when no packing has so few."""
        return self._bins if self._place(0, 0) else None

    def _place(self, at: int, first: int) -> bool:
        """Place the item at a position and all behind it; equal items go to posts in order."""
        if at == len(self._items):
            return True
        self._looks.take(len(self._bins))
        if not self._can_hold_rest(at):
            return False
        item = self._items[at]
        tried: set[tuple[int, int]] = set()
        for place in range(first, len(self._bins)):
            state = (self._free[place], len(self._bins[place]))
            if item.size > state[0] or state[1] >= self._most or state in tried:
                continue
            tried.add(state)
            self._bins[place].append(item)
            self._free[place] -= item.size
            is_like_next = at + 1 < len(self._items) and self._items[at + 1].size == item.size
            if self._place(at + 1, place if is_like_next else 0):
                return True
            self._bins[place].pop()
            self._free[place] += item.size
        return False

    def _can_hold_rest(self, at: int) -> bool:
        """Tell whether what is left could fit, were it poured: by room, and by places."""
        smallest = self._items[-1].size
        room = places = 0
        for free, members in zip(self._free, self._bins, strict=True):
            if free >= smallest and len(members) < self._most:
                room += free
                places += self._most - len(members)
        return self._left[at] <= room and len(self._items) - at <= places


def _ceil(number: int, divisor: int) -> int:
    return -(-number // divisor)
