"""The marks that were set for the predictions of training, and how far they are met."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from suanli.performance.accuracy.training import TrainingScore

#: ways of leaving out; "" where it is not known what the fit had seen
WAYS = ("", "group", "model", "chip")


@dataclass(frozen=True)
class Mark:
    """``what`` of the score of ``rows`` (a name of the axis "mark") and ``figure`` is to lie within ``low`` and ``high`` (shares), better below ``aim``;
    ``ways``: the ways of leaving out it is meant for.
    """

    name: str
    rows: str
    figure: str
    what: Literal["group_mean", "inside", "answered"]
    low: float
    high: float
    aim: float = math.nan
    ways: tuple[str, ...] = WAYS


#: as set in the plan of the project; errors are means over groups of each group's mean absolute error
MARKS = (
    Mark("all", "all", "rate", "group_mean", 0, 0.10, aim=0.06, ways=("", "group", "model")),
    Mark("unseen_chip", "all", "rate", "group_mean", 0, 0.15, ways=("chip",)),
    Mark("papers", "papers", "rate", "group_mean", 0, 0.05),
    Mark("fp8", "fp8", "rate", "group_mean", 0, 0.10),
    Mark("mixture", "mixture", "rate", "group_mean", 0, 0.20),
    Mark("tpu", "tpu", "rate", "group_mean", 0, 0.10),
    Mark("inside", "all", "rate", "inside", 0.75, 0.88),
    Mark("answered", "all", "rate", "answered", 1, 1),
    Mark("mlperf_step", "mlperf", "rate", "group_mean", 0, 0.12),
    Mark("mlperf_time", "mlperf", "time_to_train", "group_mean", 0, 0.15),
)


@dataclass(frozen=True)
class Marked:
    """One mark beside what was reached: ``value`` (share, NaN unknown) over ``rows`` rows of ``groups`` groups; ``met``: within the mark."""

    mark: Mark
    value: float
    rows: int
    groups: int
    met: bool


def marked(scores: Sequence[TrainingScore], way: str = "") -> list[Marked]:
    """The marks that ``scores`` say something about; ``way``: what the fits behind them had not seen a part of ("group", "chip", "model"), if known."""
    by_name: Mapping[tuple[str, str], TrainingScore] = {(each.name, each.figure): each for each in scores if each.axis == "mark"}
    found = []
    for mark in MARKS:
        score = by_name.get((mark.rows, mark.figure))
        if score is None or way not in mark.ways:
            continue
        value = score.answered / score.rows if mark.what == "answered" else float(getattr(score, mark.what))
        found.append(Marked(mark, value, score.rows, score.groups, mark.low <= value <= mark.high))
    return found
