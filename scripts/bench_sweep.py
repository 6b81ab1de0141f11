"""How many full serving estimates a second one core makes, against the same rows asked one at a time in the same run.

    python scripts/bench_sweep.py [ROWS]

A full estimate is everything ``Estimate`` holds (memory, prefill, decode step, load, rate, power, reasons) at the point scenario, over all chips
with known facts, all precisions and random layouts and loads. Threads are not used by the engine (no matrix products of numpy are).
"""

from __future__ import annotations

import sys
import time

import numpy as np

from suanli.api import load_chips, load_models, open_catalogue
from suanli.hardware import platforms_of
from suanli.performance.calibration import load_calibration
from suanli.performance.configs import configs
from suanli.performance.precision import load_precisions
from suanli.performance.serving import serve

ALONE = 300  # rows of the reference
MODELS = ("deepseek-v3", "llama-3.1-70b", "gpt-oss-120b")


def main(rows: int) -> None:
    """Print estimates per second for each model and the ratio to one row at a time."""
    catalogue = open_catalogue()
    chips = [chip for chip in load_chips(catalogue).values() if chip.memory_bandwidth > 0 and "bf16" in chip.peaks]
    platforms = platforms_of(chips, [None] * len(chips), catalogue)
    calibration, precisions, models = load_calibration(catalogue, platforms), load_precisions(catalogue), load_models(catalogue)
    random = np.random.default_rng(0)
    tried = configs(
        rows,
        platform=random.integers(len(platforms), size=rows),
        scheme=random.integers(5, size=rows),
        tp=2.0 ** random.integers(4, size=rows),
        dp=2.0 ** random.integers(4, size=rows),
        concurrency=2.0 ** random.integers(10, size=rows),
        input_length=random.integers(1, 8192, size=rows),
        output_length=random.integers(1, 2048, size=rows),
        cache_bits=8,
    )
    print(f"{'model':<16}{'rows':>10}{'seconds':>9}{'estimates/s':>13}{'alone/s':>9}{'ratio':>7}{'3 scenarios/s':>15}")
    for name in MODELS:
        model = models[name]
        seconds = min(_timed(lambda model=model: serve(model, platforms, calibration, precisions, tried)) for _ in range(3))
        three = min(_timed(lambda model=model: serve(model, platforms, calibration, precisions, tried, scenarios=3)) for _ in range(2))
        alone = _timed(lambda model=model: [serve(model, platforms, calibration, precisions, tried.take(slice(row, row + 1))) for row in range(ALONE)]) / ALONE
        print(f"{name:<16}{rows:>10,}{seconds:>9.2f}{rows / seconds:>13,.0f}{1 / alone:>9,.0f}{alone * rows / seconds:>7,.0f}{rows / three:>15,.0f}")


def _timed(work) -> float:  # type: ignore[no-untyped-def]
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
