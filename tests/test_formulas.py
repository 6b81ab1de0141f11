"""The formulas performance stands on: scalar equals vector, a limit, a monotonicity, and a worked example with its arithmetic each."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from suanli.formulas.attention import attention_flop, mean_causal_context, visible_context
from suanli.formulas.collectives import transfer_time
from suanli.formulas.interval import combined_interval
from suanli.formulas.kernels import collective_time
from suanli.formulas.matmul import matmul_bytes, matmul_flop
from suanli.formulas.memory import sequences_that_fit
from suanli.formulas.moe import experts_hit
from suanli.formulas.roofline import roofline_time

positive = st.floats(1e-3, 1e9)
chips = st.integers(1, 1024)
factors = st.floats(1, 1e3)
#: relative rounding that a monotonicity may not be blamed for
ROUNDING = 1 + 1e-12


# --- scalar equals vector --------------------------------------------------------------------------------------------------------


def _low_of_interval(mid: Any, low: Any, high: Any) -> Any:
    return combined_interval(mid, (low, high), (low * low, high * high))[0]


FORMULAS: list[tuple[Callable[..., Any], list[list[float]]]] = [
    (roofline_time, [[0, 1e9, 2e12], [1e6, 3e9, 1e9], [1e14, 9.89e14, 1e15], [2e11, 3.35e12, 2e12]]),
    (matmul_flop, [[1, 64, 4096], [1000, 8192, 1], [1000, 1280, 7]]),
    (matmul_bytes, [[1, 64, 4096], [1000, 8192, 1], [1000, 1280, 7], [0.5625, 1, 2], [1, 2, 2]]),
    (attention_flop, [[1, 16, 1], [32, 64, 1], [128, 576, 64], [128, 512, 64], [1000, 1, 0]]),
    (visible_context, [[10, 5000, 1e6], [0, 128, 4096], [0, 512, 0], [1, 4, 1]]),
    (mean_causal_context, [[10, 5000, 1e6], [0, 100, 3], [0, 128, 4096], [0, 512, 0], [1, 4, 1]]),
    (experts_hit, [[0, 1, 4096], [8, 128, 256], [2, 4, 8]]),
    (transfer_time, [[0, 1e6, 1e9], [450e9, 25e9, 1e12], [0, 2e-6, 1e-5]]),
    (sequences_that_fit, [[80e9, 141e9, 64e9], [90e9, 70e9, 1e9], [1e9, 3e7, 5e6]]),
    (_low_of_interval, [[1, 10, 0.3], [0.5, 0.9, 1], [2, 1.1, 1]]),
]


@pytest.mark.parametrize(("formula", "columns"), FORMULAS, ids=lambda each: getattr(each, "__name__", ""))
def test_a_vector_gives_what_its_scalars_give(formula: Callable[..., Any], columns: list[list[float]]) -> None:
    vector = formula(*(np.array(column, float) for column in columns))
    scalars = [float(formula(*(float(each) for each in row))) for row in zip(*columns, strict=True)]
    np.testing.assert_array_equal(vector, scalars)
    assert np.all(np.isfinite(vector))


# --- roofline and matmul ---------------------------------------------------------------------------------------------------------


def test_a_product_on_an_h100_is_bound_by_memory_below_its_ridge_and_by_arithmetic_above():
    # H100 SXM5: 989.5 Tflop/s bf16, 3.35 TB/s, ridge 295 flop/byte (Williams et al. 2009, figure 1, with its sheet).
    # One row through 4096 x 4096: 2 * 4096^2 flop = 33.55 M against 2 * 4096^2 bytes = 33.55 MB, intensity 1: 33.55e6 / 3.35e12 = 10.02 us
    assert roofline_time(2 * 4096**2, 2 * 4096**2, 989.5e12, 3.35e12) == pytest.approx(33.554432e6 / 3.35e12)
    # 4096 rows: 2 * 4096^3 = 137.4 Gflop / 989.5 Tflop/s = 138.9 us against 3 * 33.55 MB / 3.35 TB/s = 30 us
    assert roofline_time(2 * 4096**3, 6 * 4096**2, 989.5e12, 3.35e12) == pytest.approx(137.438953472e9 / 989.5e12)


def test_without_work_there_is_no_time_and_with_endless_rate_only_memory_counts():
    assert roofline_time(0.0, 0.0, 1e12, 1e12) == 0
    assert roofline_time(1e12, 5e9, math.inf, 1e12) == 5e9 / 1e12


@given(positive, positive, positive, positive, factors)
def test_more_work_is_never_faster_and_more_rate_never_slower(flop, moved, rate, bandwidth, factor):
    time = roofline_time(flop, moved, rate, bandwidth)
    assert roofline_time(flop * factor, moved, rate, bandwidth) >= time
    assert roofline_time(flop, moved * factor, rate, bandwidth) >= time
    assert roofline_time(flop, moved, rate * factor, bandwidth) <= time
    assert roofline_time(flop, moved, rate, bandwidth * factor) <= time


def test_the_flop_of_a_product_are_counted_as_a_triple_loop_would():
    rows, inner, outer = 3, 4, 5
    counted = sum(2 for _ in itertools.product(range(rows), range(inner), range(outer)))
    assert matmul_flop(rows, inner, outer) == counted == 120


def test_the_bytes_of_a_product_are_its_weights_its_input_and_its_output():
    # 3 x 4 activations in 2 bytes = 24, 4 x 5 weights in 1 byte = 20, 3 x 5 results in 2 bytes = 30
    assert matmul_bytes(3, 4, 5, 1, 2) == 24 + 20 + 30
    assert matmul_bytes(0, 4, 5, 1, 2) == 20  # no rows: the weights alone


@given(chips, chips, chips, chips)
def test_one_row_more_adds_flop_and_bytes(rows, inner, outer, more):
    assert matmul_flop(rows + more, inner, outer) > matmul_flop(rows, inner, outer)
    assert matmul_bytes(rows + more, inner, outer, 1, 2) > matmul_bytes(rows, inner, outer, 1, 2)


# --- attention -------------------------------------------------------------------------------------------------------------------

#: (window, topk, stride): everything, a window, sparse choice, a window with sparse choice, compression, a window with compression, all three
PATTERNS = [(0, 0, 1), (100, 0, 1), (0, 64, 1), (32, 64, 1), (0, 0, 4), (128, 0, 4), (128, 64, 4), (128, 512, 4), (16, 8, 128)]


def test_attention_flop_of_llama_70b_at_a_context_of_1000():
    # one query, 64 heads, 128 + 128 wide, 1000 keys: 2 * 64 * 256 * 1000 = 32.768 Mflop a layer
    assert attention_flop(1, 64, 128, 128, 1000) == 32_768_000


@pytest.mark.parametrize(
    ("context", "pattern", "entries"),
    [
        (1000, (0, 0, 1), 1000),  # everything
        (1000, (128, 0, 1), 128),  # a window
        (100, (128, 0, 1), 100),  # a window that is not full yet
        (10_000, (0, 2048, 1), 2048),  # DeepSeek-V3.2: the 2,048 best
        (10_000, (0, 0, 4), 2500),  # four tokens share an entry
        (10_000, (128, 0, 4), 2628),  # those and a window
        (10_000, (128, 512, 4), 640),  # the 512 best of them and a window
    ],
)
def test_a_query_sees_what_its_pattern_lets_it(context, pattern, entries):
    assert visible_context(context, *pattern) == entries


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from(PATTERNS))
def test_a_longer_context_never_shows_less_and_never_more_than_itself(context, more, pattern):
    assert visible_context(context, *pattern) <= visible_context(context + more, *pattern) <= context + more


@pytest.mark.parametrize("pattern", PATTERNS, ids=str)
@pytest.mark.parametrize(("new", "past"), [(1, 0), (50, 0), (1000, 0), (1000, 37), (200, 5000), (20_000, 0)])
def test_the_mean_context_of_a_prompt_is_the_mean_over_its_queries(new, past, pattern):
    queries = np.arange(past + 1, past + new + 1)  # a token sees itself and all before it
    brute = float(np.mean(visible_context(queries.astype(float), *pattern)))
    # the integral counts half an entry less than the sum where the ramp rises
    assert brute - 1 <= mean_causal_context(float(new), float(past), *pattern) <= brute


def test_a_full_prompt_sees_half_of_itself_in_the_mean():
    assert mean_causal_context(4096.0, 0.0, 0, 0, 1) == 2048
    assert mean_causal_context(4096.0, 1000.0, 0, 0, 1) == 1000 + 2048


@given(st.integers(1, 10**5), st.integers(0, 10**5), st.integers(1, 10**4), st.sampled_from(PATTERNS))
def test_more_cached_tokens_never_lower_the_mean_context(new, past, more, pattern):
    assert mean_causal_context(float(new), float(past), *pattern) <= mean_causal_context(float(new), float(past + more), *pattern) + 1e-6


# --- experts ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tokens", "experts", "active"), [(1, 4, 2), (2, 4, 2), (3, 4, 1), (3, 5, 2), (4, 4, 3), (2, 6, 3)])
def test_experts_hit_is_the_exact_mean_over_every_way_tokens_can_choose(tokens, experts, active):
    ways = list(itertools.product(itertools.combinations(range(experts), active), repeat=tokens))
    exact = sum(len(set().union(*way)) for way in ways) / len(ways)
    assert experts_hit(float(tokens), experts, active) == pytest.approx(exact, rel=1e-12)


def test_deepseek_v3_wakes_63_percent_of_its_experts_with_32_tokens():
    # 256 (1 - (1 - 8/256)^32) = 256 (1 - 0.96875^32) = 256 (1 - 0.36206) = 163.3
    assert experts_hit(32.0, 256, 8) == pytest.approx(163.3, abs=0.05)


def test_no_token_wakes_no_expert_and_many_wake_all():
    assert experts_hit(0.0, 256, 8) == 0
    assert experts_hit(1e6, 256, 8) == pytest.approx(256)
    assert experts_hit(1.0, 8, 8) == pytest.approx(8)  # all are active


@given(st.floats(1, 1e5), factors, st.integers(2, 512), st.integers(1, 512))
def test_more_tokens_never_wake_fewer_experts(tokens, factor, experts, active):
    active = min(active, experts)
    few, many = experts_hit(tokens, experts, active), experts_hit(tokens * factor, experts, active)
    assert active * (1 - 1e-6) <= few <= many * ROUNDING <= experts * ROUNDING**2


# --- collectives -----------------------------------------------------------------------------------------------------------------


def test_an_all_reduce_over_eight_chips_by_hand():
    # 1 GB over 8 chips, 450 GB/s: 2 * 7/8 * 1e9 B are sent in 3.8889 ms; launch 5 us and log2(8) = 3 steps of 2 us more; no ramp
    assert collective_time(2 * 7 / 8 * 1e9, 8, 450e9, 1.0, 2e-6, 0.0, 5e-6) == pytest.approx(3.8889e-3 + 5e-6 + 6e-6, rel=1e-4)


def test_one_chip_exchanges_nothing():
    assert collective_time(0.0, 1, 450e9, 0.8, 2e-6, 1e-6, 5e-6) == 0


def test_a_message_takes_its_latency_and_its_bytes():
    # 25 GB/s, 10 us, 1 MB: 10 us + 40 us
    assert transfer_time(1e6, 25e9, 10e-6) == pytest.approx(50e-6)
    assert transfer_time(0.0, 25e9, 10e-6) == 10e-6


@given(positive, chips, chips, positive, st.floats(0, 1), factors)
def test_more_bytes_or_chips_never_exchange_faster_and_more_bandwidth_never_slower(size, few, more, bandwidth, latency, factor):
    def exchange(size: float, chips: float, bandwidth: float) -> float:
        return collective_time(2 * (1 - 1 / chips) * size, chips, bandwidth, 0.8, latency, latency, latency)

    time = exchange(size, few, bandwidth)
    assert exchange(size * factor, few, bandwidth) * ROUNDING >= time
    assert exchange(size, few + more, bandwidth) * ROUNDING >= time
    assert exchange(size, few, bandwidth * factor) <= time * ROUNDING


# --- memory and intervals --------------------------------------------------------------------------------------------------------


def test_sequences_of_llama_70b_that_fit_on_an_h200():
    # 141 GB, 70.6 GB of fp8 weights, 8,192 tokens of 2 * 80 * 8 * 128 * 1 byte = 163,840 B: 1.342 GB a sequence: 70.4 / 1.342 = 52.45
    assert sequences_that_fit(141e9, 70.6e9, 8192 * 2 * 80 * 8 * 128) == pytest.approx(52.45, abs=0.01)


def test_where_the_weights_fill_the_memory_nothing_fits_and_a_cache_of_nothing_fits_endlessly():
    assert sequences_that_fit(80e9, 80e9, 1e9) == 0
    assert sequences_that_fit(80e9, 99e9, 1e9) == 0
    with np.errstate(divide="ignore"):
        assert sequences_that_fit(np.float64(80e9), 70e9, np.float64(0)) == math.inf


@given(positive, positive, positive, positive)
def test_more_memory_never_fits_fewer(capacity, more, fixed, each):
    assert sequences_that_fit(capacity, fixed, each) <= sequences_that_fit(capacity + more, fixed, each)


def test_two_factors_of_two_make_a_factor_of_two_to_the_root_of_two():
    # ln-half-widths add in squares: exp(sqrt(ln^2 2 + ln^2 2)) = 2^sqrt(2) = 2.665
    low, high = combined_interval(10.0, (0.5, 2.0), (0.5, 2.0))
    assert (low, high) == (pytest.approx(10 / 2 ** math.sqrt(2)), pytest.approx(10 * 2 ** math.sqrt(2)))


def test_a_certain_factor_adds_no_width_and_an_unknown_one_makes_the_interval_unknown():
    assert combined_interval(10.0, (0.5, 2.0), (1.0, 1.0)) == (pytest.approx(5), pytest.approx(20))
    assert all(math.isnan(each) for each in combined_interval(10.0, (0.5, 2.0), (math.nan, math.nan)))


@given(positive, st.floats(0.01, 1), st.floats(1, 100), st.floats(0.01, 1), st.floats(1, 100))
def test_one_more_uncertain_factor_never_narrows_the_interval(mid, low, high, lower, higher):
    one, both = combined_interval(mid, (low, high)), combined_interval(mid, (low, high), (lower, higher))
    assert both[0] <= one[0] * ROUNDING <= mid * ROUNDING**2
    assert mid <= one[1] * ROUNDING <= both[1] * ROUNDING**2
