"""Fit the training model to measured steps and write ``data/calibration/training.toml``; after ``scripts/fit_kernels.py``.

    python scripts/fit_training.py TRUTH_FOLDER

What kernels reach alone is fixed by that first stage. Fitted here is what training makes of them: Gauss-Newton on log(predicted / measured rate) of
training.csv and of the language models of mlperf_training.csv, soft-L1, every constant drawn to a physical start value with a stated spread, factors of
software stacks, of their versions and of chip families to 1. A group of n rows weighs as n^0.2: big tables do not drown the rest.
Then, with constants fixed, what is left of a model on a chip at a precision with a stack: the median, shrunk to 0.

Cross-validation leaves one group (one chip, one model) out at a time. Each fold solves the same linearised problem without its rows, from the full
fit's Jacobian, and predicts them with the full model (of a chip left out also the kernels are those of its family); residuals are the intervals.
Predictions go to build/left_out_training_{group,chip,model}.csv, the summary to training_accuracy.csv. Deterministic: no random numbers.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue
from suanli.facts.catalogue import DATA
from suanli.facts.names import fold, index
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system, vendor_of
from suanli.models import load_models
from suanli.performance.cases import number
from suanli.performance.kernels import KernelConstants, kernel_constants
from suanli.performance.precision import SCHEMES, peak_of
from suanli.performance.training.calibration import KNOWLEDGE, NAMES, Constants, TrainingCalibration, knowledge_of
from suanli.performance.training.cases import BENCHMARKS, read_training_case
from suanli.performance.training.predict import Batch, batches, best_rows
from suanli.performance.training.stacks import stack_name, stack_version
from suanli.performance.training.train import model_flop, train

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BUILD = Path(__file__).parents[1] / "build"

#: constant -> (start, spread of its logarithm, lower, upper): physical judgement. A multiple of a measured kernel starts at 1
START: dict[str, tuple[float, float, float, float]] = {
    "products_16": (1.08, 0.08, 0.7, 1.6),
    "products_8": (1.15, 0.15, 0.7, 2.5),
    "products_4": (1.3, 0.2, 0.7, 3.0),
    "experts": (1.1, 0.2, 0.5, 3.0),
    "experts_8": (1.1, 0.2, 0.5, 3.0),
    "expert_width": (200.0, 0.7, 1.0, 3000.0),
    "routing_bytes": (20.0, 0.5, 1.0, 200.0),
    "attention": (1.0, 0.2, 0.4, 3.0),
    "attention_backward": (1.3, 0.2, 0.5, 3.0),
    "quantise": (1.0, 0.5, 0.05, 6.0),
    "score_passes": (5.0, 0.4, 1.0, 20.0),
    "elementwise": (8.0, 0.5, 0.5, 60.0),
    "norm": (8.0, 0.5, 0.5, 60.0),
    "host_layer": (3e-4, 0.5, 1e-6, 5e-3),
    "host_mixture": (7e-4, 0.5, 1e-6, 1e-2),
    "routing_overhead": (1e-4, 0.8, 1e-6, 3e-3),
    "micro_batch_overhead": (1e-3, 0.8, 1e-5, 3e-2),
    "step_overhead": (2e-2, 0.8, 1e-4, 0.5),
    "link": (0.9, 0.15, 0.3, 1.2),
    "fabric": (0.75, 0.25, 0.2, 1.0),
    "exchange": (0.6, 0.3, 0.05, 1.0),
    "tensor_exposed": (0.6, 0.4, 0.02, 1.0),
    "context_exposed": (0.2, 0.6, 0.01, 1.0),
    "experts_exposed": (0.6, 0.4, 0.05, 1.0),
    "pipeline_exposed": (0.3, 0.6, 0.02, 1.0),
    "data_exposed": (0.3, 0.6, 0.02, 1.0),
    "parameters_exposed": (0.1, 0.6, 0.01, 1.0),
    "update": (1.3, 0.3, 0.5, 4.0),
    "straggling": (0.005, 0.7, 1e-4, 0.05),
    "adapters": (0.1, 0.7, 1e-3, 1.0),
}
#: not fitted: benchmarks balance the load of experts
FIXED = {"expert_imbalance": 1.0, "whole": 1.0}
#: spread of the logarithm of a stack's, a version's and a chip family's factor
STACK_SPREAD = {
    "whole": 0.08, "products_8": 0.1, "attention": 0.4, "tensor_exposed": 0.4, "data_exposed": 0.4, "parameters_exposed": 0.5, "elementwise": 0.25,
    "quantise": 0.3, "experts": 0.15, "experts_exposed": 0.3, "pipeline_exposed": 0.4, "host_layer": 0.4, "host_mixture": 0.4, "micro_batch_overhead": 0.4, "step_overhead": 0.5,
}  # fmt: skip
VERSION_SPREAD = {"whole": 0.04, "experts": 0.15, "host_mixture": 0.4, "routing_overhead": 0.3, "products_4": 0.1}
FAMILY_SPREAD = {"products_16": 0.08, "products_8": 0.1, "products_4": 0.1, "attention": 0.35, "experts": 0.15, "link": 0.15, "fabric": 0.15}
CHIP_SPREAD = {"whole": 0.06}
VENDOR_SPREAD = {"whole": 0.1}
#: share of a whole MLPerf run that is evaluation and start (median of the rows that state it)
EVALUATION = 0.09
#: what a stack is known for: MegaScale hides what its groups exchange (Jiang et al., arXiv 2402.15627, section 3.2)
FACTOR_START = {("megascale", "tensor_exposed"): 0.3, ("megascale", "data_exposed"): 0.3, ("megascale", "pipeline_exposed"): 0.3}
PULL, ROBUST, STEPS = 1.0, 0.1, 6
INTERVAL = (0.1, 0.9)
#: rows at which a run's own median counts as much as nothing at all
SHRINK = 1.0


class Truth:
    """The rows that train language models of both tables, what they measured, and what they are about."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.files = [folder / "training.csv", folder / "mlperf_training.csv"]
        self.rows: list[dict[str, str]] = []
        for path in self.files:
            with path.open(encoding="utf-8") as file:
                self.rows += [row for row in csv.DictReader(file) if "benchmark" not in row or (row["benchmark"] in BENCHMARKS and not row["duplicate_of_round"])]
        chips, systems, models = load_chips(catalogue), load_systems(catalogue), load_models(catalogue)
        names, called = index(chips.values()), index(models.values())
        self.cases = [read_training_case(row, names, called, fold) for row in self.rows]
        found = {case.chip.id: case.chip for case in self.cases if case.chip is not None}
        self.rows_of = {name: place for place, name in enumerate(found)}
        self.platforms = platforms_of(list(found.values()), [usual_system(chip, systems.values()) for chip in found.values()], catalogue)
        self.kernels = kernel_constants(catalogue, self.platforms)
        self.kernels_without = {name: kernel_constants(catalogue, self.platforms, without=[name]) for name in self.platforms.chip}
        self.group = np.array([row.get("group") or "/".join((row["round"], row["submitter"], row["benchmark"], row["chip"])) for row in self.rows])
        self.chip = np.array([case.chip.id if case.chip else "" for case in self.cases])
        self.model = np.array([case.model.id.split("@")[0] if case.model else "" for case in self.cases])
        self.stack = np.array([stack_name(case.framework) for case in self.cases])
        self.version = np.array([stack_version(case.framework) for case in self.cases])
        families = dict(zip(self.platforms.chip, self.platforms.family, strict=True))
        self.family = np.array([families.get(name, "") for name in self.chip])
        self.mlperf = np.array(["benchmark" in row for row in self.rows])
        self.peak = np.stack([peak_of(self.platforms.peak, name) for name in SCHEMES], axis=1)


def measured_rate(row: Mapping[str, str], case: object, flop: float, tokens: float, chips: float, peak: float) -> float:
    """Steps of the predicted configuration a second that a row measured, from the first figure it has: step time, tokens, operations, their share."""
    step = number(row, "iter_time_s")
    if "benchmark" in row:
        step = number(row, "step_time_s_logged")
        step = number(row, "step_time_s_derived") if np.isnan(step) else step
    if step > 0 and number(row, "global_batch") > 0:
        return 1 / step
    rate = number(row, "tokens_per_s_per_chip")
    if (row.get("tps_basis") or "").startswith("whole run"):
        rate /= 1 - EVALUATION
    if rate > 0:
        return rate * chips / tokens
    rate = number(row, "tflops_per_chip") * 1e12
    rate = number(row, "mfu") * peak if np.isnan(rate) else rate
    return rate * chips / flop


class Fit:
    """The least-squares problem over the rows."""

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.stacks = ("", *sorted({*truth.stack, *truth.version} - {""}))
        families = sorted({*truth.family} - {""})
        self.families = families
        names = [name for name in self.stacks if name and " " not in name]
        versions = [name for name in self.stacks if " " in name]
        self.keys = [("", name) for name in START]
        self.keys += [(stack, name) for stack in names for name in STACK_SPREAD]
        self.keys += [(version, name) for version in versions for name in VERSION_SPREAD]
        self.keys += [("family " + family, name) for family in families for name in FAMILY_SPREAD]
        self.vendors = [vendor_of(chip) for chip in truth.platforms.chip]
        self.keys += [("vendor " + vendor, name) for vendor in sorted(set(self.vendors)) for name in VENDOR_SPREAD]
        self.keys += [("chip " + chip, name) for chip in truth.platforms.chip for name in CHIP_SPREAD]
        self.start = np.array([np.log(START[name][0]) if not of else np.log(FACTOR_START.get((of, name), 1.0)) for of, name in self.keys])
        spread = np.array([self._spread(of, name) for of, name in self.keys])
        self.pull = PULL * ROBUST / spread
        self.low = np.array([np.log(START[name][2]) if not of else -2.5 for of, name in self.keys])
        self.high = np.array([np.log(START[name][3]) if not of else 1.5 for of, name in self.keys])
        _, place, count = np.unique(truth.group, return_inverse=True, return_counts=True)
        self.weight = count[place] ** -0.4
        self.batches = batches(truth.cases, truth.rows_of, self.at(self.start))
        self.choose(self.start)

    def _spread(self, of: str, name: str) -> float:
        if not of:
            return START[name][1]
        if of.startswith("family "):
            return FAMILY_SPREAD[name]
        if of.startswith("vendor "):
            return VENDOR_SPREAD[name]
        if of.startswith("chip "):
            return CHIP_SPREAD[name]
        return VERSION_SPREAD[name] if " " in of else STACK_SPREAD[name]

    def at(self, theta: Floats, kernels: KernelConstants | None = None) -> TrainingCalibration:
        """The calibration of constants and factors ``theta`` (logs)."""
        value = {key: float(np.exp(each)) for key, each in zip(self.keys, theta, strict=True)}
        constants = Constants(**({name: value["", name] for name in START} | FIXED))
        families = self.truth.platforms.family
        family = {name: np.array([value.get(("family " + each, name), 1.0) for each in families]) for name in FAMILY_SPREAD}
        for name in CHIP_SPREAD:
            chips = zip(self.truth.platforms.chip, self.vendors, strict=True)
            own = np.array([value["chip " + chip, name] * value["vendor " + vendor, name] for chip, vendor in chips])
            family[name] = family.get(name, np.ones(len(own))) * own
        stack = {}
        for name in {*STACK_SPREAD, *VERSION_SPREAD}:
            stack[name] = np.array([value.get((each, name), 1.0) * (value.get((each.split(" ")[0], name), 1.0) if " " in each else 1.0) for each in self.stacks])
        known = np.zeros(len(families), np.int64)
        return TrainingCalibration(constants, kernels or self.truth.kernels, family, stack, self.stacks, known, {}, np.zeros((len(KNOWLEDGE), 2)))

    def choose(self, theta: Floats) -> None:
        """Keep the best candidate of each case, and what its row measured in its steps."""
        truth, calibration = self.truth, self.at(theta)
        self.chosen: list[Batch] = []
        self.measured = np.full(len(truth.rows), np.nan)
        self.scheme = np.zeros(len(truth.rows), np.int64)
        for batch in self.batches:
            rows = best_rows(batch, train(batch.model, truth.platforms, calibration, batch.configs))
            c, which = batch.configs.take(rows), batch.case[rows]
            self.chosen.append(Batch(batch.model, c, which))
            self.scheme[which] = c.scheme
            for masked in (False, True):
                for again in (False, True):
                    flop = model_flop(batch.model, c, masked=masked, again=again)
                    for place, case in enumerate(which):
                        each = truth.cases[case]
                        if (each.whole_scores, each.count_again) == (masked, again):
                            peak = truth.peak[c.platform[place], c.scheme[place]]
                            self.measured[case] = measured_rate(truth.rows[case], each, flop[place], c.tokens[place], c.chips[place], peak)

    def predict(self, theta: Floats, kernels: KernelConstants | None = None, only: Mask | None = None) -> Floats:
        """Seconds of a step, (rows,), NaN where none."""
        found, calibration = np.full(len(self.truth.rows), np.nan), self.at(theta, kernels)
        for batch in self.chosen:
            if only is None:
                found[batch.case] = train(batch.model, self.truth.platforms, calibration, batch.configs).step_time[0]
            elif only[batch.case].any():
                some = np.flatnonzero(only[batch.case])
                found[batch.case[some]] = train(batch.model, self.truth.platforms, calibration, batch.configs.take(some)).step_time[0]
        return found

    def errors(self, theta: Floats, kernels: KernelConstants | None = None, only: Mask | None = None) -> Floats:
        """log(measured rate / predicted rate) = log(predicted step / measured step), NaN where one is missing."""
        return np.asarray(np.log(self.predict(theta, kernels, only) * self.measured))

    def jacobian(self, theta: Floats, errors: Floats) -> Floats:
        step = 1e-3

        def column(place: int) -> Floats:
            moved = theta.copy()
            moved[place] += step
            return (self.errors(moved) - errors) / step

        return np.stack(_parallel(column, len(theta)), axis=1)

    def solve(self, theta: Floats, errors: Floats, jacobian: Floats, rows: Mask) -> Floats:
        """Constants that minimise soft-L1 of the linearised errors of ``rows`` and the squares of the pulls."""
        good = rows & np.isfinite(errors)
        matrix, base, weight = jacobian[good], errors[good], self.weight[good]
        found = theta
        for _ in range(12):
            now = base + matrix @ (found - theta)
            each = weight**2 / np.sqrt(1 + (now / ROBUST) ** 2)
            left = (matrix * each[:, None]).T @ matrix + np.diag(self.pull**2)
            right = (matrix * each[:, None]).T @ (base - matrix @ theta) - self.pull**2 * self.start
            found = np.clip(-np.linalg.solve(left, right), self.low, self.high)
        return found

    def run(self) -> tuple[Floats, Floats, Floats]:
        """The full fit: constants, their errors, and the Jacobian there."""
        theta, everything = self.start, np.ones(len(self.truth.rows), bool)
        for step in range(STEPS):
            if step in (2, 4):
                self.choose(theta)
            errors = self.errors(theta)
            jacobian = self.jacobian(theta, errors)
            theta = theta + (1.0 if step else 0.7) * (self.solve(theta, errors, jacobian, everything) - theta)
            good = np.isfinite(errors)
            print(f"step {step}: mean of groups {100 * group_error(self.truth, errors, good):.2f} %, rows {100 * np.abs(np.expm1(errors[good])).mean():.2f} %", flush=True)
        errors = self.errors(theta)
        return theta, errors, self.jacobian(theta, errors)


_COLUMN: Callable[[int], Floats]


def _one(place: int) -> Floats:
    return _COLUMN(place)


def _parallel(column: Callable[[int], Floats], count: int) -> list[Floats]:
    """``column`` of each place, on all cores: forked workers see what the parent saw."""
    global _COLUMN
    _COLUMN = column
    with Pool() as pool:
        return pool.map(_one, range(count), chunksize=8)


def group_error(truth: Truth, errors: Floats, rows: Mask) -> float:
    """Mean over groups of the mean absolute error of the rate."""
    sizes = np.abs(np.expm1(-errors))
    return float(np.mean([sizes[rows & (truth.group == name)].mean() for name in np.unique(truth.group[rows])]))
