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
    """Mean of ``visible_context`` over ``new`` prompt tokens after ``past`` cached ones.

    (R(past + new) - R(past)) / new with R(x) the integral from 0 to x of min(i, i/s + w, l): all so far, then the window and the compressed
    entries, then the limit l (window + topk; of a window alone the window). Queries as a continuum: half an entry below the sum.

    >>> float(mean_causal_context(1000.0, 0.0, 0, 0, 1)), float(mean_causal_context(1000.0, 0.0, 100, 0, 1))
    (500.0, 95.0)
    """
    window, topk, stride = np.asarray(window), np.asarray(topk), np.asarray(stride)
    compressed = stride > 1
    only_window = (window > 0) & (topk == 0) & ~compressed
    limit = np.where(only_window, window, np.where(topk > 0, topk + window, np.inf))
    whole = np.minimum(np.where(compressed, window * stride / np.where(compressed, stride - 1, 1), np.inf), limit)
    full = np.maximum(whole, (limit - window) * stride)

    def integral(end: Array) -> Array:
        first, second = np.minimum(end, whole), np.minimum(end, full)
        return first**2 / 2 + (second - first) * ((first + second) / (2 * stride) + window) + (end - second) * np.minimum(limit, end)

    return (integral(past + new) - integral(past)) / np.maximum(new, 1)


def attention_flop(queries: Array, heads: Array, score_dim: Array, value_dim: Array, visible: Array) -> Array:
    """Operations of scores and weighted values: 2 q h (d_score + d_value) v.

    >>> attention_flop(1, 32, 128, 128, 1000)
    16384000
    """
    return 2 * queries * heads * (score_dim + value_dim) * visible
