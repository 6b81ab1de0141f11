"""Which predictions of training did a change move? A grid of some hundreds, today's against the accepted ones.

    python scripts/golden_training.py             compare with tests/golden/training.csv; exit code 1 where something moved
    python scripts/golden_training.py --accept    write today's predictions as the accepted ones

The numbers are not the truth: they are what the program said when somebody last looked. Accept on purpose and say why in the commit.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from golden import DIGITS, Change, Row, changes, read, report, write

from suanli.facts import Catalogue
from suanli.hardware import load_chips, load_systems, platforms_of, usual_system
from suanli.models import load_models
from suanli.performance.precision import SCHEMES
from suanli.performance.reasons import Reason
from suanli.performance.training.calibration import load_training_calibration
from suanli.performance.training.configs import PARTS, training_configs
from suanli.performance.training.train import train

GOLDEN = Path(__file__).parents[1] / "tests" / "golden" / "training.csv"
MODELS = ("deepseek-v3", "gpt-oss-120b", "gpt3-175b", "llama-2-70b", "llama-3.1-405b", "llama-3.1-8b", "mixtral-8x7b", "qwen3-next-80b-a3b")
CHIPS = ("amd-mi300x", "google-tpu-v5p", "huawei-ascend-910b1", "intel-gaudi3", "nvidia-a100-sxm4-80gb", "nvidia-b200-sxm-180gb", "nvidia-h100-sxm5-80gb")
PRECISIONS = ("bf16", "fp8")
#: tp, cp, pp, dp, vpp, micro-batch, sharding, recompute
LAYOUTS = (
    (1, 1, 1, 8, 1, 1, 1, 0), (8, 1, 1, 8, 1, 2, 1, 1), (4, 2, 4, 16, 1, 1, 1, 2), (8, 1, 8, 32, 2, 1, 2, 0), (1, 1, 1, 512, 1, 1, 3, 1),
    (2, 1, 16, 64, 1, 1, 1, 2),
)  # fmt: skip
METHODS = (0, 1)
STACKS = ("", "megatron-bridge", "maxtext")
#: every so many of the whole product; a prime that divides no axis, so that all of them are mixed
STRIDE = 11
KEYS = ("model", "chip", "precision", "tp", "cp", "pp", "dp", "vpp", "micro", "sharding", "recompute", "method", "stack")
NUMBERS = ("step_time", "memory", "mfu")
WORDS = ("why_not", "bound_by")
LENGTH, MICRO_BATCHES = 4096, 32


def predictions() -> list[Row]:
    """The grid answered by the program as it is."""
    catalogue = Catalogue()
    chips, models, systems = load_chips(catalogue), load_models(catalogue), load_systems(catalogue)
    found = [chips[name] for name in CHIPS]
    platforms = platforms_of(found, [usual_system(chip, systems.values()) for chip in found], catalogue)
    calibration = load_training_calibration(catalogue, platforms)
    whole = itertools.product(MODELS, CHIPS, PRECISIONS, LAYOUTS, METHODS, STACKS)
    rows = [
        dict(zip(KEYS, map(str, (model, chip, precision, *layout, method, stack)), strict=True))
        for model, chip, precision, layout, method, stack in itertools.islice(whole, 0, None, STRIDE)
    ]
    answered: list[Row] = []
    for name, group in itertools.groupby(rows, key=lambda row: row["model"]):
        asked = list(group)
        number = {key: np.array([float(row[key]) for row in asked]) for key in KEYS[3:12]}
        experts = max((op.experts for op in models[name].ops if op.kind == "experts"), default=1)
        dp, micro = number["dp"], number["micro"]
        estimate = train(
            models[name],
            platforms,
            calibration,
            training_configs(
                len(asked),
                platform=[CHIPS.index(row["chip"]) for row in asked],
                scheme=[SCHEMES.index(row["precision"]) for row in asked],
                **{key: number[key] for key in ("tp", "cp", "pp", "vpp", "sharding", "recompute", "method")},
                dp=dp,
                ep=np.minimum(min(experts, 8), dp),
                micro_batch=micro,
                global_batch=dp * micro * MICRO_BATCHES,
                length=LENGTH,
                sequence_parallel=number["tp"] > 1,
                stack=[calibration.stack_code(row["stack"]) for row in asked],
            ),
        )
        for place, row in enumerate(asked):
            values = zip(NUMBERS, (estimate.step_time[0], estimate.memory.total, estimate.mfu[0]), strict=True)
            numbers = {key: "" if math.isnan(value[place]) else f"{value[place]:.{DIGITS}g}" for key, value in values}
            reasons = ";".join(Reason(int(estimate.why_not[place])).names())
            answered.append(row | numbers | {"why_not": reasons, "bound_by": PARTS[estimate.bound_by[place]]})
    return answered


def _line(change: Change) -> str:
    row = change.row
    layout = " ".join(f"{key}{row[key]}" for key in KEYS[3:12])
    return f"{row['model']} on {row['chip']}, {row['precision']}, {layout}, {row['stack'] or 'any stack'}: {change.what}"


def main(arguments: Sequence[str] | None = None, path: Path = GOLDEN) -> int:
    """Compare, or accept; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accept", action="store_true", help="write today's predictions as the accepted ones")
    wanted = parser.parse_args(arguments)
    today = predictions()
    found = changes(read(path), today, KEYS, NUMBERS)
    print(report(found, len(today), _line))
    if wanted.accept:
        write(today, path, (*KEYS, *NUMBERS, *WORDS))
        print(f"\naccepted: {len(today)} predictions")
        return 0
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
