"""Predictions as rows of a table, in the figures and the ways of counting of the tables they answer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Tier
from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.precision import peaks_by_scheme
from suanli.performance.reasons import Reason
from suanli.performance.training.calibration import TrainingCalibration
from suanli.performance.training.case import TrainingCase
from suanli.performance.training.configs import PARTS, TrainingConfigs
from suanli.performance.training.predict import batches, predict_batch
from suanli.performance.training.train import model_flop

Floats = NDArray[np.float64]

#: columns of a prediction, each with its 80 % interval
FIGURES = ("iter_time_s", "tokens_per_s_per_chip", "tflops_per_chip", "mfu", "time_to_train_min")
#: reasons of which a stated layout is proof to the contrary: it ran
RAN = Reason.MEMORY | Reason.LAYERS | Reason.HEADS | Reason.EXPERTS | Reason.CONTEXT | Reason.SEQUENCE | Reason.PRECISION


def figures_of(
    case: TrainingCase, model: Model, peak: Floats, evaluation: Mapping[str, float], c: TrainingConfigs, row: int, times: Floats
) -> dict[str, Floats]:
    """The columns of ``FIGURES`` of one row, each (3,) low, mid, high, given its step times (3,) short, mid, long; NaN where the case has none.

    ``tflops_per_chip`` counts as the case's table does; ``mfu`` is its share of ``peak`` (P, schemes), the dense rate of the precision; the time to train
    is that of the samples the case needs, ``evaluation`` over training time included.
    """
    one = c.take([row])
    chips = float(one.chips[0])
    slow = times[::-1]
    flop = float(model_flop(model, one, masked=case.whole_scores, again=case.count_again)[0]) / chips
    share = model_flop(model, one, masked=case.whole_scores)[0] / chips / peak[one.platform[0], one.scheme[0]]
    steps = case.samples / float(one.global_batch[0]) if case.samples > 0 else math.nan
    return {
        "iter_time_s": times,
        "tokens_per_s_per_chip": float(one.tokens[0]) / chips / slow,
        "tflops_per_chip": flop / slow / 1e12,
        "mfu": share / slow,
        "time_to_train_min": steps * times * (1 + evaluation.get(case.benchmark, 0.0)) / 60,
    }


def blank(case: TrainingCase, key: str) -> dict[str, str]:
    """An answer row without figures; ``key`` is the name of its id."""
    columns = [f"{name}{suffix}" for name in FIGURES for suffix in ("", "_low", "_high")]
    why = ";".join(case.why_not.names())
    return {key: case.id, **dict.fromkeys(columns, ""), "why_not": why, "tier": "", "bound_by": "", "assumed": ";".join(case.assumed)}


def filled(answer: dict[str, str], figures: Mapping[str, Floats]) -> None:
    """Write figures (low, mid, high) into an answer row."""
    for name, values in figures.items():
        for place, suffix in ((1, ""), (0, "_low"), (2, "_high")):
            if np.isfinite(values[place]):
                answer[name + suffix] = f"{values[place]:.6g}"


def answer_cases(
    cases: Sequence[TrainingCase],
    platforms: Platforms,
    rows_of: Mapping[str, int],
    calibration: TrainingCalibration,
    evaluation: Mapping[str, float],
    key: str = "id",
) -> list[dict[str, str]]:
    """One row a case: figures with intervals, or why not."""
    answers = [blank(case, key) for case in cases]
    peak = peaks_by_scheme(platforms.peak)
    for batch in batches(cases, rows_of, calibration):
        which, chosen, estimate = predict_batch(batch, platforms, calibration)
        for place, number in enumerate(which):
            case, answer = cases[number], answers[number]
            why = Reason(int(estimate.why_not[place])) & ~RAN
            if why:
                answer["why_not"] = ";".join(why.names())
                continue
            filled(answer, figures_of(case, batch.model, peak, evaluation, chosen, place, estimate.step_time[:, place]))
            answer["tier"] = Tier(int(estimate.tier[place])).name.lower()
            answer["bound_by"] = PARTS[estimate.bound_by[place]]
    return answers
