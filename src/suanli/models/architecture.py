"""The architecture of a language model as blocks of mixers and feed-forward parts, in our own terms for every family.

A model is a list of blocks; each block repeats ``count`` times one mixer (attention, linear attention, state space, or none) and one
feed-forward part (dense, mixture of experts, or none), both by name from ``mixers`` and ``ffns``.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from suanli.facts import Schema


class GroupedAttention(Schema):
    """Multi-head (``kv_heads == heads``), grouped-query or multi-query attention; ``window`` = 0 is full attention.

    ``gate``: an output gate as wide as the heads. ``shared_kv``: keys serve as values (one cached tensor); ``value_projection`` = false:
    values are computed with the keys' matrix but cached apart. ``topk`` with ``index_*``: a light indexer chooses ``topk`` cache entries
    per query (``index_*`` = 0: the choice of an earlier layer). ``stride``: that many tokens share one compressed cache entry, made of
    ``overlap`` overlapping series; with ``window`` the last tokens are seen uncompressed besides.
    """

    kind: Literal["grouped"]
    heads: int = Field(ge=1)
    kv_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    value_dim: int | None = None
    window: int = 0
    bias: bool = False
    output_bias: bool = False
    qk_norm: bool = False
    gate: bool = False
    shared_kv: bool = False
    value_projection: bool = True
    query_rank: int = 0
    output_rank: int = 0
    output_groups: int = 1
    index_heads: int = 0
    index_dim: int = 0
    topk: int = 0
    stride: int = Field(default=1, ge=1)
    overlap: int = 1

    @model_validator(mode="after")
    def _divides(self) -> GroupedAttention:
        if self.heads % self.kv_heads:
            raise ValueError(f"heads {self.heads} is not a multiple of kv_heads {self.kv_heads}")
        return self


class LatentAttention(Schema):
    """Multi-head latent attention: keys and values of all heads from one cached vector of ``kv_rank`` + ``rope_dim`` elements.

    ``topk`` > 0 with ``index_heads`` and ``index_dim`` is DeepSeek sparse attention.
    """

    kind: Literal["latent"]
    heads: int = Field(ge=1)
    query_rank: int = 0
    kv_rank: int = Field(ge=1)
    nope_dim: int
    rope_dim: int
    value_dim: int
    gate: bool = False
    index_heads: int = 0
    index_dim: int = 0
    topk: int = 0


class LinearAttention(Schema):
    """Gated delta net, Kimi delta attention and kin: a state of ``value_heads`` x ``key_dim`` x ``value_dim`` per sequence.

    ``decay_rank`` > 0: forgetting is per channel, through a matrix of that rank (else one number per head); the output gate has that
    rank too where ``full_rank_gate`` is false.
    """

    kind: Literal["linear"]
    key_heads: int
    value_heads: int
    key_dim: int
    value_dim: int
    convolution: int = 0
    full_rank_gate: bool = True
    decay_rank: int = 0


class StateSpace(Schema):
    """Mamba-2: ``heads`` x ``head_dim`` inner width, ``state`` per channel, ``groups`` of B and C."""

    kind: Literal["state_space"]
    heads: int
    head_dim: int
    state: int
    groups: int
    convolution: int = 4


class Dense(Schema):
    """A feed-forward part of ``matrices`` = 3 (gated) or 2 products."""

    kind: Literal["dense"]
    width: int = Field(ge=1)
    matrices: int = 3
    bias: bool = False


class Mixture(Schema):
    """Mixture of experts: ``active`` of ``experts`` per token, plus shared experts of total width ``shared_width``.

    ``latent`` > 0: tokens are projected to that width before the routed experts and back after them.
    """

    kind: Literal["mixture"]
    experts: int = Field(ge=1)
    active: int = Field(ge=1)
    width: int = Field(ge=1)
    matrices: int = 3
    shared_width: int = 0
    shared_gate: bool = False
    latent: int = 0
    bias: bool = False

    @model_validator(mode="after")
    def _fits(self) -> Mixture:
        if self.active > self.experts:
            raise ValueError(f"active {self.active} exceeds experts {self.experts}")
        return self


Mixer = Annotated[GroupedAttention | LatentAttention | LinearAttention | StateSpace, Field(discriminator="kind")]
FeedForward = Annotated[Dense | Mixture, Field(discriminator="kind")]


class Block(Schema):
    """``count`` layers of one mixer and one (or two, ``also``) feed-forward parts."""

    count: int = Field(ge=1)
    mixer: str = ""
    ffn: str = ""
    also: str = ""


class Architecture(Schema):
    """Everything an op list needs.

    ``positions``: learned position embeddings; ``draft``: the block of each multi-token-prediction layer; ``streams``: parallel residual
    streams mixed around every part (hyper-connections, arXiv 2409.19606); ``extra_parameters``: what no block holds (said in ``note``);
    ``causal`` = false: every token sees all others (diffusion transformers, encoders).
    """

    hidden: int = Field(ge=1)
    vocabulary: int = Field(ge=1)
    tied_embeddings: bool = False
    positions: int = 0
    streams: int = Field(default=1, ge=1)
    extra_parameters: float = 0.0
    context: int = 0
    causal: bool = True
    mixers: dict[str, Mixer] = Field(default_factory=dict)
    ffns: dict[str, FeedForward] = Field(default_factory=dict)
    blocks: tuple[Block, ...] = Field(min_length=1)
    draft: Block | None = None

    @model_validator(mode="after")
    def _named(self) -> Architecture:
        for block in (*self.blocks, *([self.draft] if self.draft else [])):
            if block.mixer and block.mixer not in self.mixers:
                raise ValueError(f'a block names mixer "{block.mixer}", defined are {sorted(self.mixers)}')
            for name in (block.ffn, block.also):
                if name and name not in self.ffns:
                    raise ValueError(f'a block names ffn "{name}", defined are {sorted(self.ffns)}')
            if not (block.mixer or block.ffn):
                raise ValueError("a block has neither mixer nor ffn")
        return self

    @property
    def parts(self) -> int:
        """Mixers and feed-forward parts of the main model; each has one norm."""
        return sum(block.count * (bool(block.mixer) + bool(block.ffn) + bool(block.also)) for block in self.blocks)

    @property
    def layers(self) -> int:
        """Blocks of the main model, as configurations count layers."""
        return sum(block.count for block in self.blocks)
