"""Aim drawn requests: give most of them what gets them past the door.

A request that is drawn blindly names nobody, is dated in the year 4301, and is refused at once.
Here most of its members are replaced, each by chance, with what a real caller would send.
"""

import base64
import random
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from schemathesis import Case

from services.bids.csv_import import COLUMNS
from shared.auth.roles import ROLE_SCOPES
from shared.clock import SystemClock
from shared.web.routes import Route
from tests.system.prepared import CRITERION, NOWHERE, Ids, Prepared

MOSTLY: Final = 0.9
"""How often a member is replaced, in half of the requests; in the other half all are."""

_STATES: Final = {
    "rfp_not_draft": "draft",
    "rfp_not_published": "published",
    "bid_late": "published",
    "confirmation_late": "published",
    "lot_not_evaluated": "opened",
    "evaluation_unknown": "opened",
    "scenario_unknown": "opened",
    "conflict_stands": "opened",
    "bid_unscored": "opened",
    "protester_unknown": "intended",
    "award_not_proposed": "intended",
    "protest_unknown": "intended",
    "award_unknown": "awarded",
    "award_not_standing": "awarded",
    "award_line_unknown": "awarded",
}
"""The state in which a route is of use, by a refusal that it gives in the others."""

_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_BYTES: Final = {"sealed": 4144, "technical": 4144, "opener_key": 32, "resealed_share": 99}
"""Members that are bytes, and lengths at which they are looked into."""

_TABLES: Final = {
    "/v1/requirements/import": COLUMNS,
    "/v1/rfps/{rfp_id}/bids/import": ("lot_number", "unit_price", "from_quantity"),
}


def _plausible() -> dict[str, Any]:
    now = SystemClock().now()
    return {
        "currency": "USD",
        "consortium_model": "group_procurement",
        "policy_profile": "open",
        "title": "Laptops",
        "standstill_s": 1,
        "opens_at": (now + timedelta(minutes=1)).isoformat(),
        "closes_at": (now + timedelta(hours=2)).isoformat(),
        "need_by": "2031-07-01",
        "quantity": "12.5",
        "unit_price": "380.5",
        "number": 1,
        "lot_number": "1",
        "criterion": CRITERION,
        "mark": "7.5",
        "by": "item",
        "url": NOWHERE,
        "event_type": "award.line_made.v1",
        "addendum": 1,
        "term_months": 12,
        "commitment": "firm",
        "category": "goods",
        "baseline_unit_price": "410",
        "decimal": "point",
        "kind": ("member", "vendor", "custodian"),
    }


_KINDS_OF_OTHERS: Final = re.compile(r"/(member|authorities|scoring|scenarios|terms)$|rfps$")
"""Paths of bodies in which `kind` is something else than a party's."""


class Aim:
    """What one request is aimed at."""

    def __init__(self, route: Route, prepared: Prepared, chance: random.Random) -> None:
        self.route = route
        self.prepared = prepared
        self.chance = chance
        self._share = chance.choice((MOSTLY, 1.0))

    def token(self) -> str | None:
        """Mostly one of a role that may ask; now and then any, or none."""
        if not self._mostly() and self._mostly():
            return None
        fit = [role for role, scopes in ROLE_SCOPES.items() if self.route.scope in scopes]
        role = self.chance.choice(fit if fit and self._mostly() else list(ROLE_SCOPES))
        return self.chance.choice(self.prepared.tokens[role])

    def turn(self, case: Case[Any]) -> None:
        """Turn a drawn request towards what is there."""
        ids = {**self.prepared.ids, **self._purchase()}
        plausible = _plausible()
        if _KINDS_OF_OTHERS.search(self.route.path):
            del plausible["kind"]
        for name in filter(self._is_replaced, sorted(case.path_parameters.keys() & ids.keys())):
            case.path_parameters[name] = self.chance.choice(ids[self._meant(name)])
        for name in filter(self._is_replaced, sorted(self.route.query.keys() & plausible.keys())):
            case.query[name] = plausible[name]
        if self._is_replaced("Idempotency-Key"):
            case.headers.pop("Idempotency-Key", None)
        if columns := _TABLES.get(self.route.path):
            case.body = self._table(columns, str(case.body), plausible)
        elif isinstance(case.body, (dict, list)):
            plausible |= {name: those for name, those in ids.items() if name.endswith("_id")}
            case.body = self._aimed(self._completed(case.body, plausible), "", plausible)

    def _meant(self, name: str) -> str:
        """Name the ids from which a path is filled: some paths mean a party of one kind."""
        ending = self.route.path.rpartition("/")[2]
        kinds = {"member": "member_id", "authorities": "member_id", "vendor": "vendor_id"}
        return kinds.get(ending, name) if name == "party_id" else name

    def _purchase(self) -> Ids:
        """Choose a purchase that has what the path names, in a state in which it is of use."""
        codes = [refusal.code for refusal in self.route.refusals]
        wanted = {_STATES[code] for code in codes if code in _STATES}
        having = [
            (state, ids)
            for state, ids in self.prepared.purchases
            if all(ids.get(name) or name in self.prepared.ids for name in self.route.path_names)
        ]
        fit = [ids for state, ids in having if state in wanted]
        everything = [ids for _, ids in having or self.prepared.purchases]
        return self.chance.choice(fit if fit and self._mostly() else everything)

    def _completed(self, drawn: Any, plausible: Mapping[str, Any]) -> Any:
        """Add optional members of a body that were not drawn; of two ways to price, leave one."""
        if not isinstance(drawn, dict) or self.route.body is None or self._share < 1:
            return drawn
        known = self.route.body.model_fields
        whole = {name: plausible[name] for name in known if name in plausible} | drawn
        ways = self.chance.choice((("tiers",), ("unit_price",)))
        return {name: value for name, value in whole.items() if name not in ways}

    def _aimed(self, drawn: Any, name: str, plausible: Mapping[str, Any]) -> Any:
        """Put plausible members into a drawn body, and leave some as they are."""
        if isinstance(drawn, dict):
            return {key: self._aimed(value, key, plausible) for key, value in drawn.items()}
        if isinstance(drawn, list):
            return [self._aimed(value, name.removesuffix("s"), plausible) for value in drawn]
        if not self._mostly():
            return drawn
        if name in plausible:
            found = plausible[name]
            return found if isinstance(found, (str, int)) else self.chance.choice(found)
        if name in _BYTES and drawn is not None:
            return _text(self.chance.randbytes(_BYTES[name]))
        return _clean(drawn)

    def _table(self, columns: tuple[str, ...], drawn: str, plausible: Mapping[str, Any]) -> str:
        """Write a table whose cells are plausible but for some, which are what was drawn."""
        rows = [
            [str(plausible.get(name, "x")) if self._mostly() else drawn for name in columns]
            for _ in range(self.chance.randrange(4))
        ]
        header = columns if self._mostly() else (*columns, drawn)
        return "\r\n".join(",".join(row) for row in (header, *rows))

    def _is_replaced(self, _name: str) -> bool:
        return self._mostly()

    def _mostly(self) -> bool:
        return self.chance.random() < self._share


def _clean(drawn: Any) -> Any:
    """Keep a text on one line, and write a whole number without decimals."""
    if isinstance(drawn, str):
        return _CONTROL.sub("", drawn).strip() or "x"
    return int(drawn) if isinstance(drawn, float) and drawn.is_integer() else drawn


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
