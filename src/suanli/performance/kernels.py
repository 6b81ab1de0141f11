"""What single kernels reach of the sheet's numbers. Written by ``scripts/fit_kernels.py``, never by hand; the formulas are in ``suanli.formulas.kernels``."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue, Schema
from suanli.facts.reader import Day
from suanli.hardware import Platforms

Floats = NDArray[np.float64]

#: constants that are a share of a peak; the others are costs
SHARES = ("compute", "memory", "link")


class Band(Schema):
    """Quantiles of log(measured / predicted) at 10, 50 and 90 %, and the median of abs(predicted / measured - 1)."""

    quantiles: tuple[float, float, float]
    median_error: float


class Measured(Schema):
    """One chip's rows, and the median error there of its own constants and, where there are other chips, of those fitted without it."""

    rows: int
    fit: float
    left_out: float | None = None


class Kernel(Schema):
    """One kind of kernel: its formula, and constants by what they were fitted on. ``chips`` are our ids, ``families`` first words of architectures."""

    formula: str
    rows: int
    fit: Band
    left_out: Band | None = None
    all: dict[str, float]
    classes: dict[str, dict[str, float]]
    families: dict[str, dict[str, float]]
    chips: dict[str, dict[str, float]]
    measured: dict[str, Measured]


class Imbalance(Schema):
    """Time of a skewed routing over that of an even one on the busiest of up to ``parts`` chips, and the rows' 10 % and 90 % quantiles."""

    distribution: str
    parts: int
    tokens_from: int
    median: float
    low: float
    high: float
    rows: int


class KernelFile(Schema):
    """``data/calibration/kernels.toml``."""

    fitted_on: Day
    data_hash: str
    rows: int
    method: str
    kernels: dict[str, Kernel]
    imbalance: list[Imbalance]


#: constants by kernel and name, (P,) over platforms
KernelConstants = Mapping[str, Mapping[str, Floats]]


def load_kernels(catalogue: Catalogue) -> KernelFile:
    """The file."""
    return catalogue.record("calibration", "kernels", KernelFile).content


def kernel_constants(catalogue: Catalogue, platforms: Platforms, *, ideal: bool = False, without: Collection[str] = ()) -> KernelConstants:
    """Each kernel's constants as seen from ``platforms``: the chip's own where it was measured, else its family's, its class's, all chips'.

    ``ideal``: shares of 1, no fixed times. ``without``: chips taken for unmeasured.
    """
    values: dict[str, dict[str, Floats]] = {}
    for kind, kernel in load_kernels(catalogue).kernels.items():
        tables = ({name: each for name, each in kernel.chips.items() if name not in without}, kernel.families, kernel.classes)
        found = [
            next((table[name] for table, name in zip(tables, names, strict=True) if name in table), kernel.all)
            for names in zip(platforms.chip, platforms.family, platforms.kind, strict=True)
        ]
        values[kind] = {name: np.array([float(name in SHARES) if ideal else constants[name] for constants in found]) for name in kernel.all}
    return values
