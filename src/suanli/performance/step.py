"""The time of one forward pass: the op list of a model on the chips of one worker."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.arrays import Array
from suanli.formulas.attention import attention_flop, mean_causal_context, visible_context
from suanli.formulas.collectives import all_reduce_time, all_to_all_time, transfer_time
from suanli.formulas.matmul import matmul_bytes, matmul_flop
from suanli.formulas.moe import experts_hit
from suanli.formulas.roofline import saturation
from suanli.hardware import Platforms
from suanli.models import Model, Op
from suanli.performance.calibration import Constants
from suanli.performance.precision import ROLES, Precisions, peak_of

Floats = NDArray[np.float64]
ACTIVATION_BYTES = 2  # hidden states travel in 16 bit


@dataclass(frozen=True)
class Worker:
    """One worker's layout and achieved rates by row: everything a pass needs that is not tokens or context."""

    constants: Constants
    tp: Floats
    pp: Floats
    dp: Floats
    ep: Floats
    weight_bytes: dict[str, Floats]
    flop_rate: dict[str, Floats]
    flop_rate_16: Floats
    bandwidth: Floats
    tensor_link: Floats
    expert_link: Floats
    cache_bytes: Floats


def worker(
    model: Model,
    platforms: Platforms,
    constants: Constants,
    precisions: Precisions,
    *,
    platform: Array,
    scheme: Array,
    tp: Array,
    pp: Array,
    dp: Array,
    ep: Array,
    cache_bits: Array,
) -> Worker:
    """The achieved rates of a worker of ``tp`` x ``pp`` x ``dp`` chips under ``constants`` (numbers or one a row); links are the
    scale-up domain's while the group fits in it."""
    k = constants
    peak_16 = peak_of(platforms.peak, "bf16")
    nominal = np.stack([peak_of(platforms.peak, name) for name in precisions.compute], axis=1)
    # narrow weights computed at the 16-bit rate reach its share, not that of narrow units
    shares = np.where(nominal > peak_16[:, None], np.array([_SHARES.index(SHARE_OF[name]) for name in precisions.compute]), 0)
    share = np.choose(shares[platform, scheme], [getattr(k, name) for name in _SHARES])
    rate, rate_16 = nominal[platform, scheme] * share, peak_16[platform] * k.compute_16
    wide = {"router", "head"}
    roles = {op.role for op in model.ops} & set(ROLES)
    link, domain, fabric = platforms.link[platform], platforms.domain[platform], platforms.fabric[platform]
    group = tp * dp
    return Worker(
        constants=k,
        tp=tp,
        pp=pp,
        dp=dp,
        ep=ep,
        weight_bytes={role: precisions.bits[role][scheme] / 8 for role in roles},
        flop_rate={role: rate_16 if role in wide else rate for role in roles},
        flop_rate_16=rate_16,
        bandwidth=platforms.bandwidth[platform],
        tensor_link=np.where(tp <= domain, link, fabric) * k.link,
        expert_link=np.where(group <= domain, link, fabric) * k.link,
        cache_bytes=cache_bits / 8,
    )


SHARE_OF = {"bf16": "compute_16", "fp8": "compute_8", "int8": "compute_8", "fp4": "compute_4"}
_SHARES = ("compute_16", "compute_8", "compute_4")


@dataclass(frozen=True)
class Pass:
    """Seconds of one pass and of its parts."""

    total: Floats
    compute: Floats
    memory: Floats
    communication: Floats
    overhead: Floats


@dataclass(frozen=True)
class Line:
    """One op of a traced pass: seconds of arithmetic and of memory traffic of one application, and how often it is applied."""

    name: str
    kind: str
    count: float
    flop_time: Floats
    byte_time: Floats
    launch: Array

    @property
    def total(self) -> Floats:
        """Seconds of all applications."""
        return self.count * (np.maximum(self.flop_time, self.byte_time) + self.launch)


def pass_time(model: Model, w: Worker, *, tokens: Floats, sequences: Floats, context: Floats, decode: bool, trace: list[Line] | None = None) -> Pass:
    """Seconds for ``tokens`` tokens per attention rank that belong to ``sequences`` sequences.

    Decode: one token a sequence over ``context`` cached tokens. Prefill: prompts of ``context`` tokens from the first to the last.
    ``trace`` collects a line an op: the same arithmetic, shown.
    With pipeline stages the batch is cut into ``pp`` micro-batches; the time is that of one micro-batch through all stages.
    """
    k = w.constants
    # a micro-batch is not less than one sequence: one alone passes all stages one after another
    tokens, sequences = (np.maximum(each / w.pp, np.minimum(each, 1)) for each in (tokens, sequences))
    compute = np.zeros_like(tokens)
    memory = np.zeros_like(tokens)
    busy = np.zeros_like(tokens)
    for op in model.ops:
        if op.kind == "matmul":
            rows = sequences if op.role == "head" else tokens
            flop_time, byte_time = _matmul(op, w, rows)
        elif op.kind == "experts":
            flop_time, byte_time = _experts(op, w, tokens)
        elif op.kind == "attention":
            flop_time, byte_time = _attention(op, w, tokens, sequences, context, decode)
        else:
            flop_time, byte_time = _scan(op, w, tokens, sequences)
        compute += op.count * flop_time
        memory += op.count * byte_time
        busy += op.count * (np.maximum(flop_time, byte_time) + k.launch)
        if trace is not None:
            trace.append(Line(op.name, op.kind, op.count, flop_time, byte_time, k.launch))
    communication = _communication(model, w, tokens)
    layers = model.architecture.layers
    overhead = k.layer_overhead * layers + sum(op.count for op in model.ops) * k.launch + tokens * layers * k.token_overhead
    beside = communication * k.exposed_communication
    total = np.maximum(busy + beside + k.layer_overhead * layers + tokens * layers * k.token_overhead, communication)
    some = tokens > 0  # a pass without tokens is not run
    return Pass(*(np.where(some, each, 0.0) for each in (total, compute, memory, communication, overhead)))


def _matmul(op: Op, w: Worker, rows: Floats) -> tuple[Floats, Floats]:
    inner = op.inner / w.tp if op.split == "inner" else op.inner
    outer = op.outer / w.tp if op.split == "outer" else op.outer
    share = saturation(np.maximum(rows, 1e-9), w.constants.half_rows)  # no rows: no work, not no rate
    flop_time = matmul_flop(rows, inner, outer) / (op.groups * w.flop_rate[op.role] * np.maximum(share, 1e-9))
    byte_time = matmul_bytes(rows, inner / op.groups, outer, w.weight_bytes[op.role], ACTIVATION_BYTES) / (w.bandwidth * w.constants.memory)
    return flop_time, byte_time


def _experts(op: Op, w: Worker, tokens: Floats) -> tuple[Floats, Floats]:
    """The busiest chip: its share of the routed tokens and of the experts they wake; experts are cut ``tp * dp / ep`` ways each."""
    chips = w.tp * w.dp
    everywhere = tokens * w.dp
    pairs = everywhere * op.active / chips * np.where(w.ep > 1, w.constants.expert_imbalance, 1.0)
    hit = experts_hit(everywhere, op.experts, op.active) / chips
    size = op.matrices * op.inner * op.outer
    rows = everywhere * op.active / np.maximum(experts_hit(everywhere, op.experts, op.active), 1)
    share = saturation(np.maximum(rows, 1e-9), w.constants.expert_half_rows)  # no rows: no work, not no rate
    flop_time = 2 * pairs * size / (w.flop_rate[op.role] * w.constants.expert_compute * np.maximum(share, 1e-9))
    moved = hit * size * w.weight_bytes[op.role] + pairs * op.matrices * (op.inner + op.outer) * ACTIVATION_BYTES
    return flop_time, moved / (w.bandwidth * w.constants.expert_memory)


def _attention(op: Op, w: Worker, tokens: Floats, sequences: Floats, context: Floats, decode: bool) -> tuple[Floats, Floats]:
    heads = op.heads / np.minimum(w.tp, op.heads)
    parts = np.minimum(w.tp, op.cache_parts)
    rate = w.flop_rate_16 * w.constants.attention_compute
    if decode:
        visible = visible_context(context, op.window, op.topk, op.stride)
        flop = attention_flop(tokens, heads, op.decode_score_dim, op.decode_value_dim, visible)
        moved = sequences * _per_entry(op) * visible * w.cache_bytes / parts
    else:
        visible = mean_causal_context(context, np.zeros_like(context), op.window, op.topk, op.stride)
        flop = attention_flop(tokens, heads, op.score_dim, op.value_dim, visible)
        moved = tokens * (op.cached * w.cache_bytes / parts + 2 * heads * (op.score_dim + op.value_dim) * ACTIVATION_BYTES)
    memory = w.constants.latent_memory if op.role == "latent" else w.constants.attention_memory
    return flop / rate, moved / (w.bandwidth * memory)


def _per_entry(op: Op) -> float:
    """Elements one visible cache entry holds (``cached`` is per token, compression included)."""
    return op.cached * op.stride


def _scan(op: Op, w: Worker, tokens: Floats, sequences: Floats) -> tuple[Floats, Floats]:
    heads = np.minimum(w.tp, op.heads)
    flop = 4 * tokens * op.state / heads
    moved = 2 * sequences * op.state * 4 / heads  # the state is kept in 32 bit
    return flop / (w.flop_rate_16 * w.constants.attention_compute), moved / (w.bandwidth * w.constants.memory)


def _communication(model: Model, w: Worker, tokens: Floats) -> Floats:
    """All-reduce after each mixer and feed-forward part, dispatch and combine of experts across attention ranks, pipeline sends."""
    arch, k = model.architecture, w.constants
    size = tokens * arch.hidden * ACTIVATION_BYTES
    reduced = all_reduce_time(size, w.tp, w.tensor_link, k.all_reduce_latency)
    mixers = sum(block.count for block in arch.blocks if block.mixer)
    dense = sum(block.count for block in arch.blocks if block.ffn and arch.ffns[block.ffn].kind == "dense")
    mixtures = [op for op in model.ops if op.kind == "experts"]
    routed = sum(op.count for op in mixtures)
    time = (mixers + dense) * reduced + routed * k.routing_latency
    if routed:
        chosen = sum(op.count * op.active for op in mixtures) / routed
        ranks = w.tp * w.dp
        copies = np.minimum(chosen, ranks)
        # dispatch in 8 bit, combine in 16 bit (DeepSeek-V3 report, section 3.3)
        exchanged = all_to_all_time(tokens * copies / w.tp * arch.hidden * (1 + ACTIVATION_BYTES), ranks, w.expert_link, 2 * k.all_to_all_latency)
        time = time + np.where(w.dp > 1, exchanged, reduced) * np.asarray(routed)
    sends = (w.pp - 1) * transfer_time(size, w.tensor_link, k.all_reduce_latency)
    return np.asarray(time + np.where(w.pp > 1, sends, 0.0))
