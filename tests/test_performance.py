"""The serving model: memory by arithmetic, replay bit for bit, the speed of light, what may never get faster, and why a row has no answer."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest

from suanli.facts import Catalogue, Tier
from suanli.hardware import Chip, Platforms, load_chips, load_systems, platforms_of, usual_system
from suanli.models import Model, load_models
from suanli.performance.calibration import KNOWLEDGE, Calibration, load_calibration
from suanli.performance.configs import BOUNDS, Configs, Estimate, configs
from suanli.performance.explain import explain
from suanli.performance.fit_in_memory import cache_bytes, weight_bytes
from suanli.performance.precision import SCHEMES, Precisions, load_precisions, precision_code
from suanli.performance.reasons import Reason
from suanli.performance.serving import CHUNK, serve

BF16, FP8, INT8, FP4 = (SCHEMES.index(name) for name in ("bf16", "fp8", "int8", "fp4"))
H100, A100, ASCEND, TPU, MI300X, B200 = (
    "nvidia-h100-sxm5-80gb", "nvidia-a100-sxm4-80gb", "huawei-ascend-910b1", "google-tpu-v6e", "amd-mi300x", "nvidia-b200-sxm-180gb",
)  # fmt: skip
FIVE = (H100, A100, ASCEND, MI300X, B200)
#: what a comparison of two computed times forgives
TOLERANCE = 1 + 1e-9


@dataclass(frozen=True)
class Bench:
    """Platforms with their calibration, and short ways to ask."""

    platforms: Platforms
    calibration: Calibration
    precisions: Precisions

    def ask(self, model: Model, count: int = 1, scenarios: int = 1, **columns: Any) -> Estimate:
        return serve(model, self.platforms, self.calibration, self.precisions, configs(count, **columns), scenarios=scenarios)


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture(scope="module")
def chips(catalogue: Catalogue) -> dict[str, Chip]:
    return load_chips(catalogue)


@pytest.fixture(scope="module")
def models(catalogue: Catalogue) -> dict[str, Model]:
    return load_models(catalogue)


@pytest.fixture(scope="module")
def bench(catalogue: Catalogue, chips: dict[str, Chip]) -> Any:
    systems = load_systems(catalogue)

    def make(*names: str, ideal: bool = False) -> Bench:
        found = [chips[name] for name in names]
        platforms = platforms_of(found, [usual_system(chip, systems.values()) for chip in found], catalogue)
        return Bench(platforms, load_calibration(catalogue, platforms, ideal=ideal), load_precisions(catalogue))

    return make


def same(one: Estimate, other: Estimate) -> bool:
    return all(np.array_equal(getattr(one, each.name), getattr(other, each.name), equal_nan=True) for each in fields(Estimate))


# --- memory ----------------------------------------------------------------------------------------------------------------------


def test_llama_3_1_70b_in_16_bit_is_an_eighth_of_141_gb_on_each_of_eight_chips(bench, models):
    # 70.554 bn parameters x 2 bytes = 141.1 GB; all but the norms are cut eight ways: 17.64 GB
    held = weight_bytes(models["llama-3.1-70b"], bench(H100).precisions, BF16, 8, 1, 1)
    assert float(held) == pytest.approx(141.1e9 / 8, rel=1e-3)
    assert float(weight_bytes(models["llama-3.1-70b"], bench(H100).precisions, BF16, 1, 1, 1)) == pytest.approx(141.1e9, rel=1e-3)


def deepseek_v3_share(tp: int, dp: int) -> float:
    """Bytes of DeepSeek-V3 in 8 bit on a chip of tp x dp, from its config.json: hidden 7,168, 61 layers, 58 of them with experts."""
    experts = 58 * 256 * 3 * 7168 * 2048 / (tp * dp)  # 653.9 GB in all
    shared, dense = 58 * 3 * 7168 * 2048 / tp, 3 * 3 * 7168 * 18432 / tp
    split = 61 * (1536 * 128 * 192 + 512 * 128 * 256 + 128 * 128 * 7168) / tp  # query up, key-value up, output
    whole = 61 * 7168 * (1536 + 512 + 64)  # query down and key-value down, on every chip
    sixteen = 2 * (58 * 7168 * 256 + 2 * 129280 * 7168 / tp + (2 * 61 + 1) * 7168)  # router, embedding and head, norms
    return experts + shared + dense + split + whole + sixteen


@pytest.mark.parametrize(("tp", "dp"), [(8, 1), (1, 8), (2, 4), (4, 8)])
def test_deepseek_v3_in_8_bit_by_its_dimensions(bench, models, tp, dp):
    held = float(weight_bytes(models["deepseek-v3"], bench(H100).precisions, FP8, tp, 1, dp))
    assert held == pytest.approx(deepseek_v3_share(tp, dp), rel=1e-6)


def test_deepseek_v3_in_8_bit_does_not_fit_on_eight_h100_but_on_eight_h200(bench, models):
    # 653.9 / 8 + 17 / 8 + 0.9 + ... = 85.3 GB a chip: more than 80, less than 141
    assert deepseek_v3_share(8, 1) == pytest.approx(85.4e9, rel=5e-3)
    estimate = bench(H100, "nvidia-h200-sxm-141gb").ask(models["deepseek-v3"], 2, platform=[0, 1], scheme=FP8, tp=8, output_length=100)
    assert Reason(int(estimate.why_not[0])) == Reason.WEIGHTS
    assert estimate.why_not[1] == 0


@pytest.mark.parametrize(
    ("name", "context", "element_bytes", "tp", "expected"),
    [
        ("llama-3.1-70b", 1000, 2, 1, 1000 * 2 * 80 * 8 * 128 * 2),  # 327,680 bytes a token
        ("llama-3.1-70b", 1000, 1, 8, 1000 * 2 * 80 * 8 * 128 / 8),
        ("llama-3.1-70b", 1000, 1, 16, 1000 * 2 * 80 * 8 * 128 / 8),  # eight key-value heads cannot be cut further
        ("gpt3-175b", 1000, 2, 8, 4.718592e9 / 8),  # 2 x 96 x 12,288 x 2 bytes = 4.72 MB a token
        ("deepseek-v3", 1000, 1, 8, 1000 * 61 * 576),  # the latent cache is whole on every chip
    ],
)
def test_the_cache_of_one_sequence_by_hand(models, name, context, element_bytes, tp, expected):
    assert float(cache_bytes(models[name], float(context), element_bytes, tp, 1)) == pytest.approx(expected, rel=1e-9)


def test_pipeline_stages_share_weights_and_cache(bench, models):
    model, precisions = models["llama-3.1-70b"], bench(H100).precisions
    # the head (1.05 bn) and the embedding stay on every stage
    both = 2 * 128256 * 8192 * 2
    assert float(weight_bytes(model, precisions, BF16, 1, 4, 1)) == pytest.approx((141.1e9 - both) / 4 + both, rel=1e-3)
    assert float(cache_bytes(model, 1000.0, 2, 1, 4)) == pytest.approx(1000 * 327_680 / 4)


# --- replay ----------------------------------------------------------------------------------------------------------------------

ROWS = 20_000


def sweep(count: int, platforms: int) -> Configs:
    """Random configurations of every kind: fitting and not, aggregated and disaggregated."""
    random = np.random.default_rng(20261123)

    def of(*values: float) -> Any:
        return random.choice(values, count)

    return configs(
        count, platform=random.integers(0, platforms, count), scheme=random.integers(0, len(SCHEMES), count), tp=of(1, 2, 4, 8), pp=of(1, 1, 2),
        dp=of(1, 1, 2, 4, 8), ep=of(1, 1, 8), concurrency=random.uniform(1, 512, count), input_length=random.uniform(0, 9000, count),
        output_length=random.uniform(1, 2000, count), cache_bits=of(8, 16), accepted=of(1, 1, 1.8), replicas=of(1, 2), prefill_replicas=of(0, 0, 1, 3),
        prefill_tp=of(4, 8), prefill_dp=of(1, 8), prefill_ep=of(1, 8),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["llama-3.1-70b", "deepseek-v3", "gpt-oss-120b", "deepseek-v4-flash", "nemotron-h-56b"])
def test_a_row_alone_is_bit_equal_to_the_same_row_in_a_sweep(bench, models, name):
    b, model = bench(*FIVE), models[name]
    rows = sweep(ROWS, len(FIVE))
    whole = serve(model, b.platforms, b.calibration, b.precisions, rows, scenarios=3)
    assert len(whole) == ROWS > 2 * CHUNK
    answered = np.flatnonzero(whole.why_not == 0)
    chosen = [0, 1, CHUNK - 1, CHUNK, ROWS - 1, *answered[:: max(len(answered) // 40, 1)]]
    for row in chosen:
        alone = serve(model, b.platforms, b.calibration, b.precisions, rows.take(np.array([row])), scenarios=3)
        assert same(alone, whole.take(np.array([row]))), row


def test_a_sweep_does_not_depend_on_what_stands_beside_a_row(bench, models):
    b, model, rows = bench(*FIVE), models["deepseek-v3"], sweep(3000, len(FIVE))
    whole = serve(model, b.platforms, b.calibration, b.precisions, rows)
    order = np.random.default_rng(1).permutation(3000)
    assert same(serve(model, b.platforms, b.calibration, b.precisions, rows.take(order)), whole.take(order))


@pytest.mark.parametrize(
    ("name", "layout"),
    [("llama-3.1-70b", {"tp": 4, "scheme": FP8}), ("llama-3.1-70b", {"tp": 2, "pp": 2, "scheme": FP8}), ("deepseek-v3", {"dp": 8, "ep": 8, "scheme": FP8})],
)
def test_the_parts_of_an_explanation_sum_to_the_step_time(bench, models, name, layout):
    b, model = bench("nvidia-h200-sxm-141gb"), models[name]
    row = configs(1, concurrency=64, input_length=1024, output_length=256, cache_bits=8, **layout)
    e = explain(model, b.platforms, b.calibration, b.precisions, row)
    estimate = serve(model, b.platforms, b.calibration, b.precisions, row, scenarios=3)
    assert same(e.estimate, estimate)
    k, arch = b.calibration.at(row.platform, row.engine), model.architecture
    running = estimate.running / (row.dp * row.replicas)
    for part, lines, tokens, times in ((e.decode, e.decode_lines, running / row.pp, 1.0), (e.prefill, e.prefill_lines, row.input_length, k.prompt)):
        operators = sum(line.total for line in lines)
        # small kernels: a fixed time an operator, and 16-bit hidden states read and written a few times a layer at 4.8 TB/s
        between = sum(op.count for op in model.ops) * k.operator_overhead + arch.layers * tokens * k.elementwise * arch.hidden * 2 / 4.8e12
        total = np.maximum(operators + part.communication * k.exposed_communication + between, part.communication) * times
        if lines is e.prefill_lines:  # launched by the host, not replayed
            total = total + (k.eager - 1) * (sum(line.count * line.fixed for line in lines) + sum(op.count for op in model.ops) * k.operator_overhead)
        np.testing.assert_allclose(part.total, total, rtol=1e-12)
        np.testing.assert_allclose(part.compute, sum(line.count * line.flop_time for line in lines), rtol=1e-12)
        np.testing.assert_allclose(part.memory, sum(line.count * line.byte_time for line in lines), rtol=1e-12)
        for line in lines:  # arithmetic and memory overlap in part: fixed + sqrt(3^2 + 4^2) = fixed + 5
            np.testing.assert_allclose(line.total, line.count * (line.fixed + np.hypot(line.flop_time, line.byte_time)), rtol=1e-12)
    step = np.maximum(e.decode.total, k.host_sequence * running) + k.step_overhead + k.sequence_overhead * running
    np.testing.assert_allclose(estimate.step_time, step, rtol=1e-12)
    np.testing.assert_array_equal(estimate.prefill_time, e.prefill.total)


# --- the speed of light ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 8, 16])
def test_an_ideal_step_of_gpt3_in_8_bit_on_eight_a100_is_its_bytes_over_the_bandwidth(bench, models, batch):
    # weights 174 GB + the 16-bit head 1.2 GB + batch x 1,000 tokens x 4.72 MB (16-bit cache), over 8 x 2.039 TB/s; claims of SemiAnalysis, Feb 2023
    moved = 173.9e9 + 50257 * 12288 * 2 + batch * 1000 * 4.718592e6
    estimate = bench(A100, ideal=True).ask(models["gpt3-175b"], scheme=INT8, tp=8, concurrency=batch, input_length=0, output_length=2000, cache_bits=16)
    assert estimate.tpot[0, 0] == pytest.approx(moved / (8 * 2.039e12), rel=0.01)
    assert BOUNDS[estimate.bound_by[0]] == "memory"


def test_the_largest_ideal_batch_of_gpt3_on_eight_a100_is_98_sequences_at_39_7_milliseconds(bench, models):
    # (640 GB - 176 GB) / 4.72 GB = 98.3. Beside weights and cache the products read and write activations, 2 bytes each, on every chip a
    # layer and token: qkv 12,288 + 36,864/8, output 12,288/8 + 12,288, up 12,288 + 49,152/8, down 49,152/8 + 12,288 = 67,584 elements
    activations = 98 * 96 * 67_584 * 2
    moved = (173.9e9 + 1.235e9 + 98 * 4.718592e9) / 8 + activations
    estimate = bench(A100, ideal=True).ask(models["gpt3-175b"], scheme=INT8, tp=8, concurrency=98, output_length=2000, cache_bits=16)
    assert estimate.fits[0] == pytest.approx(98.3, abs=0.2)
    assert estimate.tpot[0, 0] == pytest.approx(moved / 2.039e12, rel=2e-3)
    assert estimate.tpot[0, 0] == pytest.approx(39.7e-3, rel=2e-3)


def test_an_ideal_prompt_of_llama_70b_takes_its_operations_at_the_peak_rate(bench, models):
    # 2 x 69.5 bn (all but embedding and head) x 4,096 tokens + attention 80 x 2 x 64 x 256 x 4,096^2/2, over 8 x 989.5 Tflop/s
    flop = 2 * 69.5e9 * 4096 + 80 * 2 * 64 * 256 * 4096**2 / 2
    estimate = bench(H100, ideal=True).ask(models["llama-3.1-70b"], tp=8, input_length=4096, output_length=2)
    assert estimate.prefill_time[0] == pytest.approx(flop / (8 * 989.5e12), rel=0.02)


def test_the_calibrated_model_is_never_faster_than_light(bench, models):
    for name in ("llama-3.1-70b", "deepseek-v3"):
        rows = sweep(4000, len(FIVE))
        real, light = (serve(models[name], b.platforms, b.calibration, b.precisions, rows) for b in (bench(*FIVE), bench(*FIVE, ideal=True)))
        both = (real.why_not == 0) & (light.why_not == 0) & (rows.concurrency < real.fits) & (rows.prefill_replicas == 0)
        assert both.sum() > 100
        assert np.all(light.tpot[0, both] <= real.tpot[0, both] * TOLERANCE)
        assert np.all(light.ttft[0, both] <= real.ttft[0, both] * TOLERANCE)


# --- what may never get faster, or slower ----------------------------------------------------------------------------------------

#: models of every family: dense, latent with experts, windowed with experts, compressed, hybrid
KINDS = ("llama-3.1-8b", "llama-3.1-70b", "deepseek-v3", "gpt-oss-120b", "deepseek-v4-flash", "nemotron-h-56b", "qwen3-235b-a22b")


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("ideal", [False, True])
def test_more_bandwidth_or_arithmetic_is_never_slower(bench, models, name, ideal):
    b, rows = bench(*FIVE, ideal=ideal), sweep(2000, len(FIVE))
    before = serve(models[name], b.platforms, b.calibration, b.precisions, rows)
    for better in ({"bandwidth": b.platforms.bandwidth * 2}, {"peak": b.platforms.peak * 2}, {"link": b.platforms.link * 2, "fabric": b.platforms.fabric * 2}):
        after = serve(models[name], replace(b.platforms, **better), b.calibration, b.precisions, rows)
        known = before.why_not == 0
        assert np.all(after.tpot[0, known] <= before.tpot[0, known] * TOLERANCE)
        # how long prompts queue at separate prefill workers is fitted: a faster decode side may let them wait longer than it gains
        together = known & (rows.prefill_replicas == 0)
        assert np.all(after.tokens_rate[0, together] * TOLERANCE >= before.tokens_rate[0, together])


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("ideal", [False, True])
def test_more_clients_never_lower_the_rate_while_they_fit_and_never_speed_up_a_token(bench, models, name, ideal):
    b = bench("nvidia-h200-sxm-141gb", ideal=ideal)
    loads = np.arange(1.0, 400.0)
    for output in (2.0, 100.0, 1000.0):
        e = b.ask(models[name], len(loads), scheme=FP8, tp=8, concurrency=loads, input_length=1000, output_length=output, cache_bits=8)
        fit = loads <= e.fits
        assert fit.sum() > 50
        rate, tpot, ttft = e.tokens_rate[0, fit], e.tpot[0, fit], e.ttft[0, fit]
        assert np.all(rate[1:] * (1 + 1e-6) >= rate[:-1])
        assert np.all(tpot[1:] * TOLERANCE >= tpot[:-1])
        assert np.all(ttft[1:] * TOLERANCE >= ttft[:-1])


def test_more_clients_never_lower_the_rate_of_separate_prefill_workers(bench, models):
    loads = 2.0 ** np.arange(12)
    split = {"tp": 8, "prefill_replicas": 1, "prefill_tp": 8, "scheme": FP8, "cache_bits": 8, "input_length": 8000, "output_length": 200}
    e = bench("nvidia-h200-sxm-141gb").ask(models["llama-3.1-70b"], len(loads), concurrency=loads, **split)
    assert np.all(e.why_not == 0)
    rate = e.tokens_rate[0, loads <= e.fits]
    assert len(rate) > 8
    assert np.all(rate[1:] * TOLERANCE >= rate[:-1])
    # one prefill worker ends a prompt every prefill time, in pieces of 8,192 tokens little less: 200 tokens each
    assert rate[-1] < 200 / e.prefill_time[0] * 1.05


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("ideal", [False, True])
def test_a_longer_prompt_is_never_faster(bench, models, name, ideal):
    b = bench("nvidia-h200-sxm-141gb", ideal=ideal)
    lengths = np.unique(np.geomspace(1, 100_000, 300).round())
    e = b.ask(models[name], len(lengths), scheme=FP8, tp=8, concurrency=4, input_length=lengths, output_length=200, cache_bits=8)
    known = e.why_not == 0
    assert known.sum() > 100
    for times in (e.tpot[0, known], e.ttft[0, known], e.prefill_time[known]):
        assert np.all(times[1:] * TOLERANCE >= times[:-1])


@pytest.mark.parametrize("name", ["llama-3.1-70b", "deepseek-v3", "gpt-oss-120b", "qwen3-235b-a22b"])
def test_with_perfect_links_more_tensor_parallel_chips_are_never_slower(bench, models, name):
    b = bench("nvidia-b300-sxm-288gb", ideal=True)
    perfect = replace(b.platforms, link=np.array([np.inf]), fabric=np.array([np.inf]))
    widths = np.array([1.0, 2, 4, 8, 16])
    for load, length in ((1, 100), (32, 4000)):
        rows = configs(5, scheme=FP4, tp=widths, concurrency=load, input_length=length, output_length=100, cache_bits=8)
        e = serve(models[name], perfect, b.calibration, b.precisions, rows)
        tpot, ttft = e.tpot[0, e.why_not == 0], e.ttft[0, e.why_not == 0]
        assert len(tpot) >= 3
        assert np.all(tpot[1:] <= tpot[:-1] * TOLERANCE)
        assert np.all(ttft[1:] <= ttft[:-1] * TOLERANCE)


def test_narrower_weights_are_never_slower_where_the_chip_has_the_units(bench, models):
    for name in ("llama-3.1-70b", "deepseek-v3"):
        columns = {"tp": 8, "dp": 2, "concurrency": 16, "input_length": 1000, "output_length": 100, "cache_bits": 8}
        e = bench(B200, ideal=True).ask(models[name], 3, scheme=[BF16, FP8, FP4], **columns)
        tpot = e.tpot[0][e.why_not == 0]
        assert np.all(tpot[1:] <= tpot[:-1] * TOLERANCE)


# --- load beyond the cache -------------------------------------------------------------------------------------------------------


def test_clients_beyond_the_cache_wait_instead_of_failing(bench, models):
    b = bench(H100)
    loads = np.array([8.0, 64, 256, 1024, 4096])
    e = b.ask(models["llama-3.1-70b"], 5, scheme=FP8, tp=2, concurrency=loads, input_length=4000, output_length=500, cache_bits=8)
    # 2 x 80 GB x 0.97 - 72 GB leave about 83 GB for 4,250 tokens x 163,840 bytes = 0.696 GB: about 120 sequences
    assert np.all(e.why_not == 0)
    assert np.all(e.fits == e.fits[0])
    assert 100 < e.fits[0] < 140
    np.testing.assert_array_equal(e.running, np.minimum(loads, e.fits[0]))
    queued = loads > e.fits
    assert list(queued) == [False, False, True, True, True]
    assert np.all(np.diff(e.ttft[0]) > 0)
    # the places are full: the same tokens per second, the same time per token, and TTFT grows by about a whole service time a full cache
    assert e.tpot[0, 2] == e.tpot[0, 3] == e.tpot[0, 4]
    assert e.tokens_rate[0, 4] == pytest.approx(e.tokens_rate[0, 3], rel=0.1)
    assert (e.ttft[0, 4] - e.ttft[0, 3]) * e.tokens_rate[0, 4] == pytest.approx((4096 - 1024) * 500, rel=0.1)
    assert {BOUNDS[each] for each in e.bound_by[queued]} == {"queue"}


def test_clients_times_tokens_is_the_rate_times_the_time_each_takes(bench, models):
    """Little's law: concurrency = requests per second x seconds per request."""
    rows = sweep(2000, len(FIVE))
    b = bench(*FIVE)
    e = serve(models["llama-3.1-70b"], b.platforms, b.calibration, b.precisions, rows)
    known = e.why_not == 0
    seconds = e.ttft[0] + e.tpot[0] * np.maximum(rows.output_length - 1, 0)
    np.testing.assert_allclose((e.tokens_rate[0] / rows.output_length * seconds)[known], rows.concurrency[known], rtol=1e-12)
    np.testing.assert_allclose((e.tokens_rate_per_chip[0] * rows.chips)[known], e.tokens_rate[0, known], rtol=1e-12)


def test_accepted_tokens_shorten_the_time_per_token_by_as_much(bench, models):
    ask = {"scheme": FP8, "tp": 4, "input_length": 1000, "output_length": 500, "accepted": [1.0, 2.0], "cache_bits": 8}
    alone = bench(H100).ask(models["llama-3.1-70b"], 2, concurrency=1, **ask)
    assert alone.tpot[0, 1] == alone.tpot[0, 0] / 2
    # the prompts of others are computed whole, whatever is accepted
    beside = bench(H100).ask(models["llama-3.1-70b"], 2, concurrency=16, **ask)
    assert beside.tpot[0, 0] / 2 < beside.tpot[0, 1] < beside.tpot[0, 0]


# --- why not ---------------------------------------------------------------------------------------------------------------------

#: reason -> chip, model, columns of a configuration that has this reason and no other
IMPOSSIBLE = {
    Reason.UNKNOWN_FACTS: ("huawei-ascend-910d", "llama-3.1-8b", {}),
    Reason.WEIGHTS: (H100, "llama-3.1-405b", {"tp": 8}),  # 812 GB / 8 = 101 GB
    # 141.1 GB / 2 = 70.6 GB on a chip leave 7 GB, 100,000 tokens x 163,840 bytes are 16 GB
    Reason.CACHE: (H100, "llama-3.1-70b", {"tp": 2, "input_length": 100_000}),
    Reason.HEADS: (H100, "llama-3.1-8b", {"tp": 3}),  # 32 heads
    Reason.LAYERS: (H100, "llama-3.1-8b", {"pp": 33}),  # 32 layers
    Reason.EXPERTS: (H100, "deepseek-v2-lite", {"ep": 2}),  # two groups on one chip
    Reason.CONTEXT: (H100, "llama-3.1-8b", {"input_length": 131_072, "output_length": 1}),  # 131,072 in all
}


@pytest.mark.parametrize("reason", IMPOSSIBLE, ids=lambda reason: reason.name.lower())
def test_each_reason_is_given_for_its_case_alone_and_no_number_with_it(bench, models, reason):
    chip, model, columns = IMPOSSIBLE[reason]
    e = bench(chip).ask(models[model], scenarios=3, **{"input_length": 100, "output_length": 100, **columns})
    assert Reason(int(e.why_not[0])) == reason
    for values in (e.ttft, e.tpot, e.tokens_rate, e.tokens_rate_per_chip, e.power):
        assert np.all(np.isnan(values))


def test_every_chip_of_the_catalogue_gets_a_number_or_a_reason_and_unknown_facts_never_a_number(bench, chips, models):
    b = bench(*chips)
    e = b.ask(models["llama-3.1-8b"], len(chips), scenarios=3, platform=np.arange(len(chips)), scheme=BF16, concurrency=1, input_length=100, output_length=100)
    for row, chip in enumerate(chips.values()):
        sixteen = {"bf16", "fp16"} & set(chip.peaks)
        unknown = not sixteen or np.isnan(chip.memory_capacity) or np.isnan(chip.memory_bandwidth)
        assert bool(e.why_not[row] & Reason.UNKNOWN_FACTS) == unknown, chip.id
        assert np.isfinite(e.tpot[:, row]).all() == (e.why_not[row] == 0), chip.id
        if e.why_not[row] == 0:
            assert 0 < e.ttft[1, row] < 3600, chip.id
            assert 0 < e.tpot[1, row] < 100, chip.id


def test_one_sequence_must_fit_on_every_attention_rank_not_on_all_together(bench, models):
    """A sequence lives on one rank: eight ranks with room for a fifth of it each hold none."""
    b = bench(H100)
    # 16 bit, 8 ranks: dense weights whole on each rank
    columns = {"dp": 8, "ep": 8, "scheme": BF16, "input_length": 30_000, "output_length": 100, "concurrency": 8}
    capacity = float(weight_bytes(models["deepseek-v2-lite"], b.precisions, BF16, 1, 1, 8)) / 0.97 + 0.3 * 30_050 * 27 * 576 * 2
    small = replace(b.platforms, capacity=np.array([capacity]))
    e = serve(models["deepseek-v2-lite"], small, b.calibration, b.precisions, configs(1, **columns))
    assert Reason(int(e.why_not[0])) == Reason.CACHE


def test_the_weights_must_fit_on_a_prefill_worker_too(bench, models):
    split = {"tp": 8, "scheme": BF16, "prefill_replicas": 1, "input_length": 100, "output_length": 100}
    e = bench(H100).ask(models["llama-3.1-70b"], 2, prefill_tp=[1, 8], **split)  # 141 GB on one chip of 80 GB; on eight
    assert Reason(int(e.why_not[0])) == Reason.WEIGHTS
    assert e.why_not[1] == 0


# --- how sure --------------------------------------------------------------------------------------------------------------------


def test_three_scenarios_are_ordered_and_the_middle_one_is_the_point(bench, models):
    b, rows = bench(*FIVE), sweep(3000, len(FIVE))
    point, three = (serve(models["llama-3.1-70b"], b.platforms, b.calibration, b.precisions, rows, scenarios=s) for s in (1, 3))
    known = point.why_not == 0
    assert known.sum() > 300
    for name in ("ttft", "tpot", "tokens_rate", "tokens_rate_per_chip", "power"):
        one, low, mid, high = (values[..., known] for values in (getattr(point, name)[0], *getattr(three, name)))
        np.testing.assert_array_equal(one, mid)
        assert np.all(low <= mid)
        assert np.all(mid <= high)


def width(estimate: Estimate, name: str, row: int) -> float:
    low, _, high = getattr(estimate, name)[:, row]
    return float(np.log(high / low))


def test_a_chip_known_by_its_sheet_only_has_a_wider_interval_than_a_measured_one_and_a_worse_tier(bench, models):
    b = bench(H100, ASCEND, A100)
    assert [KNOWLEDGE[each] for each in b.calibration.knowledge] == ["family", "sheet", "class"]
    e = b.ask(models["llama-3.1-8b"], 3, scenarios=3, platform=[0, 1, 2], concurrency=8, input_length=1000, output_length=500)
    for name in ("ttft", "tpot", "tokens_rate"):
        assert width(e, name, 1) > width(e, name, 0)
        assert width(e, name, 1) > width(e, name, 2)
    assert e.tier[0] <= Tier.DERIVED < Tier.ESTIMATED <= e.tier[1]


def test_intervals_hold_the_point_and_those_of_everything_better_known(bench):
    bands = bench(H100).calibration.quantiles  # (knowledge, shape, figure, 2)
    assert np.all(bands[..., 0] < 0)
    assert np.all(bands[..., 1] > 0)
    known = [KNOWLEDGE.index(name) for name in ("measured", "family", "class", "sheet")]
    for better, worse in itertools.pairwise(known):
        assert np.all(bands[worse, ..., 0] <= bands[better, ..., 0])
        assert np.all(bands[worse, ..., 1] >= bands[better, ..., 1])


def test_a_row_is_known_best_where_its_model_was_measured_on_its_chip_at_its_precision(bench):
    c = bench(H100, ASCEND).calibration
    old = c.engine_code("vllm 0.4", "2024-06-01")

    def level(model, platform=0, scheme=0, engine=0, apart=False):
        at = np.array([platform]), np.array([engine])
        measured = ~np.isnan(c.deployed(model, *at, np.array([scheme]), np.array([apart]))[:, 0])
        return KNOWLEDGE[c.level(*at, measured)[0]]

    assert level("llama-3.1-8b") == "measured"  # 177 rows on H100, precision not stated: that of the checkpoint, 16 bit
    assert level("llama-3.1-8b", scheme=FP8) == level("llama-3.1-8b", apart=True) == level("gpt3-175b") == "family"
    assert level("llama-3.1-8b", platform=1) == "sheet"
    assert level("llama-3.1-8b", engine=old) == "era"


def test_a_version_of_an_engine_that_was_not_measured_goes_by_its_engine_and_an_unknown_engine_by_all_together(bench):
    c = bench(H100).calibration
    at = np.zeros(4, np.int64), np.array([c.engine_code(name) for name in ("trtllm 1.0.0rc3", "trtllm", "trtllm 99", "lmdeploy")])
    factors = c.deployed("llama-3.1-8b", *at, np.zeros(4, np.int64), np.zeros(4, bool))
    np.testing.assert_array_equal(factors[1], factors[2])
    assert np.all(np.isfinite(factors))


def test_an_engine_is_found_by_version_name_or_date(bench):
    c = bench(H100).calibration
    names = [c.engines[c.engine_code(*each)] for each in (("vLLM 0.12.0",), ("vllm 9.9",), ("TensorRT-LLM (PyTorch)",), ("lmdeploy",), ("",))]
    assert names == ["vllm 0.12.0", "vllm", "trtllm", "", ""]
    assert [c.engines[c.engine_code(name, "2024")] for name in ("vllm 0.4", "lmdeploy", "")] == ["vllm 2024", "any 2024", "any 2024"]


def test_engines_of_2024_are_slower_than_those_of_2026_on_the_same_chip(bench, models):
    b = bench(H100)
    codes = [b.calibration.engine_code("vllm", on) for on in ("2024-06-01", "2026-03-01")]
    e = b.ask(models["llama-3.1-8b"], 2, engine=codes, concurrency=16, input_length=1000, output_length=500)
    assert e.tpot[0, 0] > e.tpot[0, 1]


def test_a_gpu_of_a_vendor_of_whom_nothing_was_measured_is_known_by_its_sheet_only(bench):
    c = bench(A100, "amd-mi300x", "iluvatar-bi-v150", "huawei-ascend-910c").calibration
    assert [KNOWLEDGE[each] for each in c.knowledge] == ["class", "class", "sheet", "sheet"]


def test_ideal_has_no_interval(bench, models):
    e = bench(ASCEND, ideal=True).ask(models["llama-3.1-8b"], scenarios=3, concurrency=8, input_length=1000, output_length=500)
    assert e.tpot[0, 0] == e.tpot[1, 0] == e.tpot[2, 0]


@pytest.mark.parametrize(("said", "scheme"), [("BF16", "bf16"), ("fp16", "bf16"), ("W8A8", "int8"), ("nvfp4", "fp4"), ("w4a16", "int4"), (" fp8 ", "fp8")])
def test_a_precision_is_understood_as_people_write_it(said, scheme):
    assert SCHEMES[precision_code(said)] == scheme


# --- work is conserved -------------------------------------------------------------------------------------------------------------


def test_prompts_of_others_are_felt_before_the_first_token_or_between_tokens_and_never_in_both(bench, models):
    """Requests of equal length come in waves and wait longer for the first token; what they wait there is gone from the time per token."""
    e = bench(H100).ask(models["gemma-3-27b"], 2, equal_lengths=[0, 1], concurrency=8, input_length=2000, output_length=101)
    whole = e.ttft[0] - e.waiting + 100 * e.tpot[0]
    assert e.ttft[0, 1] > e.ttft[0, 0]
    assert e.tpot[0, 1] < e.tpot[0, 0]
    assert whole[1] == pytest.approx(whole[0], rel=1e-9)


@pytest.mark.parametrize("engine", ["", "trtllm", "vllm", "sglang", "vllm 2024"])
def test_more_clients_than_places_wait_and_are_served_no_faster(bench, models, engine):
    """b places, N clients: each waits (N/b - 1) whole times, so N / (whole N/b) = b / whole requests a second whatever N is."""
    b = bench(H100)
    code = b.calibration.engine_code(engine)
    fits = b.ask(models["llama-3.1-8b"], engine=code, input_length=4000, output_length=500).fits[0]
    e = b.ask(models["llama-3.1-8b"], 3, engine=code, concurrency=fits * np.array([1, 2, 8]), input_length=4000, output_length=500)
    assert e.tokens_rate[0] == pytest.approx(e.tokens_rate[0, 0], rel=0.02)
    assert e.ttft[0, 2] > 3 * e.ttft[0, 1] > 3 * e.ttft[0, 0]


def test_a_batch_limit_makes_the_rest_wait(bench, models):
    """36 clients for 32 places wait 4/32 of a request's whole time."""
    ask = {"tp": 8, "scheme": FP8, "cache_bits": 8, "concurrency": 36, "input_length": 1000, "output_length": 1000}
    e = bench("nvidia-h200-sxm-141gb").ask(models["llama-3.1-70b"], 2, batch_limit=[32, np.inf], **ask)
    assert e.running.tolist() == [32, 36]
    whole = e.ttft[0, 0] - e.waiting[0] + 999 * e.tpot[0, 0]
    assert e.waiting[0] == pytest.approx(whole * 4 / 32, rel=0.02)
    assert e.waiting[1] < whole * 0.01


def test_the_explanation_says_by_what_measured_times_differ_from_the_arithmetic(bench, models):
    """One client: no other prompts, so the time per token is the step times the factor of what was measured of Llama-3.1-8B on H100."""
    b = bench(H100)
    e = explain(models["llama-3.1-8b"], b.platforms, b.calibration, b.precisions, configs(1, concurrency=1, input_length=1000, output_length=500))
    assert e.slower_tpot != 1
    assert e.estimate.tpot[1, 0] == pytest.approx(e.estimate.step_time[0] * e.slower_tpot)
