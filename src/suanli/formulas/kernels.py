"""The time of single kernels as measured ones behave: a launch, and arithmetic and memory that overlap only in part.

The share of a peak is part of the rate passed in: ``flop_rate = peak * compute``, ``bandwidth = sheet * memory``.
"""

from __future__ import annotations

import numpy as np

from suanli.formulas.arrays import Array
from suanli.formulas.attention import attention_flop
from suanli.formulas.matmul import matmul_bytes, matmul_flop
from suanli.formulas.moe import experts_hit

#: a kernel in three parts [s]: arithmetic, memory traffic, and what neither hides (its launch, passes before and after it)
Parts = tuple[Array, Array, Array]


def joined(parts: Parts) -> Array:
    """Seconds of a kernel of these parts: fixed + sqrt(arithmetic^2 + memory^2), see ``kernel_time``.

    >>> float(joined((3.0, 4.0, 1.0)))
    6.0
    """
    arithmetic, memory, fixed = parts
    return fixed + np.sqrt(arithmetic * arithmetic + memory * memory)  # half the time of np.hypot, whose care for overflow seconds do not need


def overlapped(parts: Parts) -> Array:
    """Seconds of a kernel whose arithmetic and memory traffic hide each other entirely: fixed + max(arithmetic, memory), the plain roofline.

    >>> float(overlapped((3.0, 4.0, 1.0)))
    5.0
    """
    arithmetic, memory, fixed = parts
    return np.maximum(arithmetic, memory) + fixed


def kernel_time(flop: Array, bytes_moved: Array, flop_rate: Array, bandwidth: Array, launch: Array) -> Array:
    """Seconds of one kernel: t = launch + sqrt((F/P)^2 + (Q/B)^2).

    The roofline with its corner rounded: the 2-norm of arithmetic and memory time is their maximum far from the ridge and sqrt(2) of it there.
    Fitted to measured 16-bit matrix products the norm's exponent is 2.1. flop [1], bytes_moved [B], flop_rate [flop/s],
    bandwidth [B/s], launch [s].

    >>> float(kernel_time(3.0, 4.0, 1.0, 1.0, 0.0)), float(kernel_time(0.0, 0.0, 1e15, 1e12, 1e-6))
    (5.0, 1e-06)
    """
    return joined((flop / flop_rate, bytes_moved / bandwidth, launch))


def gemm(
    rows: Array, inner: Array, outer: Array, weight_bytes: Array, activation_bytes: Array, flop_rate: Array, bandwidth: Array, quantise: Array, launch: Array
) -> Parts:
    """Parts of (rows x inner)(inner x outer): ``kernel_time`` of the product, and a pass before it that narrows the activations.

    t = kernel_time + q m k / B; ``quantise`` q [B] are the bytes that pass moves per activation (0: none; reading 16 bit, writing and
    reading 8 bit is 4), ``weight_bytes`` and ``activation_bytes`` [B] per element.

    >>> round(float(joined(gemm(1, 1000, 1000, 2, 2, 1e15, 2.004e12, 0, 0))) * 1e6, 6)
    1.000002
    """
    moved = matmul_bytes(rows, inner, outer, weight_bytes, activation_bytes)
    return matmul_flop(rows, inner, outer) / flop_rate, moved / bandwidth, launch + quantise * rows * inner / bandwidth


def routed_experts(
    tokens: Array,
    hidden: Array,
    width: Array,
    matrices: Array,
    experts: Array,
    active: Array,
    parts: Array,
    weight_bytes: Array,
    activation_bytes: Array,
    flop_rate: Array,
    bandwidth: Array,
    routing: Array,
    launch: Array,
    evenness: Array = 1.0,
) -> Parts:
    """Parts of the routed feed-forward part on one of ``parts`` chips that share the experts evenly.

    t = kernel_time(2 a T s / p, (hit w s + a T (2 h + m f) b) / p) + r a T h / B with s = m h f, hit = ``experts_hit``.
    ``tokens`` T are those of all parts, each choosing ``active`` a of ``experts``; an expert is ``matrices`` m of ``hidden`` h x ``width`` f,
    ``weight_bytes`` w and ``activation_bytes`` b per element; ``routing`` r [B] per chosen copy and hidden element is what sorting,
    gathering, narrowing and combining move: measured ranks pay for all copies, not only for their own. Routers have favourites: T tokens wake as many
    experts as T^``evenness`` tokens that choose evenly would.

    >>> float(joined(routed_experts(0.0, 7168, 2048, 3, 256, 8, 1, 1, 2, 1e15, 1e12, 4, 2e-5)))
    2e-05
    """
    size = matrices * hidden * width
    copies = tokens * active
    moved = experts_hit(tokens**evenness, experts, active) * size * weight_bytes + copies * (2 * hidden + matrices * width) * activation_bytes
    return 2 * copies * size / parts / flop_rate, moved / parts / bandwidth, launch + routing * copies * hidden / bandwidth


def prefill_attention(
    queries: Array,
    heads: Array,
    score_dim: Array,
    value_dim: Array,
    visible: Array,
    bytes_moved: Array,
    flop_rate: Array,
    bandwidth: Array,
    half_length: Array,
    softmax: Array,
    launch: Array,
) -> Parts:
    """Parts of attention of ``queries`` prompt tokens that see ``visible`` entries each in the mean.

    t = kernel_time(F (1 + l/v) (1 + e/d), Q): half the rate at ``half_length`` l entries (tiles at the diagonal and the window's edge), and
    an exponential per score that costs as much as ``softmax`` e dimensions, d the mean of ``score_dim`` and ``value_dim`` (Shah et al.,
    FlashAttention-3, NeurIPS 2024, section 3.1).

    >>> float(joined(prefill_attention(1e3, 1, 128, 128, 1e3, 0.0, 512e9, 1e12, 1e3, 128, 0.0)))
    0.004
    """
    flop = attention_flop(queries, heads, score_dim, value_dim, visible + half_length) * (1 + 2 * softmax / (score_dim + value_dim))
    return flop / flop_rate, bytes_moved / bandwidth, launch


def decode_attention(
    sequences: Array,
    heads: Array,
    cached_heads: Array,
    score_dim: Array,
    value_dim: Array,
    visible: Array,
    bytes_moved: Array,
    flop_rate: Array,
    bandwidth: Array,
    head_time: Array,
    launch: Array,
) -> Parts:
    """Parts of one decoding step's attention of ``sequences`` sequences over ``visible`` cached entries each.

    t = kernel_time(F, Q) + c b g: ``head_time`` c [s] for each of the ``cached_heads`` g of each of the b sequences, whatever their length (a block to
    start, partial results to combine). The rate of arithmetic on a few queries a cached head is far below the peak.

    >>> float(joined(decode_attention(100, 8, 8, 128, 128, 0.0, 0.0, 1e15, 1e12, 1e-8, 1e-5)))
    1.8e-05
    """
    flop = attention_flop(sequences, heads, score_dim, value_dim, visible)
    return flop / flop_rate, bytes_moved / bandwidth, launch + head_time * sequences * cached_heads


def collective_time(volume: Array, chips: Array, bandwidth: Array, share: Array, step: Array, ramp: Array, launch: Array) -> Array:
    """Seconds of a collective in which each chip sends ``volume`` bytes: t = [n > 1] (launch + log2(n) s + V/(B c) + 2 sqrt(r V/B)).

    The root is what the best number of segments of a pipelined message costs (Sanders, Speck & Traeff, Parallel Computing 35(12):581-594, 2009): ``ramp`` r
    [s] rules messages too large for the launch and too small for the bandwidth. ``volume`` V [B]: 2 (n-1)/n S all-reduce, (n-1)/n S all-gather,
    reduce-scatter and all-to-all, S the whole message; ``bandwidth`` B [B/s] per chip and direction, ``share`` c of it, ``step`` s [s].

    >>> float(collective_time(0.0, 1, 450e9, 0.8, 1e-6, 1e-6, 5e-6)), float(collective_time(450e3, 4, 450e9, 1, 1e-6, 1e-6, 5e-6))
    (0.0, 1e-05)
    """
    sent = volume / bandwidth
    return (np.asarray(chips) > 1) * (launch + np.log2(chips) * step + sent / share + 2 * np.sqrt(ramp * sent))
