"""What a face may call of training."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from suanli.api.finding import chip_in_system, find_chip, find_model, find_place
from suanli.api.tables import answers_of, read_rows
from suanli.errors import BadInput, NoAnswer
from suanli.facts import Catalogue
from suanli.facts.names import fold, index
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system
from suanli.models import Model, load_models
from suanli.models.generic import dense_of_size, stated_size
from suanli.performance.accuracy.summary import read_training_summary
from suanli.performance.accuracy.training import TrainingAccuracy, TrainingScore, accuracy_of_training, group_of
from suanli.performance.precision import SCHEMES, TRAINED, peaks_by_scheme
from suanli.performance.training.answers import answer_cases, blank
from suanli.performance.training.calibration import TrainingFile, load_training_calibration
from suanli.performance.training.cases import read_training_case
from suanli.performance.training.stacks import STACKS
from suanli.planning.run import DAY
from suanli.planning.training import LARGEST_CLUSTER, TrainingPlan, check_layout, known_stack, make_train_ask, make_training_plan
from suanli.units import number


def train(
    catalogue: Catalogue,
    model: str,
    chips: Sequence[str],
    counts: Sequence[int] = (),
    *,
    place: str = "US",
    system: str | None = None,
    stack: str = "",
    layout: Mapping[str, float] | None = None,
    progress: Callable[[str, int, int], None] | None = None,
    **wanted: Any,
) -> TrainingPlan:
    """How to train a model on each of ``chips`` at each of ``counts`` chips: the best layout (``layout`` fixes parts of it), how long, how much.

    Without ``counts`` a ``deadline`` is needed: the smallest cluster that meets it. ``wanted``: see ``planning.training.make_train_ask`` (tokens,
    precision, length, global_batch, method, on, start, deadline, acquire, ideal). Raises ``BadInput`` and kin; ``NoAnswer`` where no chip can do it.
    """
    found = _model_or_size(catalogue, model)
    if stack and not known_stack(stack):
        raise BadInput("cli.bad_choice", option="--stack", value=stack, nearest=", ".join(STACKS))
    if not counts and wanted.get("deadline") is None:
        raise BadInput("planning.train_no_size")
    ask = make_train_ask(catalogue, found, find_place(catalogue, place), stack=stack, layout=layout, **wanted)
    check_layout(ask, counts)
    pairs = []
    for name in chips:
        chip = find_chip(catalogue, name)
        pairs.append((chip, chip_in_system(catalogue, chip, system)))
    plan = make_training_plan(catalogue, ask, pairs, counts, progress)
    if not plan.options:
        raise _cannot_train(plan)
    if not counts and not plan.options[0].finishes:
        raise _too_late(plan)
    return plan


def _model_or_size(catalogue: Catalogue, name: str) -> Model:
    """A model of the catalogue, or a dense one of a size such as ``70B``."""
    if not re.fullmatch(r"\d+(\.\d+)?\s?[MBTmbt]", name.strip()):
        return find_model(catalogue, name)
    return dense_of_size(stated_size(name.strip()))


def _cannot_train(plan: TrainingPlan) -> NoAnswer:
    """The reason of the candidate that is the nearest to running, with the memory it lacks."""
    nearest = min(plan.refused, key=lambda each: (each.row is None, len(each.why_not), -each.chips))
    needs = f"{float(nearest.estimate.memory.total[0]) / 1e9:,.0f} GB" if nearest.row else "?"
    if "precision" in nearest.why_not:
        own = peaks_by_scheme(nearest.platforms.peak, fall_back=False)[0]
        known = ", ".join(name for name in TRAINED if not math.isnan(own[SCHEMES.index(name)]))
        return NoAnswer("planning.no_units", chip=nearest.chip.name, precision=SCHEMES[plan.ask.scheme], known=known)
    capacity = float(nearest.platforms.capacity[0])
    return NoAnswer(
        "planning.cannot_train",
        model=plan.ask.model.name,
        chip=nearest.chip.name,
        chips=f"{nearest.chips:,}",
        tried=f"{nearest.found.tried:,}",
        reason="@performance.reasons." + nearest.why_not[0],
        needs=needs,
        has="?" if math.isnan(capacity) else f"{capacity / 1e9:,.0f} GB",
    )


def _too_late(plan: TrainingPlan) -> NoAnswer:
    """The quickest of all sizes misses the deadline."""
    quickest = min(plan.options, key=lambda each: float(each.run.wall_time[0, 0]) if each.run else math.inf)
    assert quickest.run is not None
    return NoAnswer(
        "planning.train_too_late",
        model=plan.ask.model.name,
        deadline=str(plan.ask.run.deadline),
        largest=f"{LARGEST_CLUSTER:,}",
        chip=quickest.chip.name,
        chips=f"{quickest.chips:,}",
        days=number(float(quickest.run.wall_time[0, 0]) / DAY),
    )


def predict_training(catalogue: Catalogue, path: str | Path) -> list[dict[str, str]]:
    """One answered row a case of a CSV file with the columns of the training tables (MLPerf's too): figures with their intervals, or ``why_not``."""
    rows = list(read_rows(Path(path)))
    chips, models = index(load_chips(catalogue).values()), index(load_models(catalogue).values())
    cases = [read_training_case(row, chips, models, fold) for row in rows]
    found = {case.chip.id: case.chip for case in cases if case.chip is not None}
    systems = load_systems(catalogue)
    platforms = platforms_of(list(found.values()), [usual_system(chip, systems.values()) for chip in found.values()], catalogue) if found else None
    key = "id" if rows and "id" in rows[0] else "case_id"
    if platforms is None:
        return [blank(case, key) for case in cases]
    calibration = load_training_calibration(catalogue, platforms)
    evaluation = catalogue.record("calibration", "training", TrainingFile).content.evaluation
    return answer_cases(cases, platforms, {name: row for row, name in enumerate(found)}, calibration, evaluation, key)


def accuracy_training(catalogue: Catalogue, truth: str | Path, predictions: str | Path | None = None) -> TrainingAccuracy:
    """Predictions of training judged by a table of measurements (columns of the truth tables, MLPerf's included).

    ``predictions``: a file with the columns of ``predict_training``, made elsewhere (such as left-out ones); without it they are made now.
    Chips and models go by their id in the catalogue where it knows them. Raises ``BadFile``.
    """
    rows = list(read_rows(Path(truth)))
    if predictions is None:
        answers = predict_training(catalogue, truth)
    else:
        answers = answers_of(rows, truth, predictions, ("iter_time_s", "tokens_per_s_per_chip", "tflops_per_chip", "mfu", "time_to_train_min"))
    models = load_models(catalogue)
    chip_names, model_names = index(load_chips(catalogue).values()), index(models.values())
    called = []
    for row in rows:
        case = read_training_case(row, chip_names, model_names, fold)
        known = {"group": group_of(row)} | ({"chip": case.chip.id} if case.chip else {})
        if case.model:
            name = case.model.id.partition("@")[0]  # cut to fewer layers
            known |= {"model": name} if name in models else {}
            known |= {"shape": "mixture" if any(op.kind == "experts" for op in case.model.ops) else "dense"}
        called.append({**row, **known})
    digest = hashlib.sha256(Path(truth).read_bytes()).hexdigest()
    fitted = any(digest in path.read_text(encoding="utf-8") for path, _ in catalogue.all_paths("calibration", "training", ".toml"))
    return accuracy_of_training(
        called,
        answers,
        table=Path(truth).name,
        predictions=Path(predictions).name if predictions else "",
        in_fit=fitted and predictions is None,
    )


def training_accuracy_summary(catalogue: Catalogue) -> dict[str, tuple[TrainingScore, ...]]:
    """What was left out of the fit (group, chip, model) -> the errors on it, as stored with the calibration; ``NoAnswer`` where nothing is stored."""
    paths = catalogue.all_paths("calibration", "training_accuracy")
    if not paths:
        raise NoAnswer("accuracy.no_summary")
    return read_training_summary(paths[-1][0])
