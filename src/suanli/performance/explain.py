"""Explain by replay: one row through the same functions with tracing on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.calibration import Calibration
from suanli.performance.configs import Configs, Estimate
from suanli.performance.fit_in_memory import cache_bytes, weight_bytes
from suanli.performance.precision import Precisions
from suanli.performance.serving import measured_factors, serve
from suanli.performance.step import Line, Pass, pass_time, worker


@dataclass(frozen=True)
class Explanation:
    """What stands behind one estimate; scalars in SI.

    ``decode_lines`` and ``prefill_lines`` are the ops of one step and one prompt; their sums with communication and overheads are the
    step and prefill times of the estimate. ``slower_ttft`` and ``slower_tpot``: see ``serving.measured_factors``.
    """

    estimate: Estimate
    capacity: float
    usable: float
    weight_bytes: float
    cache_bytes_per_sequence: float
    held_bytes_per_sequence: float
    fits: float
    running: float
    context: float
    slower_ttft: float
    slower_tpot: float
    decode: Pass
    decode_lines: tuple[Line, ...]
    prefill: Pass
    prefill_lines: tuple[Line, ...]
    achieved_bandwidth: float
    achieved_flop_rate: dict[str, float]
    peak_16: float
    bandwidth: float


def explain(model: Model, platforms: Platforms, calibration: Calibration, precisions: Precisions, configs: Configs, row: int = 0) -> Explanation:
    """The explanation of one row of ``configs`` (an aggregated replica, or the decode side of a disaggregated one)."""
    c = configs.take(np.array([row]))
    estimate = serve(model, platforms, calibration, precisions, c, scenarios=3)
    k = calibration.at(c.platform, c.engine)
    w = worker(model, platforms, calibration, k, precisions, platform=c.platform, scheme=c.scheme, tp=c.tp, pp=c.pp, dp=c.dp, ep=c.ep, cache_bits=c.cache_bits)
    held = weight_bytes(model, precisions, c.scheme, c.tp, c.pp, c.dp)
    context = c.input_length + c.output_length / 2
    each = cache_bytes(model, context, c.cache_bits / 8, c.tp, c.pp)
    reserved = cache_bytes(model, c.input_length + c.output_length * k.reserved, c.cache_bits / 8, c.tp, c.pp)
    slower, _ = measured_factors(model, calibration, c)
    running = estimate.running / (c.dp * c.replicas)
    decode_lines: list[Line] = []
    prefill_lines: list[Line] = []
    one = np.ones(1)
    decode = pass_time(model, w, tokens=running, sequences=running, context=context, decode=True, trace=decode_lines)
    prefill = pass_time(model, w, tokens=c.input_length * c.pp, sequences=one * c.pp, context=c.input_length, decode=False, trace=prefill_lines)
    platform = int(c.platform[0])
    return Explanation(
        estimate=estimate,
        capacity=float(platforms.capacity[platform]),
        usable=float(np.ravel(k.memory_usable)[0]),
        weight_bytes=float(held[0]),
        cache_bytes_per_sequence=float(each[0]),
        held_bytes_per_sequence=float(reserved[0] / np.ravel(k.cache_share)[0]),
        fits=float(estimate.fits[0]),
        running=float(estimate.running[0]),
        context=float(context[0]),
        slower_ttft=float(slower[0][0]),
        slower_tpot=float(slower[1][0]),
        decode=decode,
        decode_lines=tuple(decode_lines),
        prefill=prefill,
        prefill_lines=tuple(prefill_lines),
        achieved_bandwidth=float(w.products["ffn"].bandwidth[0]),
        achieved_flop_rate={role: float(reached.flop_rate[0]) for role, reached in w.products.items()},
        peak_16=float(np.fmax(platforms.peak[platform, 3], platforms.peak[platform, 4])),
        bandwidth=float(platforms.bandwidth[platform]),
    )
