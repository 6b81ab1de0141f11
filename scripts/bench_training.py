"""How many training layouts a second one core tries in a full search, against the same layouts asked one at a time in the same run; and the memory it takes.

    python scripts/bench_training.py

Every legal layout of a model on so many chips: step time, memory by part and reasons, the best kept. Threads are not used.
"""

from __future__ import annotations

import itertools
import resource
import time

import numpy as np

from suanli.api import find_chip, find_model, open_catalogue
from suanli.hardware import load_systems, platforms_of, usual_system
from suanli.performance.training.calibration import load_training_calibration
from suanli.performance.training.layouts import Job, layouts, search
from suanli.performance.training.train import train

#: model, chip, chips, sequences of a step, their length
JOBS = (
    ("gpt3-175b", "nvidia-a100-sxm4-80gb", 4096, 1536, 2048),
    ("gpt3-175b", "nvidia-a100-sxm4-80gb", 4096, 3072, 2048),
    ("llama-3.1-405b", "nvidia-h100-sxm5-80gb", 16384, 2048, 8192),
    ("deepseek-v3", "nvidia-h800-sxm5-80gb", 2048, 15360, 4096),
)
ALONE = 200  # rows of the reference


def main() -> None:
    """Print layouts per second for each job, the ratio to one layout at a time, and the most memory the process has held."""
    catalogue = open_catalogue()
    print(f"{'model':<16}{'chips':>7}{'batch':>7}{'layouts':>12}{'seconds':>9}{'layouts/s':>12}{'alone/s':>9}{'ratio':>8}")
    for name, chip_name, chips, batch, length in JOBS:
        model, chip = find_model(catalogue, name), find_chip(catalogue, chip_name)
        platforms = platforms_of([chip], [usual_system(chip, load_systems(catalogue).values())], catalogue)
        calibration = load_training_calibration(catalogue, platforms)
        job = Job(0, chips, batch, length, scheme=0)
        first = next(itertools.islice(layouts(model, job), 1))
        train(model, platforms, calibration, first)  # what is loaded and allocated once does not count
        started = time.process_time()
        found = search(model, platforms, calibration, job)
        seconds = time.process_time() - started
        some = first.take(np.linspace(0, len(first) - 1, ALONE).astype(int))
        started = time.process_time()
        for row in range(ALONE):
            train(model, platforms, calibration, some.take(slice(row, row + 1)))
        alone = (time.process_time() - started) / ALONE
        rate = found.tried / seconds
        print(f"{name:<16}{chips:>7,}{batch:>7,}{found.tried:>12,}{seconds:>9.2f}{rate:>12,.0f}{1 / alone:>9,.0f}{alone * rate:>8,.0f}")
    print(f"most memory held: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MiB")


if __name__ == "__main__":
    main()
