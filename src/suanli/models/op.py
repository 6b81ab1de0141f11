"""The operators a model is made of: what performance counts, bound to a model's dimensions; batch and context come in later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["matmul", "experts", "attention", "scan"]
Role = Literal["attention", "latent", "ffn", "experts", "router", "head"]
Split = Literal["outer", "inner", "none"]


@dataclass(frozen=True, slots=True)
class Op:
    """One operator, applied ``count`` times in a forward pass (its layers).

    * ``matmul``: (tokens x ``inner``) (``inner`` x ``outer``). Tensor parallelism splits ``outer`` (column), ``inner`` (row) or nothing.
      ``groups`` > 1 makes it block-diagonal. The output head runs once per sequence, not per prompt token (``role = "head"``).
    * ``experts``: ``matrices`` such products per token in each of ``active`` of ``experts`` experts (``outer`` is the expert's width).
    * ``attention``: a query of one token scores ``visible`` cached tokens: 2 x ``heads`` x (``score_dim`` + ``value_dim``) flop each in
      prefill; decode of latent attention works on the compressed cache and has its own dimensions. The cache holds ``cached`` elements
      per token and layer, which tensor parallelism can divide into at most ``cache_parts``; beyond the window ``stride`` tokens share
      one entry, and ``cached`` is counted after that, so an entry holds ``cached * stride``. ``visible`` entries = all context, at most
      ``window`` (0 = no limit), at most ``window + topk`` where ``topk`` > 0; with ``window`` and ``stride`` > 1 the window plus all
      compressed entries. ``cache.cache_elements`` counts a whole model.
    * ``scan``: linear attention or state-space: ``state`` elements per sequence read and written for every decoded token,
      4 x ``state`` flop per token. ``inner`` x ``outer`` are the short convolution's weights.

    ``weights`` is the number of parameters of one application; ``role`` decides which precision holds them.
    """

    name: str
    kind: Kind
    role: Role
    count: float
    inner: int = 0
    outer: int = 0
    split: Split = "none"
    groups: int = 1
    bias: bool = False
    experts: int = 0
    active: float = 0.0
    matrices: int = 0
    heads: int = 0
    score_dim: int = 0
    value_dim: int = 0
    decode_score_dim: int = 0
    decode_value_dim: int = 0
    cached: float = 0.0
    cache_parts: int = 1
    window: int = 0
    topk: int = 0
    stride: int = 1
    state: float = 0.0

    @property
    def weights(self) -> float:
        """Parameters of one application (all experts)."""
        if self.kind == "experts":
            return float(self.experts) * self._expert_weights
        return self.inner * self.outer / self.groups + (self.outer if self.bias else 0)

    @property
    def active_weights(self) -> float:
        """Parameters one token passes through in one application."""
        return self.active * self._expert_weights if self.kind == "experts" else self.weights

    @property
    def _expert_weights(self) -> int:
        return self.matrices * self.inner * self.outer + ((self.matrices - 1) * self.outer + self.inner if self.bias else 0)
