"""Fit the constants of the serving model to measured deployments and write ``data/calibration/serving.toml``.

    python scripts/fit_serving.py TRUTH_FOLDER

Least squares (soft-L1) on log(predicted / measured) of TTFT and TPOT, each constant drawn to a physical start value with a stated strength;
suspect rows and rows with unknown multi-token acceptance are left out. Intervals are quantiles of residuals of rows the fit never saw:
``family`` leaves one model out at a time, ``class`` one chip, ``sheet`` is what happens on chips of vendors that had no
row in the fit (few rows: never narrower than ``class``).
Deterministic: no random numbers.
"""

from __future__ import annotations

import csv
import datetime
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from suanli.facts import Catalogue
from suanli.facts.catalogue import DATA
from suanli.facts.names import fold, index
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system
from suanli.models import load_models
from suanli.performance.calibration import CalibrationFile, Constants, load_calibration
from suanli.performance.cases import read_case
from suanli.performance.precision import load_precisions
from suanli.performance.predict import Batch, batches, best_rows, platform_index
from suanli.performance.serving import serve

Floats = NDArray[np.float64]

#: constant -> (start, strength of the pull to it in units of log, lower, upper); strengths and bounds are physical judgement:
#: matrix units work on tiles of at most 128 rows, and a bound there keeps slow small batches of strong chips (memory, latency) from being
#: taken for arithmetic, which would then be charged five times over to a chip of a fifth of the arithmetic and the same memory
START: dict[str, tuple[float, float, float, float]] = {
    "compute_16": (0.75, 3, 0.2, 0.98),
    "compute_8": (0.65, 3, 0.2, 0.98),
    "compute_4": (0.5, 2, 0.1, 0.98),
    "half_rows": (32, 0.5, 1, 128),
    "memory": (0.8, 2, 0.3, 0.98),
    "attention_memory": (0.7, 0.5, 0.1, 0.98),
    "attention_compute": (0.5, 0.5, 0.05, 0.98),
    "link": (0.75, 1.5, 0.1, 0.98),
    "all_reduce_latency": (2e-6, 0.5, 1e-7, 1e-4),
    "all_to_all_latency": (1e-5, 0.5, 1e-7, 1e-3),
    "expert_imbalance": (1.3, 2, 1.0, 4.0),
    "expert_half_rows": (32, 0.5, 1, 128),
    "launch": (3e-6, 0.5, 1e-7, 1e-4),
    "layer_overhead": (5e-6, 0.5, 1e-7, 1e-3),
    "step_overhead": (1e-3, 0.5, 1e-5, 1e-1),
    "sequence_overhead": (5e-6, 0.5, 1e-8, 1e-3),
    "token_overhead": (5e-9, 0.5, 1e-12, 1e-6),
    "routing_latency": (1e-5, 0.5, 1e-7, 1e-3),
    "first_token_steps": (1.5, 0.5, 0.5, 20),
    "interference": (1.0, 3, 0.5, 1.3),
    "queue_share": (0.1, 0.5, 1e-3, 2),
    "prefill_overhead": (3e-2, 0.5, 1e-3, 1),
    "disaggregated_queue": (1.05, 0.5, 1.0, 10),
    "transfer_latency": (1e-2, 0.5, 1e-4, 1),
}
#: read off the rows, not fitted: the fullest measured deployment (DeepSeek-R1 FP8 on four 180 GB chips) holds weights in 96 % of the memory
FIXED = {"exposed_communication": 1.0, "memory_usable": 0.97}
WEIGHTS = np.array([0.5, 1.0])  # TTFT residuals count half: bursts and client artefacts are in them
PULL, ROBUST = 0.15, 0.15
INTERVAL = (0.1, 0.9)
SHRINK = 20  # rows at which an engine's own median counts as much as its parent's


class Truth:
    """One truth table: its rows, what they measured, and their configurations as batches."""

    def __init__(self, path: Path, catalogue: Catalogue) -> None:
        with path.open(encoding="utf-8") as file:
            self.rows = list(csv.DictReader(file))
        chips, systems, models = load_chips(catalogue), load_systems(catalogue), load_models(catalogue)
        names, called = index(chips.values()), index(models.values())
        self.cases = [read_case(row, names, called, fold) for row in self.rows]
        found, rows_of = platform_index(self.cases)
        self.platforms = platforms_of(found, [usual_system(chip, systems.values()) for chip in found], catalogue)
        plain = replace(load_calibration(catalogue, self.platforms), engines={})
        self.batches = batches(self.cases, rows_of, plain)
        self.engine = np.array([" ".join((row.get("framework") or "").lower().split()) for row in self.rows])
        self.measured = np.array([[float(row.get(key) or "nan") / 1e3 for row in self.rows] for key in ("ttft_ms", "tpot_ms")])
        self.rate = np.array([float(row.get("tokens_per_s_per_chip") or "nan") for row in self.rows])
        self.model = np.array([case.model.id if case.model else "" for case in self.cases])
        self.chip = np.array([case.chip.id if case.chip else "" for case in self.cases])
        self.vendor = np.array([case.chip.vendor if case.chip else "" for case in self.cases])
        self.usable = np.array([row.get("quality") != "suspect" and "mtp" not in (row.get("spec_decode") or "") for row in self.rows])


class Fit:
    """The least-squares problem over one truth table."""

    def __init__(self, truth: Truth, catalogue: Catalogue) -> None:
        self.truth, self.names = truth, list(START)
        self.calibration = load_calibration(catalogue, truth.platforms)
        self.precisions = load_precisions(catalogue)
        self.start = np.log([START[name][0] for name in self.names])
        self.chosen = [self._best(batch) for batch in truth.batches]

    def _best(self, batch: Batch) -> Batch:
        estimate = serve(batch.model, self.truth.platforms, self._at(self.start), self.precisions, batch.configs)
        rows = best_rows(batch, estimate)
        return Batch(batch.model, batch.configs.take(rows), batch.case[rows], batch.longest_tpot[rows])

    def _at(self, theta: Floats):  # type: ignore[no-untyped-def]
        constants = Constants(**dict(zip(self.names, np.exp(theta), strict=True)), **FIXED)
        return replace(self.calibration, constants=constants)

    def predict(self, theta: Floats) -> tuple[Floats, Floats]:
        """(2, rows) TTFT and TPOT [s], (rows,) output tokens/s per chip; NaN where not answered."""
        times, rate = np.full((2, len(self.truth.rows)), np.nan), np.full(len(self.truth.rows), np.nan)
        for batch in self.chosen:
            estimate = serve(batch.model, self.truth.platforms, self._at(theta), self.precisions, batch.configs)
            times[:, batch.case] = [estimate.ttft[0], estimate.tpot[0]]
            nominal = np.array([self.truth.cases[case].nominal_output for case in batch.case])
            rate[batch.case] = batch.configs.concurrency * nominal / (estimate.ttft[0] + estimate.tpot[0] * (nominal - 1)) / batch.configs.chips
        return times, rate

    def engines(self, theta: Floats, mask: NDArray[np.bool_]) -> dict[str, tuple[float, int]]:
        """log factor of TTFT of each engine and version among the rows of ``mask``: the median residual, a version's shrunk to its engine's, that to 0.

        TPOT gets no such factor: tried, it made the error on models and chips left out larger (median 0.146 -> 0.155 leaving a chip out).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            errors = np.log(self.truth.measured[0] / self.predict(theta)[0][0])
        good = mask & np.isfinite(errors)
        family = np.array([name.split()[0] if name else "" for name in self.truth.engine])
        found: dict[str, tuple[float, int]] = {}
        for names, parents in ((family, np.full(len(family), "")), (self.truth.engine, family)):
            for name in sorted(set(names[good]) - {""} - set(found)):
                rows = good & (names == name)
                parent = found.get(str(parents[rows][0]), (0.0, 0))[0]
                share = rows.sum() / (rows.sum() + SHRINK)
                found[name] = (parent + share * (float(np.median(errors[rows])) - parent), int(rows.sum()))
        return found

    def with_engines(self, theta: Floats, found: dict[str, tuple[float, int]]) -> tuple[Floats, Floats]:
        """``predict`` with the engines' factors on TTFT, and the rate that follows."""
        times, rate = self.predict(theta)
        factors = np.exp([found.get(name, found.get(name.split()[0] if name else "", (0.0, 0)))[0] for name in self.truth.engine])
        nominal = np.array([case.nominal_output for case in self.truth.cases])
        before = times[0] + times[1] * (nominal - 1)
        times = np.stack([times[0] * factors, times[1]])
        return times, rate * before / (times[0] + times[1] * (nominal - 1))

    def run(self, mask: NDArray[np.bool_]) -> Floats:
        """The constants (logs) that fit the rows of ``mask`` best."""
        truth = self.truth
        good = mask & np.isfinite(truth.measured).all(axis=0) & np.isfinite(self.predict(self.start)[0]).all(axis=0)
        pull = PULL * np.array([START[name][1] for name in self.names]) * np.sqrt(good.sum() / 300)

        def residuals(theta: Floats) -> Floats:
            errors = np.log(self.predict(theta)[0][:, good] / truth.measured[:, good])
            return np.concatenate([(np.nan_to_num(errors, nan=3.0) * WEIGHTS[:, None]).ravel(), pull * (theta - self.start)])

        low, high = (np.log([START[name][side] for name in self.names]) for side in (2, 3))
        return np.asarray(least_squares(residuals, self.start, bounds=(low, high), loss="soft_l1", f_scale=ROBUST, diff_step=1e-3, max_nfev=60).x)


def residuals_of(times: Floats, rate: Floats, truth: Truth, mask: NDArray[np.bool_]) -> dict[str, Floats]:
    """log(measured / predicted) of the answered rows of ``mask``."""
    columns = {"ttft": (truth.measured[0], times[0]), "tpot": (truth.measured[1], times[1]), "throughput": (truth.rate, rate)}
    found = {}
    for name, (measured, predicted) in columns.items():
        both = mask & np.isfinite(measured) & np.isfinite(predicted)
        found[name] = np.log(measured[both] / predicted[both])
    return found


def left_out(fit: Fit, groups: NDArray[np.str_]) -> tuple[Floats, Floats]:
    """Predictions of every row by a fit that saw no row of its group."""
    times, rate = np.full((2, len(groups)), np.nan), np.full(len(groups), np.nan)
    for group in sorted(set(groups) - {""}):
        held = groups == group
        seen = fit.truth.usable & ~held
        theta = fit.run(seen)
        group_times, group_rate = fit.with_engines(theta, fit.engines(theta, seen))
        times[:, held], rate[held] = group_times[:, held], group_rate[held]
        print(f"  left out {group}: {held.sum()} rows", file=sys.stderr)
    return times, rate


def table(title: str, errors: dict[str, Floats], *at_least: dict[str, Floats]) -> str:
    """One residual table of the file, with the errors as a comment; its intervals hold those of what is better known."""
    lines = [f"[residuals.{title}]"]
    for name, values in errors.items():
        low, high = np.quantile(values, INTERVAL)
        for better_known in at_least:
            other = np.quantile(better_known[name], INTERVAL)
            low, high = min(low, other[0]), max(high, other[1])
        share = np.abs(np.expm1(-values))
        lines.append(f"{name} = [{low:.4f}, {high:.4f}] # {len(values)} rows, median error {np.median(share):.3f}, mean {np.mean(share):.3f}")
    return "\n".join([*lines, f"rows = {max(map(len, errors.values()))}", ""])


def main(folder: Path) -> None:
    """Fit, cross-validate, write."""
    catalogue = Catalogue()
    path = folder / "serving_silicon.csv"
    truth, papers = Truth(path, catalogue), Truth(folder / "serving_papers.csv", catalogue)
    fit, other = Fit(truth, catalogue), Fit(papers, catalogue)
    theta = fit.run(truth.usable)
    engines = fit.engines(theta, truth.usable)
    by_model = residuals_of(*left_out(fit, truth.model), truth, truth.usable)
    by_chip = residuals_of(*left_out(fit, truth.chip), truth, truth.usable)
    tables = [
        table("family", by_model),
        table("class", by_chip, by_model),
        table("sheet", residuals_of(*other.with_engines(theta, engines), papers, papers.usable & (papers.vendor != "NVIDIA")), by_chip, by_model),
    ]
    aggregated = truth.usable & np.array([row.get("mode") == "agg" for row in truth.rows])
    known = residuals_of(*fit.with_engines(theta, engines), truth, aggregated)
    inside = ", ".join(f"{name} {np.median(np.abs(np.expm1(-values))):.3f}" for name, values in known.items())
    families = sorted({name.split()[0].lower() for name in truth.platforms.architecture if name})
    lines = [
        "# Written by scripts/fit_serving.py; do not edit.",
        f'fitted_on = "{datetime.date.today().isoformat()}"',
        f'data_hash = "sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"',
        f"rows = {int(truth.usable.sum())}",
        'method = "soft-L1 least squares on log TTFT and log TPOT; intervals: 10 % and 90 % quantiles of log(measured/predicted) of rows left out"',
        f"# median errors on the {int(aggregated.sum())} aggregated rows it was fitted on: {inside}",
        "[constants]",
        *(f"{name} = {value:.6g}" for name, value in (dict(zip(fit.names, np.exp(theta), strict=True)) | FIXED).items()),
        *(f"[families.{name}]\nslower = 1.0" for name in families),
        *(f'[engines."{name}"]\nttft = {np.exp(factor):.4f}\nrows = {rows}' for name, (factor, rows) in engines.items()),
        *tables,
    ]
    target = DATA / "calibration" / "serving.toml"
    target.write_text("\n".join(lines), encoding="utf-8")
    Catalogue().record("calibration", "serving", CalibrationFile)
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
