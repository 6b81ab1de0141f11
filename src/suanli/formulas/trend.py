"""Exponential trends in time: which points set records, log-linear fits, how sure, whether they broke, where they lead.

Everything is on logarithms: y = a + b t, growth per unit of t = exp(b), doubling time = ln 2 / b. Arrays in, arrays out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from suanli.formulas.arrays import Array

#: simulated trends of a test for a break
DRAWS = 500

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def running_top(values: Array, count: int) -> Flags:
    """Whether each value, in order of time, is among the ``count`` largest up to then (ties are). values (N,) -> (N,).

    >>> running_top(np.array([1.0, 3.0, 2.0, 4.0]), 1).tolist()
    [True, True, False, True]
    """
    values = np.asarray(values, dtype=float)
    before = np.tril(np.ones((len(values), len(values)), dtype=bool), -1)
    larger = np.sum(before & (values[None, :] > values[:, None]), axis=1)
    return np.asarray(larger < count)


@dataclass(frozen=True)
class Fit:
    """y = level + slope t over N points: standard error of the slope if points were independent, and one that lets points of the same group
    move together (NaN with fewer than three groups); ``spread``: standard deviation of the residuals; ``mean`` and ``squares`` of t.
    """

    level: float
    slope: float
    error: float
    group_error: float
    spread: float
    points: int
    mean: float
    squares: float


def log_linear(time: Array, values: Array, groups: Array | None = None) -> Fit:
    """Least squares of ln(values) on time (N,), N >= 3.

    error: s / sqrt(sum (t - mean)^2), s^2 = SSR / (N - 2). group_error: the jackknife that leaves out one group of points at a time,
    sqrt((G - 1)/G sum (b_g - mean b)^2)                                          Efron & Tibshirani, An Introduction to the Bootstrap, 1993, ch. 11

    >>> fit = log_linear(np.array([0.0, 1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0, 8.0]))
    >>> round(float(np.exp(fit.slope)), 6), round(fit.error, 6)
    (2.0, 0.0)
    """
    t, y = np.asarray(time, dtype=float), np.log(np.asarray(values, dtype=float))
    level, slope = _line(t, y)
    residuals = y - level - slope * t
    squares = float(np.sum((t - t.mean()) ** 2))
    spread = float(np.sqrt(np.sum(residuals**2) / (len(t) - 2)))
    return Fit(level, slope, spread / squares**0.5, _jackknife(t, y, groups), spread, len(t), float(t.mean()), squares)


def _line(t: Floats, y: Floats) -> tuple[float, float]:
    centred = t - t.mean()
    slope = float(np.sum(centred * y) / np.sum(centred**2))
    return float(y.mean() - slope * t.mean()), slope


def _jackknife(t: Floats, y: Floats, groups: Array | None) -> float:
    names = np.unique(np.asarray(groups)) if groups is not None else np.array([])
    if len(names) < 3:
        return float("nan")
    kept = [np.asarray(groups) != name for name in names]
    slopes = np.array([_line(t[keep], y[keep])[1] for keep in kept if len(np.unique(t[keep])) > 1])
    return float(np.sqrt((len(slopes) - 1) / len(slopes) * np.sum((slopes - slopes.mean()) ** 2)))


def doubling_time(slope: Array) -> Array:
    """Time in which exp(slope t) doubles: ln 2 / slope.

    >>> round(float(doubling_time(np.log(2.0))), 6)
    1.0
    """
    return np.log(2) / np.asarray(slope)


def projected(fit: Fit, time: Array, quantile: float) -> tuple[Floats, Floats, Floats]:
    """Low, mid and high of a new point at ``time`` (N,), with ``quantile`` standard deviations to each side.

    var = s^2 + s^2/N + e^2 (t - mean)^2, e the larger of the two errors of the slope         prediction interval of a regression line
    """
    t = np.asarray(time, dtype=float)
    error = max(fit.error, fit.group_error) if np.isfinite(fit.group_error) else fit.error
    middle = fit.level + fit.slope * t
    width = quantile * np.sqrt(fit.spread**2 * (1 + 1 / fit.points) + error**2 * (t - fit.mean) ** 2)
    return np.exp(middle - width), np.exp(middle), np.exp(middle + width)


@dataclass(frozen=True)
class Break:
    """The date at which two lines fit best in place of one: its F statistic, the share of simulated unbroken trends with as large a one, and
    the slopes before and after.
    """

    time: float
    statistic: float
    chance: float
    before: float
    after: float


def trend_break(time: Array, values: Array, *, trimmed: float = 0.15, draws: int = DRAWS, seed: int = 0) -> Break:
    """Test whether one line holds over time (N,), in order: the largest F over the dates that leave ``trimmed`` of the points on both sides.

    F = ((SSR_1 - SSR_2)/2) / (SSR_2/(N - 4)); its chance comes from ``draws`` normal residuals around the one line, because the largest of
    many F has no F distribution                                                           Andrews, Econometrica 61(4):821-856, 1993
    """
    t, y = np.asarray(time, dtype=float), np.log(np.asarray(values, dtype=float))
    level, slope = _line(t, y)
    spread = np.sqrt(np.sum((y - level - slope * t) ** 2) / (len(t) - 2))
    noise = np.random.default_rng(seed).normal(size=(draws, len(t))) * spread
    both = np.vstack([y, level + slope * t + noise])
    least = max(int(np.ceil(trimmed * len(t))), 3)
    places = np.arange(least, len(t) - least + 1)
    whole = _residual_squares(t, both)
    parts = np.stack([_residual_squares(t[:place], both[:, :place]) + _residual_squares(t[place:], both[:, place:]) for place in places])
    statistics = (whole - parts) / 2 / (parts / (len(t) - 4))
    best = int(np.argmax(statistics[:, 0]))
    largest = statistics.max(axis=0)
    place = places[best]
    return Break(
        float(t[place]), float(largest[0]), float(np.mean(largest[1:] >= largest[0])), _line(t[:place], y[:place])[1], _line(t[place:], y[place:])[1]
    )


def _residual_squares(t: Floats, y: Floats) -> Floats:
    """Sums of squared residuals of lines through each row of y (K, N)."""
    centred = t - t.mean()
    total = np.sum((y - y.mean(axis=1, keepdims=True)) ** 2, axis=1)
    explained = (y @ centred) ** 2 / np.sum(centred**2)
    return np.asarray(total - explained)


def compound_growth(first: Array, last: Array, years: Array) -> Array:
    """Growth a year between two levels: (last / first)^(1 / years) - 1.

    >>> round(float(compound_growth(22.0, 55.3, 3.0)), 3)
    0.36
    """
    return (np.asarray(last) / np.asarray(first)) ** (1 / np.asarray(years)) - 1
