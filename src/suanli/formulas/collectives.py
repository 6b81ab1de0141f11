"""A message between two chips; collectives are kernels (``formulas.kernels.collective_time``)."""

from __future__ import annotations

from suanli.formulas.arrays import Array


def transfer_time(size: Array, bandwidth: Array, latency: Array) -> Array:
    """Seconds of a point-to-point message: L + S/B (Hockney, Parallel Computing 20(3), 1994).

    >>> transfer_time(1e9, 1e9, 0.0)
    1.0
    """
    return latency + size / bandwidth
