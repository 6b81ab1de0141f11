"""What is asked of the training model (TrainingConfigs) and what it answers (TrainingEstimate): structs of arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: what the data-parallel chips share: nothing, the optimizer's state (ZeRO-1), gradients too (ZeRO-2), parameters too (ZeRO-3, FSDP)
#: (Rajbhandari et al., ZeRO, SC 2020, section 5)
SHARDINGS = ("none", "optimizer", "gradients", "parameters")
#: what is computed again for the backward pass: nothing; what is cheap (the core of attention that writes its scores, else norms, activations and what
#: latents unfold to); whole layers (Korthikanti et al., arXiv 2205.05198, section 5)
RECOMPUTES = ("none", "selective", "full")
#: all weights are trained, or adapters beside frozen ones (Hu et al., LoRA, arXiv 2106.09685)
METHODS = ("full", "lora")


@dataclass(frozen=True)
class TrainingConfigs:
    """N training configurations of one model; every field is (N,).

    ``platform`` row of a ``Platforms``; ``scheme`` code of ``performance.precision.SCHEMES`` for the linear layers. The chips are ``tp`` (tensor) x
    ``cp`` (context) x ``pp`` (pipeline) x ``dp`` (data parallel); experts are divided over ``ep`` of the tp x cp x dp chips of a stage; a stage holds
    ``vpp`` pieces of the model (1: not interleaved). A step is ``global_batch`` sequences of ``length`` tokens, ``micro_batch`` of them at a time.
    ``sharding``, ``recompute``, ``method``: codes of ``SHARDINGS``, ``RECOMPUTES``, ``METHODS``; with full recompute ``recomputed`` is the share of the
    layers that is computed again; ``sequence_parallel`` 1 where the parts between tensor-parallel products are split along the sequence; ``fused``
    1 where attention never writes its scores (FlashAttention), 0 where it does; ``stack`` row of the calibration's software stacks (0: any).
    """

    platform: Ints
    scheme: Ints
    tp: Floats
    cp: Floats
    pp: Floats
    dp: Floats
    ep: Floats
    vpp: Floats
    micro_batch: Floats
    global_batch: Floats
    length: Floats
    sharding: Ints
    recompute: Ints
    recomputed: Floats
    sequence_parallel: Floats
    method: Ints
    fused: Floats
    stack: Ints

    def __len__(self) -> int:
        return len(self.platform)

    @property
    def chips(self) -> Floats:
        """Chips of the job."""
        return self.tp * self.cp * self.pp * self.dp

    @property
    def copies(self) -> Floats:
        """Chips that hold the same dense parameters: data- and context-parallel ones."""
        return self.dp * self.cp

    @property
    def expert_cut(self) -> Floats:
        """Ways tensor parallelism cuts each expert: ``tp``, or 1 where ``ep`` reaches over the tensor-parallel chips too."""
        return np.where(self.ep <= self.copies, self.tp, 1.0)

    @property
    def expert_copies(self) -> Floats:
        """Chips of a stage that hold the same experts."""
        return np.maximum(self.tp * self.copies / (self.ep * self.expert_cut), 1.0)

    @property
    def micro_batches(self) -> Floats:
        """Micro-batches each pipeline runs in a step."""
        return self.global_batch / (self.dp * self.micro_batch)

    @property
    def tokens(self) -> Floats:
        """Tokens of a step."""
        return self.global_batch * self.length

    def take(self, rows: Any) -> TrainingConfigs:
        """The chosen rows (an index array, a mask or a slice)."""
        return TrainingConfigs(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})

    def chunks(self, size: int) -> Iterator[tuple[slice, TrainingConfigs]]:
        """Pieces of at most ``size`` rows, for arrays that stay in the cache."""
        for start in range(0, len(self), size):
            piece = slice(start, start + size)
            yield piece, self.take(piece)


_CODES = ("platform", "scheme", "sharding", "recompute", "method", "stack")
_DEFAULTS = {each.name: 1.0 for each in fields(TrainingConfigs)} | dict.fromkeys(_CODES, 0) | {"sequence_parallel": 0.0, "length": 2048.0}


def training_configs(count: int, **given: Any) -> TrainingConfigs:
    """Configurations from scalars and arrays, broadcast to ``count`` rows, with the defaults of one chip, 16 bit, one sequence."""
    columns: dict[str, Any] = {}
    for name, value in (_DEFAULTS | given).items():
        kind: Any = np.int64 if name in _CODES else np.float64
        columns[name] = np.ascontiguousarray(np.broadcast_to(np.asarray(value, kind), (count,)))
    return TrainingConfigs(**columns)


#: parts of a step's time, in the order of ``TrainingEstimate.parts``: arithmetic and memory traffic of the layers, what the tensor-, context- and
#: expert-parallel groups exchange, waiting for the pipeline to fill and drain, what the pipeline sends, what the data-parallel group exchanges, the update
PARTS = ("compute", "tensor", "context", "experts", "bubble", "pipeline", "data", "optimizer", "overhead")


@dataclass(frozen=True)
class TrainingMemory:
    """Bytes on the fullest chip by what they are, each (N,): ``weights``, ``gradients``, ``optimizer`` state, ``activations``, ``other`` work space."""

    weights: Floats
    gradients: Floats
    optimizer: Floats
    activations: Floats
    other: Floats

    @property
    def total(self) -> Floats:
        """All of it."""
        return self.weights + self.gradients + self.optimizer + self.activations + self.other


@dataclass(frozen=True)
class TrainingEstimate:
    """The answer: (S, N) with S = 1 (point) or 3 (low, mid, high of an 80 % interval), or (N,) where one value serves all scenarios.

    ``step_time`` [s]; ``tokens_rate_per_chip`` [token/s]; ``flop_rate_per_chip`` [flop/s] of the model (recomputation not counted) and ``mfu`` its
    share of the dense peak of the linear layers' precision; ``parts`` (len(PARTS), N) seconds that add up to the mid ``step_time``; ``memory``;
    ``power`` [W] of all chips with their share of the servers; ``why_not`` Reason flags, ``bound_by`` index into ``PARTS``, ``tier`` of the worst input.
    """

    step_time: Floats
    tokens_rate_per_chip: Floats
    flop_rate_per_chip: Floats
    mfu: Floats
    parts: Floats
    memory: TrainingMemory
    power: Floats
    why_not: Ints
    bound_by: Ints
    tier: Ints

    def __len__(self) -> int:
        return len(self.why_not)

    def take(self, rows: Any) -> TrainingEstimate:
        """The chosen rows."""
        memory = TrainingMemory(**{each.name: getattr(self.memory, each.name)[rows] for each in fields(TrainingMemory)})
        own = {each.name: getattr(self, each.name)[..., rows] for each in fields(self) if each.name != "memory"}
        return replace(self, **own, memory=memory)


def join(parts: list[TrainingEstimate]) -> TrainingEstimate:
    """Estimates one after another along N."""
    memory = TrainingMemory(**{each.name: np.concatenate([getattr(part.memory, each.name) for part in parts]) for each in fields(TrainingMemory)})
    own = {each.name: np.concatenate([getattr(part, each.name) for part in parts], axis=-1) for each in fields(TrainingEstimate) if each.name != "memory"}
    return TrainingEstimate(**own, memory=memory)
