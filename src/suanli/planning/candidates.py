"""All configurations worth trying: platforms x precisions x layouts x loads, as one struct of arrays."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.calibration import Constants
from suanli.performance.configs import Configs, configs
from suanli.performance.fit_in_memory import cache_bytes, weight_bytes
from suanli.performance.precision import Precisions, peak_of
from suanli.planning.ask import Ask

Floats = NDArray[np.float64]

#: one replica joins at most this many chips (a power of two, for the enumeration)
WIDEST = 64
STAGES = (1, 2, 4, 8)
#: (prefill, decode) workers of one replica; (0, 1) does both on the same chips
SPLITS = ((0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (4.0, 1.0), (1.0, 2.0), (1.0, 4.0))
LOADS = 2.0 ** np.arange(0, 12)


def every_layout(model: Model, fixed: Mapping[str, float], chips: int | None = None) -> Floats:
    """(L, 4) tp, pp, dp, ep of every layout in powers of two up to ``WIDEST`` chips (or of exactly ``chips``); what is ``fixed`` is fixed.

    Attention data parallelism only where there are experts to share; experts go over the whole worker (ep = tp x dp) or are cut with tp (ep = 1).
    """
    mixture = any(op.kind == "experts" for op in model.ops)
    widest = max(WIDEST, chips or 1, int(fixed.get("tp", 1) * fixed.get("pp", 1) * fixed.get("dp", 1)))
    sizes = [float(size) for size in range(1, chips + 1) if chips % size == 0] if chips else [2.0**power for power in range(int(np.log2(widest)) + 1)]
    wide = [fixed["tp"]] if "tp" in fixed else sizes
    deep = [fixed["pp"]] if "pp" in fixed else sizes if chips else STAGES
    ranks = [fixed["dp"]] if "dp" in fixed else sizes if mixture else [1.0]
    rows = []
    for tp, pp, dp in itertools.product(wide, deep, ranks):
        size = tp * pp * dp
        if size > widest or (chips and size != chips) or (pp > 1 and dp > 1 and "dp" not in fixed):
            continue
        spread = [fixed["ep"]] if "ep" in fixed else [tp * dp] if mixture and dp > 1 else [1.0, tp] if mixture and tp > 1 else [1.0]
        rows += [(tp, pp, dp, ep) for ep in spread]
    return np.array(rows).reshape(-1, 4)


def candidates(model: Model, platforms: Platforms, precisions: Precisions, ask: Ask, constants: Constants) -> Configs:
    """Every platform, allowed precision, layout and load whose weights fit; loads are powers of two up to the planned share of the cache.

    Tensor parallelism stays inside one scale-up domain; pipeline stages and experts (attention ranks) may cross into the network. A layout
    without stages is also tried with separate prefill workers of its own shape (``SPLITS``), unless the ask fixes the layout. Rows that
    cannot hold one sequence keep load 1, so that their reason is found by the same model.
    """
    shapes = every_layout(model, ask.layout)
    platform, scheme, shape = (grid.ravel() for grid in np.meshgrid(np.arange(len(platforms)), np.array(ask.precisions), np.arange(len(shapes)), indexing="ij"))
    tp, pp, dp, ep = shapes[shape].T
    inside = ((tp <= np.maximum(platforms.domain[platform], 1)) | (len(shapes) == 1)) & native(platforms, precisions, ask)[platform, scheme]
    platform, scheme, tp, pp, dp, ep = (column[inside] for column in (platform, scheme, tp, pp, dp, ep))
    bits = np.where(np.isnan(ask.cache_bits), precisions.cache_bits[scheme], ask.cache_bits)
    held = weight_bytes(model, precisions, scheme, tp, pp, dp)
    each = cache_bytes(model, ask.input_length + ask.output_length * constants.reserved, bits / 8, tp, pp) / constants.cache_share
    share = 1.0 if ask.ideal else ask.assumptions["cache_share"].value
    with np.errstate(invalid="ignore", divide="ignore"):
        most = np.floor(np.nan_to_num((platforms.capacity[platform] * constants.memory_usable - held) / each, nan=0.0, posinf=LOADS[-1]) * share) * dp
    ways = SPLITS if ask.input_length > 0 and not ask.layout and not ask.ideal else SPLITS[:1]
    row, way = (grid.ravel() for grid in np.meshgrid(np.arange(len(platform)), np.arange(len(ways)), indexing="ij"))
    prefill, decode = np.array(ways)[way].T
    apart = (prefill == 0) | ((pp[row] == 1) & (most[row] >= dp[row]))
    row, prefill, decode = row[apart], prefill[apart], decode[apart]
    chosen = (column[row] for column in (most, platform, scheme, tp, pp, dp, ep, bits))
    return _with_loads(ask, prefill, decode, *chosen)


def native(platforms: Platforms, precisions: Precisions, ask: Ask) -> NDArray[np.bool_]:
    """(P, schemes) whether the chip's sheet has units for what a precision computes at; a precision asked for by name is tried anyway,
    its weights stored narrow and computed at the wider rate."""
    units = [peak_of(platforms.peak, name, fall_back=ask.precisions_named) for name in precisions.compute]
    return ~np.isnan(np.stack(units, axis=1))


def _with_loads(
    ask: Ask,
    prefill: Floats,
    decode: Floats,
    most: Floats,
    platform: NDArray[np.int64],
    scheme: NDArray[np.int64],
    tp: Floats,
    pp: Floats,
    dp: Floats,
    ep: Floats,
    bits: Floats,
) -> Configs:
    ranks = dp * decode
    top = np.clip(most * decode, ranks, LOADS[-1] * ranks)
    loads = np.minimum(LOADS[None, :] * ranks[:, None], top[:, None])
    keep = np.ones(loads.shape, bool)
    keep[:, 1:] = loads[:, 1:] > loads[:, :-1]
    row, column = np.nonzero(keep)
    return configs(
        len(row),
        platform=platform[row],
        scheme=scheme[row],
        tp=tp[row],
        pp=pp[row],
        dp=dp[row],
        ep=ep[row],
        concurrency=loads[row, column],
        input_length=ask.input_length,
        output_length=ask.output_length,
        cache_bits=bits[row],
        replicas=decode[row],
        prefill_replicas=prefill[row],
        prefill_tp=tp[row],
        prefill_dp=dp[row],
        prefill_ep=ep[row],
    )
