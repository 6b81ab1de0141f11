"""Attention over a cache of keys and values."""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array


def visible_context(context: Array, window: Array, topk: Array, stride: Array) -> Array:
    """Cache entries one query reads: all of ``context``; with a window at most that; with sparse choice at most ``window + topk``.

    Entries beyond the window are compressed ``stride`` to one. 0 means no window, no choice.

    >>> float(visible_context(1000.0, 0, 0, 1)), float(visible_context(1000.0, 128, 0, 1)), float(visible_context(100000.0, 128, 512, 4))
    (1000.0, 128.0, 640.0)
    """
    compressed = context / stride
    chosen = np.where(np.asarray(topk) > 0, np.minimum(compressed, topk), compressed)
    only_window = (np.asarray(window) > 0) & (np.asarray(topk) == 0) & (np.asarray(stride) == 1)
    entries = np.where(only_window, np.minimum(context, window), chosen + np.where(only_window, 0, np.minimum(window, context)))
    return np.minimum(entries, context)


def mean_causal_context(new: Array, past: Array, window: Array, topk: Array, stride: Array) -> Array:
    """Mean of ``visible_context`` over ``new`` prompt tokens after ``past`` cached ones (trapezoid of a ramp that saturates).

    A ramp r(i) = min(i, v) over i in [past, past + new]: exact where the limit is a constant.

    >>> float(mean_causal_context(1000.0, 0.0, 0, 0, 1)), float(mean_causal_context(1000.0, 0.0, 100, 0, 1))
    (500.0, 95.0)
    """
    end = past + new
    limit = visible_context(end, window, topk, stride)
    slope = 1 / np.asarray(stride)
    knee = np.minimum(limit / slope, end)
    ramp = np.maximum(knee - past, 0)
    flat = np.maximum(end - np.maximum(knee, past), 0)
    return (ramp * slope * (past + np.maximum(knee, past)) / 2 + flat * limit) / np.maximum(new, 1)


def attention_flop(queries: Array, heads: Array, score_dim: Array, value_dim: Array, visible: Array) -> Array:
    """Operations of scores and weighted values: 2 q h (d_score + d_value) v.

    >>> attention_flop(1, 32, 128, 128, 1000)
    16384000
    """
    return 2 * queries * heads * (score_dim + value_dim) * visible
