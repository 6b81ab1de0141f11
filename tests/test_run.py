"""Training runs: the checkpoint formulas against their papers and brute force, the run's parts against arithmetic, published runs."""

from __future__ import annotations

import datetime
import math
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.economics import rent_cost
from suanli.errors import BadInput
from suanli.facts import Catalogue, Tier
from suanli.formulas.reliability import daly_interval, mean_time_between_failures, productive_share, young_interval
from suanli.hardware import load_chips
from suanli.places import filled, load_places
from suanli.planning.prices import hourly_cost, owning, prices_of
from suanli.planning.run import (
    Assumed,
    Clusters,
    Run,
    RunAsk,
    assumed,
    checkpoint_times,
    finish_by,
    load_run_assumptions,
    make_run_ask,
    run,
    run_band,
)

HOUR, DAY = 3600.0, 86400.0
CATALOGUE = Catalogue()
PLACES = load_places(CATALOGUE)
ON = datetime.date(2026, 11, 1)
PARTS = ("startup_time", "productive_time", "evaluation_time", "checkpoint_time", "lost_time")
#: relative rounding that a monotonicity may not be blamed for
ROUNDING = 1e-9


def ask_of(tokens: float = 1e12, place: str = "us", **more: Any) -> RunAsk:
    return make_run_ask(CATALOGUE, filled(PLACES[place], PLACES), tokens, on=ON, **more)


ASK = ask_of()
MIDDLE = assumed(ASK)[1]


def clusters(**more: Any) -> Clusters:
    plain = {"step_time": [[5.0]], "step_tokens": [4e6], "chips": [1024.0], "checkpoint_bytes": [1e9], "power": [1024 * 1275.0], "hourly_cost": [2048.0]}
    return Clusters(**{name: np.array(value, float) for name, value in (plain | more).items()})


# --- formulas --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("formula", "columns"),
    [
        (mean_time_between_failures, [[1, 1024, 16384], [5e-9, 0.0, 2e-8]]),
        (young_interval, [[1.0, 60.0, 600.0], [3600.0, 90.0, math.inf]]),
        (daly_interval, [[1.0, 60.0, 600.0], [3600.0, 90.0, 20.0]]),
        (productive_share, [[300.0, 60.0, 9000.0], [3.0, 20.0, 1.0], [600.0, 0.0, 60.0], [11140.0, math.inf, 900.0]]),
    ],
)
def test_scalar_equals_vector(formula: Any, columns: list[list[float]]) -> None:
    together = formula(*(np.array(each) for each in columns))
    assert [float(each) for each in together] == [float(formula(*row)) for row in zip(*columns, strict=True)]


def test_the_optimum_interval_is_dalys() -> None:
    # Daly 2006, figures 3 to 5: dump 5 min, mean time between failures 24 h, 6 h, 15 min -> 117, 57, 9.1 min
    assert daly_interval(5.0, np.array([24 * 60, 6 * 60, 15.0])) == pytest.approx([117, 57, 9.1], rel=0.01)


def test_a_checkpoint_that_takes_longer_than_twice_the_time_to_fail_is_taken_once_a_failure() -> None:
    assert daly_interval(100.0, np.array([40.0, 50.0])).tolist() == [40.0, 50.0]
    assert float(daly_interval(99.999, 50.0)) == pytest.approx(44.4, abs=0.1)  # just below, the series: 100 (1 + 1/3 + 1/9) - 100


@given(st.floats(0.1, 1e3), st.floats(2, 1e6), st.floats(0, 5))
def test_no_other_interval_keeps_noticeably_more_than_dalys(pause: float, ratio: float, restarts: float) -> None:
    mtbf = pause * ratio
    best = productive_share(daly_interval(pause, mtbf), pause, restarts * pause, mtbf)
    others = productive_share(np.geomspace(pause / 100, 20 * mtbf, 2000), pause, restarts * pause, mtbf)
    assert float(best) >= float(others.max()) * (1 - 2e-3)


@given(st.floats(0.1, 10), st.floats(1e5, 1e9))
def test_where_failures_are_rare_the_losses_add_up(pause: float, mtbf: float) -> None:
    # 1 - d/t - t/2M - R/M, Kokolis et al. 2025 (ETTR); what is left out are products of these
    interval, restart = float(young_interval(pause, mtbf)), 10 * pause
    small = pause / interval + interval / (2 * mtbf) + restart / mtbf
    assert float(productive_share(interval, pause, restart, mtbf)) == pytest.approx(1 - small, abs=2 * small**2)


@given(st.floats(1, 1e4), st.floats(0, 100), st.floats(0, 1e4), st.floats(1, 1e9), st.floats(1, 10))
def test_rarer_failures_shorter_pauses_and_faster_restarts_keep_more(interval: float, pause: float, restart: float, mtbf: float, more: float) -> None:
    share = float(productive_share(interval, pause, restart, mtbf))
    assert 0 <= share <= 1
    assert float(productive_share(interval, pause, restart, mtbf * more)) >= share - ROUNDING
    assert float(productive_share(interval, pause * more, restart, mtbf)) <= share + ROUNDING
    assert float(productive_share(interval, pause, restart * more, mtbf)) <= share + ROUNDING


def test_twice_the_chips_fail_twice_as_often() -> None:
    assert float(mean_time_between_failures(2048, 1e-8)) == float(mean_time_between_failures(1024, 1e-8)) / 2


# --- published failures ----------------------------------------------------------------------------------------------------------


def test_the_assumed_failure_rate_is_llama_3s_and_gives_a_failure_every_three_hours_on_16384_gpus() -> None:
    # 54 days x 24 / 419 unexpected interruptions = 3.093 h
    assert float(mean_time_between_failures(16384, MIDDLE.failure_rate)) / HOUR == pytest.approx(54 * 24 / 419, rel=1e-3)


def test_the_ends_of_the_failure_rate_are_metas_research_cluster_and_opt() -> None:
    fact = load_run_assumptions(CATALOGUE)["failure_rate"]
    assert fact.low * HOUR == pytest.approx(2.34 / (1000 * 8 * 24), rel=0.01)  # RSC-2 per 1,000 node-days of 8
    assert fact.high * HOUR == pytest.approx((35 + 70) / (992 * 61 * 24), rel=0.01)  # two months
    assert fact.low < 6.50 / (1000 * 8 * 24 * HOUR) < fact.high  # RSC-1
    assert fact.low < 1.5 / (400 * 168 * HOUR) < fact.high  # BLOOM: 1 to 2 a week
    assert fact.tier == Tier.DERIVED


def test_metas_projection_of_1_8_hours_follows_from_its_node_rate() -> None:
    # 6.50 failures per 1,000 node-days, 16,384 / 8 = 2,048 nodes: 24 / (2.048 x 6.50) = 1.80 h
    assert float(mean_time_between_failures(2048, 6.50 / 1000 / DAY)) / HOUR == pytest.approx(1.8, abs=0.01)


#: Llama 3.1 405B: 16 B tokens a step of 2^24, 400 TFLOP/s a GPU (arXiv 2407.21783, table 4): 6 x 405e9 x 2^24 / (16,384 x 400e12) = 6.22 s
LLAMA = clusters(
    step_time=[[6 * 405e9 * 2**24 / (16384 * 400e12)]],
    step_tokens=[2.0**24],
    chips=[16384.0],
    checkpoint_bytes=[405e9 * 14 / 16384],
    power=[16384 * 1275.0],
    hourly_cost=[16384 * 2.0],
)


def test_llama_3_keeps_more_than_90_percent_of_its_time() -> None:
    found = run(ask_of(15.6e12), LLAMA, MIDDLE)
    assert 0.90 < found.goodput.item() < 0.95  # "higher than 90 % effective training time"
    # 600 s of restart in 3.09 h = 5.4 %; 3 s every 258 s = 1.2 %; half of it lost a failure 1.2 %; evaluation 1 %
    assert found.goodput.item() == pytest.approx(1 - 0.054 - 0.012 - 0.012 - 0.01, abs=0.005)


def test_llama_3_takes_about_the_gpu_hours_of_its_model_card() -> None:
    # 929,832 steps of 6.22 s = 66.9 days; over the goodput 73 days x 24 x 16,384 = 28.7 M; the card: 30.84 M GPU-hours for 405B
    found = run(ask_of(15.6e12), LLAMA, MIDDLE)
    assert found.steps.item() == math.ceil(15.6e12 / 2**24)
    assert found.chip_hours.item() == pytest.approx(30.84e6, rel=0.1)


def test_bytedances_97_percent_on_9600_gpus_lies_between_the_middle_and_the_favourable_end() -> None:
    favourable, middle, adverse = assumed(ASK)  # arXiv 2509.16293: 97 % effective training time ratio over three months
    job = clusters(chips=[9600.0])
    low, mid, high = (run(ASK, job, each).goodput.item() for each in (adverse, middle, favourable))
    assert low < mid < 0.97 < high


# --- the run ---------------------------------------------------------------------------------------------------------------------


def test_the_parts_of_the_wall_time_add_up_and_none_is_negative() -> None:
    job = clusters(chips=[8.0, 1024.0, 65536.0], step_time=[[50.0, 5.0, 0.2], [60.0, 6.0, 0.3]])
    found = run(ASK, job, MIDDLE)
    parts = [getattr(found, name) for name in PARTS]
    assert sum(parts) == pytest.approx(found.wall_time)
    assert all((part >= 0).all() for part in parts)
    assert {getattr(found, each.name).shape for each in fields(Run)} == {(2, 3)}


def test_without_failures_a_run_is_its_start_its_work_and_one_checkpoint() -> None:
    found = run(ASK, clusters(), replace(MIDDLE, failure_rate=0.0, evaluation_share=0.2))
    # 1e12 / 4e6 = 250,000 steps x 5 s = 1.25e6 s; evaluation 0.2/0.8 of it = 312,500 s; 361 s to start, 3 s to save at the end
    assert found.steps.item() == 250_000
    assert found.productive_time.item() == 1.25e6
    assert found.evaluation_time.item() == pytest.approx(312_500)
    assert found.wall_time.item() == pytest.approx(1.25e6 + 312_500 + 361 + 3)
    assert found.lost_time.item() == pytest.approx(0, abs=1e-6)
    assert found.failures.item() == 0
    assert math.isinf(found.mtbf.item())


def test_a_last_step_that_is_not_full_is_a_step() -> None:
    assert run(ask_of(4e6 + 1), clusters(), MIDDLE).steps.item() == 2


def test_cost_energy_and_carbon_by_hand() -> None:
    ask = replace(ASK, place=replace(ASK.place, pue=1.5, carbon=400.0))
    given = replace(MIDDLE, power_share=0.8)
    price = rent_cost(2.0, 1024).total
    found = run(ask, clusters(hourly_cost=[price], power=[1e6]), given)
    hours = found.wall_time.item() / HOUR
    assert found.chip_hours.item() == pytest.approx(1024 * hours)
    assert found.cost.item() == pytest.approx(2.0 * 1024 * hours)
    assert found.kilowatt_hours.item() == pytest.approx(1000 * 0.8 * 1.5 * hours)  # 1 MW of servers at 80 % under a PUE of 1.5
    assert found.carbon.item() == pytest.approx(found.kilowatt_hours.item() * 0.4)


def test_the_scenario_axis_and_the_clusters_broadcast_and_equal_one_by_one() -> None:
    job = clusters(
        step_time=[[4.0, 0.5], [5.0, 0.6], [7.0, 0.9]],
        step_tokens=[4e6, 8e6],
        chips=[1024.0, 16384.0],
        checkpoint_bytes=[1e9, 1e8],
        power=[1e6, 2e7],
        hourly_cost=[[1e3, 2e4], [2e3, 3e4], [4e3, 5e4]],
    )
    together = run(ASK, job, MIDDLE)
    for s in range(3):
        for k in range(2):
            row = {name: [getattr(job, name)[k]] for name in ("step_tokens", "chips", "checkpoint_bytes", "power")}
            alone = run(ASK, clusters(step_time=[[job.step_time[s, k]]], hourly_cost=[[job.hourly_cost[s, k]]], **row), MIDDLE)
            for each in fields(Run):
                assert getattr(together, each.name)[s, k] == getattr(alone, each.name).item(), each.name


@settings(max_examples=50)
@given(st.sampled_from([each.name for each in fields(Assumed) if each.name != "power_share"]), st.floats(1.0, 3.0), st.integers(8, 100_000))
def test_whatever_is_assumed_for_the_worse_makes_the_run_longer(name: str, more: float, chips: int) -> None:
    job = clusters(chips=[float(chips)])
    worse = getattr(MIDDLE, name) * (1 / more if name == "storage_bandwidth" else more)
    # two thousandths of play: Daly's interval is an approximation of the best one
    assert run(ASK, job, replace(MIDDLE, **{name: worse})).wall_time.item() >= run(ASK, job, MIDDLE).wall_time.item() * (1 - 2e-3)


@given(st.floats(1e9, 1e14), st.floats(1.0, 10.0))
def test_more_tokens_take_longer(tokens: float, more: float) -> None:
    assert run(ask_of(tokens * more), clusters(), MIDDLE).wall_time.item() >= run(ask_of(tokens), clusters(), MIDDLE).wall_time.item()


def test_goodput_falls_with_the_size_of_the_job_at_the_same_step_time() -> None:
    found = run(ASK, clusters(chips=[8.0, 1024.0, 16384.0, 131072.0]), MIDDLE)
    assert (np.diff(found.goodput[0]) < 0).all()


def test_a_job_that_fails_faster_than_it_restarts_hardly_ends() -> None:
    # 1e8 chips: a failure every 1.8 s against 10 min of restart
    found = run(ASK, clusters(chips=[1e8]), MIDDLE)
    assert found.goodput.item() < 1e-100
    assert not finish_by(ask_of(deadline=datetime.date(9999, 1, 1)), found.wall_time).any()


def test_unknown_stays_unknown() -> None:
    found = run(ASK, clusters(step_time=[[math.nan, 5.0]], chips=[1024.0, 1024.0], hourly_cost=[[1.0, math.nan]]), MIDDLE)
    assert np.isnan(found.wall_time[0, 0])
    assert np.isnan(found.cost[0]).all()
    assert np.isfinite(found.wall_time[0, 1])


def test_a_synchronous_checkpoint_stops_training_while_it_is_written() -> None:
    # 1.22 GB a chip at 122 MB/s: 10 s
    assert checkpoint_times(replace(ASK, asynchronous=False), np.array([1.22e9]), MIDDLE) == (pytest.approx([10.0]), pytest.approx([0.0]))
    assert checkpoint_times(ASK, np.array([1.22e9]), MIDDLE) == (pytest.approx([3.0]), pytest.approx([10.0]))
    job = clusters(checkpoint_bytes=[1e10])
    assert run(replace(ASK, asynchronous=False), job, MIDDLE).goodput.item() < run(ASK, job, MIDDLE).goodput.item()


def test_checkpoints_are_not_closer_than_storage_or_steps_allow() -> None:
    slow = run(ASK, clusters(checkpoint_bytes=[122e9]), MIDDLE)  # 1,000 s to write; Young would save every sqrt(2 x 3 x 178,000) = 1,034 s ...
    crowded = run(ASK, clusters(checkpoint_bytes=[122e9], chips=[16384.0]), MIDDLE)  # ... or 258 s
    assert slow.interval.item() == pytest.approx(1034, rel=0.01)
    assert crowded.interval.item() == pytest.approx(1000)
    assert run(ASK, clusters(step_time=[[500.0]], chips=[16384.0]), MIDDLE).interval.item() == 500


def test_a_benchmark_evaluates_more_than_a_pre_training_run() -> None:
    # MLPerf GPT-3: 9.1 % of the working time
    found = run(ASK, clusters(), assumed(ask_of(benchmark=True))[1])
    share = found.evaluation_time / (found.evaluation_time + found.productive_time)
    assert share.item() == pytest.approx(0.091)


# --- intervals -------------------------------------------------------------------------------------------------------------------


def test_the_band_holds_the_run_between_its_ends_and_is_wider_than_that_of_the_step_alone() -> None:
    job = clusters(step_time=[[4.5, 0.45], [5.0, 0.5], [5.5, 0.55]], chips=[1024.0, 16384.0], hourly_cost=[[1e3, 1e4], [2e3, 2e4], [4e3, 4e4]])
    band = run_band(ASK, job)
    mid = run(ASK, clusters(step_time=[[5.0, 0.5]], chips=[1024.0, 16384.0], hourly_cost=[[2e3, 2e4]]), MIDDLE)
    assert band.wall_time[1] == pytest.approx(mid.wall_time[0])
    assert (band.wall_time[0] < 0.9 * band.wall_time[1] * 1.001).all()
    assert (band.wall_time[2] > 1.1 * band.wall_time[1] * 0.999).all()
    assert (band.wall_time[2] / band.wall_time[1])[1] > (band.wall_time[2] / band.wall_time[1])[0]  # the larger job is less sure
    assert (band.cost[2] >= 2 * band.cost[1] * 0.999).all()  # the price alone doubles


def test_the_ends_of_what_is_assumed_are_ordered_from_favourable_to_adverse() -> None:
    walls = [run(ASK, clusters(chips=[16384.0]), each).wall_time.item() for each in assumed(ASK)]
    assert walls == sorted(walls)
    assert all(each.tier <= Tier.ASSUMED and each.low <= each.value <= each.high and each.sources for each in load_run_assumptions(CATALOGUE).values())


# --- which chips, how many -------------------------------------------------------------------------------------------------------


def test_fifteen_trillion_tokens_by_the_first_of_march_take_the_smallest_cluster_that_is_done() -> None:
    ask = ask_of(15e12, start=datetime.date(2026, 12, 1), deadline=datetime.date(2027, 3, 1))  # 31 + 31 + 28 = 90 days
    sizes = np.array([4096.0, 8192.0, 16384.0, 4096.0, 8192.0, 16384.0])
    rate = np.array([300.0, 300.0, 300.0, 130.0, 130.0, 130.0])  # tokens a second and chip
    found = run(ask, clusters(step_time=[4e6 / (rate * sizes)], chips=sizes, checkpoint_bytes=5e12 / sizes, power=sizes * 1275, hourly_cost=sizes * 2), MIDDLE)
    done = finish_by(ask, found.wall_time)
    # 15e12 / (300 x 8,192) = 70.6 days of steps; 4,096 chips take 141; the slower chip: 81.5 days with 16,384 alone, 89 with 0.915 of goodput
    assert done.tolist() == [[False, True, True, False, False, True]]


def test_a_run_ends_before_the_day_of_its_deadline() -> None:
    ask = ask_of(deadline=ON + datetime.timedelta(days=2))
    assert finish_by(ask, np.array([1.9, 2.0, 2.001, math.nan, math.inf]) * DAY).tolist() == [True, True, False, False, False]
    assert not finish_by(ask_of(deadline=ON - datetime.timedelta(days=1)), np.array([1.0])).any()
    assert finish_by(ask_of(), np.array([1e12, math.inf])).tolist() == [True, False]


@pytest.mark.parametrize(("more", "key"), [({"tokens": 0.0}, "--tokens"), ({"tokens": math.inf}, "--tokens"), ({"tokens": math.nan}, "--tokens")])
def test_tokens_are_above_zero(more: dict[str, Any], key: str) -> None:
    with pytest.raises(BadInput, match=key):
        make_run_ask(CATALOGUE, PLACES["us"], **more)


def test_prices_of_a_day_to_come_are_refused() -> None:
    with pytest.raises(BadInput, match="future"):
        make_run_ask(CATALOGUE, PLACES["us"], 1e12, on=datetime.date.today() + datetime.timedelta(days=1))


@pytest.mark.parametrize("acquire", ["rent", "buy"])
def test_a_run_is_priced_by_the_functions_that_price_a_plan(acquire: Any) -> None:
    ask = ask_of(15.6e12, acquire=acquire)
    prices, own = prices_of(CATALOGUE, load_chips(CATALOGUE), ask), owning(CATALOGUE, ask)
    row = prices.rows(["nvidia-h100-sxm5-80gb"])
    power = LLAMA.power * MIDDLE.power_share
    cost = np.stack([hourly_cost(ask, prices, own, row, LLAMA.chips, power, each).total for each in range(3)])
    found = run(ask, replace(LLAMA, hourly_cost=cost), MIDDLE)
    assert (np.diff(found.cost[:, 0]) > 0).all()
    assert (found.cost / found.chip_hours)[1] == pytest.approx(cost[1] / 16384)
