"""Weights and caches: how many bytes a chip holds, how many sequences fit beside the weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.arrays import Array
from suanli.models import Model
from suanli.performance.precision import Precisions

Floats = NDArray[np.float64]


def weight_bytes(model: Model, precisions: Precisions, scheme: Array, tp: Array, pp: Array, dp: Array) -> Floats:
    """Bytes of weights per chip: split ops over ``tp``, experts over ``tp * dp``, layers over ``pp``; (N,).

    Replicated products stay whole on every chip; the embedding and the head are cut ``tp`` ways in 16 bit.
    """
    arch = model.architecture
    total = np.zeros(np.broadcast(scheme, tp, pp, dp).shape)
    for op in model.ops:
        ways = tp * dp if op.kind == "experts" else tp if op.split != "none" else 1
        stages = 1 if op.role == "head" else pp
        total = total + op.count * op.weights * precisions.bits[op.role][scheme] / 8 / ways / stages
    embedding = 0 if arch.tied_embeddings else arch.vocabulary * arch.hidden
    rest = arch.positions * arch.hidden + (2 * arch.layers + 1) * arch.hidden + arch.extra_parameters
    return np.asarray(total + (embedding / tp + rest) * precisions.bits["head"][scheme] / 8)


def cache_bytes(model: Model, context: Array, cache_bytes_per_element: Array, tp: Array, pp: Array) -> Floats:
    """Bytes of cache (and of recurrent state) per chip of one sequence of ``context`` tokens; (N,).

    Windowed layers hold their window only; a cache of one part (latent attention) is whole on every tensor-parallel chip.
    """
    total = np.zeros(np.broadcast(context, cache_bytes_per_element, tp, pp).shape)
    for op in model.ops:
        if op.kind == "attention":
            # a window holds its newest tokens whole; what is compressed, or has no window, grows with the context
            held = op.cached * op.stride * np.minimum(op.window, context)
            if not op.window or op.stride > 1:
                held = held + op.cached * context
            total = total + op.count * held * cache_bytes_per_element / np.minimum(tp, op.cache_parts)
        elif op.kind == "scan":
            total = total + op.count * op.state * 4 / np.minimum(tp, op.heads)  # 32-bit state
    return np.asarray(total / pp)
