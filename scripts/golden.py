"""Which predictions of serving did a change move? A grid of about 2,000, today's against the accepted ones (training: ``golden_training.py``).

    python scripts/golden.py             compare with tests/golden/serving.csv: a table by model and by chip; exit code 1 where something moved
    python scripts/golden.py --accept    write today's predictions as the accepted ones

The numbers are not the truth: they are what the program said when somebody last looked. Accept on purpose and say why in the commit.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np

from suanli.facts import Catalogue
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system
from suanli.models import load_models
from suanli.performance.calibration import load_calibration
from suanli.performance.configs import BOUNDS, configs
from suanli.performance.precision import SCHEMES, load_precisions
from suanli.performance.reasons import Reason
from suanli.performance.serving import serve

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "serving.csv"
MODELS = (
    "deepseek-v3",
    "deepseek-v3.2",
    "deepseek-v4-flash",
    "gemma-3-27b",
    "glm-4.5",
    "gpt-oss-120b",
    "gpt3-175b",
    "llama-3.1-405b",
    "llama-3.1-70b",
    "llama-3.1-8b",
    "nemotron-h-56b",
    "qwen3-235b-a22b",
)
#: without experts: asked with ep 1
DENSE = ("gemma-3-27b", "gpt3-175b", "llama-3.1-405b", "llama-3.1-70b", "llama-3.1-8b", "nemotron-h-56b")
CHIPS = (
    "amd-mi300x",
    "amd-mi355x",
    "aws-trainium2",
    "cambricon-mlu590",
    "google-tpu-v5e",
    "google-tpu-v7-ironwood",
    "huawei-ascend-910b1",
    "huawei-ascend-910c",
    "intel-gaudi3",
    "nvidia-a100-sxm4-80gb",
    "nvidia-b200-sxm-180gb",
    "nvidia-gb300-gpu",
    "nvidia-h100-sxm5-80gb",
    "nvidia-h20-sxm-96gb",
)
PRECISIONS = ("bf16", "fp8", "int8", "fp4")
#: tp, pp, dp, ep, and the same of prefill workers (0 of them: one kind of worker for both)
LAYOUTS = (
    (1, 1, 1, 1, 0),
    (2, 1, 1, 1, 0),
    (4, 1, 1, 1, 0),
    (8, 1, 1, 1, 0),
    (8, 1, 1, 8, 0),
    (4, 4, 1, 1, 0),
    (2, 1, 4, 8, 0),
    (1, 1, 16, 16, 0),
    (8, 1, 1, 8, 2),
    (1, 1, 16, 16, 1),
)
#: clients, tokens in, tokens out
LOADS = ((1, 128, 128), (16, 1024, 1024), (64, 8192, 1024), (256, 1024, 256), (4096, 2000, 500))
#: every so many of the whole product; a prime that divides no axis, so that all of them are mixed
STRIDE = 17
DIGITS, TOLERANCE = 4, 0.005

KEYS = ("model", "chip", "precision", "tp", "pp", "dp", "ep", "prefill", "clients", "input", "output")
NUMBERS = ("ttft", "tpot", "rate_per_chip")
WORDS = ("why_not", "bound_by")
Row = dict[str, str]


def grid() -> list[Row]:
    """The questions, always the same ones in the same order."""
    whole = itertools.product(MODELS, CHIPS, PRECISIONS, LAYOUTS, LOADS)
    rows = [
        dict(zip(KEYS, map(str, (model, chip, precision, *layout, *load)), strict=True))
        for model, chip, precision, layout, load in itertools.islice(whole, 0, None, STRIDE)
    ]
    return [row | {"ep": "1"} if row["model"] in DENSE else row for row in rows]


def predictions() -> list[Row]:
    """The grid answered by the program as it is."""
    catalogue = Catalogue()
    chips, models, systems = load_chips(catalogue), load_models(catalogue), load_systems(catalogue)
    found = [chips[name] for name in CHIPS]
    platforms = platforms_of(found, [usual_system(chip, systems.values()) for chip in found], catalogue)
    calibration, precisions = load_calibration(catalogue, platforms), load_precisions(catalogue)
    answered: list[Row] = []
    for name, rows in itertools.groupby(grid(), key=lambda row: row["model"]):
        asked = list(rows)
        number = {key: np.array([float(row[key]) for row in asked]) for key in KEYS[3:]}
        scheme = np.array([SCHEMES.index(row["precision"]) for row in asked])
        estimate = serve(
            models[name],
            platforms,
            calibration,
            precisions,
            configs(
                len(asked),
                platform=[CHIPS.index(row["chip"]) for row in asked],
                scheme=scheme,
                cache_bits=precisions.cache_bits[scheme],
                **{key: number[key] for key in ("tp", "pp", "dp", "ep")},
                concurrency=number["clients"],
                input_length=number["input"],
                output_length=number["output"],
                prefill_replicas=number["prefill"],
                prefill_tp=number["tp"],
                prefill_dp=number["dp"],
                prefill_ep=number["ep"],
            ),
        )
        for place, row in enumerate(asked):
            values = zip(NUMBERS, (estimate.ttft, estimate.tpot, estimate.tokens_rate_per_chip), strict=True)
            numbers = {key: "" if math.isnan(value[0, place]) else f"{value[0, place]:.{DIGITS}g}" for key, value in values}
            reasons = ";".join(Reason(int(estimate.why_not[place])).names())
            answered.append(row | numbers | {"why_not": reasons, "bound_by": "" if reasons else BOUNDS[estimate.bound_by[place]]})
    return answered


def read(path: Path = GOLDEN) -> list[Row]:
    """The accepted predictions; none where the file does not exist yet."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(rows: Iterable[Row], path: Path = GOLDEN, columns: Sequence[str] = (*KEYS, *NUMBERS, *WORDS)) -> None:
    """Accept ``rows``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@dataclass(frozen=True)
class Change:
    """One prediction that moved: ``ratio`` is the new number over the old one that differs most (infinite where there is none to compare)."""

    row: Row
    ratio: float
    what: str

    @property
    def size(self) -> float:
        """How far it moved, either way."""
        return abs(math.log(self.ratio)) if 0 < self.ratio < math.inf else math.inf


def changes(old: Sequence[Row], new: Sequence[Row], keys: Sequence[str] = KEYS, numbers: Sequence[str] = NUMBERS) -> list[Change]:
    """What differs by more than ``TOLERANCE``, in a reason, or in what bounds it; questions that came or went count too."""
    before, after = ({tuple(row[key] for key in keys): row for row in rows} for rows in (old, new))
    found = [Change(row, math.inf, "new question") for key, row in after.items() if key not in before]
    found += [Change(row, math.inf, "question gone") for key, row in before.items() if key not in after]
    return found + [change for key, row in after.items() if key in before and (change := _change(before[key], row, numbers))]


def _change(old: Row, new: Row, numbers: Sequence[str]) -> Change | None:
    if old["why_not"] != new["why_not"]:
        return Change(new, math.inf, f"why_not {old['why_not'] or 'answered'} -> {new['why_not'] or 'answered'}")
    ratios = {key: float(new[key]) / float(old[key]) for key in numbers if old[key] and new[key]}
    largest = max(ratios, key=lambda key: abs(math.log(ratios[key])), default="")
    if largest and abs(math.log(ratios[largest])) > TOLERANCE:
        return Change(new, ratios[largest], f"{largest} {old[largest]} -> {new[largest]}")
    if old["bound_by"] != new["bound_by"]:
        return Change(new, ratios[largest], f"bound_by {old['bound_by']} -> {new['bound_by']}")
    return None


def report(found: Sequence[Change], total: int, line: Callable[[Change], str] | None = None) -> str:
    """The changes by model and by chip, and the ten largest."""
    if not found:
        return f"golden grid: none of {total} predictions moved"
    lines = [f"golden grid: {len(found)} of {total} predictions moved by more than {TOLERANCE:.1%}, or in their reason or bound"]
    for axis in ("model", "chip"):
        lines += ["", f"{axis:28}{'rows':>6}{'reasons':>9}{'median':>9}{'largest':>9}"]
        lines += [_summary(name, group) for name, group in _grouped(found, lambda change, axis=axis: change.row[axis])]  # type: ignore[misc]
    lines += ["", "the largest"]
    lines += ["  " + (line or _line)(change) for change in sorted(found, key=lambda change: -change.size)[:10]]
    return "\n".join(lines)


def _grouped(found: Sequence[Change], key: Callable[[Change], str]) -> list[tuple[str, list[Change]]]:
    return [(name, list(group)) for name, group in itertools.groupby(sorted(found, key=key), key=key)]


def _summary(name: str, group: Sequence[Change]) -> str:
    ratios = [change.ratio for change in group if change.size < math.inf]
    numbers = f"{median(ratios):>9.3f}{max(ratios, key=lambda ratio: abs(math.log(ratio))):>9.3f}" if ratios else ""
    return f"{name:28}{len(group):>6}{len(group) - len(ratios):>9}{numbers}"


def _line(change: Change) -> str:
    row = change.row
    layout = f"tp{row['tp']} pp{row['pp']} dp{row['dp']} ep{row['ep']}" + (f" + {row['prefill']} prefill" if row["prefill"] != "0" else "")
    return f"{row['model']} on {row['chip']}, {row['precision']}, {layout}, {row['clients']} x {row['input']}/{row['output']}: {change.what}"


def main(arguments: Sequence[str] | None = None, path: Path = GOLDEN) -> int:
    """Compare, or accept; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write today's predictions as the accepted ones")
    wanted = parser.parse_args(arguments)
    today = predictions()
    found = changes(read(path), today)
    print(report(found, len(today)))
    if wanted.accept:
        write(today, path)
        print(f"\naccepted: {len(today)} predictions")
        return 0
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
