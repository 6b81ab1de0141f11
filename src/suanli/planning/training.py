"""A model to train, chips and cluster sizes to train it on -> the best layout of each, how long the run takes and what it costs, side by side."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from suanli.errors import BadInput, Conflict
from suanli.facts import Catalogue
from suanli.facts.prices import exchange_rate
from suanli.hardware import Chip, Platforms, System, load_chips, platforms_of, vendor_of
from suanli.models import Model
from suanli.performance.precision import precision_code
from suanli.performance.reasons import Reason
from suanli.performance.training.calibration import KNOWLEDGE, TrainingCalibration, load_training_calibration
from suanli.performance.training.configs import METHODS, TrainingConfigs, TrainingEstimate
from suanli.performance.training.layouts import Found, Job, Layouts, grids, search
from suanli.performance.training.memory import STATE, WEIGHT
from suanli.performance.training.stacks import USUAL, stack_name
from suanli.performance.training.step import Line
from suanli.performance.training.train import measured_effects, train
from suanli.places import Place
from suanli.planning.ask import Acquire, Filled
from suanli.planning.law import Legal, legal
from suanli.planning.prices import Prices, hourly_cost, owning, prices_of
from suanli.planning.run import Clusters, Run, RunAsk, RunBand, assumed, finish_by, make_run_ask, run, run_band
from suanli.units import number

Floats = NDArray[np.float64]

#: tokens of a sequence at most, tokens of a step, and tokens a parameter, where nobody says (Hoffmann et al., arXiv 2203.15556: about 20 a parameter)
USUAL_LENGTH, USUAL_STEP, TOKENS_A_PARAMETER = 8192, 4_194_304, 20
#: tokens of a step a chip at least: Llama 3.1 405B took 16.8 million on 16,384 (arXiv 2407.21783, table 4)
TOKENS_A_CHIP = 1024
#: cluster sizes tried where a deadline is given and no size: servers doubled up to so many chips
LARGEST_CLUSTER = 131_072


@dataclass(frozen=True)
class TrainAsk:
    """A training run wanted; every field filled, ``filled`` lists what was not asked. ``global_batch`` 0: by the cluster. ``layout`` fixes parts of it by
    name; ``stack`` blank: each maker's usual one; ``run`` says tokens, place, dates and how the chips are paid."""

    model: Model
    scheme: int
    length: int
    global_batch: int
    method: str
    stack: str
    layout: Mapping[str, float]
    run: RunAsk
    ideal: bool
    filled: tuple[Filled, ...] = field(default=(), compare=False)


@dataclass(frozen=True)
class Training:
    """One chip and cluster size: the layout used and its estimate (S = 3), the search it came from, the run (S = 1: what is expected) and its band, the
    price tier. ``why_not``: names of reasons where nothing runs; then ``row`` is the nearest to running (None where no grid divides the chips).
    ``knowledge``: one of ``performance.training.calibration.KNOWLEDGE``, blank where nothing runs; ``measured``: factor of the step by what was measured
    of runs like it."""

    chip: Chip
    system: System | None
    platforms: Platforms
    chips: int
    stack: str
    global_batch: int
    found: Found
    row: Layouts | None
    lines: tuple[Line, ...]
    why_not: tuple[str, ...]
    run: Run | None
    band: RunBand | None
    finishes: bool
    price_tier: int
    price_estimated: bool
    price_sources: tuple[str, ...]
    knowledge: str = ""
    measured: float = 1.0

    @property
    def configs(self) -> TrainingConfigs:
        """The layout, one row."""
        assert self.row is not None
        return self.row.configs

    @property
    def estimate(self) -> TrainingEstimate:
        """Its estimate, one row."""
        assert self.row is not None
        return self.row.estimate


@dataclass(frozen=True)
class TrainingPlan:
    """Every chip and size asked about: those that run, the cheapest that finishes in time first, then those that do not. Costs are in US dollars;
    ``currency`` of the place is ``currency_rate`` a dollar; ``law`` is what the export rules say of each chip at the place, by chip id."""

    ask: TrainAsk
    options: tuple[Training, ...]
    refused: tuple[Training, ...]
    currency: str = "USD"
    currency_rate: float = 1.0
    law: Mapping[str, Legal] = field(default_factory=dict)


def make_train_ask(
    catalogue: Catalogue,
    model: Model,
    place: Place,
    *,
    tokens: float | None = None,
    precision: str | None = None,
    length: int | None = None,
    global_batch: int | None = None,
    method: str = "full",
    stack: str = "",
    layout: Mapping[str, float] | None = None,
    on: datetime.date | None = None,
    start: datetime.date | None = None,
    deadline: datetime.date | None = None,
    acquire: Acquire = "rent",
    ideal: bool = False,
) -> TrainAsk:
    """A TrainAsk from what the user said. Raises ``BadInput``."""
    notes: list[Filled] = []
    if tokens is None:
        tokens = TOKENS_A_PARAMETER * model.active
        notes.append(Filled("tokens", f"{number(tokens / 1e12)}T", "@planning.from.tokens_a_parameter"))
    if precision is None:
        notes.append(Filled("train_precision", "bf16", "@planning.from.suanli"))
    context = model.architecture.context
    if length is None:
        length = min(context or USUAL_LENGTH, USUAL_LENGTH)
        notes.append(Filled("length", f"{length:,}", "@planning.from.suanli"))
    if global_batch is None:
        notes.append(Filled("global_batch", f"{USUAL_STEP:,}", "@planning.from.suanli"))
        notes.append(Filled("batch_a_chip", f"{TOKENS_A_CHIP:,}", "@planning.from.suanli"))
    for option, value in (("--length", length), ("--batch", 1 if global_batch is None else global_batch)):
        if value < 1:
            raise BadInput("planning.not_positive", option=option, value=str(value))
    if context and length > context and not ideal:
        notes.append(Filled("context", f"{context:,}", "@planning.from.model"))
    if method not in METHODS:
        raise BadInput("cli.bad_choice", option="--method", value=method, nearest=", ".join(METHODS))
    ask = make_run_ask(catalogue, place, tokens, deadline=deadline, on=on, start=start, acquire=acquire)
    if on is None:
        notes.append(Filled("on", ask.on.isoformat(), "@planning.from.today"))
    if deadline is not None and deadline <= ask.start:
        raise Conflict("planning.train_deadline", deadline=deadline.isoformat(), start=ask.start.isoformat())
    return TrainAsk(
        model, precision_code(precision or "bf16"), length, global_batch or 0, method, stack, dict(layout or {}), ask, ideal, tuple(notes)
    )  # fmt: skip


def usual_batch(ask: TrainAsk, chips: int) -> int:
    """Sequences of a step nearest to ``USUAL_STEP`` tokens, or to ``TOKENS_A_CHIP`` for each chip where that is more, that share the odd part of
    ``chips``, so that replicas divide them."""
    if ask.global_batch:
        return ask.global_batch
    odd = chips // (chips & -chips)
    doublings = max(round(math.log2(max(USUAL_STEP, TOKENS_A_CHIP * chips) / ask.length / odd)), 0)
    return int(odd * 2**doublings)


def make_training_plan(
    catalogue: Catalogue,
    ask: TrainAsk,
    wanted: Sequence[tuple[Chip, System | None]],
    counts: Sequence[int],
    progress: Callable[[str, int, int], None] | None = None,
) -> TrainingPlan:
    """Each chip in its system at each of ``counts`` chips; without counts, at the smallest size that finishes by the deadline (the quickest of all where
    none does). ``progress`` is called with a chip's name, the size and the layouts of it tried so far."""
    prices = prices_of(catalogue, load_chips(catalogue), ask.run)  # a class band needs all chips
    options = []
    for chip, system in wanted:
        platforms = platforms_of([chip], [system], catalogue)
        calibration = load_training_calibration(catalogue, platforms, ideal=ask.ideal)
        one = _Chip(catalogue, ask, chip, system, platforms, calibration, prices, progress)
        options += [one.at(count) for count in counts] if counts else [one.smallest()]
    runs = [each for each in options if not each.why_not]
    runs.sort(key=lambda each: (not each.finishes, _cost(each)))
    currency = ask.run.place.currency or "USD"
    rate = 1.0 if currency == "USD" else exchange_rate(catalogue, currency, ask.run.on)
    currency, rate = ("USD", 1.0) if math.isnan(rate) else (currency, float(rate))
    law = legal(catalogue, [chip for chip, _ in wanted], ask.run.place, ask.run.on)
    return TrainingPlan(ask, tuple(runs), tuple(each for each in options if each.why_not), currency, rate, law)


def _cost(option: Training) -> float:
    assert option.band is not None
    cost = float(option.band.cost[1, 0])
    return cost if math.isfinite(cost) else _wall_time(option) * 1e9


def _wall_time(option: Training) -> float:
    assert option.band is not None
    return float(option.band.wall_time[1, 0])


@dataclass(frozen=True)
class _Chip:
    """One chip's part of a plan."""

    catalogue: Catalogue
    ask: TrainAsk
    chip: Chip
    system: System | None
    platforms: Platforms
    calibration: TrainingCalibration
    prices: Prices
    progress: Callable[[str, int, int], None] | None

    def smallest(self) -> Training:
        """The smallest of the cluster sizes, doubled from one server, that finishes in time; the quickest that runs where none does."""
        node = max(int(self.platforms.node[0]), 1)
        tried = []
        for power in range(int(math.log2(LARGEST_CLUSTER / node)) + 1):
            tried.append(self.at(node * 2**power))
            if tried[-1].finishes:
                return tried[-1]
        runs = [each for each in tried if each.band is not None]
        return min(runs, key=_wall_time) if runs else tried[-1]

    def at(self, count: int) -> Training:
        """The best layout of ``count`` chips and its run."""
        ask = self.ask
        batch = usual_batch(ask, count)
        stack = ask.stack or ("" if ask.ideal else USUAL.get(vendor_of(self.chip.id), ""))
        job = Job(0, count, batch, ask.length, ask.scheme, METHODS.index(ask.method), self.calibration.stack_code(stack), ask.layout)
        tell = partial(self.progress, self.chip.name, count) if self.progress else None
        found = search(ask.model, self.platforms, self.calibration, job, tell)
        row = found.best.take([0]) if found.best is not None else found.nearest
        lines: list[Line] = []
        if row is not None:
            row = Layouts(row.configs, train(ask.model, self.platforms, self.calibration, row.configs, scenarios=3, trace=lines))
        why_not: tuple[str, ...] = ()
        if found.best is None:
            why_not = tuple(Reason(int(row.estimate.why_not[0])).names()) if row is not None else ("layout",)
        place = self.prices.rows([self.chip.id])
        result = Training(
            self.chip, self.system, self.platforms, count, stack, batch, found, row, tuple(lines), why_not, None, None, False,
            int(self.prices.tier[place[0]]), bool(self.prices.estimated[place[0]]), self.prices.sources[place[0]],
        )  # fmt: skip
        return result if why_not else self._priced(self._known(result), place)

    def _known(self, option: Training) -> Training:
        """With how well runs like it are known."""
        effects, measured = measured_effects(self.ask.model, self.platforms, self.calibration, option.configs)
        level = KNOWLEDGE.index("measured") if measured[0] else int(self.calibration.knowledge[0])
        return replace(option, knowledge=KNOWLEDGE[level], measured=float(np.exp(effects[0])))

    def _priced(self, option: Training, place: NDArray[np.int64]) -> Training:
        """With its run, cost, energy and carbon."""
        estimate, ask = option.estimate, self.ask.run
        given = assumed(ask)
        power = estimate.power
        own = owning(self.catalogue, ask)
        cost = np.array([hourly_cost(ask, self.prices, own, place, np.array([float(option.chips)]), power * given[1].power_share, s).total for s in range(3)])
        state = self.ask.model.parameters * (WEIGHT + STATE) / option.chips if self.ask.method == "full" else 0.0
        clusters = Clusters(
            estimate.step_time, option.configs.tokens, np.array([float(option.chips)]), np.array([state]), power, cost.reshape(3, 1)
        )  # fmt: skip
        band = run_band(ask, clusters)
        middle = replace(clusters, step_time=estimate.step_time[1:2], hourly_cost=clusters.hourly_cost[1:2])
        expected = run(ask, middle, given[1])
        return replace(option, run=expected, band=band, finishes=bool(finish_by(ask, band.wall_time[1])[0]))


def check_layout(ask: TrainAsk, counts: Sequence[int]) -> None:
    """Raise ``Conflict`` where parts of the layout that were given cannot make up any of the cluster sizes, ``BadInput`` where one is below 1."""
    for name, value in ask.layout.items():
        if name in ("tp", "pp", "cp", "dp", "ep", "vpp", "micro_batch") and value < 1:
            raise BadInput("planning.not_positive", option=f"--{name.replace('_', '-')}", value=f"{value:g}")
    stated = {name: int(ask.layout[name]) for name in ("tp", "pp", "cp", "dp") if name in ask.layout}
    product = math.prod(stated.values())
    for count in counts:
        if count < 1:
            raise BadInput("planning.not_positive", option="--chips", value=str(count))
        whole = product == count if len(stated) == 4 else count % product == 0
        if not whole:
            shown = " x ".join(f"{name} {value}" for name, value in stated.items())
            raise Conflict("planning.train_layout_conflict", layout=shown, product=product, chips=count)
        if not len(grids(ask.model, Job(0, count, usual_batch(ask, count), ask.length, ask.scheme, 0, 0, ask.layout))):
            raise Conflict("planning.train_no_grid", model=ask.model.name, chips=count, batch=usual_batch(ask, count), length=ask.length)


def known_stack(name: str) -> bool:
    """Whether a software stack of that name was measured, or is in common use."""
    return bool(stack_name(name))
