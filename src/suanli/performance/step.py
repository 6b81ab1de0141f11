"""The time of one forward pass: the op list of a model on the chips of one worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.arrays import Array
from suanli.formulas.attention import mean_causal_context, visible_context
from suanli.formulas.collectives import transfer_time
from suanli.formulas.kernels import Parts, collective_time, decode_attention, gemm, joined, overlapped, prefill_attention, routed_experts
from suanli.hardware import Platforms
from suanli.models import Model, Op
from suanli.performance import rates
from suanli.performance.calibration import Calibration, Constants
from suanli.performance.precision import ROLES, SCHEMES, Precisions
from suanli.performance.rates import Reached

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: scheme code -> 0, 1, 2: weights of 16, 8, 4 bits
_NARROW = np.array([{"bf16": 0, "fp8": 1, "int8": 1, "fp4": 2, "int4": 2}[name] for name in SCHEMES])
ACTIVATION_BYTES = 2  # hidden states travel in 16 bit


@dataclass(frozen=True)
class Worker:
    """One worker's layout and achieved rates by row: everything a pass needs that is not tokens or context.

    ``products`` by role of the operator, ``attention`` by kind and phase, ``collectives`` by name; links in B/s per chip and direction.
    """

    constants: Constants
    tp: Floats
    pp: Floats
    dp: Floats
    ep: Floats
    weight_bytes: dict[str, Floats]
    products: Mapping[str, Reached]
    attention: Mapping[str, Reached]
    collectives: Mapping[str, Mapping[str, Floats]]
    bandwidth: Floats
    tensor_link: Floats
    expert_link: Floats
    cache_bytes: Floats
    join: Callable[[Parts], Array]


def worker(
    model: Model,
    platforms: Platforms,
    calibration: Calibration,
    constants: Constants,
    precisions: Precisions,
    *,
    platform: Ints,
    scheme: Ints,
    tp: Floats,
    pp: Floats,
    dp: Floats,
    ep: Floats,
    cache_bits: Floats,
) -> Worker:
    """The achieved rates of a worker of ``tp`` x ``pp`` x ``dp`` chips under ``constants`` (numbers or one a row); links are the
    scale-up domain's while the group fits in it."""
    k, kernels = constants, calibration.kernels
    link, domain, fabric = platforms.link[platform], platforms.domain[platform], platforms.fabric[platform]
    group = tp * dp
    experts = np.choose(_NARROW[scheme], [k.experts_16, k.experts_8, k.experts_4])
    slower = {"experts": experts, "latent_prefill": k.prompt_attention, "attention_prefill": k.prompt_attention}
    slower |= {"attention_decode": k.attention, "latent_decode": k.latent}
    products = rates.products(model, platforms, kernels, platform, scheme)
    attention = rates.attention(model, platforms, kernels, platform, cache_bits)
    return Worker(
        constants=k,
        tp=tp,
        pp=pp,
        dp=dp,
        ep=ep,
        weight_bytes={role: precisions.bits[role][scheme] / 8 for role in {op.role for op in model.ops} & set(ROLES)},
        products={name: each.slowed(slower.get(name, k.products), k.launch) for name, each in products.items()},
        attention={name: each.slowed(slower[name], k.launch) for name, each in attention.items()},
        collectives={name: rates.collective(platforms, kernels, name, platform) for name in ("all_reduce.custom", "all_reduce.nccl", "all_to_all.nccl")},
        bandwidth=platforms.bandwidth[platform],
        tensor_link=np.where(tp <= domain, link, fabric),
        expert_link=np.where(group <= domain, link, fabric),
        cache_bytes=cache_bits / 8,
        join=overlapped if calibration.ideal else joined,
    )


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
    """One op of a traced pass: seconds of arithmetic, of memory traffic and of what neither hides, of one application, and how often it is applied."""

    name: str
    kind: str
    count: float
    flop_time: Floats
    byte_time: Floats
    fixed: Array
    once: Floats

    @property
    def total(self) -> Floats:
        """Seconds of all applications."""
        return self.count * self.once


def pass_time(model: Model, w: Worker, *, tokens: Floats, sequences: Floats, context: Floats, decode: bool, trace: list[Line] | None = None) -> Pass:
    """Seconds for ``tokens`` tokens per attention rank that belong to ``sequences`` sequences.

    Decode: one token a sequence over ``context`` cached tokens. Prefill: prompts of ``context`` tokens from the first to the last.
    ``trace`` collects a line an op: the same arithmetic, shown.
    With pipeline stages the batch is cut into ``pp`` micro-batches; the time is that of one micro-batch through all stages.
    """
    k = w.constants
    # a micro-batch is not less than one sequence: one alone passes all stages one after another
    tokens, sequences = (np.maximum(each / w.pp, np.minimum(each, 1)) for each in (tokens, sequences))
    compute, memory, busy, fixed = (np.zeros_like(tokens) for _ in range(4))
    for op in model.ops:
        if op.kind == "matmul":
            parts = _matmul(op, w, sequences if op.role == "head" else tokens)
        elif op.kind == "experts":
            parts = _experts(op, w, tokens)
        elif op.kind == "attention":
            parts = _attention(op, w, tokens, sequences, context, decode)
        else:
            parts = _scan(op, w, tokens, sequences, decode)
        once = w.join(parts)
        compute += op.count * parts[0]
        memory += op.count * parts[1]
        fixed += op.count * parts[2]
        busy += op.count * once
        if trace is not None:
            trace.append(Line(op.name, op.kind, op.count, *parts, once))
    communication = _communication(model, w, tokens)
    layers, hidden = model.architecture.layers, model.architecture.hidden
    # norms, additions, activations, rotations: every layer reads and writes its hidden states a few times
    operators = sum(op.count for op in model.ops)
    between = operators * k.operator_overhead + layers * tokens * k.elementwise * hidden * ACTIVATION_BYTES / w.bandwidth
    total = np.maximum(busy + communication * k.exposed_communication + between, communication)
    if not decode:
        # prompts are not replayed from a graph: the host launches each kernel
        total = total * k.prompt + (k.eager - 1) * (fixed + operators * k.operator_overhead)
    some = tokens > 0  # a pass without tokens is not run
    return Pass(*(np.where(some, each, 0.0) for each in (total, compute, memory, communication, fixed + between)))


def _matmul(op: Op, w: Worker, rows: Floats) -> Parts:
    inner = op.inner / w.tp if op.split == "inner" else op.inner
    outer = op.outer / w.tp if op.split == "outer" else op.outer
    r = w.products[op.role]
    return gemm(rows, inner / op.groups, outer, w.weight_bytes[op.role], ACTIVATION_BYTES, r.flop_rate, r.bandwidth, r.own["quantise"], r.launch)


def _experts(op: Op, w: Worker, tokens: Floats) -> Parts:
    """The busiest chip: its share of the routed tokens and of the experts they wake; experts are cut ``tp * dp / ep`` ways each."""
    k, r, chips = w.constants, w.products[op.role], w.tp * w.dp
    # a chip sorts and combines its own tokens' copies, and a share of the others'
    copies = k.routing_spread + (1 - k.routing_spread) / chips
    shape = (op.inner, op.outer, op.matrices, op.experts, op.active, chips, w.weight_bytes[op.role], ACTIVATION_BYTES)
    arithmetic, memory, fixed = routed_experts(tokens * w.dp, *shape, r.flop_rate, r.bandwidth, r.own["routing"] * copies, r.launch, k.routing_evenness)
    return arithmetic * np.where(w.ep > 1, k.expert_imbalance, 1.0), memory, fixed


def _attention(op: Op, w: Worker, tokens: Floats, sequences: Floats, context: Floats, decode: bool) -> Parts:
    heads = op.heads / np.minimum(w.tp, op.heads)
    parts = np.minimum(w.tp, op.cache_parts)
    name = "latent" if op.role == "latent" else "attention"
    r = w.attention[f"{name}_decode" if decode else f"{name}_prefill"]
    if decode:
        visible = visible_context(context, op.window, op.topk, op.stride)
        moved = sequences * op.cached * op.stride * visible * w.cache_bytes / parts  # an entry holds ``stride`` tokens' share
        cached = op.cache_parts / parts
        dims = (op.decode_score_dim, op.decode_value_dim)
        return decode_attention(tokens, heads, cached, *dims, visible, moved, r.flop_rate, r.bandwidth, r.own["head_time"], r.launch)
    visible = mean_causal_context(context, np.zeros_like(context), op.window, op.topk, op.stride)
    moved = tokens * (op.cached * w.cache_bytes / parts + 2 * heads * (op.score_dim + op.value_dim) * ACTIVATION_BYTES)
    softmax = r.own["softmax"]
    return prefill_attention(tokens, heads, op.score_dim, op.value_dim, visible, moved, r.flop_rate, r.bandwidth, r.own["half_length"], softmax, r.launch)


def _scan(op: Op, w: Worker, tokens: Floats, sequences: Floats, decode: bool) -> Parts:
    heads = np.minimum(w.tp, op.heads)
    r = w.attention["attention_decode" if decode else "attention_prefill"]
    moved = 2 * sequences * op.state * 4 / heads  # the state is kept in 32 bit
    return 4 * tokens * op.state / heads / r.flop_rate, moved / r.bandwidth, r.launch


def _communication(model: Model, w: Worker, tokens: Floats) -> Floats:
    """All-reduce after each mixer and feed-forward part, dispatch and combine of experts across attention ranks, pipeline sends."""
    arch, k = model.architecture, w.constants
    size = tokens * arch.hidden * ACTIVATION_BYTES
    volume = 2 * (1 - 1 / w.tp) * size
    custom, library = (_collective(w, f"all_reduce.{name}", volume, w.tp, w.tensor_link) for name in ("custom", "nccl"))
    reduced = np.minimum(custom, library)  # engines take the faster of their own and the library's at each size
    mixers = sum(block.count for block in arch.blocks if block.mixer)
    dense = sum(block.count for block in arch.blocks if block.ffn and arch.ffns[block.ffn].kind == "dense")
    mixtures = [op for op in model.ops if op.kind == "experts"]
    routed = sum(op.count for op in mixtures)
    time = (mixers + dense) * reduced
    if routed:
        chosen = sum(op.count * op.active for op in mixtures) / routed
        ranks = w.tp * w.dp
        # dispatch in 8 bit, combine in 16 bit (DeepSeek-V3 report, section 3.3)
        sent = tokens * np.minimum(chosen, ranks) / w.tp * arch.hidden * (1 - 1 / ranks)
        exchanged = _collective(w, "all_to_all.nccl", sent, ranks, w.expert_link) + _collective(
            w, "all_to_all.nccl", sent * ACTIVATION_BYTES, ranks, w.expert_link
        )
        time = time + (np.where(w.dp > 1, exchanged + k.all_to_all_latency, reduced) + k.routing_latency) * np.asarray(routed)
    sends = (w.pp - 1) * transfer_time(size, w.tensor_link, w.collectives["all_reduce.nccl"]["launch"])
    return np.asarray(time + np.where(w.pp > 1, sends, 0.0))


def _collective(w: Worker, kind: str, volume: Floats, chips: Floats, link: Floats) -> Floats:
    c, k = w.collectives[kind], w.constants
    return np.asarray(k.collectives * collective_time(volume, chips, link, c["link"], c["step"], c["ramp"], c["launch"]))
