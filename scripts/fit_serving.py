"""Fit the serving model to measured deployments and write ``data/calibration/serving.toml``: the second stage, after ``scripts/fit_kernels.py``.

    python scripts/fit_serving.py TRUTH_FOLDER

What kernels reach alone is fixed by the first stage. Fitted here is what an engine makes of them end to end: least squares (soft-L1) on
log(predicted / measured) of TTFT, TPOT and a request's whole time of serving_silicon.csv, every constant drawn to a physical start value with a
stated spread, each engine's and chip family's factor to 1. Rows of one model, chip, precision and engine are not independent: a group of n rows
weighs as the square root of n. Suspect rows and rows with unknown multi-token acceptance are left out.

Then, with constants fixed, medians of what is left, each shrunk to its parent: versions of engines get a factor of TTFT; what was measured of one
model on one chip at one precision gets a factor of TTFT and TPOT (of all engines, of each, of each version); chips of other vendors get a factor
of all times (serving_papers.csv); engines of 2024 get factors by engine and by vendor, family and chip (serving_offline_batch.csv).

Cross-validation leaves one model, then one chip out at a time (of a chip also the kernels); every fold starts from the same start values. Its
predictions are written to build/left_out_{chip,model}.csv, their residuals are the intervals, and the summary goes to serving_accuracy.csv. For
deployments that were measured, one pair of lengths is left out at a time of the last step (build/left_out_scenario.csv).
Deterministic: no random numbers.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from suanli.api import PREDICTED, accuracy_serving
from suanli.facts import Catalogue
from suanli.facts.catalogue import DATA
from suanli.facts.names import fold, index
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system, vendor_of
from suanli.models import load_models
from suanli.performance.accuracy.summary import summary_rows, write_summary
from suanli.performance.calibration import ANY, ERAS, FIGURES, KNOWLEDGE, NAMES, SHAPES, Calibration, CalibrationFile, Constants
from suanli.performance.cases import USUAL_TPOT, read_case
from suanli.performance.engines import engine_name, engine_version
from suanli.performance.kernels import KernelConstants, kernel_constants
from suanli.performance.precision import SCHEMES, load_precisions
from suanli.performance.predict import Batch, batches, best_rows, platform_index
from suanli.performance.serving import serve

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
BUILD = Path(__file__).parents[1] / "build"

#: constant -> (start, spread of its logarithm, lower, upper): physical judgement. A multiple of a measured kernel starts at 1
START: dict[str, tuple[float, float, float, float]] = {
    "products": (1.0, 0.15, 0.6, 2),
    "experts_16": (1.0, 0.15, 0.5, 2.5),
    "experts_8": (1.0, 0.15, 0.5, 2.5),
    "experts_4": (1.0, 0.1, 0.5, 2.5),
    "attention": (1.0, 0.25, 0.4, 2.5),
    "latent": (1.0, 0.25, 0.4, 2.5),
    "prompt_attention": (1.0, 0.3, 0.3, 3),
    "collectives": (1.0, 0.4, 0.3, 4),
    "launch": (0.5, 0.5, 0.1, 2),
    "prompt": (1.15, 0.05, 0.5, 2),
    "eager": (2.0, 0.5, 1.0, 20),
    "operator_overhead": (3e-6, 1, 1e-7, 1e-3),
    "elementwise": (16, 0.5, 1, 100),
    "step_overhead": (5e-4, 1, 1e-5, 1e-1),
    "sequence_overhead": (5e-6, 1.5, 1e-8, 1e-3),
    "host_sequence": (6e-5, 1, 1e-7, 1e-3),
    "routing_latency": (5e-6, 1, 1e-8, 1e-3),
    "all_to_all_latency": (1e-5, 1, 1e-7, 1e-3),
    "expert_imbalance": (1.3, 0.2, 1.0, 4.0),
    "routing_spread": (0.3, 0.7, 0.01, 1.0),
    "routing_evenness": (0.87, 0.03, 0.5, 1.0),
    "interference": (1.0, 0.05, 0.4, 1.3),
    "queue_share": (0.1, 1, 1e-3, 1),
    "queue_share_equal": (0.3, 1, 1e-3, 1),
    "admission": (3e-3, 1.5, 1e-4, 0.5),
    "reserved": (0.8, 0.2, 0.3, 1.0),
    "prefill_overhead": (2e-2, 1, 1e-3, 1),
    "first_token_steps": (3, 1, 0.5, 30),
    "first_prompt": (1.2, 0.3, 0.5, 3),
    "queue_variability": (0.7, 0.5, 0.05, 2),
    "transfer_latency": (3e-2, 1, 1e-4, 1),
}
#: read off the rows, not fitted: the fullest measured deployment (DeepSeek-R1 FP8 on four 180 GB chips) holds weights in 96 % of the memory;
#: engines compute prompts in pieces of 8,192 tokens by default, and give the cache 0.9 of the memory that the weights leave (TensorRT-LLM's
#: free_gpu_memory_fraction; vLLM and SGLang come to about as much)
FIXED = {"exposed_communication": 1.0, "memory_usable": 0.97, "chunk": 8192.0, "cache_share": 0.9}
ENGINES = ("trtllm", "vllm", "sglang")
FAMILIES = ("hopper", "blackwell")
#: spread of the logarithm of an engine's, and of a family's, factor of a constant; others have none
ENGINE_SPREAD = {
    "eager": 0.3,
    "products": 0.1,
    "experts_8": 0.1,
    "attention": 0.2,
    "latent": 0.2,
    "prompt_attention": 0.2,
    "collectives": 0.3,
    "launch": 0.3,
    "prompt": 0.1,
    "operator_overhead": 0.5,
    "step_overhead": 0.5,
    "host_sequence": 0.5,
    "routing_latency": 0.4,
    "interference": 0.15,
    "queue_share": 0.7,
    "queue_share_equal": 0.7,
    "admission": 1.0,
    "reserved": 0.15,
    "prefill_overhead": 0.7,
    "first_token_steps": 0.7,
    "first_prompt": 0.2,
    "queue_variability": 0.4,
    "transfer_latency": 0.7,
}
FAMILY_SPREAD = {"experts_8": 0.3, "routing_latency": 0.5, "launch": 0.2, "operator_overhead": 0.4}
#: SGLang runs waiting prompts before it goes on decoding unless told otherwise; the others mix them into decode steps
FACTOR_START = {("sglang", "queue_share_equal"): 2.0}
#: pull of all constants, and of factors on top; chosen among 1, 2, 3, 4 and 5 (1, 1.5, 2 and 3) by the left-out medians
PULL, FACTOR_PULL, ROBUST = 4.0, 1.5, 0.15
WEIGHTS = {"ttft": 0.5, "tpot": 1.0, "whole": 0.7}  # TTFT counts half: bursts and client artefacts are in it
INTERVAL = (0.1, 0.9)
SHRINK = 10  # rows at which a version's, or a place's, own median counts as much as its parent's
DEPLOYED = (60, 10)  # the same of a deployment, for TTFT (which hardly carries over to other lengths) and TPOT
FOLD_STEPS, FULL_STEPS = 25, 40


class Truth:
    """One truth table: its rows, what they measured, and what they are about."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        with path.open(encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        chips, systems, models = load_chips(catalogue), load_systems(catalogue), load_models(catalogue)
        names, called = index(chips.values()), index(models.values())
        self.path = path
        self.cases = [read_case(row, names, called, fold) for row in self.rows]
        found, self.rows_of = platform_index(self.cases)
        self.platforms = platforms_of(found, [usual_system(chip, systems.values()) for chip in found], catalogue)
        self.kernels = kernel_constants(catalogue, self.platforms)
        self.kernels_without = {name: kernel_constants(catalogue, self.platforms, without=[name]) for name in self.platforms.chip}
        self.version = np.array([engine_version(row.get("framework") or "") for row in self.rows])
        self.engine = np.array([engine_name(row.get("framework") or "") for row in self.rows])
        self.measured = np.array([[float(row.get(key) or "nan") / 1e3 for row in self.rows] for key in ("ttft_ms", "tpot_ms")])
        self.rate = np.array([float(row.get("tokens_per_s_per_chip") or "nan") for row in self.rows])
        self.model = np.array([case.model.id if case.model else "" for case in self.cases])
        self.chip = np.array([case.chip.id if case.chip else "" for case in self.cases])
        self.vendor = np.array([vendor_of(name) for name in self.chip])
        families = dict(zip(self.platforms.chip, self.platforms.family, strict=True))
        self.family = np.array([families.get(name, "") for name in self.chip])
        self.scenario = np.array([f"{row.get('isl')}x{row.get('osl')}" for row in self.rows])
        self.nominal = np.array([case.nominal_output for case in self.cases])
        self.apart = np.array([row.get("mode") == "disagg" for row in self.rows])
        mixture = {case.model.id: any(op.kind == "experts" for op in case.model.ops) for case in self.cases if case.model}
        self.shape = np.array([2 if apart else int(mixture.get(name, False)) for apart, name in zip(self.apart, self.model, strict=True)])
        self.usable = np.array([row.get("quality") != "suspect" and "mtp" not in (row.get("spec_decode") or "") for row in self.rows])


@dataclass(frozen=True)
class Answer:
    """Predictions of a table's rows: ``times`` (2, rows) TTFT and TPOT [s], ``rate`` (rows,) tokens/s per chip, ``chips`` (rows,),
    ``waiting`` (rows,) the part of TTFT that is waiting for a place; NaN where none."""

    times: Floats
    rate: Floats
    chips: Floats
    waiting: Floats

    def where(self, mask: Mask, other: Answer) -> Answer:
        return Answer(*(np.where(mask, getattr(other, name), getattr(self, name)) for name in ("times", "rate", "chips", "waiting")))

    def slower(self, ttft: Floats, tpot: Floats, nominal: Floats) -> Answer:
        """With TPOT and what of TTFT is not waiting multiplied; waiting grows as the whole, and the rate follows."""
        steps = nominal - 1
        own, before = self.times[0] - self.waiting, self.times[0] + self.times[1] * steps
        tpot = self.times[1] * tpot
        waiting = self.waiting * (own * ttft + tpot * steps) / (own + self.times[1] * steps)
        times = np.stack([own * ttft + waiting, tpot])
        return replace(self, times=times, waiting=waiting, rate=self.rate * before / (times[0] + times[1] * steps))


def nothing(truth: Truth) -> Answer:
    return Answer(np.full((2, len(truth.rows)), np.nan), *np.full((3, len(truth.rows)), np.nan))


class Fit:
    """The least-squares problem over one truth table."""

    def __init__(self, truth: Truth, catalogue: Catalogue, kernels: KernelConstants | None = None) -> None:
        self.truth, self.kernels = truth, kernels or truth.kernels
        self.keys = [("", name) for name in START]
        self.keys += [(engine, name) for name in ENGINE_SPREAD for engine in ENGINES] + [(family, name) for name in FAMILY_SPREAD for family in FAMILIES]
        self.start = np.log([START[name][0] if not of else FACTOR_START.get((of, name), 1.0) for of, name in self.keys])
        spread = np.array([START[name][1] if not of else (ENGINE_SPREAD if of in ENGINES else FAMILY_SPREAD)[name] / FACTOR_PULL for of, name in self.keys])
        self.pull = PULL * ROBUST / spread
        self.low, self.high = (np.array([np.log(START[name][side]) if not of else sign * 2.5 for of, name in self.keys]) for side, sign in ((2, -1), (3, 1)))
        self.precisions = load_precisions(catalogue)
        groups = ["|".join(each) for each in zip(truth.model, truth.chip, truth.engine, truth.apart.astype(str), *_columns(truth, "precision"), strict=True)]
        _, place, count = np.unique(groups, return_inverse=True, return_counts=True)
        self.weight = (count[place] / 10.0) ** -0.25  # a residual's: the square enters the sum
        self.batches = batches(truth.cases, truth.rows_of, self.at(self.start))
        self.chosen: list[Batch] = []
        self.choose(self.start)

    def at(self, theta: Floats) -> Calibration:
        """The calibration of constants and factors ``theta`` (logs)."""
        value = {key: float(np.exp(each)) for key, each in zip(self.keys, theta, strict=True)}
        constants = Constants(**({name: value["", name] for name in START} | FIXED))
        families = self.truth.platforms.family
        family = {name: np.array([value.get((each, name), 1.0) for each in families]) for name in FAMILY_SPREAD}
        engine = {name: np.array([1.0, *(value[each, name] for each in ENGINES)]) for name in ENGINE_SPREAD}
        platforms = len(families)
        shape = (len(KNOWLEDGE), len(SHAPES), len(FIGURES), 2)
        era, known = np.ones((len(ENGINES) + 1, platforms)), np.zeros(platforms, np.int64)
        return Calibration(constants, self.kernels, family, engine, ("", *ENGINES), era, known, known, {}, np.zeros(shape))

    def choose(self, theta: Floats) -> None:
        """Keep the best candidate of each case (rows whose layout or split is unknown)."""
        self.chosen = []
        for batch in self.batches:
            rows = best_rows(batch, serve(batch.model, self.truth.platforms, self.at(theta), self.precisions, batch.configs))
            self.chosen.append(Batch(batch.model, batch.configs.take(rows), batch.case[rows], batch.longest_tpot[rows]))

    def predict(self, theta: Floats) -> Answer:
        answer, calibration = nothing(self.truth), self.at(theta)
        self.scheme = np.zeros(len(self.truth.rows), np.int64)
        for batch in self.chosen:
            estimate = serve(batch.model, self.truth.platforms, calibration, self.precisions, batch.configs)
            nominal = self.truth.nominal[batch.case]
            answer.times[:, batch.case] = [estimate.ttft[0], estimate.tpot[0]]
            answer.rate[batch.case] = batch.configs.concurrency * nominal / (estimate.ttft[0] + estimate.tpot[0] * (nominal - 1)) / batch.configs.chips
            answer.chips[batch.case] = batch.configs.chips
            answer.waiting[batch.case] = estimate.waiting
            self.scheme[batch.case] = batch.configs.scheme
        return answer

    def run(self, mask: Mask, steps: int, rounds: int = 2) -> Floats:
        """The constants (logs) that fit the rows of ``mask`` best, from the start values; unknown splits are chosen anew in each round."""
        truth, theta = self.truth, self.start
        for _ in range(rounds):
            self.choose(theta)
            good = mask & np.isfinite(truth.measured).all(axis=0) & np.isfinite(self.predict(theta).times).all(axis=0)
            theta = self._solve(theta, good, steps)
        return theta

    def _solve(self, theta: Floats, good: Mask, steps: int) -> Floats:
        truth, weight, own = self.truth, self.weight[good], len(self.start)
        measured = np.stack([*truth.measured, truth.measured[0] + truth.measured[1] * (truth.nominal - 1)])[:, good]
        importance = np.array(list(WEIGHTS.values()))[:, None] * weight

        def residuals(theta: Floats) -> Floats:
            times = self.predict(theta).times
            predicted = np.stack([*times, times[0] + times[1] * (truth.nominal - 1)])[:, good]
            errors = np.nan_to_num(np.log(predicted / measured), nan=3.0)
            return np.concatenate([(importance * errors).ravel(), self.pull * (theta - self.start)])

        def loss(squares: Floats) -> Floats:
            """Soft-L1 on rows, squares on the pulls."""
            root = np.sqrt(1 + squares)
            rho = np.stack([2 * (root - 1), 1 / root, -0.5 / root**3])
            rho[:, -own:] = [squares[-own:], np.ones(own), np.zeros(own)]
            return rho

        start = np.clip(theta, self.low + 1e-9, self.high - 1e-9)
        return np.asarray(least_squares(residuals, start, bounds=(self.low, self.high), loss=loss, f_scale=ROBUST, diff_step=1e-3, max_nfev=steps).x)


def _columns(truth: Truth, *names: str) -> list[list[str]]:
    return [[row.get(name) or "" for row in truth.rows] for name in names]


def versions(truth: Truth, answer: Answer, mask: Mask) -> dict[str, tuple[float, int]]:
    """log factor of TTFT of each version of an engine (``"vllm 0.12.0"``) among the rows of ``mask``: the median residual, shrunk to 0, and the
    rows. TPOT gets none: tried, it made models and chips left out worse."""
    errors = errors_of(truth, answer)[0]
    good = mask & np.isfinite(errors)
    return {name: (shrunk(errors[good & (truth.version == name)], 0.0), int((good & (truth.version == name)).sum())) for name in present(truth.version[good])}


def with_versions(truth: Truth, answer: Answer, found: Mapping[str, tuple[float, int]]) -> Answer:
    factor = np.exp([found.get(name, (0.0, 0))[0] for name in truth.version])
    return answer.slower(factor, np.ones_like(factor), truth.nominal)


def present(names: NDArray[np.str_]) -> list[str]:
    return sorted(set(names) - {""})


#: (model, chip, scheme, apart, engine or version or "") -> log factors of TTFT and TPOT, rows
Deployments = dict[tuple[str, str, int, bool, str], tuple[float, float, int]]


def deployments(truth: Truth, scheme: NDArray[np.int64], answer: Answer, mask: Mask) -> Deployments:
    """What is left of the residuals of a model on a chip at a precision: of all engines together, each engine's and each version's drawn to the wider."""
    errors = errors_of(truth, answer)[:2]
    good = mask & np.isfinite(errors).all(axis=0)
    found: Deployments = {}
    for key in sorted(set(zip(truth.model[good], truth.chip[good], scheme[good], truth.apart[good], strict=True))):
        rows = good & (truth.model == key[0]) & (truth.chip == key[1]) & (scheme == key[2]) & (truth.apart == key[3])
        own = (str(key[0]), str(key[1]), int(key[2]), bool(key[3]))
        found[*own, ""] = *(shrunk(each[rows], 0.0, few) for each, few in zip(errors, DEPLOYED, strict=True)), int(rows.sum())
        for names, parent in ((truth.engine, lambda name: ""), (truth.version, lambda name: name.split()[0])):
            for name in present(names[rows]):
                if (*own, name) not in found:
                    some = rows & (names == name)
                    above = found.get((*own, parent(name)), found[*own, ""])
                    found[*own, name] = *(shrunk(each[some], above[figure], DEPLOYED[figure]) for figure, each in enumerate(errors)), int(some.sum())
    return found


def with_deployments(truth: Truth, scheme: NDArray[np.int64], answer: Answer, found: Deployments) -> tuple[Answer, Mask]:
    """``answer`` with the factors of the narrowest deployment that was measured, and which rows have one."""
    factors = np.full((len(truth.rows), 2), np.nan)
    for row, own in enumerate(zip(truth.model, truth.chip, scheme, truth.apart, strict=True)):
        for name in (truth.version[row], truth.engine[row], ""):
            if (*own, name) in found:
                factors[row] = found[*own, name][:2]
                break
    known = ~np.isnan(factors[:, 0])
    ttft, tpot = np.exp(np.nan_to_num(factors)).T
    return answer.slower(ttft, tpot, truth.nominal), known


def scenario_left_out(truth: Truth, scheme: NDArray[np.int64], answer: Answer) -> tuple[Answer, Mask]:
    """Every row by deployments' factors from rows of other lengths only, and which rows have one."""
    whole, known = answer, np.zeros(len(truth.rows), bool)
    for name in sorted(set(truth.scenario)):
        held = truth.scenario == name
        other, has = with_deployments(truth, scheme, answer, deployments(truth, scheme, answer, truth.usable & ~held))
        whole, known = whole.where(held, other), np.where(held, has, known)
    return whole, known


# --- engines of an era -----------------------------------------------------------------------------------------------------------

MEASURED_VENDOR = "nvidia"


def era_factors(truth: Truth, answer: Answer, mask: Mask) -> tuple[dict[str, float], dict[str, float]]:
    """log factors of all times by engine (from chips of the vendor the model was fitted on), and by place beside that: chip, shrunk to its
    family's, that to its vendor's, that to all other vendors'."""
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.log(answer.rate / truth.rate)
    good = mask & np.isfinite(errors)
    home = good & (truth.vendor == MEASURED_VENDOR)
    engines = {ANY: float(np.median(errors[home]))}
    for name in sorted(set(truth.engine[good]) - {""}):
        engines[name] = shrunk(errors[home & (truth.engine == name)], engines[ANY])
    beside = errors - np.array([engines.get(name, engines[ANY]) for name in truth.engine])
    vendors = sorted(set(truth.vendor[good]) - {MEASURED_VENDOR})
    places = {"other": float(np.median([np.median(beside[good & (truth.vendor == name)]) for name in vendors])), MEASURED_VENDOR: 0.0}
    for name in vendors:
        places[name] = shrunk(beside[good & (truth.vendor == name)], places["other"])
    for parent, child in ((truth.vendor, truth.family), (truth.family, truth.chip)):
        for name in sorted(set(child[good]) - {""}):
            rows = good & (child == name)
            above = next(places[each] for each in (parent[rows][0], truth.vendor[rows][0]) if each in places)
            places[name] = shrunk(beside[rows], above)
    return engines, places


def comparable(truth: Truth) -> Mask:
    """Rows whose load is stated, without limit (offline), or near the time per token that ``predict`` assumes where neither is, and that are not
    silent on speculation: others were measured at a load, or with tokens a step, that we do not know."""
    stated = np.array([bool((row.get("concurrency_or_batch") or "").strip()) for row in truth.rows])
    offline = np.array([np.isinf(case.longest_tpot) for case in truth.cases])
    usual = np.abs(truth.measured[1] / USUAL_TPOT - 1) < 0.2
    plain = np.array([(row.get("spec_decode") or "none") == "none" for row in truth.rows])
    return (stated | offline | usual) & plain


def place_factors(truth: Truth, answer: Answer, mask: Mask) -> dict[str, float]:
    """log factors of all times on chips of other vendors with today's engines: chip, shrunk to its family's, that to its vendor's, that to 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = np.log(answer.rate / truth.rate)
    good = mask & np.isfinite(errors) & (truth.vendor != MEASURED_VENDOR)
    places: dict[str, float] = {}
    for name in sorted(set(truth.vendor[good])):
        places[name] = shrunk(errors[good & (truth.vendor == name)], 0.0)
    for parent, child in ((truth.vendor, truth.family), (truth.family, truth.chip)):
        for name in sorted(set(child[good]) - {""}):
            rows = good & (child == name)
            places[name] = shrunk(errors[rows], next(places[each] for each in (parent[rows][0], truth.vendor[rows][0]) if each in places))
    return places


def shrunk(errors: Floats, parent: float, rows: int = SHRINK) -> float:
    """The median of ``errors``, drawn to the parent's where they are fewer than ``rows``."""
    return parent + len(errors) / (len(errors) + rows) * (float(np.median(errors)) - parent) if len(errors) else parent


def in_era(truth: Truth, answer: Answer, engines: Mapping[str, float], places: Mapping[str, float]) -> Answer:
    keys = zip(truth.engine, truth.chip, truth.family, truth.vendor, strict=True)
    factor = np.exp([engines.get(key[0], engines[ANY]) + next(places[each] for each in (*key[1:], "other") if each in places) for key in keys])
    return answer.slower(factor, factor, truth.nominal)


# --- cross-validation ------------------------------------------------------------------------------------------------------------


def one_fold(work: tuple[Truth, str, str, Catalogue]) -> tuple[str, Answer]:
    """Predictions of the rows of one group by a fit that saw none of them."""
    truth, axis, group, catalogue = work
    held = getattr(truth, axis) == group
    fit = Fit(truth, catalogue, truth.kernels_without.get(group))
    theta = fit.run(truth.usable & ~held, FOLD_STEPS, rounds=1)
    fit.choose(theta)
    answer = fit.predict(theta)
    return group, with_versions(truth, answer, versions(truth, answer, truth.usable & ~held))


def left_out(truth: Truth, axis: str, catalogue: Catalogue) -> Answer:
    """Predictions of every row by a fit that saw no row of its group."""
    groups = getattr(truth, axis)
    names = sorted(set(groups) - {""}, key=lambda name: -(groups == name).sum())
    whole = nothing(truth)
    with Pool(2) as pool:
        for done, (group, answer) in enumerate(pool.imap_unordered(one_fold, [(truth, axis, name, catalogue) for name in names]), 1):
            held = groups == group
            whole = whole.where(held, answer)
            print(f"  {axis} {done}/{len(names)}: {group}, {held.sum()} rows: {medians(truth, answer, held & truth.usable)}", file=sys.stderr, flush=True)
    return whole


def errors_of(truth: Truth, answer: Answer) -> Floats:
    """(3, rows) log(measured / predicted) of TTFT, TPOT and rate."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(np.stack([*truth.measured, truth.rate]) / np.stack([*answer.times, answer.rate]))


def medians(truth: Truth, answer: Answer, mask: Mask) -> str:
    errors = np.abs(np.expm1(-errors_of(truth, answer)[:, mask]))
    return ", ".join(f"{name} {np.nanmedian(each):.3f}" for name, each in zip(FIGURES, errors, strict=True) if np.isfinite(each).any())


def quantiles(errors: Floats) -> Floats:
    """(2,) 10 % and 90 % quantiles of the finite ones; NaN where there are none."""
    finite = errors[np.isfinite(errors)]
    return np.quantile(finite, INTERVAL) if len(finite) else np.full(2, np.nan)


def by_shape(truth: Truth, errors: Floats, mask: Mask) -> Floats:
    """(shapes, figures, 2) quantiles."""
    return np.array([[quantiles(each[mask & (truth.shape == shape)]) for each in errors] for shape in range(len(SHAPES))])


def wider(*bands: Floats) -> Floats:
    """The band that holds all of them."""
    stacked = np.stack(bands)
    return np.stack([np.nanmin(stacked[..., 0], axis=0), np.nanmax(stacked[..., 1], axis=0)], axis=-1)


def honest_bands(truth: Truth, errors: Floats, axis: str) -> Floats:
    """(3, rows, 2) intervals as shares of the prediction: of each row by the residuals of the other groups' rows of its shape."""
    groups, bands = getattr(truth, axis), np.full((3, len(truth.rows), 2), np.nan)
    for group in sorted(set(groups)):
        others = by_shape(truth, errors, truth.usable & (groups != group))
        held = groups == group
        bands[:, held] = np.exp(others[truth.shape[held]]).transpose(1, 0, 2)
    return bands


def write_predictions(path: Path, truth: Truth, answer: Answer, bands: Floats) -> None:
    """Left-out predictions with the columns of ``suanli predict serving``."""
    path.parent.mkdir(exist_ok=True)
    mid = [answer.times[0] * 1e3, answer.times[1] * 1e3, answer.rate * answer.chips, answer.rate]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *(f"{name}{side}" for name in PREDICTED for side in ("", "_low", "_high")), "why_not", "tier", "bound_by", "assumed"])
        for row, case in enumerate(truth.cases):
            numbers = []
            for values, band in zip(mid, (bands[0], bands[1], bands[2], bands[2]), strict=True):
                numbers += [values[row], values[row] * band[row, 0], values[row] * band[row, 1]]
            answered = np.isfinite(answer.times[1, row])
            why = "" if answered else ";".join(case.why_not.names()) or "layout"
            writer.writerow([case.id, *(f"{each:.6g}" if answered else "" for each in numbers), why, "derived", "", ";".join(case.assumed)])


# --- the file --------------------------------------------------------------------------------------------------------------------


def residual_tables(bands: Mapping[str, Floats], rows: Mapping[str, int]) -> list[str]:
    lines = []
    for known in KNOWLEDGE:
        for shape, table in zip(SHAPES, bands[known], strict=True):
            lines.append(f"[residuals.{known}.{shape}]")
            lines += [f"{name} = [{low:.4f}, {high:.4f}]" for name, (low, high) in zip(FIGURES, table, strict=True)]
            lines += [f"rows = {rows[known]}", ""]
    return lines


def main(folder: Path) -> None:
    """Fit, cross-validate, write."""
    catalogue = Catalogue()
    truth, papers, old = (Truth(folder / f"serving_{name}.csv", catalogue) for name in ("silicon", "papers", "offline_batch"))
    fit = Fit(truth, catalogue)
    theta = fit.run(truth.usable, FULL_STEPS)
    inside = fit.predict(theta)
    by_version = versions(truth, inside, truth.usable)
    inside = with_versions(truth, inside, by_version)
    deployed = deployments(truth, fit.scheme, inside, truth.usable)
    by_scenario, known = scenario_left_out(truth, fit.scheme, inside)
    for name, answer in (("fit", inside), ("left out by scenario", by_scenario)):
        print(f"{name}: {medians(truth, answer, truth.usable & ~truth.apart)}; apart {medians(truth, answer, truth.usable & truth.apart)}", flush=True)
    by_model, by_chip = (left_out(truth, axis, catalogue) for axis in ("model", "chip"))
    for name, answer in (("model", by_model), ("chip", by_chip)):
        print(f"left out by {name}: {medians(truth, answer, truth.usable & ~truth.apart)}; apart {medians(truth, answer, truth.usable & truth.apart)}")

    other = {}
    for name, table in (("papers", papers), ("old", old)):
        elsewhere = Fit(table, catalogue)
        elsewhere.choose(theta)
        other[name] = elsewhere.predict(theta)
    today = place_factors(papers, other["papers"], papers.usable & comparable(papers))
    engines, places = era_factors(old, other["old"], old.usable)
    known_old = in_era(old, other["old"], engines, places)
    unknown_old = nothing(old)
    for chip in sorted(set(old.chip)):
        unknown_old = unknown_old.where(old.chip == chip, in_era(old, other["old"], *era_factors(old, other["old"], old.usable & (old.chip != chip))))
    print(f"static batches of 2024: {medians(old, known_old, old.usable)}; chip left out {medians(old, unknown_old, old.usable)}")

    left = {"chip": by_chip, "model": by_model, "scenario": by_scenario}
    residuals = {name: errors_of(truth, answer) for name, answer in left.items()}
    beyond = errors_of(papers, other["papers"])
    bands = {"measured": by_shape(truth, residuals["scenario"], truth.usable & known)}
    bands["family"] = wider(bands["measured"], by_shape(truth, residuals["model"], truth.usable))
    bands["class"] = wider(bands["family"], by_shape(truth, residuals["chip"], truth.usable))
    strangers = papers.usable & (papers.vendor != MEASURED_VENDOR)
    bands["sheet"] = wider(bands["class"], np.array([[quantiles(each[strangers]) for each in beyond]] * len(SHAPES)))
    aged = np.array([[quantiles(errors_of(old, unknown_old)[2])] * len(FIGURES)] * len(SHAPES))
    bands["era"] = wider(bands["measured"], aged)
    count = int(truth.usable.sum())
    rows = dict.fromkeys(KNOWLEDGE, count) | {"sheet": int(strangers.sum()), "era": len(old.rows)}

    value = {key: float(np.exp(each)) for key, each in zip(fit.keys, theta, strict=True)}
    lines = [
        "# Written by scripts/fit_serving.py; do not edit.",
        f'fitted_on = "{datetime.date.today().isoformat()}"',
        f'data_hash = "{" ".join("sha256:" + hashlib.sha256(each.path.read_bytes()).hexdigest() for each in (truth, papers, old))}"',
        f"rows = {count}",
        'method = "soft-L1 least squares on log TTFT, TPOT and whole time over measured kernels; intervals: 10 % and 90 % of residuals"',
        f"chips = {sorted(set(truth.chip[truth.usable]))}".replace("'", '"').replace("np.str_(", "").replace(")", ""),
        f"models = {sorted(set(truth.model[truth.usable]))}".replace("'", '"').replace("np.str_(", "").replace(")", ""),
        "",
        "[constants]",
        *(f"{name} = {({each: value['', each] for each in START} | FIXED)[name]:.6g}" for name in NAMES),
        "",
    ]
    for family in FAMILIES:
        lines += [f"[families.{family}]", *(f"{name} = {value[family, name]:.4f}" for name in FAMILY_SPREAD), ""]
    for engine in ENGINES:
        own = {name: value[engine, name] for name in ENGINE_SPREAD} | ttft_of(by_version.get(engine))
        lines += [f'[engines."{engine}"]', f"rows = {int((truth.engine[truth.usable] == engine).sum())}"]
        lines += [f"factors.{name} = {factor:.4f}" for name, factor in own.items()] + [""]
    for version, factor in by_version.items():
        engine = version.split()[0]
        if version != engine:
            own = ({name: value[engine, name] for name in ENGINE_SPREAD} if engine in ENGINES else {}) | ttft_of(factor)
            lines += [f'[engines."{version}"]', f"rows = {factor[1]}", *(f"factors.{name} = {each:.4f}" for name, each in own.items()), ""]
    lines += ["[places]", *(f'"{name}" = {np.exp(factor):.4f}' for name, factor in today.items()), ""]
    lines += [f'[eras."{ERAS[0]}"]', f"rows = {len(old.rows)}"]
    lines += [f'engines."{name}" = {np.exp(factor):.4f}' for name, factor in engines.items()]
    lines += [f'places."{name}" = {np.exp(factor):.4f}' for name, factor in places.items()] + [""]
    lines += [*residual_tables(bands, rows), *deployment_lines(deployed)]
    target = DATA / "calibration" / "serving.toml"
    target.write_text("\n".join(lines), encoding="utf-8")
    Catalogue().record("calibration", "serving", CalibrationFile)

    summary = []
    for axis, answer in left.items():
        path = BUILD / f"left_out_{axis}.csv"
        write_predictions(path, truth, answer, honest_bands(truth, residuals[axis], axis))
        summary += summary_rows(axis, accuracy_serving(Catalogue(), truth.path, path))
    path = BUILD / "left_out_offline_batch.csv"
    write_predictions(path, old, unknown_old, np.exp(np.tile(quantiles(errors_of(old, unknown_old)[2]), (3, len(old.rows), 1))))
    write_summary(DATA / "calibration" / "serving_accuracy.csv", summary)


def ttft_of(factor: tuple[float, int] | None) -> dict[str, float]:
    return {"ttft": float(np.exp(factor[0]))} if factor else {}


def deployment_lines(found: Deployments) -> list[str]:
    lines = []
    for (model, chip, scheme, apart, engine), (ttft, tpot, rows) in found.items():
        lines += ["[[deployments]]", f'model = "{model}"', f'chip = "{chip}"', f'precision = "{SCHEMES[scheme]}"', f"apart = {str(apart).lower()}"]
        lines += [f'engine = "{engine}"', f"rows = {rows}", f"ttft = {np.exp(ttft):.4f}", f"tpot = {np.exp(tpot):.4f}", ""]
    return lines


if __name__ == "__main__":
    main(Path(sys.argv[1]))
