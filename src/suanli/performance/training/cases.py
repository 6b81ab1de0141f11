"""Rows of a measured-truth table of training (or of a user's own, same columns) -> configurations; what a row leaves blank is filled in and said."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suanli.hardware import Chip, vendor_of
from suanli.models import Model
from suanli.models.generic import dense_model, stated_shape, stated_size, with_layers
from suanli.performance.cases import number
from suanli.performance.precision import ALIASES, SCHEMES, precision_code
from suanli.performance.reasons import Reason
from suanli.performance.training.configs import RECOMPUTES, SHARDINGS
from suanli.performance.training.memory import GRADIENT, STATE, WEIGHT
from suanli.performance.training.stacks import stack_name

Row = Mapping[str, str]

#: words of a table's precision column -> scheme, the first that is in it
_PRECISIONS = {"fp4": "fp4", "fp8": "fp8", "int8": "int8", "bf16": "bf16", "fp16": "bf16", "amp": "bf16"}
#: words around a model's name that say how it is trained, not which it is
_AROUND = re.compile(
    r"\((?!L=)[^)]*\)|\b(bf16|fp8|fp4|fp16|lora|sft|finetuning|finetune|dev|maxtext|\d\d\.\d\d)\b|-(megatron|deepspeed|torch|flagscale|hf)\b|_finetune\b",
    re.IGNORECASE,
)
#: MLPerf Training benchmarks that train a language model -> model, method, sequence length (MLCommons, training policies)
BENCHMARKS = {"gpt3": ("gpt3-175b", "full", 2048), "llama2_70b_lora": ("llama-2-70b", "lora", 8192), "llama31_405b": ("llama-3.1-405b", "full", 8192)}
#: the day FlashAttention was out with code (Dao et al., arXiv 2205.14135): attention of earlier runs writes its scores
FUSED_SINCE = "2022-07"
#: tokens of a sequence where neither the row nor the model says less; chips, micro-batches a stage in a step, and the deepest pipeline, where a row is silent
USUAL_LENGTH, USUAL_CHIPS, USUAL_MICRO_BATCHES, DEEPEST = 4096, 256, 8, 64
#: tokens beyond which a sequence is divided over chips where a row does not say
LONG = 32_768
#: stacks whose tables leave the pieces of a stage blank where there is one; the day Megatron-LM could interleave (Narayanan et al., arXiv 2104.04473)
SAYS_PIECES, INTERLEAVED_SINCE = ("megatron-bridge", "nemo", "primus", "megatron-plain", "llm-foundry", "maxtext", "maxtext-gpu"), "2021-05"
MICRO_BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0)


@dataclass
class TrainingCase:
    """One row read: candidate configurations (columns of ``training_configs``) of which the best that fits is taken, what was assumed, why it has no answer."""

    id: str
    chip: Chip | None
    model: Model | None
    candidates: list[dict[str, float]] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    why_not: Reason = Reason.NONE
    framework: str = ""
    given: bool = False
    whole_scores: bool = True
    count_again: bool = False
    samples: float = math.nan
    benchmark: str = ""

    @property
    def chip_vendor(self) -> str:
        """The chip's maker, as ids begin."""
        return vendor_of(self.chip.id) if self.chip else ""


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
    layouts = _layouts(row, case)
    if not layouts:
        case.why_not |= Reason.LAYOUT
        return case
    common = _common(row, case)
    case.candidates = [common | each for each in _batches(row, case, layouts, common)]
    if not case.candidates:
        case.why_not |= Reason.BATCH
    return case


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


def parallel_of(row: Row) -> dict[str, float]:
    """What a row states of its layout, NaN where it states nothing; MLPerf's rows keep it as JSON."""
    found = {name: number(row, name) for name in ("tp", "pp", "vpp", "dp", "cp", "ep", "micro_batch")}
    if row.get("parallelism_json"):
        stated = json.loads(row["parallelism_json"])
        found |= {name: float(stated[name]) for name in found if isinstance(stated.get(name), (int, float))}
    return found


def _layouts(row: Row, case: TrainingCase) -> list[dict[str, float]]:
    """Ways to lay the chips out that the row leaves open; one where it states them all."""
    assert case.model is not None
    stated = parallel_of(row)
    chips = number(row, "n_chips")
    if math.isnan(chips):
        chips = number(row, "n_nodes") * number(row, "chips_per_node")
    if math.isnan(chips):
        chips = math.prod(stated[name] if stated[name] > 0 else 1.0 for name in ("tp", "pp", "cp", "dp"))
        if math.isnan(stated["dp"]):
            chips = float(USUAL_CHIPS)
            case.assumed.append(f"n_chips={USUAL_CHIPS}")
    sharding = _sharding(row, case)
    maxtext = stack_name(case.framework) == "maxtext"
    if math.isnan(stated["tp"]) and math.isnan(stated["pp"]) and not row.get("sharding"):
        case.assumed.append("layout=best")
        tensor, pipes = [1.0, 2.0, 4.0, 8.0], [1.0] if maxtext or chips < 16 else _pipes(chips, case)
    else:
        tensor, pipes = ([1.0 if math.isnan(stated[name]) else stated[name]] for name in ("tp", "pp"))
        case.given = True
    contexts = [1.0 if math.isnan(stated["cp"]) else stated["cp"]]
    batch = number(row, "global_batch")
    if math.isnan(stated["cp"]) and not case.given and (batch < chips or number(row, "seq_len") > LONG):
        contexts = [1.0, 2.0, 4.0, 8.0, 16.0]
    pieces = [stated["vpp"] if stated["vpp"] >= 1 else 1.0]
    layers = case.model.architecture.layers
    if math.isnan(stated["vpp"]) and stack_name(case.framework) not in SAYS_PIECES and (row.get("date") or "9") >= INTERLEAVED_SINCE:
        pieces = [1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0]
    recompute = _recompute(row, case)
    found = []
    for tp, pp, context, vpp in itertools.product(tensor, pipes, contexts, pieces):
        dp = chips / (tp * pp * context)
        if dp % 1 or dp < 1 or pp > case.model.architecture.layers or (dp > batch and not case.given):
            continue
        if vpp > 1 and len(pieces) > 1 and (pp == 1 or pp * vpp > layers + 2):  # embedding and head may take a place each
            continue
        recent = "sharding" in row and (row.get("date") or "9") >= FUSED_SINCE
        shared = _sharding_that_fits(sharding, case, tp * pp, dp * context) if recent else sharding
        for ep in _experts(case, stated["ep"], tp, context, dp):
            for (again, share), level in itertools.product(recompute, shared):
                found.append(
                    {"tp": tp, "pp": pp, "cp": context, "dp": dp, "ep": ep, "vpp": vpp if pp > 1 else 1.0, "sharding": level, "recompute": again,
                     "recomputed": share, "sequence_parallel": _sequence_parallel(row, tp)}
                )  # fmt: skip
    return found


def _pipes(chips: float, case: TrainingCase) -> list[float]:
    """Numbers of pipeline stages that divide the chips."""
    assert case.model is not None
    most = min(case.model.architecture.layers, DEEPEST)
    return [float(each) for each in range(1, most + 1) if chips % each == 0]


def _sharding_that_fits(sharding: list[float], case: TrainingCase, ways: float, copies: float) -> list[float]:
    """``sharding``, or all parameters where a dense model's weights, gradients and state would not fit otherwise: its owner has left that out."""
    assert case.chip is not None
    assert case.model is not None
    if any(op.kind == "experts" for op in case.model.ops) or len(sharding) > 1:
        return sharding
    held = case.model.parameters / ways * (WEIGHT + GRADIENT + STATE / copies)
    return [float(SHARDINGS.index("parameters"))] if held > case.chip.memory_capacity else sharding


def _sharding(row: Row, case: TrainingCase) -> list[float]:
    text = (row.get("sharding") or "").lower()
    if "zero-2" in text:
        return [float(SHARDINGS.index("gradients"))]
    if "fsdp" in text or "zero-3" in text:
        return [float(SHARDINGS.index("parameters"))]
    stack = stack_name(case.framework)
    if stack == "maxtext":
        return [float(SHARDINGS.index("parameters"))]
    if stack == "deepspeed":
        return [1.0, 2.0, 3.0]
    return [float(SHARDINGS.index("optimizer" if (row.get("date") or "9") >= FUSED_SINCE else "none"))]


def _recompute(row: Row, case: TrainingCase) -> list[tuple[float, float]]:
    """Codes of ``RECOMPUTES`` and shares of the layers; the fastest that fits is taken where the row is silent."""
    text = (row.get("recompute") or "").lower()
    codes = {name: float(code) for code, name in enumerate(RECOMPUTES)}
    if text in codes:
        return [(codes[text], 1.0)]
    if "minimal" in text:  # MaxText keeps the outputs of products and computes the rest again
        return [(codes["selective"], 1.0)]
    if (row.get("date") or "9") < FUSED_SINCE:  # as everybody then did
        case.assumed.append("recompute=full")
        return [(codes["full"], 1.0)]
    case.assumed.append("recompute=least that fits")
    return [(codes["none"], 1.0), (codes["selective"], 1.0), *((codes["full"], share) for share in (0.25, 0.5, 1.0))]


def _sequence_parallel(row: Row, tp: float) -> float:
    text = (row.get("seq_parallel") or "").lower()
    if text in ("yes", "no", "true", "false"):
        return float(text in ("yes", "true"))
    return float(tp > 1 and (row.get("date") or "9") >= FUSED_SINCE)


def _experts(case: TrainingCase, stated: float, tp: float, cp: float, dp: float) -> list[float]:
    assert case.model is not None
    experts = [op.experts for op in case.model.ops if op.kind == "experts"]
    if not experts:
        return [1.0]
    if stated >= 1:
        return [stated]
    return [each for each in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0) if experts[0] % each == 0 and (tp * cp * dp) % each == 0]


def _batches(row: Row, case: TrainingCase, layouts: list[dict[str, float]], common: Mapping[str, float]) -> list[dict[str, float]]:
    """The layouts with global and micro-batches; the best that fits is taken where the row is silent."""
    total, micro = number(row, "global_batch"), parallel_of(row)["micro_batch"]
    sharded = all(each["sharding"] == SHARDINGS.index("parameters") for each in layouts)
    if not total > 0:
        case.assumed.append("global_batch=usual")
    if not micro > 0:
        case.assumed.append("micro_batch=best")
    found = []
    for layout in layouts:
        # pipelines are fed single sequences
        for each in (micro,) if micro > 0 else MICRO_BATCHES[: 1 if layout["pp"] > 1 else None]:
            if total > 0:
                mine = min(each, total / layout["dp"])
                if (total / layout["dp"] / mine) % 1:
                    continue
                # a stage of fully sharded chips takes its share of the batch at once unless told otherwise
                batch = total
            else:
                mine, batch = each, layout["dp"] * each * (1 if sharded else USUAL_MICRO_BATCHES * layout["pp"])
            found.append(layout | {"micro_batch": mine, "global_batch": batch})
    # a batch that no micro-batch divides: the whole share of a replica at once
    return found or [layout | {"micro_batch": total / layout["dp"], "global_batch": total} for layout in layouts if total > 0]
