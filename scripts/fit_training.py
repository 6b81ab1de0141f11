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
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suanli.api import accuracy_training, open_catalogue
from suanli.facts import Catalogue
from suanli.facts.catalogue import DATA
from suanli.facts.names import fold, index
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system, vendor_of
from suanli.models import load_models
from suanli.performance.accuracy.summary import STORED_MLPERF, summary_rows, write_summary
from suanli.performance.cases import number
from suanli.performance.kernels import KernelConstants, kernel_constants
from suanli.performance.precision import SCHEMES, peaks_by_scheme
from suanli.performance.training.answers import blank, figures_of, filled
from suanli.performance.training.calibration import KNOWLEDGE, NAMES, SHAPES, Constants, TrainingCalibration, knowledge_of, shape_of
from suanli.performance.training.cases import BENCHMARKS, read_training_case
from suanli.performance.training.configs import METHODS
from suanli.performance.training.predict import Batch, batches, best_rows
from suanli.performance.training.stacks import COPIES_THERE, stack_name, stack_version
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
FIXED = {"expert_imbalance": 1.0, "whole": 1.0, "copies_sent": 1.0}
#: spread of the logarithm of a stack's, a version's and a chip family's factor
STACK_SPREAD = {
    "whole": 0.08, "products_8": 0.1, "attention": 0.4, "tensor_exposed": 0.4, "data_exposed": 0.4, "parameters_exposed": 0.5, "elementwise": 0.25,
    "quantise": 0.3, "experts": 0.15, "experts_exposed": 0.3, "pipeline_exposed": 0.4, "host_layer": 0.4, "host_mixture": 0.4,
    "micro_batch_overhead": 0.4, "step_overhead": 0.5,
}  # fmt: skip
VERSION_SPREAD = {"whole": 0.04, "experts": 0.15, "host_mixture": 0.4, "routing_overhead": 0.3, "products_4": 0.1}
FAMILY_SPREAD = {"products_16": 0.08, "products_8": 0.1, "products_4": 0.1, "attention": 0.35, "experts": 0.15, "link": 0.15, "fabric": 0.15}
CHIP_SPREAD = {"whole": 0.06}
VENDOR_SPREAD = {"whole": 0.1}
PAIR_SPREAD = {"whole": 0.15}
#: share of a whole MLPerf run that is evaluation and start (median of the rows that state it)
EVALUATION = 0.09
#: what a stack is known for: MegaScale hides what its groups exchange (Jiang et al., arXiv 2402.15627, section 3.2)
FACTOR_START = {("megascale", "tensor_exposed"): 0.3, ("megascale", "data_exposed"): 0.3, ("megascale", "pipeline_exposed"): 0.3}
NEVER = 1e-3
#: stacks without rows of their own whose papers say what they hide: DeepSeek's training framework overlaps all exchanges of experts (arXiv 2412.19437, 3.2)
TOLD = {"hai-llm": {"experts_exposed": 0.1, "pipeline_exposed": 0.3, "copies_sent": NEVER}}
#: makers with whose software others have the most practice; all others start so much slower
PRACTISED, UNPRACTISED = ("nvidia", "google"), 1.15
STACK_OR_VERSION = tuple(dict.fromkeys([*STACK_SPREAD, *VERSION_SPREAD]))
#: rows from which on a chip, and a family of chips, counts as measured
OFTEN = (5, 10)
#: rows that a level of knowledge must have for quantiles of its own, and the first level (index of ``KNOWLEDGE``) whose rows are taken together
FEWEST, FEW_FROM = 10, 3
PULL, ROBUST, STEPS = 0.7, 0.1, 6
INTERVAL = (0.1, 0.9)
#: variances of the mixed model of what is left, by what rows have in common, and of a row itself; chosen among a few by the left-out errors
LEVELS = {"model": 0.002, "chip": 0.003, "run": 0.003, "layout": 0.006}
NOISE = 0.004


class Truth:
    """The rows that train language models of both tables, what they measured, and what they are about."""

    def __init__(self, folder: Path, catalogue: Catalogue) -> None:
        self.files = [folder / "training.csv", folder / "mlperf_training.csv"]
        self.rows: list[dict[str, str]] = []
        for path in self.files:
            with path.open(encoding="utf-8") as file:
                self.rows += [
                    row for row in csv.DictReader(file) if "benchmark" not in row or (row["benchmark"] in BENCHMARKS and not row["duplicate_of_round"])
                ]
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
        self.shape = np.array([shape_of(case.model) if case.model else 0 for case in self.cases])
        self.stack = np.array([stack_name(case.framework) for case in self.cases])
        self.version = np.array([stack_version(case.framework) for case in self.cases])
        families = dict(zip(self.platforms.chip, self.platforms.family, strict=True))
        self.family = np.array([families.get(name, "") for name in self.chip])
        self.mlperf = np.array(["benchmark" in row for row in self.rows])
        self.peak = peaks_by_scheme(self.platforms.peak)


def _trains_language(row: Mapping[str, str]) -> bool:
    return "benchmark" not in row or (row["benchmark"] in BENCHMARKS and not row["duplicate_of_round"])


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
        pairs = sorted({(stack, family) for stack, family in zip(truth.stack, truth.family, strict=True) if stack and family})
        self.keys += [(f"pair {stack}|{family}", name) for stack, family in pairs for name in PAIR_SPREAD]
        self.keys += [("chip " + chip, name) for chip in truth.platforms.chip for name in CHIP_SPREAD]
        self.start = np.array([np.log(START[name][0]) if not of else np.log(self._begin(of, name)) for of, name in self.keys])
        spread = np.array([self._spread(of, name) for of, name in self.keys])
        self.pull = PULL * ROBUST / spread
        self.low = np.array([np.log(START[name][2]) if not of else -2.5 for of, name in self.keys])
        self.high = np.array([np.log(START[name][3]) if not of else 1.5 for of, name in self.keys])
        # diffusion transformers are answered, but nothing is learnt from them
        self.learnt = np.array([case.model is not None and case.model.architecture.causal for case in truth.cases])
        _, place, count = np.unique(truth.group, return_inverse=True, return_counts=True)
        self.weight = count[place] ** -0.4
        self.batches = batches(truth.cases, truth.rows_of, self.at(self.start))
        self.choose(self.start)

    def _begin(self, of: str, name: str) -> float:
        if of.startswith("vendor ") and of.removeprefix("vendor ") not in PRACTISED:
            return UNPRACTISED
        return FACTOR_START.get((of, name), 1.0)

    def _spread(self, of: str, name: str) -> float:
        if not of:
            return START[name][1]
        if of.startswith("family "):
            return FAMILY_SPREAD[name]
        if of.startswith("pair "):
            return PAIR_SPREAD[name]
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
            stack[name] = np.array(
                [value.get((each, name), 1.0) * (value.get((each.split(" ")[0], name), 1.0) if " " in each else 1.0) for each in self.stacks]
            )
        stack["copies_sent"] = np.array([NEVER if name.split(" ")[0] in COPIES_THERE else 1.0 for name in self.stacks])
        known = np.zeros(len(families), np.int64)
        pair = np.array([[value.get((f"pair {name.split(' ')[0]}|{each}", "whole"), 1.0) for each in families] for name in self.stacks])
        return TrainingCalibration(
            constants, kernels or self.truth.kernels, family, stack, pair, self.stacks, known, (), np.zeros((len(KNOWLEDGE), len(SHAPES), 2))
        )

    def choose(self, theta: Floats) -> None:
        """Keep the best candidate of each case, and what its row measured in its steps."""
        truth, calibration = self.truth, self.at(theta)
        self.chosen: list[Batch] = []
        self.measured = np.full(len(truth.rows), np.nan)
        self.scheme = np.zeros(len(truth.rows), np.int64)
        for batch in self.batches:
            rows = best_rows(batch, train(batch.model, truth.platforms, calibration, batch.configs), truth.platforms.capacity)
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
        good = rows & np.isfinite(errors) & self.learnt
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
            print(
                f"step {step}: mean of groups {100 * group_error(self.truth, errors, good):.2f} %, rows {100 * np.abs(np.expm1(errors[good])).mean():.2f} %",
                flush=True,
            )
        errors = self.errors(theta)
        return theta, errors, self.jacobian(theta, errors)


#: what forked workers find of their parent's
_SHARED: dict[str, Callable[[int], Floats]] = {}


def _one(place: int) -> Floats:
    return _SHARED["column"](place)


def _parallel(column: Callable[[int], Floats], count: int) -> list[Floats]:
    """``column`` of each place, on all cores: forked workers see what the parent saw."""
    _SHARED["column"] = column
    with Pool() as pool:
        return pool.map(_one, range(count), chunksize=8)


def group_error(truth: Truth, errors: Floats, rows: Mask) -> float:
    """Mean over groups of the mean absolute error of the rate."""
    sizes = np.abs(np.expm1(-errors))
    return float(np.mean([sizes[rows & (truth.group == name)].mean() for name in np.unique(truth.group[rows])]))


class Effects:
    """The mixed model of the rows' errors: what rows of one model and stack, of one chip, precision and stack, of one run and of one layout share."""

    def __init__(self, truth: Truth, fit: Fit) -> None:
        self.truth = truth
        configs: list[tuple[object, ...]] = [()] * len(truth.rows)
        for batch in fit.chosen:
            c = batch.configs
            for row, case in enumerate(batch.case):
                parts = tuple(int(getattr(c, name)[row]) for name in ("tp", "pp", "cp", "ep", "length"))
                configs[case] = (SCHEMES[c.scheme[row]], METHODS[c.method[row]], parts)
        self.keys: dict[str, list[dict[str, object]]] = {level: [] for level in LEVELS}
        for row, each in enumerate(configs):
            scheme, method, parts = each or ("", "", (0,) * 5)
            model, chip, stack = str(truth.model[row]), str(truth.chip[row]), str(truth.stack[row])
            common = {"stack": stack, "method": method}
            self.keys["model"].append({"model": model} | common)
            self.keys["chip"].append({"chip": chip, "precision": scheme} | common)
            run = {"model": model, "chip": chip, "precision": scheme} | common
            self.keys["run"].append(run)
            self.keys["layout"].append(run | dict(zip(("tp", "pp", "cp", "ep", "length"), parts, strict=True)))
        self.text = {level: np.array([repr(sorted(key.items())) for key in keys]) for level, keys in self.keys.items()}
        count = len(truth.rows)
        self.shared = np.zeros((count, count))
        for level, variance in LEVELS.items():
            self.shared += variance * (self.text[level][:, None] == self.text[level][None, :])

    def of(self, errors: Floats, rows: Mask, wanted: Mask) -> Floats:
        """What the errors of ``rows`` say of those of ``wanted``: the best linear predictor."""
        return np.asarray(self.shared[np.ix_(wanted, rows)] @ self._weights(errors, rows))

    def _weights(self, errors: Floats, rows: Mask) -> Floats:
        inside = self.shared[np.ix_(rows, rows)] + NOISE * np.eye(int(rows.sum()))
        return np.asarray(np.linalg.solve(inside, errors[rows]))

    def known(self, rows: Mask, wanted: Mask) -> Mask:
        """Of ``wanted``, whose model was measured on its chip at its precision with its stack among ``rows``."""
        return np.isin(self.text["run"][wanted], self.text["run"][rows])

    def stored(self, errors: Floats, rows: Mask) -> list[dict[str, object]]:
        """The effects by what they are of, as the file keeps them; a longer step is positive."""
        weights = np.zeros(len(errors))
        weights[rows] = self._weights(errors, rows)
        found = []
        for level, variance in LEVELS.items():
            for name in dict.fromkeys(self.text[level][rows]):
                mine = rows & (self.text[level] == name)
                value = -variance * weights[mine].sum()
                if abs(value) >= 0.005:
                    found.append(self.keys[level][int(np.flatnonzero(mine)[0])] | {"rows": int(mine.sum()), "log_factor": round(float(value), 3)})
        return found


#: what is left out at a time
WAYS = ("group", "chip", "model")


def often(names: NDArray[np.str_], rows: int) -> list[str]:
    """Names that at least so many rows have."""
    found, count = np.unique(names[names != ""], return_counts=True)
    return [str(each) for each in found[count >= rows]]


def cross_validate(truth: Truth, fit: Fit, effects: Effects, theta: Floats, errors: Floats, jacobian: Floats, way: str) -> tuple[Floats, NDArray[np.int64]]:
    """log(predicted / measured step) of every row by a fit that has not seen its group (chip, model), and how well it was known then (index of
    ``KNOWLEDGE``)."""
    names, left, level = getattr(truth, way), np.full(len(errors), np.nan), np.zeros(len(errors), np.int64)
    good = np.isfinite(errors) & fit.learnt
    for name in np.unique(names[names != ""]):
        out = names == name
        seen = good & ~out
        moved = fit.solve(theta, errors, jacobian, ~out)
        others = errors + jacobian @ (moved - theta)
        own = fit.errors(moved, truth.kernels_without[name] if way == "chip" else None, out)
        left[out] = own[out] - effects.of(others, seen, out)
        known = knowledge_of(truth.platforms, often(truth.chip[seen], OFTEN[0]), often(truth.family[seen], OFTEN[1]))
        level[out] = np.where(effects.known(seen, out), 0, [known[truth.rows_of[chip]] if chip else 4 for chip in truth.chip[out]])
    return left, level


#: low and high quantile and the rows they rest on, by knowledge and shape
Intervals = dict[tuple[str, str], tuple[list[float], int]]


def intervals(truth: Truth, found: Mapping[str, tuple[Floats, NDArray[np.int64]]]) -> Intervals:
    """10 and 90 % quantiles of log(measured / predicted step) by knowledge and shape; a level's are at least as wide as the better one's. Groups weigh as
    the root of their rows."""
    result: Intervals = {}
    for shape, kind in enumerate(SHAPES):
        before = [0.0, 0.0]
        for place, name in enumerate(KNOWLEDGE):
            ways = ("group", "model") if name in ("measured", "chip") else ("chip",)
            errors, weights = [], []
            for way in ways:
                left, level = found[way]
                # of chips of whose family nobody measured one there are few: all of them together, whatever the model
                alike = (level == place) & (truth.shape == shape) if place < FEW_FROM else level >= FEW_FROM
                rows = np.isfinite(left) & alike
                _, which, count = np.unique(truth.group[rows], return_inverse=True, return_counts=True)
                errors.append(-left[rows])
                weights.append(count[which] ** -0.5)
            all_errors, all_weights = np.concatenate(errors), np.concatenate(weights)
            if len(all_errors) >= FEWEST:
                order = np.argsort(all_errors)
                share = (np.cumsum(all_weights[order]) - all_weights[order] / 2) / all_weights.sum()
                low, high = (float(np.interp(each, share, all_errors[order])) for each in INTERVAL)
            else:
                low, high = before
            if name == "sheet":
                low, high = 1.25 * low, 1.25 * high
            before = [round(min(low, before[0]), 3), round(max(high, before[1]), 3)]
            result[name, kind] = (before, len(all_errors))
    return result


def evaluation(truth: Truth) -> dict[str, float]:
    """Whole time over training steps' time, less 1, of each MLPerf benchmark: the median of the rows that state both."""
    found: dict[str, list[float]] = {}
    for row in truth.rows:
        step = number(row, "step_time_s_logged")
        step = number(row, "step_time_s_derived") if np.isnan(step) else step
        whole, samples, batch = (number(row, name) for name in ("time_to_train_min", "samples_to_converge", "global_batch"))
        if "benchmark" in row and np.isfinite(step * whole * samples * batch):
            found.setdefault(row["benchmark"], []).append(whole * 60 / (samples / batch * step) - 1)
    return {name: round(float(np.median(values)), 3) for name, values in sorted(found.items())}


def _of_stack(value: Mapping[tuple[str, str], float], stack: str, name: str) -> float:
    """A factor of a stack, or of a version of one times that of the stack."""
    own = value.get((stack, name), 1.0)
    return own * value.get((stack.split(" ")[0], name), 1.0) if " " in stack else own


def written(truth: Truth, fit: Fit, theta: Floats, effects: list[dict[str, object]], residuals: Intervals) -> str:
    """The calibration file."""
    value = {key: float(np.exp(each)) for key, each in zip(fit.keys, theta, strict=True)}
    hashes = [hashlib.sha256(path.read_bytes()).hexdigest() for path in fit.truth.files]
    good = np.isfinite(fit.measured)
    lines = [
        "# Written by scripts/fit_training.py; do not edit.",
        f'fitted_on = "{datetime.date.today()}"',
        f"data_hash = {[f'sha256:{each}' for each in hashes]}".replace("'", '"'),
        f"rows = {int(good.sum())}",
        'method = "Gauss-Newton on soft-L1 of log rate, constants and factors drawn to their start; then a mixed model of what is left"',
        f"chips = {json.dumps(often(truth.chip[good], OFTEN[0]))}",
        f"known_families = {json.dumps(often(truth.family[good], OFTEN[1]))}",
        "",
        "[constants]",
        *(f"{name} = {value.get(('', name), FIXED.get(name)):.4g}" for name in NAMES),
        "",
        "[vendors]",
        *(f"{name} = {value['vendor ' + name, 'whole']:.4g}" for name in sorted(set(fit.vendors))),
        f"other = {np.exp(np.mean([np.log(value['vendor ' + name, 'whole']) for name in set(fit.vendors) - {'nvidia', 'google'}])):.4g}",
        "",
        "[own]",
        *(f"{name} = {value['chip ' + name, 'whole']:.4g}" for name in sorted(truth.platforms.chip)),
    ]
    for family in fit.families:
        lines += ["", f"[families.{family}]", *(f"{name} = {value['family ' + family, name]:.4g}" for name in FAMILY_SPREAD)]
    pairs = sorted(key[0][5:].split("|") for key in fit.keys if key[0].startswith("pair "))
    for stack in sorted({each[0] for each in pairs}):
        mine = [f"{family} = {value[f'pair {stack}|{family}', 'whole']:.4g}" for other, family in pairs if other == stack]
        lines += ["", f'[pairs."{stack}"]', *mine]
    for stack in fit.stacks[1:]:
        rows = int(((truth.stack == stack) | (truth.version == stack)).sum())
        copied = {"copies_sent": NEVER} if stack.split(" ")[0] in COPIES_THERE else {}
        factors = copied | {name: _of_stack(value, stack, name) for name in STACK_OR_VERSION}
        lines += ["", f'[stacks."{stack}"]', f"rows = {rows}", f'[stacks."{stack}".factors]']
        lines += [f"{name} = {factor:.4g}" for name, factor in factors.items() if abs(np.log(factor)) > 1e-3]
    for stack, factors in TOLD.items():
        lines += ["", f'[stacks."{stack}"]', "rows = 0", f'[stacks."{stack}".factors]', *(f"{name} = {factor}" for name, factor in factors.items())]
    lines += ["", "[evaluation]", *(f"{name} = {share}" for name, share in evaluation(truth).items())]
    for (name, kind), (quantiles, count) in residuals.items():
        lines += ["", f"[residuals.{name}.{kind}]", f"quantiles = {quantiles}", f"rows = {count}"]
    for effect in effects:
        cells = [f"{key} = {json.dumps(each)}" for key, each in effect.items()]
        lines += ["", "[[effects]]", *cells]
    return "\n".join(lines) + "\n"


def write_left_out(truth: Truth, fit: Fit, left: Floats, level: NDArray[np.int64], residuals: Intervals, path: Path) -> None:
    """The predictions of a cross-validation with the columns of ``suanli predict training``."""
    answers = [blank(case, "id") for case in truth.cases]
    peak, shares = truth.peak, evaluation(truth)
    bands = np.array([[residuals[name, kind][0] for kind in SHAPES] for name in KNOWLEDGE])
    for batch in fit.chosen:
        for place, case in enumerate(batch.case):
            if np.isfinite(left[case]):
                step = np.exp(left[case]) / fit.measured[case]
                low, high = bands[level[case], truth.shape[case]]
                times = step * np.exp([low, 0.0, high])
                filled(answers[case], figures_of(truth.cases[case], batch.model, peak, shares, batch.configs, place, times))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, answers[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(answers)


def summarise(catalogue: Catalogue, files: Sequence[Path]) -> None:
    """The stored summary of left-out errors."""
    rows: list[dict[str, str]] = []
    for way in WAYS:
        path = BUILD / f"left_out_training_{way}.csv"
        rows += summary_rows(way, accuracy_training(catalogue, files[0], path))
        rows += summary_rows(way, accuracy_training(catalogue, files[1], path), STORED_MLPERF)
    write_summary(DATA / "calibration" / "training_accuracy.csv", rows, "fit_training.py")


def main(folder: str) -> None:
    """Fit, cross-validate, write."""
    catalogue = open_catalogue()
    truth = Truth(Path(folder), catalogue)
    fit = Fit(truth)
    theta, errors, jacobian = fit.run()
    effects = Effects(truth, fit)
    found = {way: cross_validate(truth, fit, effects, theta, errors, jacobian, way) for way in WAYS}
    residuals = intervals(truth, found)
    good = np.isfinite(errors) & fit.learnt
    path = DATA / "calibration" / "training.toml"
    path.write_text(written(truth, fit, theta, effects.stored(errors, good), residuals), encoding="utf-8")
    BUILD.mkdir(exist_ok=True)
    for way, (left, level) in found.items():
        whole, table = (100 * group_error(truth, left, np.isfinite(left) & rows) for rows in (True, ~truth.mlperf))
        print(f"{way} left out: mean of groups {whole:.1f} %, of training.csv {table:.1f} %")
        write_left_out(truth, fit, left, level, residuals, BUILD / f"left_out_training_{way}.csv")
    summarise(open_catalogue(), truth.files)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/fit_training.py TRUTH_FOLDER (the folder that holds training.csv)")
    main(sys.argv[1])
