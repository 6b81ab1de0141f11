"""The arithmetic of judging, whatever is judged: joining by id, errors, interval coverage, rank correlation, who is furthest off."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Names = NDArray[np.str_]
Row = Mapping[str, str]

#: the reason of a row that the predictions do not have
NO_PREDICTION = "no_prediction"
#: low, mid and high of a predicted column
SUFFIXES = ("_low", "", "_high")


def id_of(row: Row) -> str:
    """The id of a measured row or of a prediction."""
    return row.get("id") or row.get("case_id") or ""


def joined(rows: Sequence[Row], answers: Sequence[Row]) -> Sequence[Row]:
    """The answer of each row: by position where all ids agree, else by id; ``{}`` where there is none."""
    ids = [id_of(row) for row in rows]
    if ids == [id_of(each) for each in answers]:
        return answers
    by_id = {id_of(each): each for each in answers}
    return [by_id.get(each, {}) for each in ids]


def names_of(names: Iterable[str]) -> Names:
    """As an array of text."""
    return np.array(list(names), dtype=np.str_)


def positive(values: object) -> Floats:
    """As floats; what is not above zero is not there."""
    found = np.array(values, dtype=np.float64)
    return np.where(found > 0, found, np.nan)


def by_size(labels: Names, rows: Mask) -> list[str]:
    """The names among ``rows``, the most frequent first."""
    sizes = Counter(labels[rows].tolist())
    return sorted(sizes, key=lambda each: (-sizes[each], each))


def why_not(answers: Sequence[Row], rows: Mask) -> dict[str, int]:
    """Reason -> how many of ``rows`` have no answer for it, the most frequent first."""
    left = [answers[int(place)].get("why_not") or NO_PREDICTION for place in np.flatnonzero(rows)]
    return dict(Counter(name for each in left for name in each.split(";")).most_common())


def error_summary(predicted: Floats, measured: Floats) -> tuple[float, float, float, float]:
    """Bias (median error), median, mean and 90 % quantile of the absolute error, as shares; NaN of nothing.

    >>> [round(each, 3) for each in error_summary(np.array([1.1, 2.2, 2.7]), np.array([1.0, 2.0, 3.0]))]
    [0.1, 0.1, 0.1, 0.1]
    """
    if not len(measured):
        return (math.nan,) * 4
    errors = predicted / measured - 1
    sizes = np.abs(errors)
    return float(np.median(errors)), float(np.median(sizes)), float(np.mean(sizes)), float(np.quantile(sizes, 0.9))


def mean_of_groups(errors: Floats, groups: Names) -> tuple[float, int]:
    """Mean over groups of each group's mean absolute error, and how many groups there are; NaN of nothing.

    >>> mean_of_groups(np.array([0.25, -0.75, 1.0]), np.array(["a", "a", "b"]))     # a: 0.5, b: 1
    (0.75, 2)
    """
    if not len(errors):
        return math.nan, 0
    _, where, counts = np.unique(groups, return_inverse=True, return_counts=True)
    return float(np.mean(np.bincount(where, np.abs(errors)) / counts)), len(counts)


def coverage(low: Floats, high: Floats, measured: Floats) -> float:
    """Share of ``measured`` within ``low`` and ``high`` (ends included), over rows that have both; NaN where none has.

    >>> coverage(np.array([1.0, 1.0, np.nan]), np.array([3.0, 3.0, np.nan]), np.array([2.0, 4.0, 5.0]))
    0.5
    """
    there = np.isfinite(low) & np.isfinite(high)
    return float(np.mean(((low <= measured) & (measured <= high))[there])) if there.any() else math.nan


def ranks(values: Floats) -> Floats:
    """Rank of each value, 1 = smallest; equal values share the mean of their ranks.

    >>> ranks(np.array([30.0, 10.0, 30.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[where], dtype=np.float64)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's rank correlation: Pearson's of the ranks; NaN where one side is constant."""
    pair_of_ranks = ranks(first), ranks(second)
    if any(np.ptp(each) == 0 for each in pair_of_ranks):
        return math.nan
    return float(np.corrcoef(*pair_of_ranks)[0, 1])


def furthest(predicted: Floats, measured: Floats, scored: Mask, count: int) -> list[tuple[int, int]]:
    """(figure, row) of the ``count`` scored rows of each figure that are the furthest off by factor, high or low alike; (F, N) arrays."""
    with np.errstate(invalid="ignore", divide="ignore"):
        off = np.where(scored, np.abs(np.log(predicted / measured)), np.nan)
    off = np.nan_to_num(off, nan=-1.0)
    order = np.argsort(-off, axis=1, kind="stable")[:, :count]
    return [(figure, int(row)) for figure in range(len(off)) for row in order[figure] if off[figure, row] >= 0]
