"""What a face may call of serving."""

from __future__ import annotations

import datetime
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from suanli.api.finding import chip_in_system, find_chip, find_model, find_place, find_workload
from suanli.api.tables import answers_of, read_rows
from suanli.errors import BadInput, Conflict, NoAnswer
from suanli.facts import Catalogue
from suanli.facts.names import fold, index
from suanli.hardware import Chip, Platforms, load_chips, load_systems, platforms_of, usual_system
from suanli.models import Model, load_models
from suanli.performance.accuracy.serving import Accuracy, Score, accuracy_of
from suanli.performance.accuracy.summary import read_summary
from suanli.performance.calibration import ANY, ERAS, Calibration, CalibrationFile, load_calibration
from suanli.performance.cases import Case, read_case
from suanli.performance.configs import BOUNDS, Configs, Estimate, configs
from suanli.performance.explain import Explanation, explain
from suanli.performance.fit_in_memory import weight_bytes
from suanli.performance.precision import SCHEMES, Precisions, load_precisions, precision_code
from suanli.performance.predict import batches, platform_index, predict_batch
from suanli.performance.reasons import Reason
from suanli.performance.serving import serve as serve_configs
from suanli.planning import Ask, Option, Plan, Serving, make_ask, make_plan
from suanli.workloads import Workload


def plan(catalogue: Catalogue, model: str, *, place: str = "US", workload: str | Workload | None = None, **wanted: Any) -> Plan:
    """The plan of serving ``model`` at ``place``; ``wanted`` as in ``planning.make_ask``. Raises ``NoAnswer`` where nothing is left."""
    traffic = find_workload(catalogue, workload) if isinstance(workload, str) and workload else workload or None
    ask = make_ask(catalogue, _language_model(catalogue, model), find_place(catalogue, place), workload=traffic, **wanted)
    return make_plan(catalogue, ask)


def _language_model(catalogue: Catalogue, name: str) -> Model:
    """A model that makes one token after another; ``BadInput`` for others."""
    found = find_model(catalogue, name)
    if not found.architecture.causal:
        raise BadInput("planning.not_causal", model=found.name)
    return found


def explain_option(catalogue: Catalogue, ask: Ask, option: Option) -> Explanation:
    """One option of a plan replayed with its arithmetic."""
    platforms = platforms_of([option.chip], [option.system], catalogue)
    calibration = load_calibration(catalogue, platforms, ideal=ask.ideal)
    precisions = load_precisions(catalogue)
    scheme = SCHEMES.index(option.precision)
    row = configs(
        1,
        scheme=scheme,
        tp=option.tp,
        pp=option.pp,
        dp=option.dp,
        ep=option.ep,
        replicas=option.decode,
        prefill_replicas=option.prefill,
        prefill_tp=option.tp,
        prefill_dp=option.dp,
        prefill_ep=option.ep,
        concurrency=option.concurrency,
        input_length=ask.input_length,
        output_length=ask.output_length,
        cache_bits=precisions.cache_bits[scheme] if math.isnan(ask.cache_bits) else ask.cache_bits,
    )
    return explain(ask.model, platforms, calibration, precisions, row)


def serve(
    catalogue: Catalogue,
    model: str,
    chip: str,
    *,
    chips: int | None = None,
    system: str | None = None,
    precision: str | None = None,
    input_length: float = 1024,
    output_length: float = 1024,
    concurrency: float = 64,
    layout: Mapping[str, int] | None = None,
    cache_bits: float | None = None,
    accepted: float = 1.0,
    prefill: Mapping[str, int] | None = None,
    engine: str = "",
    on: datetime.date | None = None,
    ideal: bool = False,
) -> Serving:
    """What one replica of ``chips`` chips does under ``concurrency`` closed-loop clients; the best layout where none is given.

    ``accepted`` tokens a step yields (speculative decoding); ``prefill`` = ``workers``, ``tp``, ``dp`` of separate prefill workers, beside
    ``chips`` that then only decode; ``engine`` such as "vllm 0.12.0" (how it differs from all measured ones together), as it was ``on`` a day
    (engines of 2024 are slower; today where none is given).
    Raises ``Conflict`` where the layout is not the chips, ``NoAnswer`` with the reasons where it cannot run.
    """
    for option, value in (("--input", input_length), ("--output", output_length), ("--concurrency", concurrency), ("--accepted", accepted)):
        if not value > 0 and not (option == "--input" and value == 0):
            raise BadInput("planning.not_positive", option=option, value=f"{value:g}")
    found, of = _language_model(catalogue, model), find_chip(catalogue, chip)
    in_system = chip_in_system(catalogue, of, system)
    if accepted < 1:
        raise BadInput("planning.accepted", value=f"{accepted:g}")
    platforms = platforms_of([of], [in_system], catalogue)
    calibration, precisions = load_calibration(catalogue, platforms, ideal=ideal), load_precisions(catalogue)
    if engine and not calibration.knows(engine):
        known = ", ".join(sorted({name.split()[0] for name in calibration.engines if name} - {ANY}))
        raise BadInput("cli.bad_choice", option="--engine", value=engine, nearest=known)
    code = precision_code(precision or _published(found))
    shapes = _shapes(found, chips, dict(layout or {}), platforms)
    bits = precisions.cache_bits[code] if cache_bits is None else cache_bits
    tried = configs(
        len(shapes),
        scheme=code,
        tp=shapes[:, 0],
        pp=shapes[:, 1],
        dp=shapes[:, 2],
        ep=shapes[:, 3],
        concurrency=concurrency,
        input_length=input_length,
        output_length=output_length,
        cache_bits=bits,
        accepted=accepted,
        engine=calibration.engine_code(engine, on.isoformat() if on else ""),
        **_prefill_columns(prefill or {}),
    )
    estimate = serve_configs(found, platforms, calibration, precisions, tried)
    runs = np.flatnonzero(estimate.why_not == 0)
    if not len(runs):
        raise _cannot_run(found, of, tried, estimate, platforms, precisions)
    best = _best_layout(tried, estimate, runs, fixed=chips is not None)
    row = tried.take(np.array([best]))
    assumed = [*platforms.assumed[0]] + ([] if precision else ["precision"]) + ([] if layout else ["layout"]) + _engine_assumed(engine, on, ideal)
    return Serving(
        found,
        of,
        in_system,
        SCHEMES[code],
        row,
        serve_configs(found, platforms, calibration, precisions, row, scenarios=3),
        explain(found, platforms, calibration, precisions, row),
        tried.take(runs),
        estimate.take(runs),
        tuple(assumed),
    )


def _engine_assumed(engine: str, on: datetime.date | None, ideal: bool) -> list[str]:
    if ideal:
        return []
    if on and on.isoformat()[:4] <= max(ERAS):
        return ["engine_era"]
    return [] if engine else ["engine"]


def _prefill_columns(prefill: Mapping[str, int]) -> dict[str, float]:
    if any(value < 1 for value in prefill.values()):
        raise BadInput("planning.not_positive", option="--prefill-workers/--prefill-tp/--prefill-dp", value=str(min(prefill.values())))
    if not prefill:
        return {}
    tp, dp = float(prefill.get("tp", 1)), float(prefill.get("dp", 1))
    return {"prefill_replicas": float(prefill.get("workers", 1)), "prefill_tp": tp, "prefill_dp": dp, "prefill_ep": tp * dp if dp > 1 else 1.0}


def _published(model: Model) -> str:
    return model.weights.experts or model.weights.default


def _best_layout(tried: Configs, estimate: Estimate, runs: Any, *, fixed: bool) -> int:
    """The highest rate; among layouts of different size, of the fewest chips."""
    chips = tried.chips[runs]
    same = runs if fixed else runs[chips == chips.min()]
    return int(same[np.argmax(estimate.tokens_rate[0, same])])


def _shapes(model: Model, chips: int | None, layout: dict[str, int], platforms: Platforms) -> Any:
    from suanli.planning.candidates import every_layout

    if any(value < 1 for value in layout.values()) or (chips is not None and chips < 1):
        raise BadInput(
            "planning.not_positive", option="--chips/--tp/--pp/--dp/--ep", value=str(chips if chips is not None and chips < 1 else min(layout.values()))
        )
    given = math.prod(layout.get(name, 1) for name in ("tp", "pp", "dp"))
    if chips is not None and all(name in layout for name in ("tp", "pp", "dp")) and given != chips:
        raise Conflict("planning.layout_conflict", tp=layout["tp"], pp=layout["pp"], dp=layout["dp"], chips=chips)
    if chips is not None and (chips % given or given > chips):
        raise Conflict("planning.layout_conflict", tp=layout.get("tp", 1), pp=layout.get("pp", 1), dp=layout.get("dp", 1), chips=chips)
    shapes = every_layout(model, {name: float(value) for name, value in layout.items()}, chips)
    if not len(shapes):
        raise Conflict("planning.layout_conflict", tp=layout.get("tp", 1), pp=layout.get("pp", 1), dp=layout.get("dp", 1), chips=chips)
    return shapes


def _cannot_run(model: Model, chip: Chip, tried: Configs, estimate: Estimate, platforms: Platforms, precisions: Precisions) -> NoAnswer:
    row = int(np.argmin([bin(int(each)).count("1") * 1000 - tried.chips[place] for place, each in enumerate(estimate.why_not)]))
    reasons = Reason(int(estimate.why_not[row])).names()
    held = float(estimate.weight_bytes[row])
    if tried.prefill_replicas[row]:
        prefill = tried.prefill_tp, np.ones(len(tried)), tried.prefill_dp
        held = max(held, float(weight_bytes(model, precisions, tried.scheme, *prefill)[row]))
    return NoAnswer(
        "planning.cannot_run",
        model=model.name,
        chip=chip.name,
        chips=int(tried.chips[row]),
        reason="@performance.reasons." + reasons[0],
        needs=f"{held / 1e9:,.0f} GB",
        has="?" if math.isnan(platforms.capacity[0]) else f"{platforms.capacity[0] / 1e9:,.0f} GB",
    )


#: columns of a prediction, each with its 80 % interval
PREDICTED = ("ttft_ms", "tpot_ms", "tokens_per_s_total", "tokens_per_s_per_chip")


def predict_serving(catalogue: Catalogue, path: str | Path) -> list[dict[str, str]]:
    """One answered row a case of a CSV file with the columns of the truth tables: a number with its interval, or ``why_not``."""
    rows = list(read_rows(Path(path)))
    chips, models = load_chips(catalogue), load_models(catalogue)
    chip_names, model_names = index(chips.values()), index(models.values())
    cases = [read_case(row, chip_names, model_names, fold) for row in rows]
    found, rows_of = platform_index(cases)
    answers: list[dict[str, str]] = [_blank(case, row) for case, row in zip(cases, rows, strict=True)]
    if not found:
        return answers
    systems = load_systems(catalogue)
    platforms = platforms_of(found, [usual_system(chip, systems.values()) for chip in found], catalogue)
    calibration, precisions = load_calibration(catalogue, platforms), load_precisions(catalogue)
    for batch in batches(cases, rows_of, calibration):
        which, chosen, estimate = predict_batch(batch, platforms, calibration, precisions)
        _fill(answers, cases, which, chosen, estimate, calibration)
    return answers


def _blank(case: Case, row: Mapping[str, str]) -> dict[str, str]:
    names = [f"{name}{suffix}" for name in PREDICTED for suffix in ("", "_low", "_high")]
    key = "id" if "id" in row else "case_id"
    return {key: case.id, **dict.fromkeys(names, ""), "why_not": ";".join(case.why_not.names()), "tier": "", "bound_by": "", "assumed": ";".join(case.assumed)}


def _fill(answers: list[dict[str, str]], cases: Sequence[Case], which: Any, chosen: Configs, estimate: Estimate, calibration: Calibration) -> None:
    from suanli.facts import Tier

    nominal = np.array([cases[case].nominal_output for case in which])
    # the rate of the tables: clients x nominal output / (ttft + tpot (output - 1)), with the model's interval around it
    rate = chosen.concurrency * nominal / (estimate.ttft[1] + estimate.tpot[1] * np.maximum(nominal - 1, 0))
    total = rate * estimate.tokens_rate / estimate.tokens_rate[1]
    columns = {"ttft_ms": estimate.ttft * 1e3, "tpot_ms": estimate.tpot * 1e3, "tokens_per_s_total": total, "tokens_per_s_per_chip": total / chosen.chips}
    for place, case in enumerate(which):
        answer = answers[case]
        if estimate.why_not[place]:
            answer["why_not"] = ";".join(Reason(int(estimate.why_not[place])).names())
            continue
        for name, values in columns.items():
            for row, suffix in ((1, ""), (0, "_low"), (2, "_high")):
                answer[name + suffix] = f"{values[row, place]:.6g}"
        answer["tier"] = Tier(int(estimate.tier[place])).name.lower()
        answer["bound_by"] = BOUNDS[estimate.bound_by[place]]


def accuracy_serving(catalogue: Catalogue, truth: str | Path, predictions: str | Path | None = None) -> Accuracy:
    """Predictions judged by a table of measurements (columns of the truth tables).

    ``predictions``: a file with the columns of ``predict_serving``, made elsewhere (such as left-out ones); without it they are made now.
    Chips and models go by their id in the catalogue where it knows them. Raises ``BadFile``.
    """
    rows = list(read_rows(Path(truth)))
    if predictions is None:
        answers = predict_serving(catalogue, truth)
    else:
        answers = answers_of(rows, truth, predictions, ("tpot_ms", "ttft_ms", "tokens_per_s_per_chip"))
    chips, models = index(load_chips(catalogue).values()), index(load_models(catalogue).values())
    cases = [read_case(row, chips, models, fold) for row in rows]
    called = [
        {**row, "chip": case.chip.id if case.chip else row.get("chip") or "", "model": case.model.id if case.model else row.get("model") or ""}
        for row, case in zip(rows, cases, strict=True)
    ]
    calibration = catalogue.record("calibration", "serving", CalibrationFile).content
    known = hashlib.sha256(Path(truth).read_bytes()).hexdigest() in calibration.data_hash
    return accuracy_of(
        called,
        answers,
        table=Path(truth).name,
        predictions=Path(predictions).name if predictions else "",
        in_fit=known and predictions is None,
        engines=tuple(calibration.engines),
    )


def accuracy_summary(catalogue: Catalogue) -> dict[str, tuple[Score, ...]]:
    """What was left out of the fit (chip, model) -> the errors on it, as stored with the calibration; ``NoAnswer`` where nothing is stored."""
    paths = catalogue.all_paths("calibration", "serving_accuracy")
    if not paths:
        raise NoAnswer("accuracy.no_summary")
    return read_summary(paths[-1][0])
