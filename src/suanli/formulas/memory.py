"""What must fit into a chip's memory, and how much room is left for sequences."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def sequences_that_fit(capacity: Array, fixed: Array, per_sequence: Array) -> Array:
    """How many sequences fit beside the fixed bytes: (capacity - fixed) / per_sequence, at least 0; not rounded.

    >>> float(sequences_that_fit(80e9, 20e9, 2e9)), float(sequences_that_fit(80e9, 90e9, 2e9))
    (30.0, 0.0)
    """
    return np.maximum(capacity - fixed, 0) / per_sequence
