"""A dense transformer of a stated size, for models whose architecture nobody published; and a published one with fewer or more layers."""

from __future__ import annotations

import math
import re
from dataclasses import replace

from suanli.models.architecture import Architecture, Block, Dense, GroupedAttention
from suanli.models.model import Model, Weights
from suanli.models.recipes import draft_operators, operators

#: hidden width over layers of published dense models (GPT-3: 128, Llama 3 70B: 102, PaLM 540B: 156; Brown et al., arXiv 2005.14165, table 2.1)
ASPECT, HEAD, VOCABULARY = 110, 128, 51_200
#: multiples of a thousand as sizes of models are written
SCALE = {"m": 1e6, "b": 1e9, "t": 1e12}


def stated_size(text: str) -> float:
    """Parameters that a name states, NaN where it states none.

    >>> stated_size("wan2.1-14b"), stated_size("900B dense"), stated_size("llava1.5_13b-deepspeed"), stated_size("bert")
    (14000000000.0, 900000000000.0, 13000000000.0, nan)
    """
    found = re.findall(r"(?<![\d.a-z])(\d+(?:\.\d+)?)\s?([mbt])(?![a-z0-9])", text.lower().replace("_", "-"))
    return float(found[-1][0]) * SCALE[found[-1][1]] if found else math.nan


def stated_shape(text: str) -> tuple[int, int]:
    """Layers and hidden width that a name states as ``(L=24, h=2304)``, zeros where it does not."""
    found = [re.search(rf"\b(?:{name})\s*=\s*(\d+)", text) for name in ("L", "h|d")]
    return tuple(int(each[1]) if each else 0 for each in found)  # type: ignore[return-value]


def dense_of_size(parameters: float) -> Model:
    """A dense model of about ``parameters`` whose heads the eight chips of a server divide, as published models have them."""
    whole = 8 * HEAD
    return dense_model(parameters, hidden=max(round((ASPECT * parameters / 12) ** (1 / 3) / whole), 1) * whole)


def dense_model(parameters: float, layers: int = 0, hidden: int = 0, context: int = 0) -> Model:
    """A dense model of about ``parameters`` parameters: P = 12 l h^2 + V h with h = ``ASPECT`` l where neither is given, heads of ``HEAD``.

    >>> model = dense_model(175e9)
    >>> 0.9 < model.parameters / 175e9 < 1.1
    True
    """
    width = hidden or (math.sqrt(parameters / 12 / layers) if layers else (ASPECT * parameters / 12) ** (1 / 3))
    hidden = max(round(width / HEAD), 1) * HEAD
    layers = layers or max(round((parameters - VOCABULARY * hidden) / (12 * hidden**2)), 1)
    heads = hidden // HEAD
    architecture = Architecture(
        hidden=hidden, vocabulary=VOCABULARY, tied_embeddings=True, context=context,
        mixers={"attention": GroupedAttention(kind="grouped", heads=heads, kv_heads=heads, head_dim=HEAD)},
        ffns={"dense": Dense(kind="dense", width=4 * hidden, matrices=2)}, blocks=(Block(count=layers, mixer="attention", ffn="dense"),),
    )  # fmt: skip
    name = f"{parameters / 1e9:g}B dense"
    return Model(
        id=f"dense-{parameters / 1e9:g}b", name=name, name_zh="", developer="", aliases=(), released="", note="", architecture=architecture,
        ops=operators(architecture), draft_ops=draft_operators(architecture), weights=Weights(), published_parameters=parameters,
        published_active=parameters,
    )  # fmt: skip


def with_layers(model: Model, layers: int) -> Model:
    """``model`` cut (or grown) to ``layers`` layers, its kinds of block in the same proportion; its id says so."""
    arch = model.architecture
    if layers == arch.layers:
        return model
    share = layers / arch.layers
    counts = [max(round(block.count * share), 1) for block in arch.blocks]
    counts[max(range(len(counts)), key=counts.__getitem__)] += layers - sum(counts)
    blocks = tuple(block.model_copy(update={"count": count}) for block, count in zip(arch.blocks, counts, strict=True))
    fewer = arch.model_copy(update={"blocks": blocks, "extra_parameters": arch.extra_parameters * share})
    return replace(model, id=f"{model.id}@{layers}", architecture=fewer, ops=operators(fewer))
