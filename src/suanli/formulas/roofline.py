"""The roofline: work is done no faster than arithmetic or memory allows."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def roofline_time(flop: Array, bytes_moved: Array, flop_rate: Array, bandwidth: Array) -> Array:
    """Seconds of one kernel.

    t = max(F / P, Q / B)         Williams, Waterman & Patterson, CACM 52(4):65-76, 2009
    flop [1], bytes_moved [B], flop_rate [flop/s] and bandwidth [B/s] as achieved (peak times efficiency). Perfect overlap of the two.

    >>> float(roofline_time(2e12, 1e9, 1e15, 2e12))
    0.002
    """
    return np.maximum(flop / flop_rate, bytes_moved / bandwidth)
