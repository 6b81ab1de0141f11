"""Queueing formulas against recursion, tables, brute force and their own limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suanli.formulas.queueing import (
    closed_loop_bounds,
    closed_loop_throughput,
    erlang_b,
    erlang_c,
    mean_value_analysis,
    mgc_wait,
    mmc_wait,
    servers_for_wait,
    wait_percentile,
)


def recursion(servers: int, load: float) -> float:
    """Erlang B the textbook way, one server at a time."""
    lost = 1.0
    for k in range(1, servers + 1):
        lost = load * lost / (k + load * lost)
    return lost


@given(st.integers(0, 400), st.floats(0.001, 500))
@settings(max_examples=200)
def test_erlang_b_equals_the_scalar_recursion(servers: int, load: float):
    assert float(erlang_b(servers, load)) == pytest.approx(recursion(servers, load), rel=1e-8, abs=1e-300)


def test_erlang_b_does_not_overflow_at_a_hundred_thousand_servers():
    assert float(erlang_b(100_000, 99_900.0)) == pytest.approx(recursion(100_000, 99_900.0), rel=1e-8)


@pytest.mark.parametrize(
    ("servers", "load", "blocked"),
    # the usual Erlang B tables: traffic offered for a given number of lines at 1 % and 2 % loss
    [(10, 4.461, 0.01), (20, 12.03, 0.01), (50, 37.90, 0.01), (100, 84.06, 0.01), (10, 5.084, 0.02), (30, 21.93, 0.02)],
)
def test_erlang_b_agrees_with_published_tables(servers: int, load: float, blocked: float):
    assert float(erlang_b(servers, load)) == pytest.approx(blocked, rel=2e-3)


@pytest.mark.parametrize(
    ("servers", "load", "waits"),
    [
        (1, 0.8, 0.8),  # one server: the share of time it is busy
        (2, 1.0, 1 / 3),  # a^2/2 x 2 = 1; 1 / (1 + 1 + 1)
        (2, 1.5, 9 / 14),  # a^2/2 x 4 = 4.5; 4.5 / (1 + 1.5 + 4.5)
        (3, 2.0, 4 / 9),  # a^3/6 x 3 = 4; 4 / (1 + 2 + 2 + 4)
        (5, 4.0, 0.554113),  # 4^5/120 x 5 = 42.667; 42.667 / (1 + 4 + 8 + 10.667 + 10.667 + 42.667)
    ],
)
def test_erlang_c_agrees_with_hand_calculation(servers: int, load: float, waits: float):
    assert float(erlang_c(servers, load)) == pytest.approx(waits, abs=1e-6)


@given(st.lists(st.tuples(st.integers(1, 200), st.floats(0, 250)), min_size=1, max_size=20))
def test_an_array_gives_what_each_number_gives(pairs: list[tuple[int, float]]):
    servers, load = (np.array(each) for each in zip(*pairs, strict=True))
    assert erlang_c(servers, load).tolist() == pytest.approx([float(erlang_c(c, a)) for c, a in pairs], rel=1e-12)
    together = servers_for_wait(load, 1.0, 1.0, 0.5, 0.95)
    assert together.tolist() == [float(servers_for_wait(a, 1.0, 1.0, 0.5, 0.95)) for a in load]


@given(st.integers(1, 100), st.floats(0.01, 0.98))
def test_waiting_falls_with_servers_and_rises_with_load(servers: int, rho: float):
    load = servers * rho
    assert float(mmc_wait(load, 1.0, servers + 1)) <= float(mmc_wait(load, 1.0, servers))
    assert float(erlang_c(servers, load)) <= float(erlang_c(servers, load * 1.01)) + 1e-12


def test_an_overloaded_queue_waits_for_ever_and_an_unknown_load_is_unknown():
    assert float(mmc_wait(2.0, 1.0, 2)) == math.inf
    assert float(erlang_c(2, 3.0)) == 1
    assert float(wait_percentile(3.0, 1.0, 2, 0.5)) == math.inf
    assert math.isnan(erlang_c(2, math.nan))
    assert math.isnan(mmc_wait(math.nan, 1.0, 2))
    assert math.isnan(wait_percentile(math.nan, 1.0, 2, 0.5))
    assert math.isnan(servers_for_wait(math.nan, 1.0, 1.0, 1.0, 0.5))


def test_an_idle_queue_does_not_wait():
    assert float(mmc_wait(0.0, 1.0, 1)) == 0
    assert float(wait_percentile(0.0, 1.0, 1, 0.99)) == 0
    assert float(servers_for_wait(0.0, 1.0, 1.0, 0.0, 0.99)) == 1


@given(st.floats(0.01, 0.99), st.floats(0, 10))
def test_one_server_agrees_with_pollaczek_and_khinchine(rho: float, scv: float):
    assert float(mgc_wait(rho, 1.0, 1, scv)) == pytest.approx(rho * (1 + scv) / (2 * (1 - rho)))


def test_the_wait_percentile_of_one_server_is_the_known_one():
    # M/M/1: P(W > t) = rho exp(-(1 - rho) t); at rho = 0.8 and 95 %: ln(0.8/0.05)/0.2
    assert float(wait_percentile(0.8, 1.0, 1, 0.95)) == pytest.approx(math.log(16) / 0.2)


def test_the_mean_wait_is_the_integral_of_its_percentiles():
    p = (np.arange(200_000) + 0.5) / 200_000
    assert wait_percentile(7.0, 1.0, 8, p).mean() == pytest.approx(float(mmc_wait(7.0, 1.0, 8)), rel=1e-3)


@given(st.floats(0.1, 300), st.floats(0.1, 10), st.floats(0, 4), st.floats(0, 5), st.floats(0.5, 0.999))
def test_servers_for_wait_is_the_least_number_that_is_enough(rate: float, service: float, scv: float, target: float, percentile: float):
    servers = float(servers_for_wait(rate, service, scv, target, percentile))
    slack = 1 + 1e-9
    assert float(wait_percentile(rate, service, servers, percentile, scv)) <= target * slack
    if servers > max(1.0, math.floor(rate * service) + 1):
        assert float(wait_percentile(rate, service, servers - 1, percentile, scv)) * slack > target


def test_a_certain_limit_on_every_wait_has_no_answer():
    assert math.isnan(servers_for_wait(1.0, 1.0, 1.0, 1.0, 1.0))


def test_mean_value_analysis_of_balanced_stations_is_the_textbook_value():
    # K equal stations, no thinking: X = N / (D (N + K - 1)), Lazowska et al. 1984, balanced job bounds are exact
    throughput, response = mean_value_analysis(np.arange(1, 11), np.full(3, 2.0))
    n = np.arange(1, 11)
    assert throughput == pytest.approx(n / (2.0 * (n + 2)))
    assert response == pytest.approx(n / throughput)


@given(st.integers(1, 40), st.floats(0.01, 10), st.floats(0, 50))
def test_both_exact_methods_agree_on_one_server(clients: int, service: float, think: float):
    one, _ = mean_value_analysis(clients, np.array([service]), think)
    other, _ = closed_loop_throughput(clients, service, 1, think)
    assert float(one) == pytest.approx(float(other), rel=1e-6)


def birth_death(clients: int, service: float, servers: int, think: float) -> float:
    """The machine-repair model by solving its balance equations as they stand."""
    rates = np.zeros((clients + 1, clients + 1))
    for j in range(clients):
        rates[j, j + 1] = (clients - j) / think
        rates[j + 1, j] = min(j + 1, servers) / service
    balance = rates - np.diag(rates.sum(1))
    system = np.vstack([balance.T, np.ones(clients + 1)])
    state = np.linalg.lstsq(system, np.append(np.zeros(clients + 1), 1), rcond=None)[0]
    return float(state @ np.minimum(np.arange(clients + 1), servers) / service)


@given(st.integers(1, 12), st.floats(0.1, 5), st.integers(1, 6), st.floats(0.1, 20))
@settings(max_examples=50)
def test_a_closed_loop_of_many_servers_equals_its_balance_equations(clients: int, service: float, servers: int, think: float):
    throughput, _ = closed_loop_throughput(clients, service, servers, think)
    assert float(throughput) == pytest.approx(birth_death(clients, service, servers, think), rel=1e-6)


@given(st.integers(1, 200), st.floats(0.01, 10), st.integers(1, 64), st.floats(0, 100))
def test_a_closed_loop_stays_inside_its_bounds(clients: int, service: float, servers: int, think: float):
    throughput, response = closed_loop_throughput(clients, service, servers, think)
    least, most = closed_loop_bounds(clients, service, service / servers, think)
    assert float(least) * (1 - 1e-9) <= float(throughput) <= float(most) * (1 + 1e-9)
    assert float(response) >= service * (1 - 1e-6)


def test_a_closed_loop_of_a_thousand_clients_does_not_overflow():
    throughput, response = closed_loop_throughput(np.array([10, 1000]), 1.0, 8, 5.0)
    assert throughput[1] == pytest.approx(8.0)  # saturated: all eight always busy
    assert response[1] == pytest.approx(1000 / 8 - 5)
    assert throughput[0] == pytest.approx(float(closed_loop_throughput(10, 1.0, 8, 5.0)[0]))
