"""The layouts that a row of a table leaves open: everything it does not state, in the ways that jobs like it are run."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping

from suanli.performance.cases import number
from suanli.performance.training.case import FUSED_SINCE, Row, TrainingCase
from suanli.performance.training.configs import RECOMPUTES, SHARDINGS
from suanli.performance.training.memory import GRADIENT, STATE, WEIGHT
from suanli.performance.training.stacks import stack_name

#: chips, micro-batches a stage in a step, and the deepest pipeline, where a row is silent
USUAL_CHIPS, USUAL_MICRO_BATCHES, DEEPEST = 256, 8, 64
#: tokens beyond which a sequence is divided over chips where a row does not say
LONG = 32_768
#: stacks whose tables leave the pieces of a stage blank where there is one; the day Megatron-LM could interleave (Narayanan et al., arXiv 2104.04473)
SAYS_PIECES, INTERLEAVED_SINCE = ("megatron-bridge", "nemo", "primus", "megatron-plain", "llm-foundry", "maxtext", "maxtext-gpu"), "2021-05"
#: sequences at a time that are tried
MICRO_BATCHES = (1.0, 2.0, 4.0, 8.0, 16.0)


def parallel_of(row: Row) -> dict[str, float]:
    """What a row states of its layout, NaN where it states nothing above zero; MLPerf's rows keep it as JSON."""
    found = {name: number(row, name) for name in ("tp", "pp", "vpp", "dp", "cp", "ep", "micro_batch")}
    try:
        stated = json.loads(row.get("parallelism_json") or "{}")
    except ValueError:
        stated = {}
    if isinstance(stated, dict):
        found |= {name: float(stated[name]) for name in found if isinstance(stated.get(name), (int, float))}
    return {name: value if value > 0 else math.nan for name, value in found.items()}


def layouts_of(row: Row, case: TrainingCase) -> list[dict[str, float]]:
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


def batches_of(row: Row, case: TrainingCase, layouts: list[dict[str, float]], common: Mapping[str, float]) -> list[dict[str, float]]:
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
