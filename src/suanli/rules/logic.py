"""Conditions on items as three-valued columns: ``NO`` < ``MAYBE`` < ``YES``, so that *and* is the smallest and *or* the largest.

``MAYBE`` is where an unknown value decides. Every comparison is exact (fractions of decimals), made once per item and remembered.
"""

from __future__ import annotations

import datetime
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from suanli.facts.reader import first_day
from suanli.rules.book import Country
from suanli.rules.files import Area, Condition
from suanli.rules.item import Item, metrics, named

Truths = npt.NDArray[np.int8]

NO, MAYBE, YES = 0, 1, 2

_COMPARE: dict[str, Callable[[Fraction, Fraction], bool]] = {">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True)
class Items:
    """Items as columns of length N; ``memo`` keeps what was found of them."""

    each: tuple[Item, ...]
    memo: dict[object, object] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.each)

    def metric(self, name: str) -> tuple[Fraction | None, ...]:
        """The exact values of a metric (N,); ``None`` where unknown."""
        if "metrics" not in self.memo:
            self.memo["metrics"] = [metrics(item) for item in self.each]
        columns = self.memo["metrics"]
        assert isinstance(columns, list)
        return tuple(each[name] for each in columns)

    @property
    def seats(self) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
        """The distinct seats of the makers ("CN", "US/TW", blank: unknown), and which of them each item has (N,)."""
        if "seats" not in self.memo:
            codes, row = np.unique(np.array([item.hq_country for item in self.each], dtype=str), return_inverse=True)
            self.memo["seats"] = tuple(codes.tolist()), row
        seats = self.memo["seats"]
        assert isinstance(seats, tuple)
        return seats

    def found(self, key: object, of: Callable[[], Sequence[int]]) -> Truths:
        """A column of truths, made by ``of`` the first time it is asked for."""
        if key not in self.memo:
            self.memo[key] = np.array(of(), dtype=np.int8)
        column = self.memo[key]
        assert isinstance(column, np.ndarray)
        return column


@dataclass(frozen=True)
class Facts:
    """What a condition may look at: the items, the control-list entry they are taken to be under, what depends on the circumstances alone."""

    items: Items
    eccn: str = ""
    circumstances: tuple[tuple[str, Fraction | None], ...] = ()


@cache
def threshold(value: float) -> Fraction:
    """The decimal a rule file states, exact."""
    return Fraction(str(value))


def _sides(values: Sequence[Fraction | None], leaf: Condition) -> list[int]:
    assert leaf.op is not None
    assert leaf.value is not None
    line, compare = threshold(leaf.value), _COMPARE[leaf.op]
    return [MAYBE if value is None else YES if compare(value, line) else NO for value in values]


def holds(condition: Condition | None, facts: Facts) -> Truths:
    """Whether a condition holds of each item (N,)."""
    items = facts.items
    if condition is None:
        return np.full(len(items), YES, dtype=np.int8)
    if condition.all_of is not None:
        return np.asarray(np.minimum.reduce([holds(each, facts) for each in condition.all_of]))
    if condition.any_of is not None:
        return np.asarray(np.maximum.reduce([holds(each, facts) for each in condition.any_of]))
    if condition.eccn is not None:
        return np.full(len(items), YES if facts.eccn in condition.eccn else NO, dtype=np.int8)
    return _leaf(condition, facts)


def _leaf(leaf: Condition, facts: Facts) -> Truths:
    items = facts.items
    if leaf.metric is not None:
        metric = leaf.metric
        given = dict(facts.circumstances)
        if metric in given:
            return np.full(len(items), _sides([given[metric]], leaf)[0], dtype=np.int8)
        return items.found((metric, leaf.op, leaf.value), lambda: _sides(items.metric(metric), leaf))
    if leaf.flag is not None:
        flag, wanted = leaf.flag, leaf.is_
        known = [getattr(item, flag) for item in items.each]
        return items.found((flag, wanted), lambda: [MAYBE if each is None else YES if each is wanted else NO for each in known])
    if leaf.names is not None:
        names = leaf.names
        return items.found(("names", names), lambda: [YES * any(named(item.name, each) for each in names) for item in items.each])
    if leaf.designers is not None:
        designers = leaf.designers
        return items.found(("designers", designers), lambda: [YES * (item.designer in designers) for item in items.each])
    assert leaf.released_by is not None
    day = first_day(leaf.released_by)
    return items.found(("released_by", day), lambda: [YES * _released(item, day) for item in items.each])


def _released(item: Item, day: datetime.date) -> bool:
    """Known to be later is false; an unknown day is a condition for the applicant to show, which the clause says."""
    return not item.released or first_day(item.released) <= day


def leaves(condition: Condition | None) -> Iterator[Condition]:
    """The comparisons and flags inside a condition."""
    if condition is None:
        return
    if condition.metric is not None or condition.flag is not None:
        yield condition
    for each in (*(condition.all_of or ()), *(condition.any_of or ())):
        yield from leaves(each)


def within(area: Area | None, country: Country) -> bool:
    """Whether a country is in an area (no area: everywhere)."""
    if area is None:
        return True
    codes = {country.code, country.counts_as}
    if codes & set(area.not_countries):
        return False
    if codes & set(area.countries):
        return True
    grouped = bool(country.groups & set(area.in_groups)) if area.countries or area.in_groups else True
    return grouped and not country.groups & set(area.not_in_groups)
