"""Architecture -> list of Op, one function per kind of part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from suanli.models.architecture import Architecture, Block, Dense, GroupedAttention, LatentAttention, LinearAttention, Mixture, StateSpace
from suanli.models.op import Op


def operators(architecture: Architecture) -> tuple[Op, ...]:
    """The op list of one forward pass of the main model, equal parts merged over blocks; 5-40 ops."""
    merged: dict[Op, float] = {}
    for block in architecture.blocks:
        for op in block_operators(architecture, block):
            merged[_once(op)] = merged.get(_once(op), 0.0) + op.count
    ops = [_times(op, count) for op, count in merged.items()]
    if architecture.streams > 1:
        streams = architecture.streams
        ops.append(Op("streams", "matmul", "router", architecture.parts, inner=streams * architecture.hidden, outer=(streams + 2) * streams))
    return (*ops, Op("head", "matmul", "head", 1, inner=architecture.hidden, outer=architecture.vocabulary, split="outer"))


def draft_operators(architecture: Architecture) -> tuple[Op, ...]:
    """The op list of one multi-token-prediction layer (empty where the model has none)."""
    if architecture.draft is None:
        return ()
    join = Op("draft_join", "matmul", "attention", 1, inner=2 * architecture.hidden, outer=architecture.hidden)
    return (join, *block_operators(architecture, architecture.draft))


def block_operators(architecture: Architecture, block: Block) -> Iterator[Op]:
    """The ops of one block, ``count`` times."""
    hidden = architecture.hidden
    if block.mixer:
        mixer = architecture.mixers[block.mixer]
        make = {"grouped": _grouped, "latent": _latent, "linear": _linear, "state_space": _state_space}[mixer.kind]
        yield from make(hidden, mixer, block.count, block.mixer)  # type: ignore[operator]
    for name in (block.ffn, block.also):
        if name:
            ffn = architecture.ffns[name]
            yield from _dense(hidden, ffn, block.count, name) if isinstance(ffn, Dense) else _mixture(hidden, ffn, block.count, name)


def _once(op: Op) -> Op:
    return _times(op, 1.0)


def _times(op: Op, count: float) -> Op:
    return replace(op, count=count)


def _grouped(hidden: int, part: GroupedAttention, count: int, name: str) -> Iterator[Op]:
    value_dim = part.value_dim or part.head_dim
    keys = part.kv_heads * (part.head_dim + (0 if part.shared_kv else value_dim))
    projected = keys if part.value_projection else part.kv_heads * part.head_dim
    queries = part.heads * part.head_dim
    gate = part.heads * value_dim if part.gate else 0
    if part.query_rank:
        yield Op(f"{name}.query_down", "matmul", "attention", count, inner=hidden, outer=part.query_rank + projected)
        yield Op(f"{name}.query_up", "matmul", "attention", count, inner=part.query_rank, outer=queries + gate, split="outer")
    else:
        yield Op(f"{name}.qkv", "matmul", "attention", count, inner=hidden, outer=queries + projected + gate, split="outer", bias=part.bias)
    if part.stride > 1:
        yield Op(f"{name}.compress", "matmul", "attention", count, inner=hidden, outer=2 * part.overlap * keys)
    yield Op(
        name, "attention", "attention", count, heads=part.heads, score_dim=part.head_dim, value_dim=value_dim,
        decode_score_dim=part.head_dim, decode_value_dim=value_dim, cached=keys / part.stride,
        cache_parts=part.kv_heads, window=part.window, topk=part.topk, stride=part.stride,
    )  # fmt: skip
    yield from _indexer(hidden, part, count, name, part.query_rank or hidden)
    values = part.heads * value_dim
    if part.output_rank:
        yield Op(
            f"{name}.output_down",
            "matmul",
            "attention",
            count,
            inner=values,
            outer=part.output_rank * part.output_groups,
            split="inner",
            groups=part.output_groups,
        )
        yield Op(f"{name}.output", "matmul", "attention", count, inner=part.output_rank * part.output_groups, outer=hidden)
    else:
        yield Op(f"{name}.output", "matmul", "attention", count, inner=values, outer=hidden, split="inner", bias=part.output_bias)


def _indexer(hidden: int, part: GroupedAttention | LatentAttention, count: int, name: str, query: int) -> Iterator[Op]:
    """The light scorer that chooses which cached tokens a query sees (DeepSeek-V3.2, arXiv 2512.02556)."""
    if not part.index_heads:
        return
    stride = part.stride if isinstance(part, GroupedAttention) else 1
    keys = 2 * part.overlap * part.index_dim if isinstance(part, GroupedAttention) and stride > 1 else part.index_dim
    yield Op(f"{name}.index_query", "matmul", "attention", count, inner=query, outer=part.index_heads * part.index_dim)
    yield Op(f"{name}.index_key", "matmul", "attention", count, inner=hidden, outer=keys + part.index_heads)
    yield Op(
        f"{name}.index", "attention", "attention", count, heads=part.index_heads, score_dim=part.index_dim, value_dim=0,
        decode_score_dim=part.index_dim, decode_value_dim=0, cached=part.index_dim / stride, stride=stride,
    )  # fmt: skip


def _latent(hidden: int, part: LatentAttention, count: int, name: str) -> Iterator[Op]:
    key_dim = part.nope_dim + part.rope_dim
    cached = part.kv_rank + part.rope_dim
    yield Op(f"{name}.down", "matmul", "latent", count, inner=hidden, outer=part.query_rank + cached)
    yield Op(f"{name}.query_up", "matmul", "latent", count, inner=part.query_rank or hidden, outer=part.heads * key_dim, split="outer")
    yield Op(f"{name}.kv_up", "matmul", "latent", count, inner=part.kv_rank, outer=part.heads * (part.nope_dim + part.value_dim), split="outer")
    if part.gate:
        yield Op(f"{name}.gate", "matmul", "latent", count, inner=hidden, outer=part.heads * part.value_dim, split="outer")
    yield Op(
        name, "attention", "latent", count, heads=part.heads, score_dim=key_dim, value_dim=part.value_dim,
        decode_score_dim=cached, decode_value_dim=part.kv_rank, cached=cached, topk=part.topk,
    )  # fmt: skip
    yield from _indexer(hidden, part, count, name, part.query_rank or hidden)
    yield Op(f"{name}.output", "matmul", "latent", count, inner=part.heads * part.value_dim, outer=hidden, split="inner")


def _linear(hidden: int, part: LinearAttention, count: int, name: str) -> Iterator[Op]:
    keys, values = part.key_heads * part.key_dim, part.value_heads * part.value_dim
    low_ranks = part.decay_rank * (1 if part.full_rank_gate else 2)
    gates = (values if part.full_rank_gate else 0) + part.value_heads * (1 if part.decay_rank else 2)
    yield Op(f"{name}.in", "matmul", "attention", count, inner=hidden, outer=2 * keys + values + gates + low_ranks, split="outer")
    if part.decay_rank:
        yield Op(f"{name}.decay", "matmul", "attention", count, inner=low_ranks, outer=values, split="outer")
    state = part.value_heads * part.key_dim * part.value_dim
    yield Op(
        name,
        "scan",
        "attention",
        count,
        heads=part.value_heads,
        state=state,
        outer=(2 * keys + values) * part.convolution,
        inner=1,
        cache_parts=part.value_heads,
    )
    yield Op(f"{name}.out", "matmul", "attention", count, inner=values, outer=hidden, split="inner")


def _state_space(hidden: int, part: StateSpace, count: int, name: str) -> Iterator[Op]:
    inner = part.heads * part.head_dim
    mixed = inner + 2 * part.groups * part.state
    yield Op(f"{name}.in", "matmul", "attention", count, inner=hidden, outer=inner + mixed + part.heads, split="outer")
    yield Op(
        name,
        "scan",
        "attention",
        count,
        heads=part.heads,
        state=inner * part.state,
        outer=mixed * part.convolution,
        inner=1,
        cache_parts=part.heads,
    )
    yield Op(f"{name}.out", "matmul", "attention", count, inner=inner, outer=hidden, split="inner")


def _dense(hidden: int, part: Dense, count: int, name: str) -> Iterator[Op]:
    yield Op(f"{name}.up", "matmul", "ffn", count, inner=hidden, outer=(part.matrices - 1) * part.width, split="outer", bias=part.bias)
    yield Op(f"{name}.down", "matmul", "ffn", count, inner=part.width, outer=hidden, split="inner", bias=part.bias)


def _mixture(hidden: int, part: Mixture, count: int, name: str) -> Iterator[Op]:
    yield Op(f"{name}.router", "matmul", "router", count, inner=hidden, outer=part.experts)
    if part.latent:
        yield Op(f"{name}.latent_in", "matmul", "ffn", count, inner=hidden, outer=part.latent)
        yield Op(f"{name}.latent_out", "matmul", "ffn", count, inner=part.latent, outer=hidden)
    yield Op(
        f"{name}.experts", "experts", "experts", count, inner=part.latent or hidden, outer=part.width,
        experts=part.experts, active=part.active, matrices=part.matrices, bias=part.bias,
    )  # fmt: skip
    if part.shared_width:
        yield from _dense(hidden, Dense(kind="dense", width=part.shared_width, matrices=part.matrices), count, f"{name}.shared")
