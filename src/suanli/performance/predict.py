"""One estimate a case: rows grouped by model, candidates of each row compared, the best kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.hardware import Chip, Platforms
from suanli.models import Model
from suanli.performance.calibration import Calibration
from suanli.performance.cases import Case
from suanli.performance.configs import Configs, Estimate, configs
from suanli.performance.precision import Precisions
from suanli.performance.serving import serve


@dataclass(frozen=True)
class Batch:
    """All candidates of the cases of one model: ``case`` (N,) is the case each row belongs to, ``longest_tpot`` (N,) [s] what it allows."""

    model: Model
    configs: Configs
    case: NDArray[np.int64]
    longest_tpot: NDArray[np.float64]


def batches(cases: Sequence[Case], platform_of: Mapping[str, int], calibration: Calibration) -> list[Batch]:
    """The candidates of ``cases`` as one struct of arrays a model; ``platform_of`` maps a chip id to its platform row."""
    by_model: dict[str, list[tuple[int, dict[str, float]]]] = {}
    models: dict[str, Model] = {}
    for index, case in enumerate(cases):
        if case.why_not or case.model is None or case.chip is None:
            continue
        models[case.model.id] = case.model
        row = {"platform": platform_of[case.chip.id], "engine": calibration.engine_code(case.framework, case.on)}
        by_model.setdefault(case.model.id, []).extend((index, row | candidate) for candidate in case.candidates)
    result = []
    for name, rows in by_model.items():
        keys = {key for _, row in rows for key in row}
        columns = {key: np.array([row.get(key, DEFAULTS.get(key, 1.0)) for _, row in rows]) for key in keys}
        which = np.array([index for index, _ in rows])
        limits = np.array([cases[index].longest_tpot for index in which])
        result.append(Batch(models[name], configs(len(rows), **columns), which, limits))
    return result


DEFAULTS = {"prefill_replicas": 0.0, "batch_limit": np.inf, "equal_lengths": 0.0}


def best_rows(batch: Batch, estimate: Estimate) -> NDArray[np.int64]:
    """One row a case: the highest rate per chip among those that run within the case's time per token, else the fastest, else the first."""
    middle = estimate.tpot.shape[0] // 2
    within = estimate.tpot[middle] <= batch.longest_tpot
    # a row over its limit ranks below all within, the fastest first
    rate = np.where(within, np.nan_to_num(estimate.tokens_rate_per_chip[middle], nan=-np.inf), -np.nan_to_num(estimate.tpot[middle], nan=np.inf))
    order = np.lexsort((-rate, batch.case))
    first = np.r_[True, np.diff(batch.case[order]) != 0]
    return np.asarray(order[first])


def predict_batch(
    batch: Batch, platforms: Platforms, calibration: Calibration, precisions: Precisions, scenarios: int = 3
) -> tuple[NDArray[np.int64], Configs, Estimate]:
    """(case index, chosen configuration, estimate) of one batch."""
    point = serve(batch.model, platforms, calibration, precisions, batch.configs)
    rows = best_rows(batch, point)
    chosen = batch.configs.take(rows)
    return batch.case[rows], chosen, serve(batch.model, platforms, calibration, precisions, chosen, scenarios=scenarios)


def platform_index(cases: Sequence[Case]) -> tuple[list[Chip], dict[str, int]]:
    """The distinct chips of the cases, and the row of each."""
    chips = {case.chip.id: case.chip for case in cases if case.chip is not None}
    return list(chips.values()), {name: row for row, name in enumerate(chips)}
