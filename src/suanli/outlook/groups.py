"""Whose models they are: countries and organisations beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from suanli.errors import BadInput
from suanli.outlook.compute import Growth, TrainedModel, grew, sample

#: the largest models of a country or an organisation that are named
NAMED = 3


@dataclass(frozen=True)
class Group:
    """The models of a country or an organisation in a sample: how many, the largest, and its own growth where it has enough."""

    name: str
    count: int
    largest: tuple[TrainedModel, ...]
    growth: Growth | None


def groups_of(models: Sequence[TrainedModel], growth: Growth, by: str) -> tuple[Group, ...]:
    """The models in the years of ``growth`` by ``country`` or ``organisation``, the one with the largest model first."""
    found: dict[str, list[TrainedModel]] = {}
    for each in sample(models, "all", growth.first, growth.last):
        for name in each.countries if by == "country" else each.organisations:
            found.setdefault(name, []).append(each)
    groups = [_group(name, mine, growth) for name, mine in found.items()]
    return tuple(sorted(groups, key=lambda each: -each.largest[0].compute))


def _group(name: str, models: Sequence[TrainedModel], growth: Growth) -> Group:
    try:
        own = grew(models, "record", growth.first, growth.last)
    except BadInput:
        own = None
    return Group(name, len(models), tuple(sorted(models, key=lambda each: -each.compute)[:NAMED]), own)
