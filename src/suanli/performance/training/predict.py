"""Cases -> predictions, a whole table at once: one struct of arrays a model, the best candidate of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.reasons import Reason
from suanli.performance.training.calibration import TrainingCalibration
from suanli.performance.training.case import TrainingCase
from suanli.performance.training.configs import TrainingConfigs, TrainingEstimate, training_configs
from suanli.performance.training.train import train

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Batch:
    """All candidates of one model's cases: ``case`` is the case each row belongs to."""

    model: Model
    configs: TrainingConfigs
    case: Ints


def batches(cases: Sequence[TrainingCase], platform_of: Mapping[str, int], calibration: TrainingCalibration) -> list[Batch]:
    """The candidates of ``cases`` as one struct of arrays a model; ``platform_of`` maps a chip id to its platform row."""
    by_model: dict[str, list[tuple[int, dict[str, float]]]] = {}
    models: dict[str, Model] = {}
    for index, case in enumerate(cases):
        if case.why_not or case.model is None or case.chip is None:
            continue
        models[case.model.id] = case.model
        own = {"platform": float(platform_of[case.chip.id]), "stack": float(calibration.stack_code(case.framework))}
        by_model.setdefault(case.model.id, []).extend((index, own | candidate) for candidate in case.candidates)
    found = []
    for name, rows in by_model.items():
        columns = {key: np.array([row[key] for _, row in rows]) for key in rows[0][1]}
        found.append(Batch(models[name], training_configs(len(rows), **columns), np.array([index for index, _ in rows])))
    return found


#: how far our count of a job that ran may exceed the memory: measured peaks are up to so much lower
SLACK = 1.2


def best_rows(batch: Batch, estimate: TrainingEstimate, capacity: NDArray[np.float64]) -> Ints:
    """One row a case: of those with the fewest other reasons against them (a stated layout ran, whatever we think of it) the one with the highest rate
    per chip that fits, give or take what our count of memory may be wrong by, else the one that exceeds the memory least."""
    memory = np.nan_to_num(estimate.memory.total, nan=np.inf)
    over = memory > SLACK * capacity[batch.configs.platform]
    others = np.array([int(each).bit_count() for each in estimate.why_not & ~int(Reason.MEMORY)])
    rate = np.nan_to_num(estimate.tokens_rate_per_chip[estimate.tokens_rate_per_chip.shape[0] // 2], nan=-np.inf)
    order = np.lexsort((np.where(over, memory, -rate), over, others, batch.case))
    first = np.r_[True, np.diff(batch.case[order]) != 0]
    return np.asarray(order[first])


def predict_batch(batch: Batch, platforms: Platforms, calibration: TrainingCalibration) -> tuple[Ints, TrainingConfigs, TrainingEstimate]:
    """(case index, chosen configuration, estimate with its interval) of one batch."""
    rows = best_rows(batch, train(batch.model, platforms, calibration, batch.configs), platforms.capacity)
    chosen = batch.configs.take(rows)
    return batch.case[rows], chosen, train(batch.model, platforms, calibration, chosen, scenarios=3)
