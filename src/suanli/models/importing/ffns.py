"""config.json -> the feed-forward part of every layer."""

from __future__ import annotations

from suanli.models.architecture import Dense, FeedForward, Mixture
from suanli.models.importing.config import Config

#: families whose feed-forward part is two products, not a gated three
TWO_MATRICES = {
    "gpt2", "opt", "bloom", "mpt", "falcon", "RefinedWeb", "RefinedWebModel", "gptj", "gpt_neox", "gpt_neo", "gpt_bigcode", "starcoder2",
    "codegen", "phi", "nemotron", "nemotron_h", "xglm",
}  # fmt: skip
_BIAS = {"gpt2", "opt", "bloom", "gptj", "gpt_neox", "gpt_neo", "gpt_bigcode", "starcoder2", "codegen", "phi", "xglm"}
_USUAL_EXPANSION = 4  # inner width over hidden size where the configuration leaves it out (Vaswani et al., arXiv 1706.03762)


def ffns_of(config: Config) -> list[tuple[FeedForward, FeedForward | None]]:
    """Feed-forward part of each layer, with a second one beside it where the family has both (Gemma 4)."""
    layers = config.need("layers")
    sparse = _sparse_layers(config, layers)
    parts: list[tuple[FeedForward, FeedForward | None]] = []
    for index in range(layers):
        if config.family == "gemma4" and sparse[index]:
            parts.append((dense(config), mixture(config)))
        else:
            parts.append((mixture(config) if sparse[index] else dense(config), None))
    return parts


def _sparse_layers(config: Config, layers: int) -> list[bool]:
    """Whether each layer is a mixture of experts."""
    if config.find("experts") < 2 or config.get("enable_moe_block") is False:
        return [False] * layers
    types = config.series("mlp_layer_types")
    if len(types) == layers:
        return [each == "sparse" for each in types]
    frequency = config.get("moe_layer_freq", 1)
    if isinstance(frequency, list) and len(frequency) == layers:
        return [bool(each) for each in frequency]
    every = frequency if isinstance(frequency, int) and frequency > 0 else 1
    if config.family == "llama4":
        every = config.whole("interleave_moe_layer_step", 1)
        return [(index + 1) % every == 0 for index in range(layers)]
    step = config.whole("decoder_sparse_step", 1) or 1
    dense_layers = {int(each) for each in config.series("mlp_only_layers")}
    first = config.whole("first_k_dense_replace")
    return [index >= first and index % every == 0 and (index + 1) % step == 0 and index not in dense_layers for index in range(layers)]


def dense(config: Config, width: int = 0) -> Dense:
    """The dense feed-forward part; ``width`` overrides the configuration's."""
    usual = config.whole("expansion_ratio", _USUAL_EXPANSION) * config.need("hidden")
    wide = width or config.find("dense_width") or config.find("width") or usual
    if config.family == "qwen":
        wide //= 2  # Qwen 1 states the width of gate and up together
    return Dense(kind="dense", width=wide, matrices=matrices(config), bias=_bias(config))


def matrices(config: Config) -> int:
    """3 where the first product is gated, 2 where it is not."""
    return 2 if config.family in TWO_MATRICES else 3


def _bias(config: Config) -> bool:
    return (config.family in _BIAS or bool(config.get("mlp_bias")) or bool(config.get("bias"))) and not config.get("no_bias", False)


def mixture(config: Config) -> Mixture:
    """The mixture-of-experts part."""
    width = config.find("expert_width") or config.need("width")
    count, each = config.find("shared_experts"), config.find("shared_width")
    shared = each * max(count, 1) if each else count * width
    if config.family == "llama4":
        shared = width
    return Mixture(
        kind="mixture", experts=config.need("experts"), active=config.need("active"), width=width, matrices=matrices(config),
        shared_width=shared, shared_gate=config.family in ("qwen2_moe", "qwen3_next", "qwen3_5_moe") and shared > 0,
        latent=config.find("latent_width"), bias=config.family == "gpt_oss",
    )  # fmt: skip
