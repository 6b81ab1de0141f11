"""One ``config.json``: the same quantity under the names different families give it, and one clear line where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from suanli.errors import BadFile

#: our word -> keys of config.json, first present wins
NAMES: dict[str, tuple[str, ...]] = {
    "hidden": ("hidden_size", "n_embd", "d_model", "n_embed", "model_dim", "emb_size"),
    "layers": ("num_hidden_layers", "n_layer", "n_layers", "num_layers"),
    "heads": ("num_attention_heads", "n_head", "n_heads", "num_heads", "num_q_heads"),
    "vocabulary": ("padded_vocab_size", "vocab_size"),
    "context": ("max_position_embeddings", "n_positions", "seq_length", "max_seq_len", "max_sequence_length"),
    "width": ("intermediate_size", "ffn_dim", "n_inner", "ffn_hidden_size", "inner_size"),
    "dense_width": ("dense_intermediate_size", "intermediate_size_mlp"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv", "kv_n_heads", "multi_query_group_num"),
    "head_dim": ("head_dim", "attention_head_dim", "kv_channels"),
    "experts": ("n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts", "num_routed_experts"),
    "active": (
        "num_experts_per_tok",
        "num_experts_per_token",
        "experts_per_token",
        "num_selected_experts",
        "moe_top_k",
        "moe_topk",
        "top_k_experts",
    ),
    "expert_width": ("moe_intermediate_size", "expert_intermediate_size", "moe_ffn_hidden_size"),
    "shared_width": (
        "shared_expert_intermediate_size",
        "moe_shared_expert_intermediate_size",
        "shared_intermediate_size",
        "share_expert_dim",
    ),
    "shared_experts": ("n_shared_experts", "num_shared_experts"),
    "latent_width": ("moe_latent_size", "routed_expert_hidden_size"),
    "draft_layers": ("num_nextn_predict_layers", "mtp_num_hidden_layers", "num_mtp_modules"),
    "window": ("sliding_window", "sliding_window_size"),
}

_NESTED = ("text_config", "llm_config", "language_config", "thinker_config", "attn_config", "ffn_config")


@dataclass(frozen=True)
class Config:
    """A flat view of a configuration; ``source`` is what error messages call the file."""

    values: Mapping[str, Any]
    source: str

    @property
    def family(self) -> str:
        """``model_type``, that of the text part where the model has several."""
        return str(self.values.get("model_type", "")).removesuffix("_text")

    def get(self, key: str, default: Any = None) -> Any:
        """The raw value of a config.json key, ``default`` where missing or null."""
        found = self.values.get(key)
        return default if found is None else found

    def find(self, word: str) -> int:
        """The whole number behind one of our words, 0 where the configuration does not say."""
        for key in NAMES[word]:
            found = self.values.get(key)
            if found is not None and not isinstance(found, (list, dict)):
                return self._whole(key, found)
        return 0

    def need(self, word: str) -> int:
        """As ``find``, but ``BadFile`` naming the key where it is missing or 0."""
        found = self.find(word)
        if found < 1:
            raise BadFile("models.missing_key", file=self.source, key=NAMES[word][0], others=", ".join(NAMES[word][1:]) or "-")
        return found

    def whole(self, key: str, default: int = 0) -> int:
        """A whole number under exactly this key."""
        return self._whole(key, self.get(key, default))

    def series(self, key: str) -> tuple[Any, ...]:
        """A list, empty where missing."""
        found = self.get(key, ())
        return tuple(found) if isinstance(found, (list, tuple)) else ()

    def _whole(self, key: str, found: Any) -> int:
        if isinstance(found, (bool, int)) or (isinstance(found, float) and found.is_integer()):
            return int(found)
        raise BadFile("models.bad_number", file=self.source, key=key, value=str(found)[:40])


def flatten(config: Mapping[str, Any], source: str) -> Config:
    """The text part of a configuration as one table: inner tables such as ``text_config`` win over the outer one."""
    if not isinstance(config, Mapping):
        raise BadFile("models.not_a_config", file=source)
    flat = dict(config)
    for name in _NESTED:
        inner = flat.pop(name, None)
        if isinstance(inner, Mapping):
            flat.update(flatten(inner, source).values if name in ("text_config", "thinker_config") else inner)
    return Config(flat, source)
