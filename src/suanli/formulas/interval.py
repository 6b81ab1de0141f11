"""Putting independent intervals together."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def combined_interval(mid: Array, *ratios: tuple[Array, Array]) -> tuple[Array, Array]:
    """Low and high of a product whose factors vary independently, each by (low/mid, high/mid).

    ln-half-widths add in squares: exp(-sqrt(sum ln^2(low/mid))), exp(+sqrt(sum ln^2(high/mid)))     GUM (JCGM 100:2008), 5.1.2, on logarithms
    Exact for log-normal factors; an unknown ratio (NaN) makes the interval unknown.

    >>> [round(float(each), 3) for each in combined_interval(10.0, (0.5, 2.0), (1.0, 1.0))]
    [5.0, 20.0]
    """
    down = np.sqrt(sum(np.log(low) ** 2 for low, _ in ratios))
    up = np.sqrt(sum(np.log(high) ** 2 for _, high in ratios))
    return mid * np.exp(-down), mid * np.exp(up)
