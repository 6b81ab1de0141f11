"""Rows of a measured-truth table (or of a user's own, same columns) -> configurations; what a row leaves blank is filled in and said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from suanli.hardware import Chip
from suanli.models import Model
from suanli.performance.engines import engine_name
from suanli.performance.precision import ALIASES, SCHEMES, precision_code
from suanli.performance.reasons import Reason

Row = Mapping[str, str]

#: words of a table's precision column -> scheme, where the word is not a scheme itself; the longest match wins
_MIXED = {"fp4": "fp4", "fp8": "fp8", "w8a8": "int8", "w4a8": "int4", "int8": "int8", "int4": "int4", "bf16": "bf16", "fp16": "bf16", "mxfp4": "fp4"}

#: lengths of InferenceX's three scenarios; rows of them keep its client's spread whoever copied them
INFERENCEX = {(1024.0, 1024.0), (1024.0, 8192.0), (8192.0, 1024.0)}

#: loads tried where a row names none: four to each doubling, up to 8,192 clients
LOADS = sorted({float(round(2 ** (quarter / 4))) for quarter in range(53)})

#: seconds a token that operators commonly promise; the limit where a row states neither load nor that it is offline
USUAL_TPOT = 0.05


@dataclass
class Case:
    """One row read: candidate configurations (columns of ``configs``) of which the best is taken, what was assumed, why it has no answer."""

    id: str
    chip: Chip | None
    model: Model | None
    candidates: list[dict[str, float]] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    why_not: Reason = Reason.NONE
    nominal_output: float = math.nan
    longest_tpot: float = math.inf
    framework: str = ""
    on: str = ""


def number(row: Row, key: str) -> float:
    """A cell as a float, NaN where blank or not a finite number."""
    try:
        value = float(row.get(key) or "nan")
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def read_case(row: Row, chips: Mapping[str, Chip], models: Mapping[str, Model], folded: Any) -> Case:
    """``row`` as a case; ``chips`` and ``models`` are name indices and ``folded`` folds a name as they do."""
    case = Case(row.get("id") or row.get("case_id") or "", _chip(row, chips, folded), _model(row, models, folded))
    if case.chip is None:
        case.why_not |= Reason.UNKNOWN_CHIP
    if case.model is None or not case.model.architecture.causal:
        case.why_not |= Reason.UNKNOWN_MODEL
    lengths = number(row, "isl"), number(row, "osl")
    concurrency = number(row, "concurrency_or_batch")
    if not (lengths[0] >= 0 and lengths[1] >= 1):
        case.why_not |= Reason.UNKNOWN_CASE
    if case.why_not or case.model is None or case.chip is None:
        return case
    case.nominal_output = lengths[1]
    if (row.get("concurrency_or_batch") or "").strip() and not 0 < concurrency < math.inf:
        case.why_not |= Reason.UNKNOWN_CASE
        return case
    loads = [concurrency] if concurrency > 0 else _loads(row, case)
    common = _common(row, case, lengths)
    layouts = _disaggregated(row, case) if row.get("mode") == "disagg" else _aggregated(row, case)
    case.candidates = [common | layout | {"concurrency": load} for layout in layouts for load in loads]
    if row.get("mode") == "disagg" and engine_name(case.framework) in BATCHES_IN_POWERS:
        case.candidates = [each | _batch_limit(each) for each in case.candidates]
        if any("batch_limit" in each for each in case.candidates):
            case.assumed.append("batch limit=power of two below the load")
    if not layouts:
        case.why_not |= Reason.LAYOUT
    return case


#: engines whose decode workers are built for a number of sequences that is a power of two, and loads that exceed one by at most this share
#: are taken for a deliberate overload of it: measured tables of such deployments name 33, 1,075 or 2,253 clients for 32, 1,024 and 2,048 places
BATCHES_IN_POWERS, OVERLOAD = ("trtllm",), 0.4


def _batch_limit(candidate: Mapping[str, float]) -> dict[str, float]:
    each = candidate["concurrency"] / (candidate["replicas"] * candidate["dp"])
    if each < 1:
        return {}
    limit = 2.0 ** math.floor(math.log2(each))
    return {"batch_limit": limit} if limit < each <= limit * (1 + OVERLOAD) else {}


def _chip(row: Row, chips: Mapping[str, Chip], folded: Any) -> Chip | None:
    name = row.get("chip") or ""
    return chips.get(folded(name)) or chips.get(folded(name.split("(")[0]))


def _model(row: Row, models: Mapping[str, Model], folded: Any) -> Model | None:
    name = row.get("model") or ""
    tries = [name, name.split("/")[-1], name.split("/")[0] if "DeepSeek" in name else name]
    return next((models[folded(each)] for each in tries if folded(each) in models), None)


def _loads(row: Row, case: Case) -> list[float]:
    """Loads to choose the best of where the row names none: without limit if it says offline, else at up to ``USUAL_TPOT``."""
    offline = "offline" in f"{row.get('mode')} {row.get('notes')}".lower()
    case.longest_tpot = math.inf if offline else USUAL_TPOT
    case.assumed.append("concurrency=best" if offline else f"concurrency=best at tpot up to {USUAL_TPOT * 1e3:g} ms")
    return LOADS


def _common(row: Row, case: Case, lengths: tuple[float, float]) -> dict[str, float]:
    assert case.model is not None
    precision = (row.get("precision") or "").lower()
    if precision in SCHEMES or precision in ALIASES:
        scheme = precision_code(precision)
    elif any(word in precision for word in _MIXED):
        scheme = precision_code(_MIXED[next(word for word in _MIXED if word in precision)])
    else:
        native = case.model.weights.experts or case.model.weights.default
        scheme = precision_code(native)
        case.assumed.append(f"precision={SCHEMES[scheme]}")
    case.framework, case.on = row.get("framework") or "", (row.get("measured_on") or "").strip()
    if not case.framework:
        case.assumed.append("framework=any")
    # the InferenceX client draws lengths evenly from 0.8-1.0 of nominal
    share = 0.9 if row.get("origin") == "InferenceX" or (row.get("origin") and lengths in INFERENCEX) else 1.0
    if share < 1:
        case.assumed.append("lengths=0.9 of nominal")
    accepted = 1.0
    if (row.get("spec_decode") or "none") not in ("none", "unknown"):
        accepted = 1.8
        case.assumed.append("accepted=1.8")
    return {
        "scheme": scheme,
        "input_length": lengths[0] * share,
        "output_length": max(lengths[1] * share, 1.0),
        "cache_bits": 16.0 if scheme == 0 else 8.0,
        "accepted": accepted,
        "equal_lengths": float(row.get("origin") == "aic-gap-analysis" and lengths not in INFERENCEX),
    }


def _aggregated(row: Row, case: Case) -> list[dict[str, float]]:
    chips, tp, pp, dp, ep = (number(row, key) for key in ("n_chips", "tp", "pp", "dp", "ep"))
    if any(value < 1 for value in (chips, tp, pp, dp)):
        return []
    pp = 1.0 if math.isnan(pp) else pp
    if math.isnan(chips) and not math.isnan(tp):
        chips = tp * pp * (1.0 if math.isnan(dp) else dp)
    if math.isnan(tp):
        case.assumed.append("layout=best")
        sizes = [chips] if not math.isnan(chips) else [1.0, 2.0, 4.0, 8.0, 16.0]
        pairs = [(t, size / t) for size in sizes for t in (_powers(size) if _moe(case) else _powers(size)[-1:])]
        return [{"tp": t, "pp": 1.0, "dp": ranks, "ep": _ep(case, math.nan, t, ranks)} for t, ranks in pairs]
    dp = chips / (tp * pp) if math.isnan(dp) else dp
    replicas = chips / (tp * pp * dp)
    return [] if dp % 1 or replicas % 1 else [{"tp": tp, "pp": pp, "dp": dp, "ep": _ep(case, ep, tp, dp), "replicas": replicas}]


def _moe(case: Case) -> bool:
    assert case.model is not None
    return any(op.kind == "experts" for op in case.model.ops)


def _powers(size: float) -> list[float]:
    return [2.0**power for power in range(int(math.log2(max(size, 1))) + 1) if size % 2.0**power == 0]


def _ep(case: Case, ep: float, tp: float, dp: float) -> float:
    if not _moe(case):
        return 1.0
    return (tp * dp if dp > 1 else 1.0) if math.isnan(ep) or ep < 1 else ep


def _disaggregated(row: Row, case: Case) -> list[dict[str, float]]:
    value = {
        key: number(row, key)
        for key in (
            "n_chips",
            "prefill_workers",
            "prefill_chips",
            "prefill_dp",
            "prefill_ep",
            "decode_workers",
            "decode_chips",
            "decode_dp",
            "decode_ep",
        )
    }
    if any(value[key] < 1 for key in value if not key.endswith("ep")) or value["n_chips"] < 2:
        return []
    if not any(math.isnan(value[key]) for key in ("prefill_workers", "prefill_chips", "decode_workers", "decode_chips")):
        return [_split(case, **{key: value[key] for key in value if key != "n_chips"})]
    case.assumed.append("split=best")
    if _holds(case, value["prefill_chips"]) and _holds(case, value["decode_chips"]):
        # only the pools' sizes are known: one worker each way of cutting them
        pools = [(value["prefill_chips"], value["decode_chips"])]
    else:
        total = value["n_chips"] if not math.isnan(value["n_chips"]) else 16.0
        if math.isnan(value["n_chips"]):
            case.assumed.append("n_chips=16")
        pools = [(p, total - p) for p in (4.0, 8.0, 16.0, 24.0, 32.0) if p < total] or [(total // 2, total - total // 2)]
    found = []
    for prefill, decode in pools:
        for wide in _worker_sizes(prefill):
            for deep in _worker_sizes(decode):
                for dp in {1.0, deep}:
                    found.append(
                        _split(
                            case,
                            prefill_workers=prefill / wide,
                            prefill_chips=wide,
                            prefill_dp=wide,
                            prefill_ep=wide,
                            decode_workers=decode / deep,
                            decode_chips=deep,
                            decode_dp=dp,
                            decode_ep=deep,
                        )
                    )
    return found


def _holds(case: Case, chips: float) -> bool:
    """Whether a pool that a row names can hold the model at all (some tables write 1 for unknown)."""
    assert case.chip is not None
    assert case.model is not None
    return chips * case.chip.memory_capacity > case.model.parameters / 2


def _worker_sizes(pool: float) -> list[float]:
    sizes = [size for size in (4.0, 8.0, 16.0, 32.0) if pool % size == 0]
    return sizes or [pool]


def _split(
    case: Case,
    *,
    prefill_workers: float,
    prefill_chips: float,
    prefill_dp: float,
    prefill_ep: float,
    decode_workers: float,
    decode_chips: float,
    decode_dp: float,
    decode_ep: float,
) -> dict[str, float]:
    dp = 1.0 if math.isnan(decode_dp) else decode_dp
    prefill_dp = 1.0 if math.isnan(prefill_dp) else prefill_dp
    return {
        "tp": decode_chips / dp,
        "pp": 1.0,
        "dp": dp,
        "ep": _ep(case, decode_ep, decode_chips / dp, dp),
        "replicas": decode_workers,
        "prefill_replicas": prefill_workers,
        "prefill_tp": prefill_chips / prefill_dp,
        "prefill_dp": prefill_dp,
        "prefill_ep": _ep(case, prefill_ep, prefill_chips / prefill_dp, prefill_dp),
    }
