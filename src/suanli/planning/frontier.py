"""What the frontier run of a year would need: a trend of compute, through the training model, in chips, power and money."""

from __future__ import annotations

import datetime
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from suanli.errors import NoAnswer
from suanli.facts import Catalogue, Fact
from suanli.facts.names import index, resolve
from suanli.formulas.interval import combined_interval
from suanli.hardware import Chip, load_chips, load_systems, usual_system
from suanli.models.generic import dense_of_size
from suanli.outlook import Growth, load_outlook
from suanli.places import Place
from suanli.planning.training import Training, make_train_ask, make_training_plan
from suanli.units import factor

BILLION = factor("bn", "1")
_DAY = factor("day", "second")


@dataclass(frozen=True)
class Need:
    """What a run of some compute needs of one chip (low, mid, high of 80 %; compute and speed vary independently): chips for the days assumed,
    money for all of it, W of the chips' servers.
    """

    chip: Chip
    option: Training
    chips: tuple[float, float, float]
    cost: tuple[float, float, float]
    power: tuple[float, float, float]


@dataclass(frozen=True)
class FrontierRun:
    """The run of a frontier model of a year: compute [FLOP] from a trend, the dense model it would train, and what that needs of each chip."""

    growth: Growth
    day: datetime.date
    compute: tuple[float, float, float]
    parameters: float
    tokens: float
    days: float
    needs: tuple[Need, ...]
    assumptions: dict[str, Fact]


def frontier_run(
    catalogue: Catalogue, year: int, chips: Sequence[str], growth: Growth, place: Place, compute: float | None = None, days: float | None = None
) -> FrontierRun:
    """What the frontier run of the middle of ``year`` would need of each chip, by the trend of ``growth`` (or ``compute`` [FLOP])."""
    assumptions = {name: fact for name, fact in load_outlook(catalogue).items() if name != "price_spread"}
    day = datetime.date(year, 7, 1)
    band = growth.at(day) if compute is None else (compute, compute, compute)
    ratio = assumptions["tokens_per_parameter"].value
    parameters = math.sqrt(band[1] / (6 * ratio))
    seconds = assumptions["days"].value if days is None else days * _DAY
    count = int(assumptions["cluster"].value)
    ask = make_train_ask(catalogue, dense_of_size(parameters), place, tokens=ratio * parameters)
    needs = []
    for name in chips:
        chip = resolve("chip", name, index(load_chips(catalogue).values()))
        plan = make_training_plan(catalogue, ask, [(chip, usual_system(chip, load_systems(catalogue).values()))], (count,))
        if not plan.options:
            raise NoAnswer("outlook.no_run", chip=chip.name, parameters=f"{parameters / BILLION:,.0f}", count=count)
        needs.append(_need(plan.options[0], band, seconds))
    return FrontierRun(growth, day, band, parameters, ratio * parameters, seconds / _DAY, tuple(needs), assumptions)


def _need(option: Training, band: tuple[float, float, float], seconds: float) -> Need:
    assert option.band is not None
    run, cost = option.band.wall_time[:, 0], option.band.cost[:, 0]
    compute = (band[0] / band[1], band[2] / band[1])
    chips = _spread(option.chips * float(run[1]) / seconds, (run[0] / run[1], run[2] / run[1]), compute)
    money = _spread(float(cost[1]), (cost[0] / cost[1], cost[2] / cost[1]), compute)
    each = float(option.estimate.power[0]) / option.chips
    return Need(option.chip, option, chips, money, (chips[0] * each, chips[1] * each, chips[2] * each))


def _spread(mid: float, *ratios: tuple[Any, Any]) -> tuple[float, float, float]:
    low, high = combined_interval(mid, *((np.asarray(one), np.asarray(other)) for one, other in ratios))
    return float(low), mid, float(high)
