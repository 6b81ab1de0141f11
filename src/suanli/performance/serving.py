"""Serving: configurations -> time to first token, time per token, rate, power, and what bounds them.

The model of load is closed-loop: ``concurrency`` clients, each sending its next request when the last is answered. In one worker rank

    b = min(clients, what the cache holds)                       sequences decoded together; the rest wait
    others = interference * (b - 1) * prefill_together / pp      the prompts of the others while one request is served
    ttft = prefill + queue_share * others + first_token_steps * step + waiting for a place
    tpot = (step + (1 - queue_share) * others / (output - 1)) / accepted

so a request's whole time holds each other prompt once, whether it is felt before the first token or between tokens (work is conserved),
and the rate is clients * output / (ttft + tpot * (output - 1)) (Little's law).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Tier
from suanli.formulas.arrays import Array
from suanli.formulas.collectives import transfer_time
from suanli.formulas.memory import sequences_that_fit
from suanli.formulas.queueing import closed_response
from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.calibration import FIGURES, KNOWLEDGE, SHAPES, Calibration, Constants
from suanli.performance.configs import BOUNDS, Configs, Estimate, join
from suanli.performance.fit_in_memory import cache_bytes, weight_bytes
from suanli.performance.precision import Precisions
from suanli.performance.reasons import Reason, flag
from suanli.performance.step import Pass, Worker, pass_time, worker

Floats = NDArray[np.float64]
CHUNK = 8192  # rows whose columns stay in the second-level cache


def serve(model: Model, platforms: Platforms, calibration: Calibration, precisions: Precisions, configs: Configs, *, scenarios: int = 1) -> Estimate:
    """One estimate a row of ``configs``; ``scenarios`` 1 = the point, 3 = low, mid and high of the 80 % interval.

    A row that cannot run has NaN times and its ``why_not``. Pure: same rows, same bits, alone or in a sweep.
    """
    parts = [_serve(model, platforms, calibration, precisions, piece, scenarios) for _, piece in configs.chunks(CHUNK)]
    return parts[0] if len(parts) == 1 else join(parts)


@dataclass(frozen=True)
class _Load:
    """Per attention rank of a decode worker."""

    clients: Floats
    fits: Floats
    running: Floats
    context: Floats


def _serve(model: Model, platforms: Platforms, calibration: Calibration, precisions: Precisions, c: Configs, scenarios: int) -> Estimate:
    with np.errstate(divide="ignore", invalid="ignore"):
        k = calibration.at(c.platform, c.engine)
        decoder = _worker(model, platforms, calibration, k, precisions, c, c.tp, c.pp, c.dp, c.ep)
        weights = weight_bytes(model, precisions, c.scheme, c.tp, c.pp, c.dp)
        load, per_sequence = _load(model, platforms, k, c, weights)
        why_not = _reasons(model, platforms, precisions, c, weights, load)
        step = pass_time(model, decoder, tokens=load.running, sequences=load.running, context=load.context, decode=True)
        step_time = np.maximum(step.total, k.host_sequence * load.running) + k.step_overhead + k.sequence_overhead * load.running
        apart = c.prefill_replicas > 0
        prefiller = _prefiller(model, platforms, calibration, k, precisions, c, decoder, apart)
        alone, together = _prefill(model, c, k, prefiller, load, apart)
        slower, measured = measured_factors(model, calibration, c)
        tpot, ttft, waiting = _times(c, k, load, step_time, alone, together, apart, per_sequence, prefiller, slower)
        rate = c.replicas * c.dp * load.clients * c.output_length / (ttft + tpot * np.maximum(c.output_length - 1, 0))
        bound = _bound(step, load)
        estimate = _estimate(model, platforms, calibration, c, ttft, tpot, rate, why_not, bound, load, weights, per_sequence, alone.total, step_time, waiting)
    return _with_interval(estimate, calibration, model, c, measured) if scenarios == 3 else estimate


def measured_factors(model: Model, calibration: Calibration, c: Configs) -> tuple[tuple[Floats, Floats], NDArray[np.bool_]]:
    """What TTFT (but for waiting) and TPOT are multiplied by: engine's version and era, place, measured deployment; and which rows are of one (N,)."""
    deployed = calibration.deployed(model.id, c.platform, c.engine, c.scheme, c.prefill_replicas > 0)
    measured = ~np.isnan(deployed[:, 0])
    ttft, tpot = (calibration.slower(name, c.platform, c.engine) * np.where(measured, deployed[:, i], 1.0) for i, name in enumerate(FIGURES[:2]))
    return (ttft, tpot), measured


def _worker(
    model: Model, platforms: Platforms, calibration: Calibration, k: Constants, precisions: Precisions, c: Configs,
    tp: Floats, pp: Floats, dp: Floats, ep: Floats,
) -> Worker:  # fmt: skip
    return worker(model, platforms, calibration, k, precisions, platform=c.platform, scheme=c.scheme, tp=tp, pp=pp, dp=dp, ep=ep, cache_bits=c.cache_bits)


def _load(model: Model, platforms: Platforms, k: Constants, c: Configs, weights: Floats) -> tuple[_Load, Floats]:
    context = c.input_length + c.output_length / 2
    per_sequence = cache_bytes(model, context, c.cache_bits / 8, c.tp, c.pp)
    held = cache_bytes(model, c.input_length + c.output_length * k.reserved, c.cache_bits / 8, c.tp, c.pp)
    usable = platforms.capacity[c.platform] * k.memory_usable
    fits = np.minimum(sequences_that_fit(usable, weights, held) * k.cache_share, c.batch_limit)
    clients = c.concurrency / (c.dp * c.replicas)
    return _Load(clients, fits, np.minimum(clients, fits), context), per_sequence


def _reasons(model: Model, platforms: Platforms, precisions: Precisions, c: Configs, weights: Floats, load: _Load) -> NDArray[np.int64]:
    arch = model.architecture
    capacity = platforms.capacity[c.platform]
    sixteen = np.fmax(platforms.peak[:, 3], platforms.peak[:, 4])[c.platform]
    unknown = np.isnan(capacity) | np.isnan(platforms.bandwidth[c.platform]) | np.isnan(sixteen)
    too_heavy = weights > capacity
    if (c.prefill_replicas > 0).any():
        prefill_weights = weight_bytes(model, precisions, c.scheme, c.prefill_tp, np.ones_like(c.pp), c.prefill_dp)
        too_heavy = too_heavy | ((c.prefill_replicas > 0) & (prefill_weights > capacity))
    reasons = flag(unknown, Reason.UNKNOWN_FACTS) | flag(too_heavy, Reason.WEIGHTS) | flag(~too_heavy & ~unknown & (load.fits < 1), Reason.CACHE)
    heads = [op.heads for op in model.ops if op.kind in ("attention", "scan") and op.split == "none" and not op.name.endswith(".index")]
    divides = np.all([np.isclose(head % c.tp, 0) for head in heads], axis=0) if heads else np.ones(len(c), bool)
    experts = [op.experts for op in model.ops if op.kind == "experts"]
    # redundant experts make any ep up to the group workable
    odd = (c.ep > c.tp * c.dp) | np.any([c.ep > e for e in experts], axis=0) if experts else c.ep > 1
    context = arch.context if arch.context else np.inf
    return (
        reasons
        | flag(~divides, Reason.HEADS)
        | flag(c.pp > arch.layers, Reason.LAYERS)
        | flag(odd, Reason.EXPERTS)
        | flag(c.input_length + c.output_length > context, Reason.CONTEXT)
    )


def _prefiller(
    model: Model, platforms: Platforms, calibration: Calibration, k: Constants, precisions: Precisions, c: Configs, decoder: Worker, apart: NDArray[np.bool_]
) -> Worker:
    """The worker that prompts run on (the decode worker itself when not disaggregated)."""
    if not apart.any():
        return decoder
    tp, dp, ep = (np.where(apart, a, b) for a, b in ((c.prefill_tp, c.tp), (c.prefill_dp, c.dp), (c.prefill_ep, c.ep)))
    return _worker(model, platforms, calibration, k, precisions, c, tp, np.where(apart, 1.0, c.pp), dp, ep)


def _prefill(model: Model, c: Configs, k: Constants, prefiller: Worker, load: _Load, apart: NDArray[np.bool_]) -> tuple[Pass, Floats]:
    """One prompt alone, and the seconds of one prompt when as many run together as a chunk takes (and as there are clients).

    A prompt is not cut into micro-batches: every stage computes all its tokens.
    """
    pp = prefiller.pp
    clients = np.where(apart, c.concurrency / np.maximum(c.prefill_replicas * prefiller.dp, 1), load.running)
    several = np.clip(k.chunk / np.maximum(c.input_length, 1), 1, np.maximum(clients, 1))
    alone = pass_time(model, prefiller, tokens=c.input_length * pp, sequences=pp, context=c.input_length, decode=False)
    many = pass_time(model, prefiller, tokens=c.input_length * pp * several, sequences=pp * several, context=c.input_length, decode=False)
    return alone, many.total / several


def _times(
    c: Configs,
    k: Constants,
    load: _Load,
    step_time: Floats,
    alone: Pass,
    together: Floats,
    apart: NDArray[np.bool_],
    per_sequence: Floats,
    prefiller: Worker,
    slower: tuple[Floats, Floats],
) -> tuple[Floats, Floats, Floats]:
    """TPOT, TTFT and the part of TTFT that is waiting for a place or a prefill worker. ``slower`` multiplies TTFT (what is not waiting) and TPOT;
    the waiting follows from both, so that no more is served than the work allows."""
    steps = np.maximum(c.output_length - 1, 1)
    # prompts of others pass the pipeline one stage behind another
    others = np.where(apart, 0.0, k.interference * np.maximum(load.running - 1, 0) * together / prefiller.pp)
    before: Array = np.where(c.equal_lengths > 0, k.queue_share_equal, k.queue_share)
    tpot = (step_time / c.accepted + (1 - before) * others / steps) * slower[1]
    first = k.prefill_overhead + k.first_token_steps * step_time
    own = (first + k.first_prompt * alone.total + before * others) * slower[0]
    places = np.maximum(load.clients / np.maximum(load.fits, 1e-9) - 1, 0) + k.admission
    waiting = places * (own + tpot * steps)
    if not apart.any():
        return tpot, own + waiting, waiting
    # disaggregated: each prefill rank is a server, its share of the clients thinks while it decodes
    clients = c.concurrency / np.maximum(c.prefill_replicas * prefiller.dp, 1)
    think = tpot * steps + waiting
    least = np.maximum(together, together * clients - think)  # no server ends more than one prompt a prompt's time
    behind = least - together + k.queue_variability * (closed_response(clients, together, think) - least)
    transfer = transfer_time(per_sequence * c.tp, prefiller.tensor_link, k.transfer_latency) * slower[0]
    waiting = waiting + np.where(apart, behind, 0.0)
    return tpot, own + np.where(apart, transfer, 0.0) + waiting, waiting


def _bound(step: Pass, load: _Load) -> NDArray[np.int64]:
    parts = np.stack([step.compute, step.memory, step.communication, step.overhead])
    largest = np.argmax(np.nan_to_num(parts), axis=0)
    return np.where(load.clients > load.fits, BOUNDS.index("queue"), largest).astype(np.int64)


def _estimate(
    model: Model,
    platforms: Platforms,
    calibration: Calibration,
    c: Configs,
    ttft: Floats,
    tpot: Floats,
    rate: Floats,
    why_not: NDArray[np.int64],
    bound: NDArray[np.int64],
    load: _Load,
    weights: Floats,
    per_sequence: Floats,
    prefill_time: Floats,
    step_time: Floats,
    waiting: Floats,
) -> Estimate:
    answered = why_not == 0

    def shown(values: Floats) -> Floats:
        return np.where(answered, values, np.nan)[None, :]

    measured = calibration.knowledge[c.platform] <= KNOWLEDGE.index("family")
    tier = np.maximum(platforms.tier[c.platform], np.where(measured, Tier.DERIVED, Tier.ESTIMATED))
    power = platforms.power[c.platform] * c.chips
    return Estimate(
        ttft=shown(ttft),
        tpot=shown(tpot),
        tokens_rate=shown(rate),
        tokens_rate_per_chip=shown(rate / c.chips),
        running=load.running * c.dp * c.replicas,
        fits=load.fits * c.dp * c.replicas,
        weight_bytes=weights,
        cache_bytes=per_sequence * load.running,
        prefill_time=prefill_time,
        step_time=step_time,
        waiting=waiting,
        power=shown(power),
        why_not=why_not,
        bound_by=bound,
        tier=tier.astype(np.int64),
    )


def _with_interval(estimate: Estimate, calibration: Calibration, model: Model, c: Configs, measured: NDArray[np.bool_]) -> Estimate:
    """Low, mid and high: the point times the residual quantiles of rows known as well as this one. Low is the small value of each quantity."""
    mixture = any(op.kind == "experts" for op in model.ops)
    shape = np.where(c.prefill_replicas > 0, SHAPES.index("apart"), SHAPES.index("mixture" if mixture else "dense"))
    quantiles = calibration.quantiles[calibration.level(c.platform, c.engine, measured), shape]

    def spread(values: Floats, name: str) -> Floats:
        low, high = np.exp(quantiles[:, FIGURES.index(name)]).T
        return np.concatenate([values * low, values, values * high])

    return replace(
        estimate,
        ttft=spread(estimate.ttft, "ttft"),
        tpot=spread(estimate.tpot, "tpot"),
        tokens_rate=spread(estimate.tokens_rate, "throughput"),
        tokens_rate_per_chip=spread(estimate.tokens_rate_per_chip, "throughput"),
        power=np.repeat(estimate.power, 3, axis=0),
    )
