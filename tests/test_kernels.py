"""Kernel times: the formulas, the constants fitted to measured kernels, and how an unmeasured chip falls back."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.facts import Catalogue
from suanli.formulas import kernels
from suanli.formulas.roofline import roofline_time
from suanli.hardware import PRECISIONS, Platforms, load_chips, load_systems, platforms_of, usual_system
from suanli.performance.kernels import Kernel, KernelFile, kernel_constants, load_kernels

TRUTH = Path(__file__).parents[2] / "shared" / "truth" / "kernels" / "aic_gemm.parquet"
SHARES = {"compute", "memory", "link"}
#: relative rounding that a monotonicity may not be blamed for
ROUNDING = 1 + 1e-12

positive = st.floats(1e-3, 1e9)
factors = st.floats(1, 1e3)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="module")
def file(catalogue: Catalogue) -> KernelFile:
    return load_kernels(catalogue)


def tables(kernel: Kernel) -> list[dict[str, float]]:
    return [kernel.all, *kernel.classes.values(), *kernel.families.values(), *kernel.chips.values()]


def constants_of(catalogue: Catalogue, kind: str, chip: str) -> dict[str, float]:
    return {name: float(values[0]) for name, values in kernel_constants(catalogue, platforms(catalogue, chip))[kind].items()}


def platforms(catalogue: Catalogue, *names: str) -> Platforms:
    chips, systems = load_chips(catalogue), load_systems(catalogue)
    return platforms_of([chips[name] for name in names], [usual_system(chips[name], systems.values()) for name in names], catalogue)


# --- the file ----------------------------------------------------------------------------------------------------------------------


def test_every_kernel_names_a_formula_and_the_same_constants_for_all_its_chips(file: KernelFile) -> None:
    assert {"gemm.bf16", "gemm.fp8_block", "experts.fp8_block", "attention_decode.bf16", "latent_decode.fp8", "all_reduce.custom"} <= set(file.kernels)
    for kernel in file.kernels.values():
        assert callable(getattr(kernels, kernel.formula))
        assert all(table.keys() == kernel.all.keys() for table in tables(kernel))
        assert kernel.measured.keys() == kernel.chips.keys()
        assert sum(each.rows for each in kernel.measured.values()) == kernel.rows


def test_shares_lie_above_0_and_at_most_at_1_and_times_are_not_negative(file: KernelFile) -> None:
    for kernel in file.kernels.values():
        for table in tables(kernel):
            assert all(0 < value <= 1 for name, value in table.items() if name in SHARES)
            assert all(value >= 0 for value in table.values())


def test_every_chip_and_family_of_the_file_is_one_of_the_catalogue(catalogue: Catalogue, file: KernelFile) -> None:
    chips = load_chips(catalogue)
    families = {chip.architecture.split()[0].lower() for chip in chips.values() if chip.architecture}
    for kernel in file.kernels.values():
        assert kernel.chips.keys() <= chips.keys()
        assert kernel.families.keys() <= families


def test_bands_rise_and_a_chip_left_out_is_not_better_known_than_one_fitted(file: KernelFile) -> None:
    for kernel in file.kernels.values():
        for band in filter(None, (kernel.fit, kernel.left_out)):
            assert list(band.quantiles) == sorted(band.quantiles)
        assert kernel.left_out is None or kernel.fit.median_error <= kernel.left_out.median_error * 1.05


def test_skewed_routing_costs_more_the_more_chips_share_the_experts(file: KernelFile) -> None:
    for distribution in {row.distribution for row in file.imbalance}:
        long = [row for row in file.imbalance if row.distribution == distribution and row.tokens_from == max(each.tokens_from for each in file.imbalance)]
        medians = [row.median for row in sorted(long, key=lambda row: row.parts)]
        assert medians == sorted(medians)
        assert medians[0] >= 1


# --- the fall-back -----------------------------------------------------------------------------------------------------------------


def test_constants_are_the_chips_own_else_its_familys_else_its_classs_else_those_of_all(catalogue: Catalogue, file: KernelFile) -> None:
    names = ("nvidia-h100-sxm5-80gb", "nvidia-h800-sxm5-80gb", "amd-mi300x", "huawei-ascend-910b3")
    found = kernel_constants(catalogue, platforms(catalogue, *names))
    kernel = file.kernels["gemm.bf16"]
    for name, values in found["gemm.bf16"].items():
        assert values.tolist() == [kernel.chips[names[0]][name], kernel.families["hopper"][name], kernel.classes["gpu"][name], kernel.all[name]]


def test_every_chip_of_the_catalogue_gets_every_constant(catalogue: Catalogue, file: KernelFile) -> None:
    names = list(load_chips(catalogue))
    found = kernel_constants(catalogue, platforms(catalogue, *names))
    for kind, kernel in file.kernels.items():
        assert found[kind].keys() == kernel.all.keys()
        assert all(values.shape == (len(names),) and np.all(np.isfinite(values)) for values in found[kind].values())


# --- the formulas ------------------------------------------------------------------------------------------------------------------



def whole(parts: Callable[..., Any]) -> Callable[..., Any]:
    """The seconds of a formula that gives a kernel's parts."""

    @functools.wraps(parts)
    def time(*arguments: Any) -> Any:
        return kernels.joined(parts(*arguments))

    return time


FORMULAS: list[tuple[Callable[..., Any], list[list[float]]]] = [
    (kernels.kernel_time, [[0, 1e9, 2e12], [1e6, 3e9, 1e9], [1e14, 9e14, 1e15], [2e11, 3e12, 2e12], [0, 3e-6, 1e-5]]),
    (
        whole(kernels.gemm),
        [[1, 64, 4096], [1024, 8192, 1], [1024, 1280, 7], [0.5, 1, 2], [2, 2, 2], [1e14, 9e14, 1e15], [2e11, 3e12, 2e12], [0, 4, 1], [0, 3e-6, 1e-5]],
    ),
    (
        whole(kernels.routed_experts),
        [[0, 1, 4096], [2048, 7168, 7168], [768, 2048, 2048], [3, 3, 2], [128, 256, 8], [8, 8, 2], [1, 8, 1], [0.5, 1, 2], [2, 2, 2], [1e14, 9e14, 1e15],
         [2e11, 3e12, 2e12], [0, 4, 1], [0, 2e-5, 1e-5]],
    ),
    (
        whole(kernels.prefill_attention),
        [[1, 4096, 8192], [1, 32, 128], [64, 192, 576], [64, 128, 512], [1, 2048, 4096], [1, 1e6, 1e9], [1e14, 9e14, 1e15], [2e11, 3e12, 2e12], [0, 128, 500],
         [0, 32, 90], [0, 1e-5, 2e-5]],
    ),
    (
        whole(kernels.decode_attention),
        [[1, 64, 512], [1, 32, 128], [1, 8, 1], [64, 128, 576], [64, 128, 512], [1, 2048, 65536], [1, 1e6, 1e9], [1e14, 9e14, 1e15], [2e11, 3e12, 2e12],
         [0, 1e-8, 3e-8], [0, 1e-5, 2e-5]],
    ),
    (kernels.collective_time, [[0, 1e5, 1e9], [1, 8, 72], [450e9, 25e9, 1e12], [0.5, 0.8, 1], [0, 1e-6, 5e-6], [0, 2e-6, 7e-6], [0, 3e-6, 1e-5]]),
]  # fmt: skip


@pytest.mark.parametrize(("formula", "columns"), FORMULAS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_vector_gives_what_its_scalars_give(formula: Callable[..., Any], columns: list[list[float]]) -> None:
    vector = formula(*(np.array(column, float) for column in columns))
    scalars = [float(formula(*(float(each) for each in row))) for row in zip(*columns, strict=True)]
    np.testing.assert_allclose(vector, scalars, rtol=1e-14)
    assert np.all(np.isfinite(vector))


@given(positive, positive, positive, positive)
def test_a_kernel_lies_between_the_roofline_and_sqrt_2_of_it(flop: float, moved: float, rate: float, bandwidth: float) -> None:
    roof, time = roofline_time(flop, moved, rate, bandwidth), kernels.kernel_time(flop, moved, rate, bandwidth, 0.0)
    assert roof / ROUNDING <= time <= roof * np.sqrt(2) * ROUNDING


@pytest.mark.parametrize(("formula", "columns"), FORMULAS, ids=lambda each: getattr(each, "__name__", ""))
@given(data=st.data(), factor=factors)
def test_a_kernel_takes_no_less_time_for_a_larger_size_and_no_more_at_a_higher_rate(
    formula: Callable[..., Any], columns: list[list[float]], data: st.DataObject, factor: float
) -> None:
    row = data.draw(st.integers(0, 2))
    arguments = [column[row] for column in columns]
    names = list(inspect.signature(formula).parameters)[: len(arguments)]
    # more chips share the same work; a wider head has fewer exponentials an operation; hit experts need active <= experts
    position = data.draw(st.sampled_from([i for i, name in enumerate(names) if name not in {"parts", "experts", "active"}]))
    faster = names[position] in {"flop_rate", "bandwidth", "share"}
    larger = [value * factor if i == position else value for i, value in enumerate(arguments)]
    before, after = formula(*arguments), formula(*larger)
    assert after <= before * ROUNDING if faster else after >= before / ROUNDING


@pytest.mark.parametrize("factor", [0.2, 5])
def test_a_chip_a_fifth_or_five_times_as_fast_is_slower_or_faster_by_no_more_than_that(catalogue: Catalogue, factor: float) -> None:
    constants = constants_of(catalogue, "gemm.bf16", "nvidia-h100-sxm5-80gb")
    rows = np.array([1.0, 16.0, 256.0, 4096.0, 65536.0])

    def time(scale: float) -> Any:
        rates = (scale * 989e12 * constants["compute"], scale * 3.35e12 * constants["memory"])
        return kernels.joined(kernels.gemm(rows, 8192, 8192, 2, 2, *rates, constants["quantise"], constants["launch"]))

    ratio = time(1.0) / time(factor)
    assert np.all((ratio >= min(factor, 1)) & (ratio <= max(factor, 1)))


def test_a_large_product_on_an_h100_runs_at_its_share_of_the_peak(catalogue: Catalogue) -> None:
    # 2 x 16384^3 = 8.796e12 flop at 989.4e12 x share; memory (1.6e9 B, 0.5 ms) adds less than 1 % in the 2-norm, the launch less than that
    chip = platforms(catalogue, "nvidia-h100-sxm5-80gb")
    constants = constants_of(catalogue, "gemm.bf16", chip.chip[0])
    rate = chip.peak[0, PRECISIONS.index("bf16")] * constants["compute"]
    time = kernels.joined(kernels.gemm(16384, 16384, 16384, 2, 2, rate, chip.bandwidth[0] * constants["memory"], constants["quantise"], constants["launch"]))
    assert 2 * 16384**3 / rate == pytest.approx(time, rel=0.01)


# --- the measured kernels ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not TRUTH.is_file(), reason="needs the measured kernels in ../shared/truth/kernels")
def test_products_with_weights_beyond_any_cache_are_met_within_a_tenth_in_the_median(catalogue: Catalogue) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="reading the measured kernels needs pyarrow")
    table = parquet.read_table(TRUTH, filters=[("chip", "=", "h200_sxm"), ("gemm_dtype", "=", "bfloat16")])
    m, n, k, measured = (table[name].to_numpy().astype(float) for name in ("m", "n", "k", "latency_ms"))
    chip = platforms(catalogue, "nvidia-h200-sxm-141gb")
    constants = constants_of(catalogue, "gemm.bf16", chip.chip[0])
    rates = (chip.peak[0, PRECISIONS.index("bf16")] * constants["compute"], chip.bandwidth[0] * constants["memory"])
    predicted = kernels.joined(kernels.gemm(m, k, n, 2, 2, *rates, constants["quantise"], constants["launch"]))
    large = 2 * n * k > 256e6
    assert large.sum() > 100
    assert np.median(np.abs(predicted[large] / (measured[large] / 1e3) - 1)) < 0.1
