"""Collective communication among chips on one level of links."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def all_reduce_time(size: Array, chips: Array, bandwidth: Array, latency: Array) -> Array:
    """Seconds of an all-reduce whose volume is that of a ring and whose steps are those of a tree.

    t = 2 (n-1)/n * S/B + 2 log2(n) L         volume: Patarasuk & Yuan, JPDC 69(2):117-124, 2009; depth: Thakur et al., IJHPCA 19(1), 2005
    size [B] per chip, bandwidth [B/s] per chip and direction, latency [s] per step. One chip: nothing to exchange.

    >>> float(all_reduce_time(1e9, 1, 450e9, 2e-6)), round(float(all_reduce_time(450e9, 2, 450e9, 0.0)), 9)
    (0.0, 1.0)
    """
    return 2 * (chips - 1) / chips * size / bandwidth + 2 * np.log2(chips) * latency


def all_to_all_time(size: Array, chips: Array, bandwidth: Array, latency: Array) -> Array:
    """Seconds in which each chip sends ``size`` bytes spread evenly over all others (n-1)/n of it leaves the chip.

    t = (n-1)/n * S/B + L [n > 1]         Thakur et al., IJHPCA 19(1):49-66, 2005

    >>> float(all_to_all_time(1e9, 1, 1e9, 1e-6)), float(all_to_all_time(1e9, 2, 1e9, 0.0))
    (0.0, 0.5)
    """
    return (chips - 1) / chips * size / bandwidth + np.where(np.asarray(chips) > 1, latency, 0.0)


def transfer_time(size: Array, bandwidth: Array, latency: Array) -> Array:
    """Seconds of a point-to-point message: L + S/B (Hockney, Parallel Computing 20(3), 1994).

    >>> transfer_time(1e9, 1e9, 0.0)
    1.0
    """
    return latency + size / bandwidth
