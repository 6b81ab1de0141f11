"""The time of one micro-batch on the chips of one pipeline: the op list of a model, forward and backward, and what its groups exchange."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.arrays import Array
from suanli.formulas.attention import mean_causal_context, visible_context
from suanli.formulas.kernels import Parts, gemm, joined, overlapped, prefill_attention, routed_experts
from suanli.formulas.training import score_bytes
from suanli.hardware import Platforms
from suanli.models import Model, Op
from suanli.performance import rates
from suanli.performance.precision import SCHEMES
from suanli.performance.rates import Options, Reached
from suanli.performance.training.calibration import Constants, TrainingCalibration
from suanli.performance.training.configs import RECOMPUTES, TrainingConfigs
from suanli.performance.training.links import context_time, expert_time, links_of, tensor_time

Floats = NDArray[np.float64]

#: kernels that train at a precision, best first; a chip without the units is refused elsewhere, so the last is never computed for it
DENSE: dict[str, Options] = {
    "bf16": [("bf16", "bf16", "gemm.bf16")],
    "fp8": [("fp8", "fp8", "gemm.fp8"), ("bf16", "bf16", "gemm.bf16")],
    "int8": [("int8", "int8", "gemm.int8"), ("bf16", "bf16", "gemm.bf16")],
    "fp4": [("fp4", "fp4", "gemm.nvfp4"), ("fp8", "fp8", "gemm.fp8"), ("bf16", "bf16", "gemm.bf16")],
    "int4": [("bf16", "bf16", "gemm.bf16")],
}
WIDE = SCHEMES.index("bf16")
#: scheme code -> 0, 1, 2: 16, 8, 4 bits
_NARROW = np.array([{"bf16": 0, "fp8": 1, "int8": 1, "fp4": 2, "int4": 2}[name] for name in SCHEMES])
#: bytes of an activation, of a weight as products read it, of a gradient as the weights' products add it up (read and written in 32 bit)
ACTIVATION, WEIGHT, GRADIENT = 2, 2, 8
#: operations of attention's backward pass over its forward's: five products for two (Dao et al., FlashAttention, NeurIPS 2022, appendix B.4)
BACKWARD = 2.5


@dataclass(frozen=True)
class Line:
    """One op of a traced pass: seconds of its forward and of its backward pass, all applications, and its share in what is computed again."""

    name: str
    kind: str
    count: float
    forward: Floats
    backward: Floats


@dataclass(frozen=True)
class Micro:
    """Seconds of one micro-batch through all layers (N,): ``forward`` and ``backward`` at work (what is computed again in ``backward``), the output head
    (``head``, both ways), and what the tensor-, context- and expert-parallel groups exchange both ways, hidden or not."""

    forward: Floats
    backward: Floats
    head: Floats
    tensor: Floats
    context: Floats
    experts: Floats
    overhead: Floats


def micro_time(
    model: Model, platforms: Platforms, calibration: TrainingCalibration, constants: Constants, c: TrainingConfigs, trace: list[Line] | None = None
) -> Micro:
    """Seconds of one micro-batch of each row; ``trace`` collects a line an op."""
    return _Layers(model, platforms, calibration, constants, c).run(trace)


def visible_entries(model: Model, op: Op, length: Floats) -> Floats:
    """Entries a token sees in the mean: those before it, or all where the model is not causal; in both a window's at most."""
    if model.architecture.causal:
        return np.asarray(mean_causal_context(length, 0.0, op.window, op.topk, op.stride))
    return np.asarray(visible_context(length, op.window, op.topk, op.stride))


class _Layers:
    """The rows' rates and sizes, worked out once for all ops."""

    def __init__(self, model: Model, platforms: Platforms, calibration: TrainingCalibration, constants: Constants, c: TrainingConfigs) -> None:
        kernels, k = calibration.kernels, constants
        self.model, self.k, self.c = model, k, c
        self.join: Callable[[Parts], Array] = overlapped if calibration.ideal else joined
        self.ideal = calibration.ideal
        self.tokens = c.micro_batch * c.length / c.cp
        narrow = _NARROW[c.scheme]
        slower = np.choose(narrow, [np.broadcast_to(each, len(c)) for each in (k.products_16, k.products_8, k.products_4)])
        wide = np.full(len(c), WIDE)
        self.narrow = narrow > 0
        narrower = np.where(narrow > 0, k.experts_8, 1.0)
        self.products: Mapping[str, Reached] = {
            "ffn": rates.by_scheme(platforms, kernels, DENSE, c.platform, c.scheme).slowed(slower, 1.0),
            "experts": rates.by_scheme(platforms, kernels, DENSE, c.platform, c.scheme).slowed(k.experts * narrower * slower, 1.0),
            "head": rates.by_scheme(platforms, kernels, DENSE, c.platform, wide).slowed(k.products_16, 1.0),
        }
        self.attention = rates.attention(model, platforms, kernels, c.platform, np.full(len(c), 16.0))
        self.bandwidth = platforms.bandwidth[c.platform]
        self.links = links_of(platforms, calibration, k, c)
        self.trained = c.method == 0
        again = np.where(c.recompute == RECOMPUTES.index("full"), c.recomputed, 0.0)
        self.again = again
        # selective: the core of attention that writes its scores, else norms, activations, and what latents are unfolded to
        selective = c.recompute == RECOMPUTES.index("selective")
        self.latents_again = np.where(selective & (c.fused > 0), 1.0, again)
        self.attention_again = np.where(selective & (c.fused < 1), 1.0, again)
        self.between_again = np.where(selective & (c.fused > 0), 0.5, again)

    def run(self, trace: list[Line] | None) -> Micro:
        model, k, c = self.model, self.k, self.c
        zero = np.zeros(len(c))
        forward, backward, head = zero, zero, zero
        for op in model.ops:
            ahead, back = self._times(op)
            ahead, back = op.count * ahead, op.count * back
            if op.role == "head":
                head = ahead + back
            else:
                forward, backward = forward + ahead, backward + back
            if trace is not None:
                trace.append(Line(op.name, op.kind, op.count, ahead, back))
        layers, mixtures = model.architecture.layers, sum(op.count for op in model.ops if op.kind == "experts")
        between = layers * self._between()
        forward = forward + between
        backward = backward + between * (1 + self.between_again)
        adapted = np.where(self.trained, 1.0, 1 + k.adapters)
        passes = 2 + self.again
        # the host launches each layer's kernels, forward and backward; where that takes longer than they run, the chip waits
        host = layers * k.host_layer + mixtures * k.host_mixture
        overhead = passes * mixtures * k.routing_overhead + k.micro_batch_overhead
        return Micro(
            np.hypot(forward * adapted, host),
            np.hypot(backward * adapted, host * (1 + self.again)),
            head,
            tensor_time(model, self.links, c) * passes,
            context_time(model, self.links, c) * (3 + self.attention_again),  # backward passes keys and values again, and their gradients
            expert_time(model, self.links, c) * passes,
            np.asarray(overhead * np.ones(len(c))),
        )

    def _times(self, op: Op) -> tuple[Floats, Floats]:
        """Seconds of one application, forward and backward (with what is computed again)."""
        if op.kind == "matmul":
            return self._matmul(op)
        if op.kind == "experts":
            return self._experts(op)
        if op.kind == "attention":
            return self._attention(op)
        ahead = self._scan(op)
        return ahead, ahead * (2 + self.again)

    def _matmul(self, op: Op) -> tuple[Floats, Floats]:
        c = self.c
        inner = op.inner / c.tp if op.split == "inner" else np.asarray(op.inner)
        outer = op.outer / c.tp if op.split == "outer" else np.asarray(op.outer)
        inner = inner / op.groups
        r = self.products[op.role if op.role == "head" else "head" if op.role == "router" else "ffn"]
        # narrow products read inputs and gradients that a pass has narrowed first, the weights' product their transposes too
        passes = 0.0 if op.role in ("head", "router") else self.k.quantise * r.own["quantise"]
        shape = (r.flop_rate, r.bandwidth, passes, r.launch)
        ahead = self.join(gemm(self.tokens, inner, outer, WEIGHT, ACTIVATION, *shape))
        inputs = self.join(gemm(self.tokens, outer, inner, WEIGHT, ACTIVATION, *shape))
        weights = self.join(gemm(self.tokens, inner, outer, GRADIENT, ACTIVATION, *shape))
        again = 0.0 if op.role == "head" else self.latents_again if op.role == "latent" and op.split == "outer" else self.again
        return ahead, inputs + np.where(self.trained, weights, 0.0) + again * ahead

    def _experts(self, op: Op) -> tuple[Floats, Floats]:
        """Grouped products at the rate of dense ones, less what narrow experts lose; sorting and combining move every chosen copy."""
        c, k, r = self.c, self.k, self.products["experts"]
        parts = c.ep * c.expert_cut
        tokens = self.tokens * parts / c.tp
        rate = r.flop_rate / (1 + k.expert_width * c.expert_cut / op.outer) / k.expert_imbalance
        shape = (tokens, op.inner, op.outer, op.matrices, op.experts, op.active, parts)
        routing = k.routing_bytes / parts
        ahead, weights = (
            self.join(routed_experts(*shape, weight, ACTIVATION, rate, r.bandwidth, routing, r.launch * op.experts / c.ep)) for weight in (WEIGHT, GRADIENT)
        )
        return ahead, ahead * (1 + self.again) + np.where(self.trained, weights, 0.0)

    def _attention(self, op: Op) -> tuple[Floats, Floats]:
        c, k = self.c, self.k
        heads = op.heads / np.minimum(c.tp, op.heads)
        r = self.attention["latent_prefill" if op.role == "latent" else "attention_prefill"]
        seen = visible_entries(self.model, op, c.length)
        visible = np.where(c.fused > 0, seen, c.length)  # scores that are written are computed behind the mask too
        moved = self.tokens * 2 * (heads + op.cache_parts / np.minimum(c.tp, op.cache_parts)) * (op.score_dim + op.value_dim)
        moved = moved + (1 - c.fused) * score_bytes(heads, c.micro_batch, c.length, k.score_passes) / c.cp
        softmax = r.own["softmax"] * c.fused
        rate = np.where(c.fused > 0, r.flop_rate / k.attention, self.products["head"].flop_rate)
        parts = prefill_attention(
            self.tokens, heads, op.score_dim, op.value_dim, visible, moved, rate, r.bandwidth, r.own["half_length"] * c.fused, softmax, r.launch
        )
        slower = np.where(c.fused > 0, BACKWARD * k.attention_backward, 2.0)  # not fused: two products for each of the forward's
        arithmetic, memory, fixed = parts
        ahead = self.join(parts)
        back = self.join((arithmetic * slower, memory * 2, fixed * 2))
        return ahead, back + self.attention_again * ahead

    def _scan(self, op: Op) -> Floats:
        heads = np.minimum(self.c.tp, op.heads)
        r = self.attention["attention_prefill"]
        # chunks of the sequence: the state is read and written once a chunk of as many tokens as the state has rows
        flop = 4 * self.tokens * op.state / heads
        return np.asarray(flop / r.flop_rate + r.launch)

    def _between(self) -> Floats:
        """Norms, activations, rotations, additions of one layer: readings of hidden states, divided by tensor parallelism where it can be."""
        hidden, k, c = self.model.architecture.hidden, self.k, self.c
        split = np.where(c.sequence_parallel > 0, c.tp, 1.0)
        return np.asarray(self.tokens * hidden * ACTIVATION * (k.elementwise / c.tp + k.norm / split) / self.bandwidth)
