"""Rows of a measured-truth table of training (or of a user's own, same columns) -> configurations; what a row leaves blank is filled in and said."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from suanli.hardware import Chip
from suanli.models import Model
from suanli.models.generic import dense_model, stated_shape, stated_size, with_layers
from suanli.performance.cases import number
from suanli.performance.precision import ALIASES, SCHEMES, precision_code
from suanli.performance.reasons import Reason
from suanli.performance.training.case import FUSED_SINCE, Row, TrainingCase
from suanli.performance.training.case_layouts import batches_of, layouts_of, parallel_of
from suanli.performance.training.stacks import stack_name

#: words of a table's precision column -> scheme, the first that is in it
_PRECISIONS = {"fp4": "fp4", "fp8": "fp8", "int8": "int8", "bf16": "bf16", "fp16": "bf16", "amp": "bf16"}
#: words around a model's name that say how it is trained, not which it is
_AROUND = re.compile(
    r"\((?!L=)[^)]*\)|\b(bf16|fp8|fp4|fp16|lora|sft|finetuning|finetune|dev|maxtext|\d\d\.\d\d)\b|-(megatron|deepspeed|torch|flagscale|hf)\b|_finetune\b",
    re.IGNORECASE,
)
#: MLPerf Training benchmarks that train a language model -> model, method, sequence length (MLCommons, training policies)
BENCHMARKS = {"gpt3": ("gpt3-175b", "full", 2048), "llama2_70b_lora": ("llama-2-70b", "lora", 8192), "llama31_405b": ("llama-3.1-405b", "full", 8192)}
#: tokens of a sequence where neither the row nor the model says less
USUAL_LENGTH = 4096


def read_training_case(row: Row, chips: Mapping[str, Chip], models: Mapping[str, Model], folded: Any) -> TrainingCase:
    """``row`` as a case; ``chips`` and ``models`` are name indices and ``folded`` folds a name as they do."""
    benchmark = (row.get("benchmark") or "").strip()
    name = BENCHMARKS[benchmark][0] if benchmark in BENCHMARKS else row.get("model") or ""
    chip = _chip(row, chips, folded)
    case = TrainingCase(row.get("id") or row.get("case_id") or "", chip, None, framework=_framework(row, chip, benchmark), benchmark=benchmark)
    case.model = _model(name, row, models, folded, case)
    if case.chip is None:
        case.why_not |= Reason.UNKNOWN_CHIP
    if case.model is None:
        case.why_not |= Reason.UNKNOWN_MODEL
    if case.why_not or case.model is None or case.chip is None:
        return case
    _counting(row, case)
    case.samples = number(row, "samples_to_converge")
    layouts = layouts_of(row, case) if _plausible(row) else []
    if not layouts:
        case.why_not |= Reason.LAYOUT
        return case
    common = _common(row, case)
    case.candidates = [common | each for each in batches_of(row, case, layouts, common)]
    if not case.candidates:
        case.why_not |= Reason.BATCH
    return case


#: the largest whole number a table may name: of chips, of sequences, of tokens
LARGEST = 1e8


def _plausible(row: Row) -> bool:
    """Whether what a row states of its layout and batch are whole numbers above zero that somebody could mean."""
    stated = [value for name, value in parallel_of(row).items() if name != "micro_batch"]
    stated += [number(row, name) for name in ("n_chips", "n_nodes", "chips_per_node", "seq_len", "global_batch")]
    return all(math.isnan(value) or (1 <= value <= LARGEST and value % 1 == 0) for value in stated)


def _chip(row: Row, chips: Mapping[str, Chip], folded: Any) -> Chip | None:
    name = row.get("chip") or ""
    return chips.get(folded(name)) or chips.get(folded(name.split("(")[0]))


def _framework(row: Row, chip: Chip | None, benchmark: str) -> str:
    """The stack a row names; what is handed in to MLPerf is tuned for that one job, whatever it was built from."""
    framework = row.get("framework") or ""
    if stack_name(framework).startswith("maxtext"):
        return "MaxText on GPU" if chip is not None and chip.kind == "gpu" else framework
    return f"mlperf {row.get('round')}" if benchmark else framework


def _model(name: str, row: Row, models: Mapping[str, Model], folded: Any, case: TrainingCase) -> Model | None:
    plain = " ".join(_AROUND.sub(" ", name).split())
    tries = (name, plain, name.split("(")[0], plain.replace("_", " "))
    found = next((models[folded(each)] for each in tries if folded(each) in models), None) or _loosely(plain, models)
    layers = re.search(r"(\d+)[ -]layers", row.get("notes") or "")
    if found is not None:
        return with_layers(found, int(layers[1])) if layers else found
    count, hidden = stated_shape(name)
    size = number(row, "params")
    size = stated_size(name) if math.isnan(size) else size
    if math.isnan(size):
        return None
    case.assumed.append(f"model=dense {size / 1e9:g}B")
    return dense_model(size, count, hidden)


#: letters and digits that a name must have to be compared loosely
TELLING = 6


def _loosely(name: str, models: Mapping[str, Model]) -> Model | None:
    """A model by its letters and digits alone (``LLAMA31_405B``), by the beginning of its name (``qwen3-235b``), or with words behind it that are no
    number (``llama2-70b-mlperf``)."""
    wanted = _squeezed(name)
    if len(wanted) < TELLING:
        return None
    known = {_squeezed(each): model for each, model in models.items()}
    longer = [each for each in known if each.startswith(wanted)]
    shorter = [each for each in known if len(each) >= TELLING and wanted.startswith(each) and not wanted[len(each)].isdigit()] if not longer else []
    best = min(longer, key=len, default="") or max(shorter, key=len, default="")
    return known.get(best)


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _counting(row: Row, case: TrainingCase) -> None:
    """How the row counts operations: MaxText halves causal attention since 2025; a note says where recomputation is counted."""
    notes = row.get("notes") or ""
    case.count_again = "HFU-like" in notes
    case.whole_scores = not (stack_name(case.framework) == "maxtext" and (row.get("date") or "") >= "2025")


def _common(row: Row, case: TrainingCase) -> dict[str, float]:
    assert case.model is not None
    text = (row.get("precision") or "").lower()
    word = next((scheme for name, scheme in _PRECISIONS.items() if name in text), "")
    if text in SCHEMES or text in ALIASES:
        scheme = precision_code(text)
    elif word:
        scheme = precision_code(word)
    else:
        # who competes trains in 8 bit where chip and software can (outside NVIDIA's since round v3.1)
        narrow = case.benchmark and _has(case.chip, "fp8") and (case.chip_vendor == "nvidia" or (row.get("round") or "v9") >= "v3.1")
        scheme = precision_code("fp8" if narrow else "bf16")
        case.assumed.append(f"precision={SCHEMES[scheme]}")
    low = f"{row.get('model')} {row.get('notes')} {case.benchmark}".lower()
    length = number(row, "seq_len")
    if not length > 0:
        context = case.model.architecture.context
        length = float(BENCHMARKS[case.benchmark][2] if case.benchmark in BENCHMARKS else min(context or USUAL_LENGTH, USUAL_LENGTH))
        case.assumed.append(f"seq_len={length:g}")
    if not case.framework:
        case.assumed.append("framework=any")
    return {
        "scheme": scheme, "length": length, "method": float(bool(re.search(r"\blora\b|_lora", low))),
        "fused": float((row.get("date") or FUSED_SINCE) >= FUSED_SINCE),
    }  # fmt: skip


def _has(chip: Chip | None, precision: str) -> bool:
    return chip is not None and precision in chip.peaks
