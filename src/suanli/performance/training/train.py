"""Configurations -> estimate: the time of a training step, what it holds in memory, why it cannot be."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.attention import attention_flop
from suanli.formulas.training import exposed, pipeline_time, slowest_stage
from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.precision import SCHEMES, peaks_by_scheme
from suanli.performance.reasons import Reason, flag
from suanli.performance.training.calibration import KNOWLEDGE, TrainingCalibration, shape_of
from suanli.performance.training.configs import METHODS, RECOMPUTES, SHARDINGS, TrainingConfigs, TrainingEstimate, join
from suanli.performance.training.links import gather_time, links_of, parameter_time, scatter_time, send_time
from suanli.performance.training.memory import Held, memory, parameters_per_chip
from suanli.performance.training.step import Line, Micro, micro_time, visible_entries

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: rows computed together: arrays that stay in the cache
CHUNK = 65_536
#: bytes the update reads and writes a parameter: gradient, master copy and two moments in 32 bit, three of them written back, the 16-bit weight
UPDATE = 4 + 3 * 4 + 3 * 4 + 2
#: share of the memory that runs are laid out for: the fullest measured ones use 0.95 of it
USABLE = 0.95
#: whole numbers below this serve as their own codes
LARGEST, FINE = 2**24, 720_720
#: what a micro-batch's time depends on; all other fields only put micro-batches together
SHAPE = (
    "platform", "scheme", "tp", "cp", "ep", "micro_batch", "length", "recompute", "recomputed", "sequence_parallel", "method", "fused", "stack",
)  # fmt: skip


def train(
    model: Model, platforms: Platforms, calibration: TrainingCalibration, configs: TrainingConfigs, *, scenarios: int = 1, trace: list[Line] | None = None
) -> TrainingEstimate:
    """The estimate of each row; ``scenarios`` 1 (point) or 3 (with the 80 % interval); ``trace`` collects a line an op of the first chunk."""
    parts = [_train(model, platforms, calibration, chunk, scenarios, trace) for _, chunk in configs.chunks(CHUNK)]
    return parts[0] if len(parts) == 1 else join(parts)


def _train(
    model: Model, platforms: Platforms, calibration: TrainingCalibration, c: TrainingConfigs, scenarios: int, trace: list[Line] | None
) -> TrainingEstimate:
    parts = step_parts(model, platforms, calibration, c, trace)
    effects, known = measured_effects(model, platforms, calibration, c)
    parts = parts * np.exp(effects)
    step = parts.sum(axis=0)
    held = memory(model, c)
    why_not = legal(model, platforms, c) | flag(held.total > USABLE * platforms.capacity[c.platform], Reason.MEMORY)
    level = np.where(known, KNOWLEDGE.index("measured"), calibration.knowledge[c.platform])
    low, high = calibration.quantiles[level, shape_of(model)].T
    times = step[None] if scenarios == 1 else np.stack([step * np.exp(low), step, step * np.exp(high)])
    flop = model_flop(model, c) / c.chips
    peak = peaks_by_scheme(platforms.peak)[c.platform, c.scheme]
    why_not |= flag(np.isnan(step), Reason.UNKNOWN_FACTS)
    rate = flop / times
    return TrainingEstimate(
        step_time=times,
        tokens_rate_per_chip=c.tokens / c.chips / times,
        flop_rate_per_chip=rate,
        mfu=rate / peak,
        parts=parts,
        memory=held,
        power=platforms.power[c.platform] * c.chips,
        why_not=why_not,
        bound_by=np.argmax(parts, axis=0),
        tier=platforms.tier[c.platform],
    )


def step_parts(model: Model, platforms: Platforms, calibration: TrainingCalibration, c: TrainingConfigs, trace: list[Line] | None = None) -> Floats:
    """Seconds of a step by ``PARTS``, (len(PARTS), N), as the constants say."""
    k = calibration.at(c.platform, c.stack)
    shapes, place = distinct(c)
    small = calibration.at(shapes.platform, shapes.stack)
    micro = micro_time(model, platforms, calibration, small, shapes, trace)
    m = Micro(**{each.name: getattr(micro, each.name)[place] for each in fields(Micro)})
    layers = model.architecture.layers
    count = c.micro_batches
    # exchanges inside a layer hide behind its work; what is left belongs to every stage
    tensor = exposed(m.tensor, k.tensor_exposed, m.forward + m.backward)
    context = exposed(m.context, k.context_exposed, m.forward + m.backward)
    experts = exposed(m.experts, k.experts_exposed, m.forward + m.backward)
    work = m.forward + m.backward
    body = work + tensor + context + experts + m.overhead
    slowest = slowest_stage(layers, body / layers, m.head, c.pp)
    mean = (body + m.head) / c.pp
    busy, bubble = pipeline_time(mean, slowest, count, c.pp, c.vpp)
    share = count / c.pp  # of each part in what the mean stage does
    extra = busy - count * mean  # the slowest stage's lead over the mean
    links, held = links_of(platforms, calibration, k, c), parameters_per_chip(model, c)
    sends = 2 * c.vpp * k.pipeline_exposed * send_time(model, links, c) * (count + c.pp - 1) * (c.pp > 1)
    # gradients are reduced while the last micro-batch runs backward, or, where they are shared, each micro-batch's; fully sharded parameters are gathered
    # for each pass of each micro-batch
    backward = m.backward / c.pp
    scattered = exposed(scatter_time(links, held, c), k.data_exposed, backward) * np.where(c.sharding == SHARDINGS.index("gradients"), count, 1.0)
    gathered = exposed(gather_time(links, held, c), k.data_exposed, m.forward / c.pp)
    fully = exposed(parameter_time(links, held, c), k.parameters_exposed, work / c.pp) * count
    data = np.where(c.sharding == SHARDINGS.index("parameters"), fully, scattered + gathered)
    update = k.update * _update_bytes(held, c) / platforms.bandwidth[c.platform] + k.step_overhead
    parts = np.stack([
        (work + m.head) * share + extra, tensor * share, context * share, experts * share, bubble, sends, data, update, m.overhead * share,
    ])  # fmt: skip
    doublings = np.log2(np.maximum(c.chips, 8.0) / 8)
    return np.asarray(parts * k.whole * (1 + k.straggling * doublings))


def _update_bytes(held: Held, c: TrainingConfigs) -> Floats:
    """Memory traffic of the update on one chip."""
    shared = c.sharding >= SHARDINGS.index("optimizer")
    return np.asarray(UPDATE * (held.trained / np.where(shared, c.copies, 1.0) + held.trained_experts / np.where(shared, c.expert_copies, 1.0)))


def distinct(c: TrainingConfigs) -> tuple[TrainingConfigs, Ints]:
    """One row of each combination of ``SHAPE`` in ``c``, and where each row of ``c`` finds its own: most layouts of a sweep share their layers' times."""
    key = np.zeros(len(c), np.int64)
    room = 1
    for name in SHAPE:
        column = getattr(c, name)
        if len(column) == 0 or (column[0] == column).all():
            continue
        # shares of layers are multiples of 1 over a number of layers: of 1 / 720,720 up to 16 of them, else their own
        scaled = column * FINE if name == "recomputed" else column
        low, high = float(scaled.min()), float(scaled.max())
        whole = np.rint(scaled)
        if high - low < LARGEST and np.abs(scaled - whole).max() < 1e-3:
            code = (whole - np.rint(low)).astype(np.int64)
        else:
            code = np.unique(column, return_inverse=True)[1]
        values = int(code.max()) + 1
        room *= values
        if room > 2**62:
            return c, np.arange(len(c))
        key = key * values + code
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return c.take(first), place


def model_flop(model: Model, c: TrainingConfigs, *, masked: bool = False, again: bool = False) -> Floats:
    """Operations of a step over all chips (N,): forward and both products of the backward pass (one where the weights are frozen).

    ``masked``: count the scores behind the causal mask too, as Megatron-LM does; ``again``: count what is computed again too (HFU).
    """
    products = float(sum(op.count * op.active_weights for op in model.ops if op.kind != "attention"))
    head = float(sum(op.count * op.active_weights for op in model.ops if op.role == "head"))
    attention = np.zeros(len(c))
    for op in model.ops:
        if op.kind == "attention":
            seen = np.asarray(c.length) if masked and not op.window else visible_entries(model, op, c.length)
            attention = attention + op.count * attention_flop(1.0, op.heads, op.score_dim, op.value_dim, seen)
    passes = np.where(c.method > 0, 2.0, 3.0)
    total = 2 * products * passes + attention * 3
    if again:
        full = np.where(c.recompute == RECOMPUTES.index("full"), c.recomputed, 0.0)
        core = (c.recompute == RECOMPUTES.index("selective")) & (c.fused < 1)
        total = total + full * (2 * (products - head) + attention) + np.where(core, attention, 0.0)
    return np.asarray(total * c.tokens)


def measured_effects(model: Model, platforms: Platforms, calibration: TrainingCalibration, c: TrainingConfigs) -> tuple[Floats, NDArray[np.bool_]]:
    """Log factor of a step of each row by what was measured of runs like it, and which rows' model was measured on their chip and stack (N,)."""
    total, known = np.zeros(len(c)), np.zeros(len(c), bool)
    name = model.id.split("@")[0]
    stacks = [each.split(" ")[0] for each in calibration.stacks]
    for effect in calibration.effects:
        if effect.model not in ("", name):
            continue
        rows = np.isin(c.stack, [place for place, stack in enumerate(stacks) if stack == effect.stack]) & (c.method == METHODS.index(effect.method))
        if effect.chip:
            rows &= (c.platform == platforms.chip.index(effect.chip)) & (c.scheme == SCHEMES.index(effect.precision))
        for part in ("tp", "pp", "cp", "ep", "length"):
            if getattr(effect, part):
                rows &= getattr(c, part) == getattr(effect, part)
        total += np.where(rows, effect.log_factor, 0.0)
        known |= rows & effect.whole
    return total, known


def legal(model: Model, platforms: Platforms, c: TrainingConfigs) -> Ints:
    """Reasons why rows cannot run whatever the memory (N,): what does not divide, and precisions the chip has no units for."""
    arch = model.architecture
    attention = [op for op in model.ops if op.kind in ("attention", "scan") and op.heads]
    heads = np.zeros(len(c), bool)
    for op in attention:
        # a head may be divided by nobody; keys and values are copied where there are fewer than chips
        heads |= op.heads % c.tp > 0
    experts = np.array(sorted({op.experts for op in model.ops if op.kind == "experts"}) or [1])
    stage = c.tp * c.cp * c.dp
    wrong = (experts[:, None] % c.ep > 0).any(axis=0) | (stage % c.ep > 0)
    count = c.micro_batches
    pieces = c.pp * c.vpp
    # embedding and head may take a layer's place each; interleaving runs micro-batches in rounds of as many as there are stages
    layers = (arch.layers + 2 < pieces) | (arch.layers < c.pp) | ((c.vpp > 1) & ((count % c.pp > 0) | (c.pp == 1)))
    last = arch.layers - (c.pp - 1) * np.ceil(arch.layers / c.pp)
    layers |= last < 0
    own = peaks_by_scheme(platforms.peak, fall_back=False)[c.platform, c.scheme]
    return (
        flag(heads, Reason.HEADS)
        | flag(wrong, Reason.EXPERTS)
        | flag(layers, Reason.LAYERS)
        | flag(count % 1 > 0, Reason.BATCH)
        | flag((arch.context > 0) & (c.length > arch.context), Reason.CONTEXT)
        | flag(c.length % (2 * c.cp) > 0, Reason.SEQUENCE)
        | flag(np.isnan(own), Reason.PRECISION)
    )
