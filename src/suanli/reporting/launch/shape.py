"""The dimensions of a model as training frameworks name them, and its features that some of them have no flag for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from suanli.models import Model
from suanli.models.architecture import Architecture, Dense, GroupedAttention, LatentAttention, LinearAttention, Mixture, StateSpace


@dataclass(frozen=True)
class Shape:
    """Dimensions of a model; 0, "" and False where it has none. ``features``: what a target may be unable to say (sentences ``launch.feature``)."""

    layers: int
    hidden: int
    vocabulary: int
    tied: bool
    learned_positions: int = 0
    heads: int = 0
    kv_heads: int = 0
    head_dim: int = 0
    qkv_bias: bool = False
    biased: bool = False
    qk_norm: bool = False
    output_gate: bool = False
    window: int = 0
    windowed: int = 0
    latent: bool = False
    query_rank: int = 0
    kv_rank: int = 0
    nope_dim: int = 0
    rope_dim: int = 0
    value_dim: int = 0
    index_heads: int = 0
    index_dim: int = 0
    index_topk: int = 0
    linear: LinearAttention | None = None
    linear_layers: int = 0
    dense_width: int = 0
    gated: bool = True
    experts: int = 0
    active: int = 0
    expert_width: int = 0
    shared_width: int = 0
    shared_gate: bool = False
    expert_latent: int = 0
    expert_layers: tuple[int, ...] = ()
    features: frozenset[str] = frozenset()

    @property
    def grouped(self) -> bool:
        """Grouped-query attention: fewer heads of keys than of queries."""
        return 0 < self.kv_heads < self.heads

    @property
    def groups(self) -> int:
        """Heads of keys where they are fewer than those of queries."""
        return self.kv_heads if self.grouped else 0

    @property
    def modern(self) -> bool:
        """Gated feed-forward parts and rotary positions, which come with RMSNorm; the catalogue does not hold the norm."""
        return self.gated and not self.learned_positions

    @property
    def untied(self) -> bool:
        """The head has its own matrix."""
        return not self.tied

    @property
    def unbiased(self) -> bool:
        """The linear layers have no bias (the queries' may have one)."""
        return not self.biased

    @property
    def extra_bias(self) -> bool:
        """Only queries, keys and values have a bias."""
        return self.qkv_bias and not self.biased

    @property
    def leading_dense(self) -> int:
        """Dense layers before the first with experts, -1 where dense layers come after it."""
        count = self.expert_layers.index(1) if 1 in self.expert_layers else 0
        return count if all(self.expert_layers[count:]) else -1


def shape_of(model: Model) -> Shape:
    """The dimensions of ``model``."""
    arch = model.architecture
    features = _features(arch)
    return Shape(
        layers=arch.layers, hidden=arch.hidden, vocabulary=arch.vocabulary, tied=arch.tied_embeddings, learned_positions=arch.positions,
        **_attention(arch), **_feed_forward(arch), features=features,
    )  # fmt: skip


def _layers_of(arch: Architecture, kind: type) -> int:
    return sum(block.count for block in arch.blocks if block.mixer and isinstance(arch.mixers[block.mixer], kind))


def _attention(arch: Architecture) -> dict[str, Any]:
    """Fields of the attention that most layers have, and of the linear attention beside it."""
    counts: dict[str, int] = {}
    for block in arch.blocks:
        if block.mixer and isinstance(arch.mixers[block.mixer], GroupedAttention | LatentAttention):
            counts[block.mixer] = counts.get(block.mixer, 0) + block.count
    found: dict[str, Any] = {}
    for mixer in arch.mixers.values():
        if isinstance(mixer, LinearAttention):
            found |= {"linear": mixer, "linear_layers": _layers_of(arch, LinearAttention)}
    if not counts:
        return found
    main = arch.mixers[max(counts, key=lambda name: counts[name])]
    found |= {"heads": getattr(main, "heads", 0)}
    if isinstance(main, LatentAttention):
        names = ("query_rank", "kv_rank", "nope_dim", "rope_dim", "value_dim", "index_heads", "index_dim")
        return found | {name: getattr(main, name) for name in names} | {"latent": True, "qk_norm": True, "output_gate": main.gate, "index_topk": main.topk}
    assert isinstance(main, GroupedAttention)
    windows = {name: getattr(arch.mixers[name], "window", 0) for name in counts}
    return found | {
        "kv_heads": main.kv_heads, "head_dim": main.head_dim, "qkv_bias": main.bias, "biased": main.output_bias, "qk_norm": main.qk_norm,
        "output_gate": main.gate, "index_heads": main.index_heads, "index_dim": main.index_dim, "index_topk": main.topk,
        "window": max(windows.values()), "windowed": sum(counts[name] for name in counts if windows[name]),
    }  # fmt: skip


def _feed_forward(arch: Architecture) -> dict[str, Any]:
    """Fields of the dense part and of the experts; where several dense parts differ, of the widest."""
    used = [arch.ffns[block.ffn] for block in arch.blocks if block.ffn]
    dense = max((each for each in used if isinstance(each, Dense)), key=lambda each: each.width, default=None)
    mixture = next((each for each in used if isinstance(each, Mixture)), None)
    found: dict[str, Any] = {"gated": all(each.matrices == 2 + 1 for each in used)}
    if dense:
        found |= {"dense_width": dense.width}
    if mixture:
        pattern = [int(isinstance(arch.ffns.get(block.ffn), Mixture)) for block in arch.blocks for _ in range(block.count)]
        found |= {
            "experts": mixture.experts, "active": mixture.active, "expert_width": mixture.width, "shared_width": mixture.shared_width,
            "shared_gate": mixture.shared_gate, "expert_latent": mixture.latent, "expert_layers": tuple(pattern),
        }  # fmt: skip
    return found


def _features(arch: Architecture) -> frozenset[str]:
    """Names of ``launch.feature`` sentences that this architecture has."""
    mixers = [arch.mixers[name] for name in dict.fromkeys(block.mixer for block in arch.blocks if block.mixer)]
    parts = [arch.ffns[name] for name in dict.fromkeys(block.ffn for block in arch.blocks if block.ffn)]
    attention = [each for each in mixers if isinstance(each, GroupedAttention | LatentAttention)]
    grouped = [each for each in attention if isinstance(each, GroupedAttention)]
    mixtures = [each for each in parts if isinstance(each, Mixture)]
    linear = [each for each in mixers if isinstance(each, LinearAttention)]
    windows = {each.window for each in grouped}
    has = {
        "linear": any(not each.decay_rank for each in linear),
        "channel_decay": any(each.decay_rank for each in linear),
        "state_space": any(isinstance(each, StateSpace) for each in mixers),
        "single_part": any(not (block.mixer and block.ffn) for block in arch.blocks),
        "second_part": any(block.also for block in arch.blocks),
        "streams": arch.streams > 1,
        "sparse_attention": any(each.topk for each in attention if isinstance(each, LatentAttention)),
        "sparse_grouped": any(each.topk for each in grouped),
        "compressed_cache": any(each.stride > 1 or each.shared_kv or each.output_rank or each.query_rank or not each.value_projection for each in grouped),
        "window": windows - {0} != set() and len(windows) == 1,
        "mixed_windows": len(windows) > 1,
        "mixed_attention": len({each.model_dump_json(exclude={"window"}) for each in attention}) > 1,
        "mixed_dense": len({each.width for each in parts if isinstance(each, Dense)}) > 1,
        "output_gate": any(each.gate for each in attention),
        "shared_gate": any(each.shared_gate for each in mixtures),
        "expert_latent": any(each.latent for each in mixtures),
        "value_width": any(each.value_dim not in (None, each.head_dim) for each in grouped),
        "draft": arch.draft is not None,
        "layer_order": len({block.mixer for block in arch.blocks}) > 1,
    }
    return frozenset(name for name, there in has.items() if there)
