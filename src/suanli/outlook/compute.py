"""The growth of training compute: who set records, how fast, how sure, and where that leads.

Data: Epoch AI, Data on Notable AI Models, CC BY 4.0 (``data/market/training_compute.csv``). The answer depends on which models are looked at, so
the rule of the sample is part of it.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from suanli.errors import BadInput
from suanli.facts import Catalogue, Schema
from suanli.facts.reader import Day, first_day
from suanli.formulas.trend import Break, Fit, doubling_time, log_linear, projected, running_top, trend_break

Rule = Literal["record", "top10", "all"]
#: rule of a sample -> how many of the largest models of their day are in it (None: all)
RULES: dict[str, int | None] = {"record": 1, "top10": 10, "all": None}

#: models are ranked among those published since this day: before deep learning the table has little
RANKED_SINCE = datetime.date(2010, 1, 1)
#: the fewest models a trend is drawn through
FEWEST = 5
_YEAR = 365.25
_ORIGIN = datetime.date(2012, 1, 1)
#: standard errors to each side of a growth factor (95 %), and standard deviations of an 80 % interval
TWO = 2.0
EIGHTY = NormalDist().inv_cdf(0.9)


class _Row(Schema):
    model: str
    organisation: str = ""
    country: str = ""
    published: Day
    domain: str = ""
    compute: float = Field(gt=0)
    parameters: float | None = None
    hardware: str = ""
    chips: float | None = None
    hours: float | None = None
    power: float | None = None
    cost: float | None = None
    confidence: str = ""
    url: str = ""


@dataclass(frozen=True)
class TrainedModel:
    """A model whose training compute [FLOP] is known or estimated; ``confidence`` is Epoch AI's word for it."""

    name: str
    organisations: tuple[str, ...]
    countries: tuple[str, ...]
    published: datetime.date
    domains: tuple[str, ...]
    compute: float
    parameters: float
    hardware: str
    chips: float
    hours: float
    cost: float
    confidence: str
    url: str

    @property
    def time(self) -> float:
        """Years since 2012."""
        return (self.published - _ORIGIN).days / _YEAR


@dataclass(frozen=True)
class Growth:
    """A trend through a sample: growth factor a year with +-2 standard errors as if models were independent (``factor``) and letting those of a
    year move together (``grouped``), doubling time [months], the test for a break.
    """

    rule: str
    first: datetime.date
    last: datetime.date
    models: tuple[TrainedModel, ...]
    fit: Fit
    factor: tuple[float, float, float]
    grouped: tuple[float, float, float]
    doubling_months: tuple[float, float, float]
    broke: Break | None

    def at(self, day: datetime.date) -> tuple[float, float, float]:
        """The compute [FLOP] of such a model on a day: low, mid, high of 80 %."""
        time = np.array([(day - _ORIGIN).days / _YEAR])
        low, mid, high = (float(each[0]) for each in projected(self.fit, time, EIGHTY))
        return low, mid, high

    def fan(self, days: Sequence[datetime.date]) -> npt.NDArray[np.float64]:
        """The same for many days, (3, days)."""
        return np.stack(projected(self.fit, np.array([(day - _ORIGIN).days / _YEAR for day in days]), EIGHTY))


def load_trained(catalogue: Catalogue) -> tuple[TrainedModel, ...]:
    """Every model of the table, oldest first; of one day the largest first, so that only it can set the record of that day."""
    rows = catalogue.table("market", "training_compute", _Row)
    found = [
        TrainedModel(
            row.model,
            _parts(row.organisation),
            tuple(dict.fromkeys(_parts(row.country))),
            first_day(row.published),
            tuple(row.domain.split("|")),
            row.compute,
            _known(row.parameters),
            row.hardware,
            _known(row.chips),
            _known(row.hours),
            _known(row.cost),
            row.confidence,
            row.url,
        )
        for row in rows
    ]
    return tuple(sorted(found, key=lambda each: (each.published, -each.compute)))


def _parts(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(","))))


def _known(value: float | None) -> float:
    return math.nan if value is None else value


def sample(models: Sequence[TrainedModel], rule: str, first: datetime.date, last: datetime.date) -> tuple[TrainedModel, ...]:
    """The models published from ``first`` to ``last`` that were, on their day, among the largest since 2010 (as the rule says)."""
    ranked = [each for each in models if each.published >= RANKED_SINCE]
    count = RULES[rule]
    if count is not None:
        kept = running_top(np.array([each.compute for each in ranked]), count)
        ranked = [each for each, keep in zip(ranked, kept, strict=True) if keep]
    return tuple(each for each in ranked if first <= each.published <= last)


def grew(models: Sequence[TrainedModel], rule: str = "record", first: datetime.date = _ORIGIN, last: datetime.date | None = None) -> Growth:
    """The growth of a sample; ``BadInput`` where it has too few models for a trend."""
    last = last or models[-1].published
    chosen = sample(models, rule, first, last)
    if len(chosen) < FEWEST:
        raise BadInput("outlook.too_few", rule=rule, first=first.isoformat(), last=last.isoformat(), found=len(chosen), fewest=FEWEST)
    time, compute = np.array([each.time for each in chosen]), np.array([each.compute for each in chosen])
    fit = log_linear(time, compute, np.array([each.published.year for each in chosen]))
    factor = _around(fit.slope, fit.error)
    months = tuple(float(doubling_time(np.log(each))) * 12 for each in (factor[2], factor[1], factor[0]))
    broke = trend_break(time, compute) if len(chosen) >= 2 * FEWEST else None
    return Growth(rule, first, last, chosen, fit, factor, _around(fit.slope, fit.group_error), (months[0], months[1], months[2]), broke)


def _around(slope: float, error: float) -> tuple[float, float, float]:
    low, mid, high = (math.exp(slope + side * TWO * error) for side in (-1, 0, 1))
    return low, mid, high
