"""config.json -> ``Architecture``: layers of one kind become one block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from suanli.errors import BadFile
from suanli.models.architecture import Architecture, Block, FeedForward, GroupedAttention, LatentAttention, Mixer
from suanli.models.importing.config import Config, flatten
from suanli.models.importing.ffns import TWO_MATRICES, dense, ffns_of, mixture
from suanli.models.importing.mixers import draft_mixer, grouped, mixers_of, state_space
from suanli.models.importing.precision import weights_of_config
from suanli.models.model import Weights

_TIED = {
    "gpt2", "opt", "bloom", "mpt", "falcon", "RefinedWeb", "RefinedWebModel", "gemma", "gemma2", "gemma3", "gemma4", "cohere",
    "cohere2", "gpt_bigcode", "starcoder2", "gpt_neo", "xglm",
}  # fmt: skip
_KNOWN = _TIED | TWO_MATRICES | {
    "llama", "mistral", "mixtral", "qwen", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "qwen3_vl", "qwen3_vl_moe", "qwen3_next",
    "qwen3_5", "qwen3_5_moe", "deepseek_v2", "deepseek_v3", "deepseek_v32", "deepseek_v4", "deepseek_ref", "kimi_k2", "kimi_k25",
    "kimi_k3", "kimi_linear", "glm", "glm4", "glm4_moe", "glm_moe_dsa", "chatglm", "minimax_m2", "minimax_m3", "minimax_m3_vl",
    "gpt_oss", "llama4", "nemotron-nas", "mimo", "mimo_v2_flash", "step3p7", "phi3", "baichuan", "internlm2", "dbrx", "olmo2",
    "seed_oss", "pangu_ultra_moe", "grok-1",
}  # fmt: skip
_NAS_MULTIPLE = 256  # Llama-Nemotron rounds the inner width of a layer up to a multiple of it


@dataclass(frozen=True)
class Layer:
    """What one layer is made of."""

    mixer: Mixer | None
    ffn: FeedForward | None
    also: FeedForward | None = None


def architecture_of_config(config: Mapping[str, Any], source: str = "config.json") -> tuple[Architecture, Weights]:
    """Architecture and checkpoint precision of a Hugging Face ``config.json`` (its parsed table).

    ``BadFile`` in one line where an essential key is missing or a value cannot be; ``source`` is what the line calls the file.
    """
    flat = flatten(config, source)
    try:
        return _architecture(flat), weights_of_config(config)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or flat.family
        raise BadFile("errors.file_bad_value", file=source, key=key, detail=str(first["msg"]).removeprefix("Value error, ")) from None
    except KeyError as error:
        raise BadFile("models.missing_key", file=source, key=str(error.args[0]), others="-") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise BadFile("models.bad_kind", file=source, detail=str(error).splitlines()[0][:100]) from None


def is_known_family(config: Mapping[str, Any]) -> bool:
    """Whether ``model_type`` is one the import was written for; others are read as a plain dense or mixture-of-experts model."""
    return flatten(config, "").family in _KNOWN


def _architecture(config: Config) -> Architecture:
    layers = _layers(config)
    draft = _draft(config, layers)
    mixers = _named((layer.mixer for layer in (*layers, *draft)), _mixer_name)
    ffns = _named((part for layer in (*layers, *draft) for part in (layer.ffn, layer.also)), lambda part: part.kind)
    return Architecture(
        hidden=config.need("hidden"),
        vocabulary=config.need("vocabulary"),
        tied_embeddings=bool(config.get("tie_word_embeddings", config.family in _TIED)),
        positions=_positions(config),
        context=config.find("context"),
        streams=config.whole("hc_mult", 1),
        mixers={name: part for part, name in mixers.items()},
        ffns={name: part for part, name in ffns.items()},
        blocks=_blocks(layers, mixers, ffns),
        draft=_blocks(draft, mixers, ffns)[0] if draft else None,
    )


def _positions(config: Config) -> int:
    if config.family == "opt":
        return config.find("context") + 2  # two reserved rows, as in the published checkpoints
    learned = config.family in ("gpt2", "gpt_neo", "gpt_bigcode") or (config.family == "mpt" and not config.get("alibi", False))
    return config.find("context") if learned else 0


def _layers(config: Config) -> list[Layer]:
    pattern = config.get("hybrid_override_pattern") or [_PATTERN.get(str(kind), "") for kind in config.series("layers_block_type")]
    if pattern:
        return _hybrid(config, pattern)
    if config.series("block_configs"):
        return _searched(config)
    return [Layer(mixer, *parts) for mixer, parts in zip(mixers_of(config), ffns_of(config), strict=True)]


_PATTERN = {"mamba": "M", "attention": "*", "moe": "E", "mlp": "-"}


def _hybrid(config: Config, pattern: Iterable[str]) -> list[Layer]:
    """Nemotron-H: a letter a layer, each layer one part: M Mamba-2, * attention, E mixture of experts, - dense."""
    makers = {
        "M": lambda: Layer(state_space(config), None), "*": lambda: Layer(grouped(config), None),
        "E": lambda: Layer(None, mixture(config)), "-": lambda: Layer(None, dense(config)),
    }  # fmt: skip
    letters = list(pattern)
    unknown = [each for each in letters if each not in makers]
    if unknown:
        raise BadFile("models.bad_number", file=config.source, key="hybrid_override_pattern", value=str(unknown[0]))
    return [makers[each]() for each in letters]


def _searched(config: Config) -> list[Layer]:
    """Llama-Nemotron: every layer's attention and width were found by architecture search; a part may be absent."""
    layers = []
    heads, hidden = config.need("heads"), config.need("hidden")
    for each in config.series("block_configs"):
        attention, ffn = each.get("attention") or {}, each.get("ffn") or {}
        in_group, multiple = attention.get("n_heads_in_group"), ffn.get("ffn_mult")
        mixer = grouped(config).model_copy(update={"kv_heads": heads // int(in_group)}) if in_group else None
        width = -(-int(2 * multiple * hidden / 3) // _NAS_MULTIPLE) * _NAS_MULTIPLE if multiple else 0
        layers.append(Layer(mixer, dense(config, width) if width else None))
    return [layer for layer in layers if layer.mixer or layer.ffn]


def _draft(config: Config, layers: list[Layer]) -> list[Layer]:
    pattern = config.get("mtp_hybrid_override_pattern") or [_PATTERN.get(str(kind), "") for kind in config.series("mtp_layers_block_type")]
    if pattern:
        parts = _hybrid(config, pattern)
        return [Layer(next((each.mixer for each in parts if each.mixer), None), next((each.ffn for each in parts if each.ffn), None))]
    if not config.find("draft_layers"):
        return []
    mixers = [layer.mixer for layer in layers if layer.mixer]
    return [Layer(draft_mixer(config, mixers), layers[-1].ffn, layers[-1].also)] if mixers else []


def _mixer_name(part: Mixer) -> str:
    if isinstance(part, GroupedAttention):
        return f"compressed{part.stride}" if part.stride > 1 else "sliding" if part.window else "sparse" if part.topk else "attention"
    if isinstance(part, LatentAttention):
        return "latent_shared_index" if part.topk and not part.index_heads else "latent"
    return "mamba" if part.kind == "state_space" else part.kind


def _named(parts: Iterable[Any], word: Any) -> dict[Any, str]:
    """Each different part with a name of its own, in order of appearance."""
    names: dict[Any, str] = {}
    for part in parts:
        if part is not None and part not in names:
            base, number = word(part), 1
            while (name := base if number == 1 else f"{base}_{number}") in names.values():
                number += 1
            names[part] = name
    return names


def _blocks(layers: list[Layer], mixers: dict[Any, str], ffns: dict[Any, str]) -> tuple[Block, ...]:
    counts: dict[tuple[str, str, str], int] = {}
    for layer in layers:
        key = (mixers.get(layer.mixer, ""), ffns.get(layer.ffn, ""), ffns.get(layer.also, ""))
        counts[key] = counts.get(key, 0) + 1
    return tuple(Block(count=count, mixer=mixer, ffn=ffn, also=also) for (mixer, ffn, also), count in counts.items())
