"""What can be seen of the reason why a prediction of training is far off: rules on the row and its prediction, no guesswork beyond them."""

from __future__ import annotations

from collections.abc import Mapping

from suanli.performance.accuracy.errors import Row
from suanli.performance.cases import number

NONE = "none"
#: names in ``assumed`` -> the reason they are
ASSUMED = {
    "model": ("model",),
    "chips": ("n_chips",),
    "layout": ("layout", "tp", "pp", "dp", "cp", "ep"),
    "batch": ("global_batch", "micro_batch", "seq_len"),
    "precision": ("precision",),
    "framework": ("framework",),
    "steps": ("steps", "samples", "evaluation"),
    "recompute": ("recompute",),
}
#: models smaller than this many parameters are held up by launches; sequences this long by attention and its exchange; this many chips by the slowest
SMALL, LONG, MANY = 2e9, 32768, 2048
#: one vendor's recipes run fewer layers of the model below this many chips, which some of its tables do not say
PROXIES, PROXY_CHIPS = "dgxc/", 512


def likely_reasons(row: Row, answer: Row, column: str, too_fast: bool, about: Mapping[str, str]) -> tuple[str, ...]:
    """Keys of ``accuracy.training_reason`` that hold, the likeliest first; ``("none",)`` where nothing is visible.

    ``column`` that is judged, ``too_fast``: predicted faster than measured; ``about``: ``kind``, ``shape``, ``precision`` and ``group`` of the row.
    """
    names = {each.partition("=")[0].strip() for each in (answer.get("assumed") or "").split(";")}
    assumed = {reason for reason, words in ASSUMED.items() if names & set(words)}
    notes, framework, model = ((row.get(name) or "").lower() for name in ("notes", "framework", "model"))
    chips = number(row, "n_chips")
    holds = {
        "changed": "ablation: +" in framework or "tokendrop" in model,
        "layers": about["group"].startswith(PROXIES) and chips < PROXY_CHIPS and "layers" not in notes,
        "parts": any(word in model for word in ("llava", "wan2", "vision", "-vl")),
        "whole_run": "whole-run" in notes and too_fast,
        "counting": column in ("tflops_per_chip", "mfu"),
        "offload": "offload=true" in notes,
        "steps": column == "time_to_train_min" and "steps" in assumed,
        **{reason: reason in assumed for reason in ("model", "chips", "layout", "batch", "precision")},
        "sheet": answer.get("tier") in ("estimated", "assumed"),
        "narrow": "fp4" in about["precision"],
        "adapters": about["kind"] == "lora",
        "packing": about["kind"] == "finetuning" and "packed" in notes,
        "routing": about["shape"] == "mixture",
        "long": number(row, "seq_len") >= LONG,
        "small": number(row, "params") < SMALL,
        "scale": chips >= MANY,
        "framework": "framework" in assumed,
        "recompute": "recompute" in assumed,
    }
    return tuple(name for name, held in holds.items() if held) or (NONE,)
