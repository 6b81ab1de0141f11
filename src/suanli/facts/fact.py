"""One number with what stands behind it."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Tier(enum.IntEnum):
    """How a number is known, best first; what is computed from several numbers has the worst of their tiers."""

    MEASURED = 1
    OFFICIAL = 2
    REPORTED = 3
    DERIVED = 4
    ESTIMATED = 5
    ASSUMED = 6

    @classmethod
    def of(cls, name: str) -> Tier:
        """The tier called ``name`` (lower case); ``KeyError`` otherwise.

        >>> Tier.of("official")
        <Tier.OFFICIAL: 2>
        """
        return cls[name.upper()]


@dataclass(frozen=True, slots=True)
class Source:
    """Where a number was read: ``read_on`` is the day somebody of ours saw it, ``None`` for a number written from memory."""

    title: str
    url: str
    tier: Tier
    read_on: str | None = None
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value in SI, as its sources state it: ``value`` with ``low``/``high`` where the sources disagree or give a range.

    ``dimension`` is a key of ``units.DIMENSIONS``; ``stated`` and ``unit`` are the number and unit as written in the file; ``since``
    the date the value holds from.
    """

    value: float
    dimension: str
    stated: float
    unit: str
    sources: tuple[Source, ...]
    tier: Tier
    low: float
    high: float
    since: str = ""
    note: str = ""
