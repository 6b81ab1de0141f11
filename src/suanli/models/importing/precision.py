"""Which precision a checkpoint is published in: from ``quantization_config`` or, where that is kept elsewhere, from its name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from suanli.models.importing.config import flatten
from suanli.models.model import Weights

_DEFAULT = "bf16"
_NAMES = (
    (r"nvfp4|mxfp4|fp4", "fp4"),
    (r"fp8|mxfp8", "fp8"),
    (r"w8a8|int8|8bit|quantized\.w8", "int8"),
    (r"w4a16|int4|awq|gptq|4bit|gguf|q4", "int4"),
)


def precision_of_name(text: str) -> str:
    """The precision a name speaks of, empty where it does not.

    >>> precision_of_name("nvidia/DeepSeek-R1-0528-FP4"), precision_of_name("Qwen3-32B-AWQ"), precision_of_name("gpt-oss-120b")
    ('fp4', 'int4', '')
    """
    return next((precision for pattern, precision in _NAMES if re.search(rf"(?<![a-z0-9])({pattern})(?![a-z0-9])", text.lower())), "")


def weights_of_config(config: Mapping[str, Any]) -> Weights:
    """Precision of the linear layers and, where they differ, of the routed experts.

    >>> weights_of_config({"quantization_config": {"quant_method": "mxfp4"}})
    Weights(default='bf16', experts='fp4')
    """
    quantisation = _quantisation(config)
    default, experts = _read(quantisation, _has_experts(config)) if quantisation else (_DEFAULT, "")
    stated = _expert_dtype(config)
    if stated:
        experts = stated if stated != default else ""
    return Weights(default=default, experts=experts)


def _quantisation(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for table in (config, config.get("text_config"), config.get("llm_config"), config.get("language_config")):
        if isinstance(table, Mapping):
            found = table.get("quantization_config") or table.get("compression_config")
            if isinstance(found, Mapping):
                return found
    return {}


def _has_experts(config: Mapping[str, Any]) -> bool:
    return flatten(config, "config.json").find("experts") > 1


def _expert_dtype(config: Mapping[str, Any]) -> str:
    found = config.get("expert_dtype")
    return str(found) if found in ("fp4", "fp8", "int4", "int8") else ""


def _read(quantisation: Mapping[str, Any], mixture: bool) -> tuple[str, str]:
    method = str(quantisation.get("quant_method", "")).lower()
    form = str(quantisation.get("format", "")).lower()
    if method == "mxfp4" or "mxfp4" in form:  # both keep attention and shared parts in 16 bit
        return _DEFAULT, "fp4"
    if quantisation.get("moe_quant_algo"):
        experts = precision_of_name(str(quantisation["moe_quant_algo"]))
        return ("fp8" if str(quantisation.get("fmt", "")).endswith("e4m3") else _DEFAULT), experts
    algorithm = str(quantisation.get("quant_algo", "")).lower()
    if algorithm == "mixed_precision":
        return _DEFAULT, "fp4"
    if algorithm:
        return precision_of_name(algorithm.replace("_", " ")) or _DEFAULT, ""
    if method == "compressed-tensors":
        return _compressed(quantisation, form, mixture)
    if method in ("gptq", "awq", "auto-round", "bitsandbytes"):
        return ("int8" if quantisation.get("bits") == 8 or quantisation.get("load_in_8bit") else "int4"), ""
    return precision_of_name(method) or _DEFAULT, ""


def _compressed(quantisation: Mapping[str, Any], form: str, mixture: bool) -> tuple[str, str]:
    groups = quantisation.get("config_groups") or {}
    first: Any = next(iter(groups.values()), {}) if isinstance(groups, Mapping) else {}
    weights = first.get("weights") or {} if isinstance(first, Mapping) else {}
    bits, kind = weights.get("num_bits", 4 if "pack" in form else 8), weights.get("type", "int" if "pack" in form else "float")
    precision = f"{'fp' if kind == 'float' else 'int'}{bits}"
    ignored = quantisation.get("ignore")
    only_experts = bits == 4 and mixture and (ignored is None or any("attn" in str(each) or "shared" in str(each) for each in ignored))
    return (_DEFAULT, precision) if only_experts else (precision, "")
