"""All configurations worth trying: platforms x precisions x layouts x loads, as one struct of arrays."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.configs import Configs, configs
from suanli.performance.fit_in_memory import cache_bytes, weight_bytes
from suanli.performance.precision import Precisions
from suanli.planning.ask import Ask

Floats = NDArray[np.float64]

#: one replica joins at most this many chips (a power of two, for the enumeration)
WIDEST = 64
STAGES = (1, 2, 4, 8)
LOADS = 2.0 ** np.arange(0, 12)


def layouts(model: Model, ask: Ask) -> Floats:
    """(L, 4) tp, pp, dp, ep of every layout in powers of two up to ``WIDEST`` chips; what the ask fixes is fixed.

    Attention data parallelism only where there are experts to share; experts go over the whole worker (ep = tp x dp) or are cut with tp (ep = 1).
    """
    powers = [2.0**power for power in range(int(np.log2(WIDEST)) + 1)]
    mixture = any(op.kind == "experts" for op in model.ops)
    fixed = ask.layout
    rows = []
    for tp, pp, dp in itertools.product(
        [fixed["tp"]] if "tp" in fixed else powers, [fixed["pp"]] if "pp" in fixed else STAGES, [fixed["dp"]] if "dp" in fixed else powers if mixture else [1.0]
    ):
        if tp * pp * dp > max(WIDEST, fixed.get("tp", 1) * fixed.get("pp", 1) * fixed.get("dp", 1)) or (pp > 1 and dp > 1):
            continue
        spread = [fixed["ep"]] if "ep" in fixed else [tp * dp] if mixture and dp > 1 else [1.0, tp] if mixture and tp > 1 else [1.0]
        rows += [(tp, pp, dp, ep) for ep in spread]
    return np.array(rows)


def candidates(model: Model, platforms: Platforms, precisions: Precisions, ask: Ask, usable: float) -> Configs:
    """Every platform, allowed precision, layout and load whose weights fit; loads are powers of two up to the planned share of the cache.

    A layout stays inside one scale-up domain unless it has pipeline stages, which may cross. Rows that cannot hold one sequence keep
    load 1, so that their reason is found by the same model.
    """
    shapes = layouts(model, ask)
    platform, scheme, shape = (
        grid.ravel() for grid in np.meshgrid(np.arange(len(platforms)), np.array(ask.precisions), np.arange(len(shapes)), indexing="ij")
    )
    tp, pp, dp, ep = shapes[shape].T
    inside = (tp * dp <= np.maximum(platforms.domain[platform], 1)) | (len(shapes) == 1)
    platform, scheme, tp, pp, dp, ep = (column[inside] for column in (platform, scheme, tp, pp, dp, ep))
    bits = np.where(np.isnan(ask.cache_bits), precisions.cache_bits[scheme], ask.cache_bits)
    held = weight_bytes(model, precisions, scheme, tp, pp, dp)
    each = cache_bytes(model, ask.input_length + ask.output_length / 2, bits / 8, tp, pp)
    share = 1.0 if ask.ideal else ask.assumptions["cache_share"].value
    with np.errstate(invalid="ignore", divide="ignore"):
        most = np.floor(np.nan_to_num((platforms.capacity[platform] * usable - held) / each, nan=0.0, posinf=LOADS[-1]) * share) * dp
    return _with_loads(ask, most, platform, scheme, tp, pp, dp, ep, bits)


def _with_loads(
    ask: Ask, most: Floats, platform: NDArray[np.int64], scheme: NDArray[np.int64], tp: Floats, pp: Floats, dp: Floats, ep: Floats, bits: Floats
) -> Configs:
    top = np.clip(most, dp, LOADS[-1] * dp)
    loads = np.minimum(LOADS[None, :] * dp[:, None], top[:, None])
    keep = np.ones(loads.shape, bool)
    keep[:, 1:] = loads[:, 1:] > loads[:, :-1]
    row, column = np.nonzero(keep)
    return configs(
        len(row), platform=platform[row], scheme=scheme[row], tp=tp[row], pp=pp[row], dp=dp[row], ep=ep[row], concurrency=loads[row, column],
        input_length=ask.input_length, output_length=ask.output_length, cache_bits=bits[row],
    )  # fmt: skip
