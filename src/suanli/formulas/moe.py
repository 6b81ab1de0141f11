"""Mixtures of experts: how many experts a batch wakes, and what they cost."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def experts_hit(tokens: Array, experts: Array, active: Array) -> Array:
    """Expected number of distinct experts that ``tokens`` tokens use, each choosing ``active`` of ``experts`` uniformly.

    E (1 - (1 - a/E)^T): the occupancy problem with draws without replacement inside a token (Feller, vol. 1, IV.2).

    >>> round(float(experts_hit(1.0, 256, 8)), 6), round(float(experts_hit(1e4, 256, 8)), 6)
    (8.0, 256.0)
    """
    return experts * -np.expm1(tokens * np.log1p(-np.minimum(active / experts, 1 - 1e-9)))
