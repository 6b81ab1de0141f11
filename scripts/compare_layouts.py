"""Is the best layout we find at least as fast, by our own estimate, as every published one? Writes the comparison to docs/layouts.md.

    python scripts/compare_layouts.py TRUTH_FOLDER

Each layout that training.csv states of a model, chip, number of chips, batch, length, precision, method and stack is compared with the best of a full
search under the same conditions (3 minutes on 2 cores).
"""

from __future__ import annotations

import csv
import sys
from multiprocessing import Pool
from pathlib import Path

import numpy as np

from suanli.api import open_catalogue
from suanli.facts.names import fold, index
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system
from suanli.models import load_models
from suanli.performance.precision import SCHEMES
from suanli.performance.training.calibration import load_training_calibration
from suanli.performance.training.cases import read_training_case
from suanli.performance.training.configs import METHODS, RECOMPUTES, SHARDINGS, TrainingConfigs
from suanli.performance.training.layouts import Job, search
from suanli.performance.training.predict import batches, best_rows
from suanli.performance.training.train import train

PAGE = Path(__file__).parents[1] / "docs" / "layouts.md"
#: gains smaller than this are noise of the estimate
GAIN = 0.02
HEAD = """# Published layouts against the best ones found

Every layout that the measured table `training.csv` states, and the best of all legal layouts of the same chips, batch, length, precision and stack, both by our
estimate. Written by `python scripts/compare_layouts.py TRUTH_FOLDER`. A published layout may have had reasons that an estimate does not see,
and part of what runs before July 2022 leave behind is FlashAttention, which they could not have and every search takes.

"""


def described(c: TrainingConfigs) -> str:
    """One layout in a few words."""
    parts = [f"{name}{int(getattr(c, name)[0])}" for name in ("tp", "cp", "pp", "dp", "ep") if getattr(c, name)[0] > 1]
    pieces = [f"{int(c.vpp[0])} pieces"] if c.vpp[0] > 1 else []
    again = RECOMPUTES[c.recompute[0]] + (f" {c.recomputed[0]:.0%}" if c.recomputed[0] < 1 else "")
    return " ".join([*parts, *pieces, f"micro {c.micro_batch[0]:g}", f"shared: {SHARDINGS[c.sharding[0]]}", f"again: {again}"])


def compare(job: tuple[object, ...]) -> tuple[float, float, str, str, int]:
    """Step time of the published and of the best layout, both described, and how many were tried."""
    model, platforms, calibration, c = job
    published = train(model, platforms, calibration, c)  # type: ignore[arg-type]
    wanted = Job(
        int(c.platform[0]), int(c.chips[0]), int(c.global_batch[0]), int(c.length[0]), int(c.scheme[0]), int(c.method[0]), int(c.stack[0])  # type: ignore[attr-defined]
    )  # fmt: skip
    found = search(model, platforms, calibration, wanted)  # type: ignore[arg-type]
    if found.best is None:
        return float(published.step_time[0, 0]), np.nan, described(c), "", found.tried  # type: ignore[arg-type]
    best = found.best.take([0])
    return float(published.step_time[0, 0]), float(best.estimate.step_time[0, 0]), described(c), described(best.configs), found.tried  # type: ignore[arg-type]


def main(folder: str) -> None:
    """Compare and write the page."""
    with (Path(folder) / "training.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    catalogue = open_catalogue()
    chips, systems, models = load_chips(catalogue), load_systems(catalogue), load_models(catalogue)
    names, called = index(chips.values()), index(models.values())
    cases = [read_training_case(row, names, called, fold) for row in rows]
    found = {case.chip.id: case.chip for case in cases if case.chip is not None}
    platforms = platforms_of(list(found.values()), [usual_system(chip, systems.values()) for chip in found.values()], catalogue)
    calibration = load_training_calibration(catalogue, platforms)
    jobs, said = [], []
    for batch in batches(cases, {name: row for row, name in enumerate(found)}, calibration):
        chosen = best_rows(batch, train(batch.model, platforms, calibration, batch.configs), platforms.capacity)
        for row, case in zip(chosen, batch.case[chosen], strict=True):
            c = batch.configs.take([row])
            # what our rules call impossible ran all the same, but is no layout of a search; dense 16-bit chips of a batch nobody stated are no comparison
            if not cases[case].given or not (rows[case]["global_batch"] and rows[case]["seq_len"]):
                continue
            key = (batch.model.id, *(float(getattr(c, name)[0]) for name in c.__dataclass_fields__))
            if key not in said:
                said.append(key)
                jobs.append((batch.model, platforms, calibration, c))
    with Pool() as pool:
        results = pool.map(compare, jobs, chunksize=4)
    lines, slower, kept, none = [], 0, 0, 0
    for (model, _, _, c), (published, best, before, after, tried) in zip(jobs, results, strict=True):
        if np.isnan(best):
            none += 1
        elif best > published * (1 + 1e-9):
            held = train(model, platforms, calibration, c)
            if not held.why_not[0]:
                slower += 1
        elif best < published * (1 - GAIN):
            chip = platforms.chip[c.platform[0]]
            what = f"{model.name}, {int(c.chips[0]):,} {chip}, {SCHEMES[c.scheme[0]]}{', ' + METHODS[1] if c.method[0] else ''}"
            lines.append((published / best - 1, f"| {what} | {published:.3g} | {best:.3g} | {published / best - 1:.0%} | {before} | {after} | {tried:,} |"))
        else:
            kept += 1
    lines.sort(key=lambda each: -each[0])
    text = (
        f"{len(jobs)} published layouts; in {slower} of them ours is slower although theirs fits by our rules, in {kept} as fast within {GAIN:.0%}, in "
        f"{len(lines)} faster (below); of {none} we find no layout that fits the memory. The other {len(jobs) - slower - kept - len(lines) - none} "
        f"break one of our rules (as a rule they exceed the memory by our count): they are answered, since they ran, but no search returns them.\n\n"
    )
    table = "| run | published layout, s | best, s | gain | published | best found | layouts tried |\n|---|---|---|---|---|---|---|\n"
    PAGE.write_text(HEAD + text + table + "\n".join(line for _, line in lines) + "\n", encoding="utf-8")
    print(text.strip())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python scripts/compare_layouts.py TRUTH_FOLDER")
    main(sys.argv[1])
