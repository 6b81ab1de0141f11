"""Waiting for one of c servers: Erlang B and C, M/M/c, M/G/c, and closed systems of N clients.

All functions take arrays and broadcast, the server counts included. Times in any one unit, rates in its inverse.
``load`` is the offered traffic a = arrival rate x service time [erlang]; a < c is needed for a steady state.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from suanli.formulas.arrays import Array

_log_gamma = np.vectorize(math.lgamma, otypes=[float])
_NOTHING = np.finfo(float).eps


def erlang_b(servers: Array, load: Array) -> Array:
    """Share of arrivals lost when c servers have no queue.

    B = (a^c/c!) / sum_{k=0}^{c} a^k/k!                     Erlang 1917; Cooper, Introduction to Queueing Theory, 1981, eq. 3.3
    For a < c the sum is e^a minus its tail, and 1/B = 1/p - T with p = a^c e^-a / c! in logarithms and T = sum_{n>=1} a^n/((c+1)...(c+n));
    for a >= c, 1/B = sum_{k} c(c-1)...(c-k+1)/a^k. Both series shrink from the first term: about sqrt(c) terms, no overflow.

    >>> round(float(erlang_b(10, 5.0)), 5)                  # tables: 1.84 %
    0.01838
    """
    c, a = np.broadcast_arrays(np.asarray(servers, float), np.asarray(load, float))
    light = a < c
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        log_p = c * np.log(np.where(light, a, 1)) - a - _log_gamma(np.where(np.isfinite(c), c, 0) + 1)
        tail = np.exp(-log_p) - _series(np.where(light, a, 0), np.where(light, c, 0), 1)
        full = 1 + _series(np.where(light | (a <= 0), 0, c), np.where(light | (a <= 0), 1, a), -1)
        lost = np.where(light, 1 / tail, 1 / full)
    return np.where(np.isfinite(a + c) & (a >= 0), lost, np.nan)[()]


def _series(numerator: Any, denominator: Any, sign: int) -> Any:
    """sign = 1: sum of a^n / ((c+1)...(c+n)); sign = -1: sum of c(c-1)...(c-n+1) / a^n; n from 1 until a term no longer counts."""
    numerator, denominator = np.nan_to_num(numerator), np.nan_to_num(denominator, nan=1)
    term = np.ones(np.shape(numerator))
    total = np.zeros_like(term)
    n = 0
    while np.any(term > total * _NOTHING):
        n += 1
        term = term * (numerator / (denominator + n) if sign > 0 else np.maximum(numerator - n + 1, 0) / denominator)
        total = total + term
    return total


def erlang_c(servers: Array, load: Array) -> Array:
    """Share of arrivals that must wait in M/M/c.

    C = B / (1 - rho (1 - B)), rho = a/c                    Erlang 1917; Cooper 1981, eq. 4.8; 1 where a >= c (no steady state)

    >>> round(float(erlang_c(2, 1.0)), 6)                   # 1/3 by hand: a^2/(2(1-1/2)) / (1 + a + a^2/(2(1-1/2)))
    0.333333
    """
    lost = erlang_b(servers, load)
    with np.errstate(divide="ignore", invalid="ignore"):
        rho = np.divide(load, servers)
        waits = lost / (1 - rho * (1 - lost))
    return np.where(rho < 1, waits, np.where(np.isnan(lost), np.nan, 1.0))[()]


def mmc_wait(rate: Array, service: Array, servers: Array) -> Array:
    """Mean wait in the queue of M/M/c: W = C s / (c - a), infinite where a >= c.          Kleinrock, Queueing Systems 1, 1975, sec. 3.5

    rate [1/time], service s the mean service time.

    >>> round(float(mmc_wait(0.5, 1.0, 1)), 6)              # M/M/1: rho s / (1 - rho) = 1
    1.0
    """
    free = servers - np.multiply(rate, service)
    with np.errstate(divide="ignore", invalid="ignore"):
        wait = erlang_c(servers, np.multiply(rate, service)) * service / free
    return np.where(free > 0, wait, np.where(np.isnan(free), np.nan, np.inf))[()]


def mgc_wait(rate: Array, service: Array, servers: Array, service_scv: Array, arrival_scv: Array = 1) -> Array:
    """Mean wait of GI/G/c by the Allen-Cunneen approximation: W = (c_a^2 + c_s^2)/2 W(M/M/c).

    scv = squared coefficient of variation (variance over squared mean) of service times and of times between arrivals (Poisson: 1).
    Exact for M/M/c and M/G/1 (Pollaczek-Khinchine).       Allen, Probability, Statistics and Queueing Theory, 2nd ed. 1990, sec. 5.3

    >>> round(float(mgc_wait(0.5, 1.0, 1, 0.0)), 6)         # M/D/1 waits half as long as M/M/1
    0.5
    """
    return mmc_wait(rate, service, servers) * (np.add(service_scv, arrival_scv) / 2)


def wait_percentile(rate: Array, service: Array, servers: Array, percentile: Array, scv: Array = 1) -> Array:
    """The wait that a share ``percentile`` of arrivals does not exceed.

    M/M/c: P(W > t) = C exp(-(c - a) t / s), so t = max(0, ln(C / (1 - p)) s / (c - a))               Kleinrock 1975, sec. 3.5
    For other service times the exponential tail is kept and stretched by (1 + scv)/2, so that the mean is Allen and Cunneen's.

    >>> round(float(wait_percentile(0.5, 1.0, 1, 0.5)), 6)  # half do not wait at all
    0.0
    """
    free = servers - np.multiply(rate, service)
    with np.errstate(divide="ignore", invalid="ignore"):
        waits = erlang_c(servers, np.multiply(rate, service))
        time = np.log(waits / (1 - np.asarray(percentile, float))) * service / free * ((1 + np.asarray(scv)) / 2)
    time = np.where(waits > 0, np.maximum(time, 0), 0 * waits)
    return np.where(free > 0, time, np.where(np.isnan(free), np.nan, np.inf))[()]


def servers_for_wait(rate: Array, service: Array, scv: Array, target_wait: Array, percentile: Array) -> Array:
    """The fewest servers with which a share ``percentile`` of arrivals waits at most ``target_wait``.

    min c: wait_percentile(rate, service, c, percentile, scv) <= target_wait; found by doubling, then halving (the wait falls with c).
    At least 1; NaN where an input is unknown or no number is enough (percentile 1, load without end).

    >>> float(servers_for_wait(9.0, 1.0, 1.0, 1.0, 0.95))
    12.0
    """
    given = np.broadcast_arrays(rate, service, scv, target_wait, percentile)
    rate, service, scv, target, percentile = (np.asarray(each, float) for each in given)
    load = rate * service
    possible = np.isfinite(load + scv + target) & (load >= 0) & (target >= 0) & (percentile < 1)
    load, percentile = np.where(possible, load, 0), np.where(possible, percentile, 0)

    def enough(servers: Any) -> Any:
        wait = wait_percentile(load, np.ones_like(load), servers, percentile, np.where(possible, scv, 1))
        return wait * np.where(possible, service, 1) <= np.where(possible, target, 0)

    below = np.floor(load)
    above = below + 1
    while not np.all(ok := enough(above)):
        below, above = np.where(ok, below, above), np.where(ok, above, load + 2 * (above - load))
        above = np.ceil(above)
    while np.any(above - below > 1):
        middle = np.floor((below + above) / 2)
        ok = enough(np.maximum(middle, 1)) & (middle > load)
        below, above = np.where(ok, below, middle), np.where(ok, middle, above)
    return np.where(possible, np.maximum(above, 1), np.nan)[()]


def closed_loop_bounds(clients: Array, demand: Array, bottleneck: Array, think: Array) -> tuple[Array, Array]:
    """Least and greatest throughput of N clients that each wait for their answer.

    N / (N D + Z) <= X <= min(1/D_max, N / (D + Z))         Lazowska et al., Quantitative System Performance, 1984, table 5.2
    demand D [time] summed over all stations, bottleneck D_max the largest of one station (over its servers), think Z between requests.

    >>> [round(float(each), 3) for each in closed_loop_bounds(10, 2.0, 1.0, 8.0)]     # 10 / (20 + 8), 10 / (2 + 8)
    [0.357, 1.0]
    """
    least = clients / (clients * np.asarray(demand, float) + think)
    most = np.minimum(1 / np.asarray(bottleneck, float), clients / (np.asarray(demand, float) + think))
    return least[()], most[()]


def closed_response(clients: Array, service: Array, think: Array) -> Array:
    """Response time of N clients at one exponential server, thinking Z between: mean value analysis closed by Schweitzer's proportion.

    Q(N-1) = (N-1)/N Q(N) makes R = s (1 + (N-1) R/(R+Z)), so R = [sN - Z + sqrt((sN - Z)^2 + 4 s Z)] / 2
    Schweitzer, Int. Conf. on Stochastic Control and Optimization, 1979; within a few per cent of the exact answer. N at least 1, real numbers allowed.

    >>> float(closed_response(1, 2.0, 8.0)), float(closed_response(10, 2.0, 0.0))     # alone: s; no thinking: all queue, N s
    (2.0, 20.0)
    """
    excess = service * np.maximum(clients, 1) - think
    return (excess + np.sqrt(excess**2 + 4 * service * think)) / 2


def mean_value_analysis(clients: Array, demands: Array, think: Array = 0) -> tuple[Array, Array]:
    """Exact throughput and response time of N clients at K single-server stations and a think time Z.

    R_k(n) = D_k (1 + Q_k(n-1)), X(n) = n / (Z + sum R_k), Q_k(n) = X R_k        Reiser & Lavenberg, J. ACM 27(2):313-322, 1980
    clients (...,) whole numbers, demands (..., K) [time], think (...,). Returns X [1/time] and R = sum R_k.
    One step a client, all rows at once.

    >>> [float(each) for each in mean_value_analysis(3, [1.0], 0.0)]   # one station: 1 a unit of time, each waits for all
    [1.0, 3.0]
    """
    demands = np.asarray(demands, float)
    clients, think = np.broadcast_arrays(np.asarray(clients, float), np.asarray(think, float))
    shape = np.broadcast_shapes(clients.shape, demands.shape[:-1])
    queue = np.zeros((*shape, demands.shape[-1]))
    throughput, response = np.zeros(shape), demands.sum(-1) + np.zeros(shape)
    for n in range(1, int(np.max(clients, initial=0)) + 1):
        times = demands * (1 + queue)
        total = times.sum(-1)
        going = clients >= n
        rate = n / (think + total)
        throughput, response = np.where(going, rate, throughput), np.where(going, total, response)
        queue = rate[..., None] * times
    return throughput[()], response[()]


def closed_loop_throughput(clients: Array, service: Array, servers: Array, think: Array) -> tuple[Array, Array]:
    """Exact throughput and response time (wait and service) of N clients before c exponential servers, thinking between (machine repair).

    p_j ~ N!/(N-j)! (s/Z)^j / prod_{i<=j} min(i, c), X = sum p_j min(j, c) / s, R = N/X - Z          Kleinrock 1975, sec. 3.8
    clients N and servers c whole numbers, service s and think Z [time]; at Z = 0, X = min(N, c)/s.
    One step a client, all rows at once, in logarithms.

    >>> [float(each) for each in closed_loop_throughput(4, 1.0, 2, 0.0)]
    [2.0, 2.0]
    """
    clients, service, servers, think = (np.asarray(each, float) for each in np.broadcast_arrays(clients, service, servers, think))
    with np.errstate(divide="ignore", invalid="ignore"):
        log_ratio = np.log(service) - np.log(np.where(think > 0, think, np.nan))
        log_p = np.zeros(clients.shape)
        peak, whole, busy = np.zeros(clients.shape), np.ones(clients.shape), np.zeros(clients.shape)
        for j in range(1, int(np.max(clients, initial=0)) + 1):
            log_p = log_p + np.log(np.maximum(clients - j + 1, 0)) + log_ratio - np.log(np.minimum(j, servers))
            higher = np.fmax(peak, log_p)
            fade, weight = np.exp(peak - higher), np.nan_to_num(np.exp(log_p - higher))
            whole, busy, peak = whole * fade + weight, busy * fade + weight * np.minimum(j, servers), higher
        mean_busy = np.where(think > 0, busy / whole, np.minimum(clients, servers))
        throughput = mean_busy / service
        response = clients / throughput - think
    return throughput[()], response[()]
