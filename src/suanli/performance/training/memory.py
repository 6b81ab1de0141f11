"""What a training step holds in memory, by part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.models import Model
from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import RECOMPUTES, SHARDINGS, TrainingConfigs, TrainingMemory

Floats = NDArray[np.float64]

#: bytes a trained parameter takes as the products read it, as a gradient, and as 32-bit master copy with two moments (Rajbhandari et al., ZeRO, SC 2020,
#: section 3.1; gradients are added up in 32 bit)
WEIGHT, GRADIENT, STATE = 2.0, 4.0, 12.0
ACTIVATION = 2
#: rank of adapters where nobody says (Hu et al., LoRA, table 15, rank 16 with all layers is what public recipes take)
RANK = 16
#: what the runtime, the communication library and fragments of freed memory take
RUNTIME, FRAGMENTS = 3e9, 0.05


@dataclass(frozen=True)
class Held:
    """Parameters on the fullest chip before anything is shared (N,): ``dense`` and ``experts`` it computes with, and those of them that are trained."""

    dense: Floats
    experts: Floats
    trained: Floats
    trained_experts: Floats


def parameters_per_chip(model: Model, c: TrainingConfigs) -> Held:
    """The parameters of a chip of the fullest pipeline stage; the first and the last stage hold the embeddings, adapters are trained alone."""
    arch = model.architecture
    dense, experts = np.zeros(len(c)), np.zeros(len(c))
    for op in model.ops:
        if op.kind == "experts":
            experts = experts + op.count * op.weights / (c.ep * c.expert_cut)
        elif op.role != "head":
            dense = dense + op.count * op.weights / (c.tp if op.split != "none" else 1.0)
    stage = np.ceil(arch.layers / c.pp) / arch.layers
    tables = np.where(c.pp > 1, 1.0, 1.0 if arch.tied_embeddings else 2.0) * (arch.vocabulary + arch.positions) * arch.hidden / c.tp
    dense = dense * stage + tables + arch.extra_parameters / c.pp
    experts = experts * stage
    adapters = c.method > 0
    return Held(dense, experts, np.where(adapters, adapter_parameters(model) / (c.tp * c.pp), dense), np.where(adapters, 0.0, experts))


def memory(model: Model, c: TrainingConfigs) -> TrainingMemory:
    """Bytes by part on a chip of the first pipeline stage, which holds the most micro-batches in flight."""
    held = parameters_per_chip(model, c)

    def share(name: str) -> tuple[Floats, Floats]:
        shared = c.sharding >= SHARDINGS.index(name)
        return np.where(shared, c.copies, 1.0), np.where(shared, c.expert_copies, 1.0)

    ways, expert_ways = share("parameters")
    # frozen weights are held as narrow as they are used
    weight = np.where(c.method > 0, input_bytes(c), WEIGHT)
    weights = weight * (held.dense / ways + held.experts / expert_ways)
    layers = np.ceil(model.architecture.layers / c.pp)
    # fully sharded parameters: this layer's and the next one's, whole
    gathered = np.where(c.sharding == SHARDINGS.index("parameters"), 2 * WEIGHT * (held.dense + held.experts) / layers, 0.0)
    ways, expert_ways = share("gradients")
    gradients = GRADIENT * (held.trained / ways + held.trained_experts / expert_ways)
    ways, expert_ways = share("optimizer")
    state = STATE * (held.trained / ways + held.trained_experts / expert_ways)
    activations = activation_bytes(model, c)
    return TrainingMemory(weights, gradients, state, activations, gathered + RUNTIME + FRAGMENTS * (weights + gradients + state + activations + gathered))


def input_bytes(c: TrainingConfigs) -> Floats:
    """Bytes an input of a product takes as it is kept for the weights' product (N,): in 8 bit where products are narrow."""
    return np.where(c.scheme == SCHEMES.index("bf16"), 2.0, 1.0)


def adapter_parameters(model: Model) -> float:
    """Parameters of low-rank adapters of rank ``RANK`` on every dense product of the layers."""
    return float(sum(op.count * RANK * (op.inner + op.outer) for op in model.ops if op.kind == "matmul" and op.role != "head"))


def activation_bytes(model: Model, c: TrainingConfigs) -> Floats:
    """Bytes of activations kept for the backward pass: inputs of products, queries, keys, values, scores that are written, what norms read, of the
    layers and micro-batches in flight on the first stage, and the logits; layers that are computed again keep their input only.

    One stage of p holds p micro-batches of its l/p layers, and (p - 1)/v of a piece more where it holds v pieces
    (Korthikanti et al., arXiv 2205.05198, sections 4 and 4.2.3).
    """
    arch = model.architecture
    tokens = c.micro_batch * c.length / c.cp
    split = np.where(c.sequence_parallel > 0, c.tp, 1.0)
    adapters = c.method > 0
    cheap = (c.recompute == RECOMPUTES.index("selective")) & (c.fused > 0)
    narrow = np.where(cheap, 0.0, input_bytes(c))  # outputs of norms and activations, kept as the products read them
    kept = np.zeros(len(c))
    scores = np.zeros(len(c))
    for op in model.ops:
        if op.kind == "matmul" and op.role != "head":
            # inputs of products, which adapters beside attention's products need too, and what attention and activations read
            kept = kept + op.count * op.inner / (c.tp if op.split == "inner" else split) * np.where(adapters & (op.role == "ffn"), 0.0, narrow)
            # what latent attention makes of its latents is cheap to make again
            again = np.where(cheap & (op.role == "latent"), 0.0, ACTIVATION)
            kept = kept + op.count * (op.outer / c.tp if op.split == "outer" else 0.0) * again
        elif op.kind == "experts":
            kept = kept + op.count * op.active / c.tp * ((op.inner + op.outer) * narrow + (op.inner + (op.matrices - 1) * op.outer) * ACTIVATION)
        elif op.kind == "attention":
            # scores, softmax and dropout's mask: 5 bytes a pair of tokens and head
            scores = scores + op.count * (1 - c.fused) * 5 * op.heads / np.minimum(c.tp, op.heads) * c.length
        elif op.kind == "scan":
            kept = kept + op.count * op.outer * ACTIVATION / c.tp
    kept = kept + 1.5 * arch.parts * arch.hidden / split * ACTIVATION  # what norms read, and attention's output
    whole = c.recompute == RECOMPUTES.index("full")
    again = np.where(whole, c.recomputed, 0.0)
    scores = np.where(c.recompute == RECOMPUTES.index("selective"), 0.0, scores)
    inputs = arch.layers * arch.hidden / split * ACTIVATION
    per_token = (1 - again) * (kept + scores) + again * inputs
    flight = np.minimum(c.micro_batches * c.pp, c.pp + (c.pp - 1) / c.vpp) / c.pp
    working = np.where(whole, (kept + scores) / arch.layers, 0.0)  # of the layer that is being computed again
    logits = arch.vocabulary / c.tp * (ACTIVATION + 4) * np.where(c.pp > 1, 0.0, 1.0)
    return np.asarray(tokens * (per_token * flight + working + logits))
