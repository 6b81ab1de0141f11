"""A training run: tokens -> steps -> time with evaluation, checkpoints and failures -> cost, energy, carbon; many chips and cluster sizes at once."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from suanli.economics import energy_and_carbon
from suanli.errors import BadInput
from suanli.facts import Catalogue, Fact, Schema
from suanli.facts.reader import SourceFile, quantity
from suanli.formulas.interval import combined_interval
from suanli.formulas.reliability import daly_interval, mean_time_between_failures, productive_share
from suanli.places import Place
from suanli.planning.ask import Acquire, load_planning
from suanli.units import factor

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
HOUR = factor("h", "second")
DAY = factor("day", "second")


class RunAssumptions(Schema):
    """``data/assumptions/training.toml``."""

    sources: dict[str, SourceFile]
    failure_rate: quantity("hertz")  # type: ignore[valid-type]
    restart: quantity("second")  # type: ignore[valid-type]
    startup: quantity("second")  # type: ignore[valid-type]
    checkpoint_pause: quantity("second")  # type: ignore[valid-type]
    storage_bandwidth: quantity("byte/s")  # type: ignore[valid-type]
    evaluation_share: quantity("1")  # type: ignore[valid-type]
    benchmark_evaluation_share: quantity("1")  # type: ignore[valid-type]
    power_share: quantity("1")  # type: ignore[valid-type]


@dataclass(frozen=True)
class RunAsk:
    """A run of ``tokens``: begun at the start of ``start``, wanted before the start of ``deadline`` (None: whenever), with the prices of ``on``.

    ``benchmark``: it evaluates as often as MLPerf does; ``asynchronous``: checkpoints are copied to host memory and written while training goes on.
    ``assumptions``: the facts of ``training.toml`` over those of ``planning.toml``. ``acquire``, ``on``, ``place`` and ``assumptions`` are named as in
    ``Ask``, for ``planning.prices``.
    """

    tokens: float
    place: Place
    on: datetime.date
    start: datetime.date
    deadline: datetime.date | None
    acquire: Acquire
    benchmark: bool
    asynchronous: bool
    assumptions: Mapping[str, Fact]


@dataclass(frozen=True, eq=False)
class Assumed:
    """What a run takes for granted, SI, numbers or arrays that broadcast to (S, K): ``failure_rate`` [1/s] of one chip; ``restart`` [s] from a failure
    to the next step; ``startup`` [s]; ``checkpoint_pause`` [s] of an asynchronous checkpoint; ``storage_bandwidth`` [B/s] per chip;
    ``evaluation_share`` of the working time; ``power_share`` of the servers' maximum."""

    failure_rate: Floats | float
    restart: Floats | float
    startup: Floats | float
    checkpoint_pause: Floats | float
    storage_bandwidth: Floats | float
    evaluation_share: Floats | float
    power_share: Floats | float


@dataclass(frozen=True, eq=False)
class Clusters:
    """K candidates, chip by chip and size by size; (K,) or (S, K) with the scenarios of the estimate.

    ``step_time`` [s] and ``step_tokens`` [token] of a step; ``chips``; ``checkpoint_bytes`` [B] that each chip writes (weights and optimizer state of the
    job over its chips); ``power`` [W] of all servers at their maximum; ``hourly_cost`` [money/h] of all chips (``planning.prices.hourly_cost(...).total``;
    where they are bought its energy is that of the power given to it).
    """

    step_time: Floats
    step_tokens: Floats
    chips: Floats
    checkpoint_bytes: Floats
    power: Floats
    hourly_cost: Floats


@dataclass(frozen=True, eq=False)
class Run:
    """The answer, every field (S, K). ``wall_time`` [s] is the sum of ``startup_time``, ``productive_time`` (the steps), ``evaluation_time``,
    ``checkpoint_time`` (pauses to save) and ``lost_time`` (work done again, waiting for restarts).

    ``steps``; ``mtbf`` [s] of the job; ``interval`` [s] of work between checkpoints; ``failures`` expected; ``goodput`` = productive / wall time;
    ``chip_hours``; ``cost`` [money]; ``kilowatt_hours`` at the building's meter; ``carbon`` [kg CO2]. A run that fails faster than it restarts never ends:
    infinite. Unknown inputs (NaN) stay unknown.
    """

    steps: Floats
    startup_time: Floats
    productive_time: Floats
    evaluation_time: Floats
    checkpoint_time: Floats
    lost_time: Floats
    wall_time: Floats
    mtbf: Floats
    interval: Floats
    failures: Floats
    goodput: Floats
    chip_hours: Floats
    cost: Floats
    kilowatt_hours: Floats
    carbon: Floats


@dataclass(frozen=True, eq=False)
class RunBand:
    """Low, mid and high, (3, K), of what a run takes: ``wall_time`` [s], ``cost`` [money], ``kilowatt_hours``, ``carbon`` [kg]."""

    wall_time: Floats
    cost: Floats
    kilowatt_hours: Floats
    carbon: Floats


def load_run_assumptions(catalogue: Catalogue) -> Mapping[str, Fact]:
    """The assumptions on training runs as facts."""
    return catalogue.record("assumptions", "training", RunAssumptions).facts


def make_run_ask(
    catalogue: Catalogue,
    place: Place,
    tokens: float,
    *,
    deadline: datetime.date | None = None,
    on: datetime.date | None = None,
    start: datetime.date | None = None,
    acquire: Acquire = "rent",
    benchmark: bool = False,
    asynchronous: bool = True,
) -> RunAsk:
    """A RunAsk; prices of today and a start on the day of the prices unless said. Raises ``BadInput`` for tokens not above zero or a future ``on``."""
    today = datetime.date.today()
    on = on or today
    if not 0 < tokens < np.inf:
        raise BadInput("planning.not_positive", option="--tokens", value=f"{tokens:g}")
    if on > today:
        raise BadInput("planning.future_date", date=on.isoformat(), today=today.isoformat())
    facts = {**load_planning(catalogue), **load_run_assumptions(catalogue)}
    return RunAsk(tokens, place, on, start or on, deadline, acquire, benchmark, asynchronous, facts)


def assumed(ask: RunAsk) -> tuple[Assumed, Assumed, Assumed]:
    """What the ask's facts say: the favourable end, the middle, the adverse end."""

    def at(end: int) -> Assumed:
        facts = {each.name: ask.assumptions[each.name] for each in fields(Assumed)}
        if ask.benchmark:
            facts["evaluation_share"] = ask.assumptions["benchmark_evaluation_share"]
        ends = {name: (fact.low, fact.value, fact.high) for name, fact in facts.items()}
        ends["storage_bandwidth"] = ends["storage_bandwidth"][::-1]  # more is better
        return Assumed(**{name: three[end] for name, three in ends.items()})

    return at(0), at(1), at(2)


def run(ask: RunAsk, clusters: Clusters, given: Assumed) -> Run:
    """The run on each cluster, (S, K).

    steps = ceil(tokens / step_tokens); work = steps * step_time / (1 - evaluation_share); wall = startup + work / productive_share (Daly).
    The interval is Daly's optimum, but not shorter than a step or than the storage takes to write a checkpoint, nor longer than the run. A checkpoint
    that is still being written when a failure strikes is lost: its writing time adds to the restart.
    """
    pause, writing = checkpoint_times(ask, clusters.checkpoint_bytes, given)
    steps = np.ceil(ask.tokens / clusters.step_tokens)
    productive = steps * clusters.step_time
    work = productive / (1 - np.asarray(given.evaluation_share))
    mtbf = mean_time_between_failures(clusters.chips, given.failure_rate)
    interval = np.minimum(np.maximum(daly_interval(pause, mtbf), np.maximum(clusters.step_time, writing)), work)
    with np.errstate(divide="ignore", over="ignore"):
        running = work / productive_share(interval, pause, given.restart + writing, mtbf)
    saving = work / interval * pause
    wall = given.startup + running
    hours = wall / HOUR
    footprint = energy_and_carbon(np.multiply(clusters.power, given.power_share), ask.place.pue, ask.place.carbon, ask.tokens / wall)
    columns = {
        "steps": steps,
        "startup_time": given.startup,
        "productive_time": productive,
        "evaluation_time": work - productive,
        "checkpoint_time": saving,
        "lost_time": running - work - saving,
        "wall_time": wall,
        "mtbf": mtbf,
        "interval": interval,
        "failures": running / mtbf,
        "goodput": productive / wall,
        "chip_hours": clusters.chips * hours,
        "cost": clusters.hourly_cost * hours,
        "kilowatt_hours": footprint.kwh_per_hour * hours,
        "carbon": footprint.kg_per_hour * hours,
    }
    return Run(**dict(zip(columns, np.broadcast_arrays(*(np.atleast_2d(each) for each in columns.values())), strict=True)))


def checkpoint_times(ask: RunAsk, checkpoint_bytes: Floats, given: Assumed) -> tuple[Floats, Floats]:
    """Seconds for which a checkpoint stops training, and for which it is written beside the training: bytes / bandwidth, in one or the other."""
    writing = np.divide(checkpoint_bytes, given.storage_bandwidth)
    if ask.asynchronous:
        return np.asarray(given.checkpoint_pause) + 0 * writing, writing
    return writing, 0 * writing


def run_band(ask: RunAsk, clusters: Clusters) -> RunBand:
    """The 80 % interval of the run on each cluster, ``clusters`` with S = 3 (low, mid, high); what varies, varies alone and the ratios are combined.

    The step time with its own low and high, each assumption between its ends, the price between its quantiles.
    """
    ends = assumed(ask)
    columns = {each.name: np.broadcast_to(np.asarray(getattr(clusters, each.name), float), (3, clusters.chips.shape[-1])) for each in fields(Clusters)}
    middle = Clusters(**{name: column[1:2] for name, column in columns.items()})
    mid = run(ask, middle, ends[1])

    def varied(end: int) -> list[Run]:
        here = slice(end, end + 1)
        own = [run(ask, replace(middle, **{name: columns[name][here]}), ends[1]) for name in ("step_time", "hourly_cost", "power")]
        return own + [run(ask, middle, replace(ends[1], **{each.name: getattr(ends[end], each.name)})) for each in fields(Assumed)]

    low, high = varied(0), varied(2)

    def band(name: str) -> Floats:
        middle_value = getattr(mid, name)[0]
        ratios = [(getattr(a, name)[0] / middle_value, getattr(b, name)[0] / middle_value) for a, b in zip(low, high, strict=True)]
        bottom, top = combined_interval(middle_value, *ratios)
        return np.stack([bottom, middle_value, top])

    return RunBand(**{each.name: band(each.name) for each in fields(RunBand)})


def finish_by(ask: RunAsk, wall_time: Floats) -> Bools:
    """Whether a run of ``wall_time`` [s] begun at the start of ``start`` ends before ``deadline`` begins; without one, whether it ends at all.

    Of the shape of ``wall_time``; an unknown time does not.
    """
    left = (ask.deadline - ask.start).days * DAY if ask.deadline else np.finfo(float).max
    return np.asarray(np.asarray(wall_time) <= left)
