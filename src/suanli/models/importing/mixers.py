"""config.json -> the mixer (attention, linear attention, state space) of every layer."""

from __future__ import annotations

from typing import Any

from suanli.models.architecture import GroupedAttention, LatentAttention, LinearAttention, Mixer, StateSpace
from suanli.models.importing.config import Config

_QKV_BIAS = {"qwen", "qwen2", "qwen2_moe", "gpt2", "opt", "bloom", "gpt_neox", "gpt_bigcode", "starcoder2", "phi", "gpt_neo"}
_OUTPUT_BIAS = {"gpt2", "opt", "bloom", "gpt_neox", "gpt_bigcode", "starcoder2", "phi", "gpt_neo", "gpt_oss"}
_SLIDING_KEYS = {
    "swa_num_attention_heads": "heads",
    "swa_num_key_value_heads": "kv_heads",
    "swa_head_dim": "head_dim",
    "swa_v_head_dim": "value_dim",
}
_QK_NORM = {"qwen3", "qwen3_moe", "qwen3_next", "qwen3_5", "qwen3_5_moe", "qwen3_vl", "qwen3_vl_moe", "gemma3", "gemma4", "olmo2"}


def mixers_of(config: Config) -> list[Mixer]:
    """One mixer per layer, in order; the last may be followed by ``draft_mixer``'s."""
    layers = config.need("layers")
    if config.series("compress_ratios"):
        return [compressed(config, ratio) for ratio in config.series("compress_ratios")[:layers]]
    if config.get("kv_lora_rank"):
        return _latent_layers(config, layers)
    return [_layer(config, kind, index) for index, kind in enumerate(_kinds(config, layers))]


def draft_mixer(config: Config, mixers: list[Mixer]) -> Mixer:
    """The mixer of a multi-token-prediction layer: as the last full-attention layer, or as ``compress_ratios`` says past the last layer."""
    ratios = config.series("compress_ratios")
    if len(ratios) > len(mixers):
        return compressed(config, ratios[len(mixers)])
    full = [each for each in mixers if isinstance(each, (GroupedAttention, LatentAttention))]
    return (full or mixers)[-1]


def _kinds(config: Config, layers: int) -> list[str]:
    """Attention kind of each layer: ``full``, ``sliding``, ``chunked`` or ``linear``."""
    named = [str(kind).removesuffix("_attention") for kind in config.series("layer_types")[:layers]]
    if len(named) == layers and set(named) <= {"full", "sliding", "chunked", "linear"}:
        return named
    pattern = config.series("hybrid_layer_pattern")
    if len(pattern) == layers:
        return ["sliding" if each else "full" for each in pattern]
    interval = config.whole("full_attention_interval")
    if interval:
        return ["linear" if (index + 1) % interval else "full" for index in range(layers)]
    if config.family == "llama4":
        interval = config.whole("no_rope_layer_interval", 4)
        return ["chunked" if (index + 1) % interval else "full" for index in range(layers)]
    if not config.find("window") or not _uses_window(config):
        return ["full"] * layers
    interval = config.whole("sliding_window_pattern") or {"gemma2": 2, "gpt_oss": 2, "gemma3": 6, "cohere2": 4}.get(config.family, 0)
    return ["full" if interval and (index + 1) % interval == 0 else "sliding" for index in range(layers)]


def _uses_window(config: Config) -> bool:
    if config.family.startswith(("qwen", "mimo")):
        return bool(config.get("use_sliding_window", False))
    return config.find("window") < (config.find("context") or config.find("window") + 1)


def _layer(config: Config, kind: str, index: int) -> Mixer:
    if kind == "linear":
        return _delta_net(config)
    grouped = _grouped(config, index)
    if kind == "sliding":
        return _sliding(config, grouped)
    if kind == "chunked":
        return grouped.model_copy(update={"window": config.whole("attention_chunk_size")})
    return _full(config, _sparse(config, grouped, index))


def _grouped(config: Config, index: int = 0) -> GroupedAttention:
    heads = config.need("heads")
    head_dim = config.find("head_dim") or config.need("hidden") // heads
    family = config.family
    bias = bool(config.get("attention_bias", config.get("bias", False))) or family in _QKV_BIAS or bool(config.get("add_qkv_bias"))
    return GroupedAttention(
        kind="grouped", heads=heads, kv_heads=_kv_heads(config, heads, index), head_dim=head_dim,
        value_dim=config.whole("v_head_dim") or None,
        bias=bias and not config.get("no_bias", False), output_bias=family in _OUTPUT_BIAS,
        qk_norm=family in _QK_NORM or bool(config.get("use_qk_norm")), gate=bool(config.get("attn_output_gate")) or family == "qwen3_next",
    )  # fmt: skip


def _kv_heads(config: Config, heads: int, index: int) -> int:
    per_layer = config.series("num_key_value_heads_per_layer")
    if index < len(per_layer):
        return int(per_layer[index])
    if config.get("new_decoder_architecture"):
        return config.find("kv_heads") or heads
    if config.get("multi_query") and not config.find("kv_heads"):
        return 1
    if config.get("multi_query") and config.family in ("falcon", "RefinedWebModel"):
        return 1
    return config.find("kv_heads") or heads


def _sliding(config: Config, grouped: GroupedAttention) -> GroupedAttention:
    update: dict[str, Any] = {"window": config.find("window")}
    for key, name in _SLIDING_KEYS.items():
        if config.get(key):
            update[name] = config.whole(key)
    return grouped.model_copy(update=update)


def _full(config: Config, grouped: GroupedAttention) -> GroupedAttention:
    """Gemma 4: full-attention layers have their own head width and may compute values with the keys' matrix."""
    if not config.get("global_head_dim"):
        return grouped
    update: dict[str, Any] = {"head_dim": config.whole("global_head_dim"), "value_projection": not config.get("attention_k_eq_v", False)}
    if config.get("num_global_key_value_heads"):
        update["kv_heads"] = config.whole("num_global_key_value_heads")
    return grouped.model_copy(update=update)


def _sparse(config: Config, grouped: GroupedAttention, index: int) -> GroupedAttention:
    """MiniMax-M3: an index branch chooses blocks of tokens in the layers of ``sparse_attention_freq``."""
    sparse = config.get("sparse_attention_config") or {}
    frequency = sparse.get("sparse_attention_freq") or []
    if not sparse.get("use_sparse_attention") or (index < len(frequency) and not frequency[index]):
        return grouped
    return grouped.model_copy(update={
        "index_heads": int(sparse["sparse_num_index_heads"]), "index_dim": int(sparse["sparse_index_dim"]),
        "topk": int(sparse["sparse_topk_blocks"]) * int(sparse["sparse_block_size"]),
    })  # fmt: skip


def compressed(config: Config, ratio: int) -> GroupedAttention:
    """DeepSeek-V4: one shared key-value head, a window, and (ratio > 0) compressed entries; ratio 4 chooses among them with an indexer."""
    indexed = ratio == min((each for each in config.series("compress_ratios") if each), default=0) and ratio > 0
    return GroupedAttention(
        kind="grouped", heads=config.need("heads"), kv_heads=1, head_dim=config.need("head_dim"),
        window=config.need("window"), shared_kv=True,
        query_rank=config.whole("q_lora_rank"), output_rank=config.whole("o_lora_rank"), output_groups=config.whole("o_groups", 1),
        stride=ratio or 1, overlap=2 if indexed else 1,
        index_heads=config.whole("index_n_heads") if indexed else 0, index_dim=config.whole("index_head_dim") if indexed else 0,
        topk=config.whole("index_topk") if indexed else 0,
    )  # fmt: skip


def _latent_layers(config: Config, layers: int) -> list[Mixer]:
    linear = config.get("linear_attn_config") or {}
    chosen = {int(layer) - 1 for layer in linear.get("kda_layers", ())}
    types = config.series("indexer_types")
    full = _latent(config, indexed=True)
    shared = _latent(config, indexed=False)
    delta = _kimi_delta(linear) if chosen else full
    return [delta if index in chosen else shared if index < len(types) and types[index] == "shared" else full for index in range(layers)]


def _latent(config: Config, indexed: bool) -> LatentAttention:
    return LatentAttention(
        kind="latent", heads=config.need("heads"), query_rank=config.whole("q_lora_rank"), kv_rank=config.whole("kv_lora_rank"),
        nope_dim=config.whole("qk_nope_head_dim"), rope_dim=config.whole("qk_rope_head_dim"), value_dim=config.whole("v_head_dim"),
        gate=bool(config.get("mla_use_output_gate")), index_heads=config.whole("index_n_heads") if indexed else 0,
        index_dim=config.whole("index_head_dim") if indexed else 0, topk=config.whole("index_topk"),
    )  # fmt: skip


def _kimi_delta(linear: dict[str, Any]) -> LinearAttention:
    heads, dim = int(linear["num_heads"]), int(linear["head_dim"])
    return LinearAttention(
        kind="linear", key_heads=heads, value_heads=heads, key_dim=dim, value_dim=dim,
        convolution=int(linear.get("short_conv_kernel_size", 0)),
        full_rank_gate=bool(linear.get("use_full_rank_gate", False)), decay_rank=dim,
    )  # fmt: skip


def _delta_net(config: Config) -> LinearAttention:
    return LinearAttention(
        kind="linear", key_heads=config.whole("linear_num_key_heads"), value_heads=config.whole("linear_num_value_heads"),
        key_dim=config.whole("linear_key_head_dim"), value_dim=config.whole("linear_value_head_dim"),
        convolution=config.whole("linear_conv_kernel_dim"),
    )  # fmt: skip


def state_space(config: Config) -> StateSpace:
    """Mamba-2 layers of a Nemotron-H configuration."""
    return StateSpace(
        kind="state_space", heads=config.whole("mamba_num_heads"), head_dim=config.whole("mamba_head_dim"),
        state=config.whole("ssm_state_size"),
        groups=config.whole("n_groups", 1), convolution=config.whole("conv_kernel", 4),
    )  # fmt: skip


def grouped(config: Config) -> GroupedAttention:
    """Plain full attention of a hybrid's attention layers."""
    return _grouped(config)
