"""What owning and running things costs, as rates and shares. Currency-neutral: money in, money out."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def straight_line(price: Array, residual: Array, life: Array) -> Array:
    """Depreciation per unit of time, evenly over the life.

    d = P (1 - r) / n                                              IAS 16 par. 62, straight-line method
    price P [money], residual r the share of the price left at the end, life n in any unit of time: the answer is money per that unit.

    >>> straight_line(35064.0, 0, 4 * 8766)             # 4 years of 8,766 hours
    1.0
    """
    return price * (1 - residual) / life


def capital_recovery(price: Array, residual: Array, interest: Array, periods: Array) -> Array:
    """The level payment per period that repays the price with interest, less what is left at the end.

    A = (P - S / (1+i)^n) * i / (1 - (1+i)^-n),  S = r P            Newnan, Engineering Economic Analysis, capital recovery factor
    price P [money], residual r the share left at the end, interest i per period, periods n. At i = 0 it is the straight line.

    >>> round(float(capital_recovery(1000.0, 0, 0.10, 5)), 2)       # 1000 x (A/P, 10 %, 5) = 1000 x 0.26380
    263.8
    >>> float(capital_recovery(1000.0, 0, 0.0, 5))
    200.0
    """
    growth = periods * np.log1p(interest)
    left = residual * np.exp(-growth)
    positive = np.asarray(interest) != 0
    factor = np.where(positive, interest / -np.expm1(-np.where(positive, growth, 1)), 1 / np.asarray(periods, float))
    return (price * (1 - left) * factor)[()]


def cost_per_million_tokens(cost_per_hour: Array, tokens_per_second: Array) -> Array:
    """Money per 1e6 tokens: C / (3600 T) * 1e6; infinite where nothing is produced.

    cost_per_hour C [money/h], tokens_per_second T [1/s].

    >>> float(cost_per_million_tokens(3.6, 1000.0))                 # 0.001 a second for 1000 tokens
    1.0
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(cost_per_hour, np.multiply(tokens_per_second, 3600.0)) * 1e6


def cost_per_query(seconds: Array, price_per_hour: Array) -> Array:
    """Money for one query that occupies one chip for ``seconds`` [s] at ``price_per_hour`` [money/h]: s / 3600 * p.

    >>> round(100 * cost_per_query(12.8205, 1.0), 4)                # cents; SemiAnalysis, 9 Feb 2023: 0.36 cent
    0.3561
    """
    return seconds / 3600.0 * price_per_hour
