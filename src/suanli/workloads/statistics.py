"""What a trace says in a few numbers: enough to plan by, without keeping the trace."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from suanli.units import factor
from suanli.workloads.lengths import Lengths
from suanli.workloads.trace import Trace
from suanli.workloads.workload import Workload

#: shares of the requests at which lengths are kept: every twentieth, and the last hundredth
PROBABILITIES = (*(each / 20 for each in range(20)), 0.99, 1.0)


@dataclass(frozen=True)
class TraceStatistics:
    """The numbers of a trace; NaN where it cannot tell.

    ``rate`` [1/s]; ``burstiness`` the coefficient of variation of the times between arrivals; ``peak_to_mean`` of the rate per
    full minute; ``mean_context`` [tokens] what the mean generated token attends to; ``pearson`` and ``spearman`` correlate input and
    output length; ``prefix_hit`` is the function's.
    """

    requests: int
    rate: float
    burstiness: float
    peak_to_mean: float
    input_length: Lengths
    output_length: Lengths
    mean_context: float
    pearson: float
    spearman: float
    output_by_input_quarter: tuple[float, ...]
    prefix_hit: float


def statistics_of(trace: Trace) -> TraceStatistics:
    """The statistics of ``trace``; NaN for what it cannot tell (one request has no rate).

    >>> trace = Trace(np.array([0.0, 1.0, 2.0]), np.array([10, 20, 30]), np.array([2, 2, 2]))
    >>> statistics_of(trace).rate, statistics_of(trace).burstiness, statistics_of(trace).mean_context
    (1.0, 0.0, 21.0)
    """
    gaps = np.diff(trace.arrival)
    prompt, output = trace.prompt.astype(float), trace.output.astype(float)
    quarters = np.array_split(output[np.argsort(prompt, kind="stable")], 4)
    return TraceStatistics(
        requests=len(trace),
        rate=_ratio(len(gaps), float(gaps.sum())),
        burstiness=_ratio(float(gaps.std()), float(gaps.mean())) if len(gaps) else np.nan,
        peak_to_mean=_peak_to_mean(trace.arrival),
        input_length=Lengths.of(prompt, PROBABILITIES),
        output_length=Lengths.of(output, PROBABILITIES),
        mean_context=_ratio(float((output * (prompt + output / 2)).sum()), float(output.sum())),
        pearson=_correlation(prompt, output),
        spearman=_correlation(_ranks(prompt), _ranks(output)),
        output_by_input_quarter=tuple(float(each.mean()) for each in quarters) if len(trace) >= len(quarters) else (),
        prefix_hit=prefix_hit(trace),
    )


def workload_of_trace(trace: Trace, name: str) -> Workload:
    """The workload that plays like ``trace``: what a plan needs to know of it."""
    known = statistics_of(trace)
    return Workload(
        id=name, name=name, name_zh="", aliases=(), note="", rate=known.rate, input_length=known.input_length, output_length=known.output_length,
        mean_context=known.mean_context, burstiness=known.burstiness, peak_to_mean=known.peak_to_mean, correlation=known.spearman,
        prefix_hit=known.prefix_hit, own=True,
    )  # fmt: skip


def prefix_hit(trace: Trace) -> float:
    """The share of prompt blocks that an earlier request has had: the hit rate of a prefix cache without limit; NaN without block ids.

    >>> none = np.zeros(2, np.int64)
    >>> prefix_hit(Trace(np.array([0.0, 1.0]), none, none, ((1, 2), (1, 3))))
    0.25
    """
    seen: set[int] = set()
    hits = total = 0
    for blocks in trace.blocks:
        hits += sum(each in seen for each in blocks)
        total += len(blocks)
        seen.update(blocks)
    return _ratio(hits, total)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else np.nan


def _peak_to_mean(arrival: NDArray[np.float64]) -> float:
    minute = factor("min", "second")
    full = int(arrival[-1] // minute)
    counts = np.bincount((arrival // minute).astype(int), minlength=full)[:full]
    return _ratio(float(counts.max()), float(counts.mean())) if full else np.nan


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1, ties share their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[inverse]
    return ranks


def _correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    if len(first) < 2 or first.std() == 0 or second.std() == 0:
        return np.nan
    return float(np.corrcoef(first, second)[0, 1])
