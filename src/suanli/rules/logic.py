"""Conditions and scopes on an item: true, false, or ``None`` where an unknown number decides."""

from __future__ import annotations

import datetime
import operator
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from suanli.facts.reader import first_day
from suanli.rules.book import Country
from suanli.rules.files import Area, Condition
from suanli.rules.item import Item, named

_COMPARE = {">=": operator.ge, ">": operator.gt, "<": operator.lt, "<=": operator.le}


@dataclass(frozen=True)
class Facts:
    """What a condition may look at."""

    item: Item
    metrics: dict[str, Fraction | None]
    eccn: str = ""


@cache
def threshold(value: float) -> Fraction:
    """The decimal a rule file states, exact."""
    return Fraction(str(value))


def both(truths: Iterable[bool | None]) -> bool | None:
    """Three-valued and: false if one is false, else unknown if one is unknown."""
    unknown = False
    for truth in truths:
        if truth is False:
            return False
        unknown = unknown or truth is None
    return None if unknown else True


def either(truths: Iterable[bool | None]) -> bool | None:
    """Three-valued or."""
    unknown = False
    for truth in truths:
        if truth:
            return True
        unknown = unknown or truth is None
    return None if unknown else False


def holds(condition: Condition | None, facts: Facts) -> bool | None:
    """Whether a condition holds of the facts."""
    if condition is None:
        return True
    if condition.all_of is not None:
        return both(holds(each, facts) for each in condition.all_of)
    if condition.any_of is not None:
        return either(holds(each, facts) for each in condition.any_of)
    if condition.metric is not None:
        assert condition.op is not None
        assert condition.value is not None
        value = facts.metrics[condition.metric]
        return None if value is None else bool(_COMPARE[condition.op](value, threshold(condition.value)))
    if condition.flag is not None:
        known = getattr(facts.item, condition.flag)
        return None if known is None else known is condition.is_
    if condition.eccn is not None:
        return facts.eccn in condition.eccn
    if condition.names is not None:
        return any(named(facts.item.name, each) for each in condition.names)
    if condition.designers is not None:
        return facts.item.designer in condition.designers
    assert condition.released_by is not None
    return _released(facts.item, first_day(condition.released_by))


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
    if not area.countries and not area.in_groups:
        return True
    return bool(country.groups & set(area.in_groups)) and not country.groups & set(area.not_in_groups)
