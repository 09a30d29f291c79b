"""Add up the quantities of a lot by the rule of its category.

| category | rule | quantity of the lot |
|---|---|---|
| goods, software, network_security | sum | the sum of the shares (licences and seats among them) |
| bandwidth | coincidence | sum x coincidence factor, rounded up to offered circuits |
| recovery_capacity | largest_needs | the k largest needs; one hazard zone is one need |
| training | sessions | attendees / group size, rounded up |
| staff | posts | whole posts, each shared by at most n members |

A rule is applied where the pool's request gives its terms; without them the shares add up plainly.
Every rule grows with its shares: more need is never less quantity.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Protocol, TypeAlias, assert_never

from services.bids.domain.lots import exact
from services.bids.domain.pooling.posts import Packing, pack
from shared.domain.ids import PartyId
from shared.domain.money import QUANTITY_MAX, QUANTITY_SCALE
from shared.domain.refusals import Kind, Refusal

TRAINING: Final = "training"

SESSION: Final = "session"
"""The unit of a lot whose attendees were pooled into sessions."""

CIRCUITS_MAX: Final = 20
"""The most sizes of circuit that are offered for one lot."""

THOUSANDTH: Final = Decimal("0.001")

_QUANTITY: Final = attrgetter("quantity")


class Rule(StrEnum):
    """How the shares of a lot add up."""

    SUM = "sum"
    COINCIDENCE = "coincidence"
    LARGEST_NEEDS = "largest_needs"
    SESSIONS = "sessions"
    POSTS = "posts"


class Basis(StrEnum):
    """By what the cost of a lot falls to its shares: a share's weight is its own quantity.

    `attendance` counts heads, `demand` whatever else the members asked for.
    """

    DEMAND = "demand"
    ATTENDANCE = "attendance"


class PoolingTermsInvalid(Refusal):
    """A pooling rule was given terms by which nothing can be added up."""

    kind = Kind.INVALID
    code = "pooling_terms_invalid"


@dataclass(frozen=True, slots=True)
class CoincidenceTerms:
    """Peaks that do not coincide: above 0, at most 1; and the sizes in which capacity is sold.

    Without circuits the capacity is rounded up to the thousandth.
    """

    factor: Decimal
    circuits: tuple[Decimal, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what adds up to nothing."""
        if not 0 < self.factor <= 1:
            sentence = "A coincidence factor is above 0 and at most 1."
            raise PoolingTermsInvalid(sentence)
        fits = all(0 < size <= QUANTITY_MAX for size in self.circuits)
        if len(self.circuits) > CIRCUITS_MAX or not fits:
            sentence = f"At most {CIRCUITS_MAX} sizes of circuit are offered, each above 0."
            raise PoolingTermsInvalid(sentence)


@dataclass(frozen=True, slots=True)
class LargestNeedsTerms:
    """How many members, or whole hazard zones, are struck at once at the worst: 1 or more."""

    simultaneous: int

    def __post_init__(self) -> None:
        """Refuse what adds up to nothing."""
        _require_positive(self.simultaneous, "The number of simultaneous needs")


@dataclass(frozen=True, slots=True)
class SessionTerms:
    """How many attendees one session holds: 1 or more."""

    group_size: int

    def __post_init__(self) -> None:
        """Refuse what adds up to nothing."""
        _require_positive(self.group_size, "A group size")


@dataclass(frozen=True, slots=True)
class PostTerms:
    """How many members one post serves at most: 1 or more."""

    members_per_post: int

    def __post_init__(self) -> None:
        """Refuse what adds up to nothing."""
        _require_positive(self.members_per_post, "The number of members per post")


Terms: TypeAlias = CoincidenceTerms | LargestNeedsTerms | SessionTerms | PostTerms | None
"""What a lot's rule goes by; None is the plain sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolingRules:
    """The terms of one pool by category; None leaves a category to the plain sum."""

    bandwidth: CoincidenceTerms | None = None
    recovery_capacity: LargestNeedsTerms | None = None
    training: SessionTerms | None = None
    staff: PostTerms | None = None

    def terms_of(self, category: str) -> Terms:
        """Find the terms of a category's lots."""
        match category:
            case "bandwidth":
                return self.bandwidth
            case "recovery_capacity":
                return self.recovery_capacity
            case "training":
                return self.training
            case "staff":
                return self.staff
        return None


class Needing(Protocol):
    """Whose need it is, as far as adding up goes."""

    @property
    def id(self) -> PartyId:
        """The member."""

    @property
    def hazard_zone(self) -> str:
        """Where disasters strike together; an empty zone is shared with nobody."""


class Contribution(Protocol):
    """A requirement, as far as adding up goes."""

    @property
    def member(self) -> Needing:
        """Whose it is."""

    @property
    def quantity(self) -> Decimal:
        """How much, above 0."""

    @property
    def is_firm(self) -> bool:
        """Whether it is committed."""


@dataclass(frozen=True, slots=True)
class Circuits:
    """Which circuits carry the capacity: sizes with their counts, the largest first."""

    counts: tuple[tuple[Decimal, int], ...]


@dataclass(frozen=True, slots=True)
class Struck:
    """The needs that are counted, largest first: a whole hazard zone's, or one member's."""

    groups: tuple[tuple[str, tuple[PartyId, ...], Decimal], ...]


Detail: TypeAlias = Circuits | Struck | Packing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How a lot's quantity came about.

    `demand` is the plain sum of the shares, in their unit. `quantity` is what vendors bid on;
    `firm` what the rule makes of the firm shares alone, and `estimated` what the others add.
    """

    rule: Rule
    basis: Basis
    terms: Terms
    demand: Decimal
    quantity: Decimal
    firm: Decimal
    detail: Detail = None

    @property
    def estimated(self) -> Decimal:
        """What is added by shares that members only expect to take."""
        return exact(self.quantity - self.firm)


def reckon(category: str, needs: Sequence[Contribution], rules: PoolingRules) -> Volume:
    """Add up the needs of one lot, of which there is at least one."""
    terms = rules.terms_of(category)
    quantity, detail = quantity_of(terms, needs)
    firm = [need for need in needs if need.is_firm]
    firm_quantity = quantity
    if len(firm) < len(needs):
        # A packing that is not proven may be better for all than for some; firm is never above all.
        firm_quantity = min(quantity_of(terms, firm)[0], quantity)
    return Volume(
        rule=rule_of(terms),
        basis=Basis.ATTENDANCE if category == TRAINING else Basis.DEMAND,
        terms=terms,
        demand=quantity if terms is None else _sum(needs),
        quantity=quantity,
        firm=firm_quantity,
        detail=detail,
    )


def rule_of(terms: Terms) -> Rule:
    """Name the rule to which terms belong."""
    match terms:
        case None:
            return Rule.SUM
        case CoincidenceTerms():
            return Rule.COINCIDENCE
        case LargestNeedsTerms():
            return Rule.LARGEST_NEEDS
        case SessionTerms():
            return Rule.SESSIONS
        case PostTerms():
            return Rule.POSTS
    assert_never(terms)


def quantity_of(terms: Terms, needs: Sequence[Contribution]) -> tuple[Decimal, Detail]:
    """Reckon the quantity of some needs under a rule, and how it came about; of none it is 0."""
    if not needs:
        return Decimal(0), None
    match terms:
        case None:
            return _sum(needs), None
        case CoincidenceTerms():
            return _coinciding(terms, _sum(needs))
        case LargestNeedsTerms():
            return _largest(terms, needs)
        case SessionTerms():
            return _whole(_sum(needs) / terms.group_size), None
        case PostTerms():
            packing = pack(_thousandths_by_member(needs), members_per_post=terms.members_per_post)
            return Decimal(len(packing.posts)), packing
    assert_never(terms)


def _coinciding(terms: CoincidenceTerms, demand: Decimal) -> tuple[Decimal, Detail]:
    """Round the peak up to circuits: as many of the largest as fit in, then one for the rest.

    The one for the rest is the smallest that carries it. Where one circuit carries all, it is the
    smallest that does.
    """
    peak = (demand * terms.factor).quantize(THOUSANDTH, ROUND_CEILING)
    sizes = sorted(set(terms.circuits))
    if not sizes:
        return exact(peak), None
    counts: Counter[Decimal] = Counter()
    full, rest = divmod(peak, sizes[-1])
    counts[sizes[-1]] = int(full)
    if rest:
        counts[next(size for size in sizes if size >= rest)] += 1
    ordered = tuple((exact(size), counts[size]) for size in reversed(sizes) if counts[size])
    return exact(sum((size * count for size, count in ordered), Decimal(0))), Circuits(ordered)


def _largest(terms: LargestNeedsTerms, needs: Sequence[Contribution]) -> tuple[Decimal, Detail]:
    """Sum the largest simultaneous needs; members of one hazard zone are one need."""
    sums: defaultdict[str | PartyId, Decimal] = defaultdict(Decimal)
    for need in needs:
        member = need.member
        sums[member.hazard_zone or member.id] += need.quantity
    least = heapq.nlargest(terms.simultaneous, sums.values())[-1]
    members: defaultdict[str | PartyId, set[PartyId]] = defaultdict(set)
    for need in needs:
        struck = need.member.hazard_zone or need.member.id
        if sums[struck] >= least:
            members[struck].add(need.member.id)
    # Equal needs are told apart by their members, so that the order of the needs changes nothing.
    ranked = sorted(members, key=lambda struck: (-sums[struck], min(members[struck])))
    groups = tuple(
        (
            struck if isinstance(struck, str) else "",
            tuple(sorted(members[struck])),
            exact(sums[struck]),
        )
        for struck in ranked[: terms.simultaneous]
    )
    return exact(sum((quantity for _, _, quantity in groups), Decimal(0))), Struck(groups)


def _thousandths_by_member(needs: Iterable[Contribution]) -> dict[PartyId, int]:
    """Add up what each member needs of a post, in thousandths, by member id."""
    sums: defaultdict[PartyId, int] = defaultdict(int)
    for need in needs:
        sums[need.member.id] += int(need.quantity * QUANTITY_SCALE)
    return {member_id: sums[member_id] for member_id in sorted(sums)}


def _sum(needs: Iterable[Contribution]) -> Decimal:
    return exact(sum(map(_QUANTITY, needs), Decimal(0)))


def _whole(quantity: Decimal) -> Decimal:
    return quantity.to_integral_value(ROUND_CEILING)


def _require_positive(number: int, what: str) -> None:
    if number < 1:
        sentence = f"{what} is a whole number above 0."
        raise PoolingTermsInvalid(sentence)


def terms_written(rule: Rule, written: Mapping[str, Any]) -> Terms:
    """Read terms back from how they were written: quantities as decimal strings."""
    match rule:
        case Rule.SUM:
            return None
        case Rule.COINCIDENCE:
            circuits = tuple(Decimal(size) for size in written["circuits"])
            return CoincidenceTerms(Decimal(written["factor"]), circuits)
        case Rule.LARGEST_NEEDS:
            return LargestNeedsTerms(written["simultaneous"])
        case Rule.SESSIONS:
            return SessionTerms(written["group_size"])
        case Rule.POSTS:
            return PostTerms(written["members_per_post"])
    assert_never(rule)
