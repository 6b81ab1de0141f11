"""How a precision is served: bits per weight by role, the rate it computes at, bits of the cache."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from suanli.errors import UnknownName
from suanli.facts import Catalogue, Schema
from suanli.facts.reader import SourceFile
from suanli.hardware import PRECISIONS

Floats = NDArray[np.float64]

ROLES = ("attention", "latent", "ffn", "experts", "router", "head")
#: what a precision computes at where the chip has no units for it: weights are stored narrow, computed wide
FALLBACK = {
    "fp4": ("fp8", "bf16"),
    "fp8": ("bf16",),
    "int8": ("bf16",),
    "int4": ("bf16",),
}


class Scheme(Schema):
    """One precision of ``data/assumptions/precisions.toml``."""

    source: str
    compute: str
    cache_bits: float
    bits: dict[str, float]


class PrecisionFile(Schema):
    sources: dict[str, SourceFile]
    bf16: Scheme
    fp8: Scheme
    int8: Scheme
    fp4: Scheme
    int4: Scheme

    @model_validator(mode="after")
    def _roles(self) -> PrecisionFile:
        for name in SCHEMES:
            if set(getattr(self, name).bits) != set(ROLES):
                raise ValueError(f"{name}.bits needs the roles {', '.join(ROLES)}")
        return self


SCHEMES = ("bf16", "fp8", "int8", "fp4", "int4")
#: those that linear layers are trained in
TRAINED = ("bf16", "fp8", "fp4")
#: how people write them
ALIASES = {
    "fp16": "bf16",
    "f16": "bf16",
    "w8a8": "int8",
    "w4a16": "int4",
    "w4a8": "int4",
    "nvfp4": "fp4",
    "mxfp4": "fp4",
    "float16": "bf16",
    "bfloat16": "bf16",
}


@dataclass(frozen=True)
class Precisions:
    """Columns by scheme code (order of ``SCHEMES``): ``bits`` role -> (5,), ``cache_bits`` (5,), ``compute`` precision names."""

    bits: dict[str, Floats]
    cache_bits: Floats
    compute: tuple[str, ...]


def load_precisions(catalogue: Catalogue) -> Precisions:
    """The schemes as columns."""
    file = catalogue.record("assumptions", "precisions", PrecisionFile).content
    schemes = [getattr(file, name) for name in SCHEMES]
    bits = {role: np.array([each.bits[role] for each in schemes]) for role in ROLES}
    return Precisions(bits, np.array([each.cache_bits for each in schemes]), tuple(each.compute for each in schemes))


def precision_code(name: str) -> int:
    """The scheme code of a precision as people write it; ``UnknownName`` otherwise.

    >>> precision_code("FP16"), precision_code("w8a8")
    (0, 2)
    """
    low = name.strip().lower()
    low = ALIASES.get(low, low)
    if low not in SCHEMES:
        raise UnknownName("precision", name, [*SCHEMES, *ALIASES], command="suanli serve --help")
    return SCHEMES.index(low)


def peaks_by_scheme(peaks: Floats, *, fall_back: bool = True) -> Floats:
    """Dense rates (P, precisions) -> (P, schemes); without ``fall_back`` NaN where a chip has no units of its own for a narrow precision."""
    return np.stack([peak_of(peaks, name, fall_back=fall_back or name == "bf16") for name in SCHEMES], axis=1)


def peak_of(peaks: Floats, precision: str, *, fall_back: bool = True) -> Floats:
    """Dense rates (P, precisions) -> (P,) of ``precision``; with ``fall_back`` that of the wider units narrow weights are computed on."""
    rate = peaks[:, PRECISIONS.index(precision)]
    if precision == "bf16":
        return np.asarray(np.fmax(rate, peaks[:, PRECISIONS.index("fp16")]))
    for wider in FALLBACK[precision] if fall_back else ():
        rate = np.where(np.isnan(rate), peak_of(peaks, wider), rate)
    return rate
