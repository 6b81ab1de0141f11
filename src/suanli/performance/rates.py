"""What a row's chip reaches in each kind of operator: the sheet's peaks and bandwidths times the shares of measured kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.formulas.arrays import Array
from suanli.hardware import Platforms
from suanli.models import Model
from suanli.performance.kernels import KernelConstants
from suanli.performance.precision import SCHEMES, peak_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
#: kernels that may serve a precision, best first: (the units they need, the rate they compute at, kind); the first whose units the chip has, else the last
Options = Sequence[tuple[str, str, str]]

DENSE: dict[str, Options] = {
    "bf16": [("bf16", "bf16", "gemm.bf16")],
    "fp8": [("fp8", "fp8", "gemm.fp8"), ("bf16", "bf16", "gemm.int8_wo")],
    "int8": [("int8", "int8", "gemm.int8"), ("bf16", "bf16", "gemm.int8_wo")],
    "fp4": [("fp4", "fp4", "gemm.nvfp4"), ("bf16", "bf16", "gemm.int4_wo")],
    "int4": [("bf16", "bf16", "gemm.int4_wo")],
}
#: weights in 8 bit with a scale a block, as mixtures of experts are published (DeepSeek-V3, arXiv 2412.19437, section 3.3)
BLOCK: Options = [("fp8", "fp8", "gemm.fp8_block"), ("bf16", "bf16", "gemm.int8_wo")]
EXPERTS: dict[str, Options] = {
    "bf16": [("bf16", "bf16", "experts.bf16")],
    "fp8": [("fp8", "fp8", "experts.fp8_block"), ("bf16", "bf16", "experts.bf16")],
    "int8": [("int8", "int8", "experts.fp8"), ("bf16", "bf16", "experts.bf16")],
    "fp4": [("fp4", "fp4", "experts.nvfp4"), ("bf16", "bf16", "experts.mxfp4_wo")],
    "int4": [("bf16", "bf16", "experts.int4_wo")],
}
#: experts published in MXFP4 meet 8-bit activations on chips with 4-bit units, 16-bit ones elsewhere
MICROSCALED: Options = [("fp4", "fp8", "experts.mxfp4_fp8"), ("bf16", "bf16", "experts.mxfp4_wo")]


@dataclass(frozen=True)
class Reached:
    """Rates of one kind of kernel, a row each: ``flop_rate`` [flop/s], ``bandwidth`` [B/s], ``launch`` [s], and the kind's own constants."""

    flop_rate: Array
    bandwidth: Array
    launch: Array
    own: Mapping[str, Array]

    def slowed(self, factor: Array, launch: Array) -> Reached:
        """At 1/``factor`` of the rates, and with ``launch`` times the launch."""
        return Reached(self.flop_rate / factor, self.bandwidth / factor, self.launch * launch, self.own)


def chosen(platforms: Platforms, kernels: KernelConstants, options: Options) -> Reached:
    """(P,): the best of ``options`` that each platform has units for."""
    columns: dict[str, Floats] = {}
    for needed, computes, kind in reversed(options):
        values = kernels[kind]
        found = {"flop_rate": peak_of(platforms.peak, computes) * values["compute"], "bandwidth": platforms.bandwidth * values["memory"]}
        found |= {name: value for name, value in values.items() if name not in ("compute", "memory")}
        has = ~np.isnan(peak_of(platforms.peak, needed, fall_back=False))
        columns = {name: np.where(has, value, columns[name]) if columns else value for name, value in found.items()}
    return Reached(columns.pop("flop_rate"), columns.pop("bandwidth"), columns.pop("launch"), columns)


def by_scheme(platforms: Platforms, kernels: KernelConstants, options: Mapping[str, Options], platform: Ints, scheme: Ints) -> Reached:
    """(N,): the rates at each row's precision."""
    parts = [chosen(platforms, kernels, options[name]) for name in SCHEMES]

    def rows(values: list[Array]) -> Floats:
        return np.stack(values, axis=1)[platform, scheme]

    own = {name: rows([part.own[name] for part in parts]) for name in parts[0].own}
    return Reached(rows([part.flop_rate for part in parts]), rows([part.bandwidth for part in parts]), rows([part.launch for part in parts]), own)


def products(model: Model, platforms: Platforms, kernels: KernelConstants, platform: Ints, scheme: Ints) -> dict[str, Reached]:
    """The rates of matrix products by role of the operator."""
    roles = {op.role for op in model.ops}
    mixture = any(op.kind == "experts" for op in model.ops)
    dense = DENSE | ({"fp8": BLOCK} if mixture else {})
    found = {"ffn": by_scheme(platforms, kernels, dense, platform, scheme)}
    found["attention"] = found["ffn"]
    if "latent" in roles:  # stays in 8 bit where the rest is in 4
        found["latent"] = by_scheme(platforms, kernels, dense | {"fp4": BLOCK}, platform, scheme)
    if mixture:
        found["experts"] = by_scheme(platforms, kernels, EXPERTS | ({"fp4": MICROSCALED} if model.weights.experts == "fp4" else {}), platform, scheme)
    wide = chosen(platforms, kernels, DENSE["bf16"])
    found["head"] = found["router"] = _take(wide, platform)
    return found


def attention(model: Model, platforms: Platforms, kernels: KernelConstants, platform: Ints, cache_bits: Floats) -> dict[str, Reached]:
    """The rates of ``attention_prefill``, ``attention_decode`` and, where the model has it, of ``latent_`` both; prompts compute in 16 bit,
    decoding as the cache is kept."""
    latent = any(op.role == "latent" for op in model.ops)
    plain = any(op.kind in ("attention", "scan") and op.role != "latent" for op in model.ops)
    found = {}
    for name in [*(["latent"] if latent else []), *(["attention"] if plain else [])]:
        kinds = [[(units, units, f"{name}_{phase}.{units}")] for phase, units in (("prefill", "bf16"), ("decode", "bf16"), ("decode", "fp8"))]
        prefill, wide, narrow = (_take(chosen(platforms, kernels, kind), platform) for kind in kinds)
        found[f"{name}_prefill"], found[f"{name}_decode"] = prefill, _either(cache_bits <= 8, narrow, wide)
    return found


def collective(platforms: Platforms, kernels: KernelConstants, kind: str, platform: Ints) -> dict[str, Floats]:
    """The constants of a collective (N,)."""
    return {name: value[platform] for name, value in kernels[kind].items()}


def _take(r: Reached, rows: Ints) -> Reached:
    return Reached(r.flop_rate[rows], r.bandwidth[rows], r.launch[rows], {name: value[rows] for name, value in r.own.items()})


def _either(condition: NDArray[np.bool_], a: Reached, b: Reached) -> Reached:
    own = {name: np.where(condition, a.own[name], b.own[name]) for name in a.own}
    return Reached(np.where(condition, a.flop_rate, b.flop_rate), np.where(condition, a.bandwidth, b.bandwidth), np.where(condition, a.launch, b.launch), own)
