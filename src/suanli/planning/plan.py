"""Ask -> Plan: every chip, system, precision and layout as one sweep; the cheapest that meets the targets, and why the others do not."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suanli.economics import energy_and_carbon
from suanli.errors import NoAnswer
from suanli.facts import Catalogue
from suanli.facts.names import index, resolve
from suanli.facts.reader import first_day
from suanli.formulas.interval import combined_interval
from suanli.hardware import Chip, Platforms, System, load_chips, load_systems, platforms_of
from suanli.performance.calibration import Calibration, load_calibration
from suanli.performance.configs import BOUNDS, Configs, Estimate
from suanli.performance.precision import SCHEMES, Precisions, load_precisions
from suanli.performance.reasons import Reason, flag
from suanli.performance.serving import serve
from suanli.planning.ask import Ask
from suanli.planning.candidates import candidates
from suanli.planning.law import BY_LAW, Legal, by_law, legal
from suanli.planning.prices import Owning, Prices, hourly_cost, owning, prices_of
from suanli.planning.sizing import replicas, replicas_at_full_load
from suanli.words import Phrase

Floats = NDArray[np.float64]
#: segments sold for servers (systems on a chip are not); the others are answered with a reason unless asked for by name
SERVER_SEGMENTS = ("datacenter", "workstation")
#: reasons that keep a chip from being tried at all
BEFORE_TRYING = ("excluded", "segment", "release", "licence", "prohibited", "not_free", "offered", "unknown_facts")
#: of its fastest ones, which a plan compares for the trade-off
FASTEST = 8
#: configurations of a chip that go on from the screen to exact sizing
FINALISTS = 24


@dataclass(frozen=True)
class Band:
    """Low, mid and high of one number (80 % interval)."""

    low: float
    mid: float
    high: float


@dataclass(frozen=True)
class Option:
    """One way to carry the traffic: a configuration of one chip in one system; ``decode`` workers of tp x pp x dp chips, ``prefill`` of tp x dp (0: the
    same chips do both). Money in US dollars, power in W at the servers."""

    chip: Chip
    system: System | None
    precision: str
    tp: int
    pp: int
    dp: int
    ep: int
    decode: int
    prefill: int
    concurrency: int
    replicas: Band
    chips: Band
    ttft: Band
    tpot: Band
    tokens_rate_per_chip: Band
    cost_per_hour: Band
    cost_per_million: Band
    power: Band
    kilowatt_hours_per_million: float
    carbon_per_million: Band
    bound_by: str
    tier: int
    price_tier: int
    price_estimated: bool
    price_sources: tuple[str, ...]
    price_newest: str
    law: Legal
    assumed: tuple[str, ...]
    best_at: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Chips of one replica: its decode workers and its prefill workers of the same shape."""
        return (self.decode * self.pp + self.prefill) * self.tp * self.dp


@dataclass(frozen=True)
class LeftOut:
    """A chip without an option, and why: reason flags of the configuration that came nearest; ``law`` where a rule is the reason."""

    chip: Chip
    reasons: tuple[str, ...]
    law: Legal | None = None

    @property
    def reason(self) -> str:
        """The one that counts: not having been asked for, else the first."""
        return "excluded" if "excluded" in self.reasons else self.reasons[0]


@dataclass(frozen=True)
class Plan:
    """What is proposed: ``options`` cheapest first, one per chip in its cheapest system; ``front`` the Pareto set of cost, time per token and
    power over all configurations that were sized (several of one chip may be in it); ``barred`` what chips would cost that only the law
    keeps out; ``left_out`` every other chip with its reason.
    """

    ask: Ask
    options: tuple[Option, ...]
    front: tuple[Option, ...]
    barred: tuple[Option, ...]
    left_out: tuple[LeftOut, ...]
    currency_rate: float
    currency: str
    tried: int
    seconds: float

    @property
    def best(self) -> Option:
        """The cheapest option."""
        return self.options[0]

    @property
    def best_free(self) -> Option | None:
        """The cheapest option that needs no licence."""
        return next((option for option in self.options if option.law.outcome == "allowed"), None)

    @property
    def best_without_rules(self) -> Option:
        """The cheapest of all, were there no export or import rules."""
        return min((*self.options, *self.barred), key=lambda option: option.cost_per_hour.mid)


@dataclass(frozen=True)
class Sweep:
    """Everything the last steps need of one sweep."""

    platforms: Platforms
    pairs: tuple[tuple[Chip, System | None], ...]
    calibration: Calibration
    precisions: Precisions
    configs: Configs
    estimate: Estimate


def make_plan(catalogue: Catalogue, ask: Ask) -> Plan:
    """The plan of ``ask``; raises ``NoAnswer`` with the commonest reasons where no chip is left."""
    started = time.perf_counter()
    chips, systems = load_chips(catalogue), load_systems(catalogue)
    wanted = _wanted(chips, ask)
    law = legal(catalogue, chips.values(), ask.place, ask.on, party=ask.buyer, buyer_hq=ask.buyer_hq)
    barred = _barred(chips, wanted, law, ask)
    prices = prices_of(catalogue, chips, ask)

    def options_of(names: Collection[str]) -> tuple[list[Option], list[Option], dict[str, Reason], int]:
        pairs = _pairs([chips[name] for name in names], list(systems.values()), ask)
        sweep = _sweep(catalogue, ask, pairs) if pairs else None
        return (*_options(catalogue, ask, sweep, prices, law), len(sweep.configs)) if sweep else ([], [], {}, 0)

    options, front, nearest, tried = options_of([name for name in chips if not barred[name]])
    kept_out, _, _, more = options_of([name for name in chips if barred[name] and not barred[name] & ~BY_LAW])
    left = _left_out(chips, barred, options, nearest, law)
    if not options:
        raise NoAnswer(
            "planning.no_answer", model=ask.model.name, place={"en": ask.place.name, "zh": ask.place.name_zh}, reasons=_summary(left), left_out=tuple(left)
        )
    currency, rate = _currency(catalogue, ask)
    return Plan(ask, tuple(options), tuple(front), tuple(kept_out), tuple(left), rate, currency, tried + more, time.perf_counter() - started)


def _wanted(chips: Mapping[str, Chip], ask: Ask) -> set[str]:
    names = index(chips.values())
    return {resolve("chip", name, names).id for name in ask.chips}


def _barred(chips: Mapping[str, Chip], wanted: set[str], law: Mapping[str, Legal], ask: Ask) -> dict[str, Reason]:
    found = {}
    for chip in chips.values():
        reason = Reason.NONE
        if wanted and chip.id not in wanted:
            reason |= Reason.EXCLUDED
        if not wanted and (chip.segment not in SERVER_SEGMENTS or chip.kind == "soc") and not chip.own:
            reason |= Reason.SEGMENT
        if not wanted and (chip.offered == "internal" or (chip.offered == "cloud" and ask.acquire == "buy")):
            reason |= Reason.OFFERED
        if (chip.released and first_day(chip.released) > ask.on) or (not chip.released and not wanted and not chip.own):
            reason |= Reason.RELEASE
        if not ask.ideal:
            reason |= by_law(law[chip.id], ask.licence)
        found[chip.id] = reason
    return found


def _pairs(chips: Sequence[Chip], systems: Sequence[System], ask: Ask) -> tuple[tuple[Chip, System | None], ...]:
    """Each chip in each released system that holds it, or in an assumed server."""
    by_chip: dict[str, list[System | None]] = {}
    for system in systems:
        if not system.released or first_day(system.released) <= ask.on:
            by_chip.setdefault(system.chip, []).append(system)
    return tuple((chip, system) for chip in chips for system in by_chip.get(chip.id, [None]))


def _sweep(catalogue: Catalogue, ask: Ask, pairs: tuple[tuple[Chip, System | None], ...]) -> Sweep:
    platforms = platforms_of([chip for chip, _ in pairs], [system for _, system in pairs], catalogue)
    calibration = load_calibration(catalogue, platforms, ideal=ask.ideal)
    precisions = load_precisions(catalogue)
    tried = candidates(ask.model, platforms, precisions, ask, calibration.constants)
    return Sweep(platforms, pairs, calibration, precisions, tried, serve(ask.model, platforms, calibration, precisions, tried))


def _options(
    catalogue: Catalogue, ask: Ask, sweep: Sweep, prices: Prices, law: Mapping[str, Legal]
) -> tuple[list[Option], list[Option], dict[str, Reason]]:
    c, e = sweep.configs, sweep.estimate
    own = owning(catalogue, ask)
    chip_rows = prices.rows(sweep.platforms.chip)[c.platform]
    reasons = e.why_not | flag(e.ttft[0] > ask.ttft, Reason.TTFT) | flag(e.tpot[0] > ask.tpot, Reason.TPOT)
    rough = np.where(reasons == 0, replicas_at_full_load(ask, c, e.tokens_rate[0]), np.nan)
    fleet = np.maximum(np.ceil(np.nan_to_num(rough, nan=np.inf)), 1) * c.chips
    power = sweep.platforms.power[c.platform]
    cost = hourly_cost(ask, prices, own, chip_rows, fleet, fleet * power, 1).total
    cost = np.where(np.isnan(cost) & np.isfinite(fleet), np.inf, np.where(np.isfinite(fleet), cost, np.nan))
    known = np.isfinite(cost)
    cheap = _cheapest(c.platform, np.where(known, cost, np.nan), e.tpot[0], FINALISTS)
    fast = _cheapest(c.platform, np.where(known, e.tpot[0], np.nan), cost, FASTEST)
    chosen = np.unique(np.concatenate([cheap, fast]))
    priceless = (reasons == 0) & ~np.isfinite(cost)
    reasons = reasons | flag(priceless, Reason.PRICE)
    nearest = _nearest(sweep, reasons)
    if not len(chosen):
        return [], [], nearest
    final = c.take(chosen)
    full = serve(ask.model, sweep.platforms, sweep.calibration, sweep.precisions, final, scenarios=3)
    needed = np.stack([replicas(ask, final, full, scenario) for scenario in (2, 1, 0)])  # high rate, fewest chips
    fleets = _fleet(ask, sweep.platforms, final, needed)
    total = hourly_cost(ask, prices, own, chip_rows[chosen], fleets[1], fleets[1] * power[chosen], 1).total
    best = _cheapest(chip_rows[chosen], total, full.tpot[1], 1)
    edge = _pareto(total, full.tpot[1], fleets[1] * power[chosen])

    def options_of(rows: NDArray[np.int64]) -> list[Option]:
        found = [_option(ask, sweep, final, full, needed, fleets, int(row), prices, own, law) for row in rows]
        return sorted(found, key=lambda option: option.cost_per_hour.mid)

    front = _marked(options_of(edge))
    return _among(options_of(best), front), front, nearest


def _fleet(ask: Ask, platforms: Platforms, configs: Configs, needed: Floats) -> Floats:
    """Chips of ``needed`` replicas, (S, N); bought, they come in whole servers (or racks, where one scale-up domain fills a rack)."""
    chips = needed * configs.chips
    if ask.acquire == "rent" or ask.ideal:
        return chips
    sold = platforms.sold[configs.platform]
    return np.asarray(np.ceil(chips / sold) * sold)


def _cheapest(group: NDArray[np.int64], cost: Floats, then: Floats, count: int) -> NDArray[np.int64]:
    """Rows of the ``count`` lowest known costs of each group; among equal costs the lowest ``then``."""
    known = np.flatnonzero(~np.isnan(cost))
    order = known[np.lexsort((then[known], cost[known], group[known]))]
    starts = np.r_[True, np.diff(group[order]) != 0] if len(order) else np.zeros(0, bool)
    place = np.arange(len(order)) - np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    return np.asarray(order[place < count])


def _nearest(sweep: Sweep, reasons: NDArray[np.int64]) -> dict[str, Reason]:
    """By chip: the reason of the configuration that came nearest (fewest and latest hurdles)."""
    hurdles = [
        Reason.UNKNOWN_FACTS,
        Reason.HEADS,
        Reason.EXPERTS,
        Reason.LAYERS,
        Reason.CONTEXT,
        Reason.WEIGHTS,
        Reason.CACHE,
        Reason.TPOT,
        Reason.TTFT,
        Reason.PRICE,
    ]
    score = np.full(len(reasons), len(hurdles))
    for place in range(len(hurdles) - 1, -1, -1):
        score[(reasons & int(hurdles[place])) != 0] = place
    found: dict[str, Reason] = {}
    for platform, name in enumerate(sweep.platforms.chip):
        rows = np.flatnonzero(sweep.configs.platform == platform)
        if len(rows) and name not in found:
            best = rows[np.argmax(score[rows])]
            found[name] = Reason(int(reasons[best]))
    return found


def _option(
    ask: Ask,
    sweep: Sweep,
    final: Configs,
    full: Estimate,
    needed: Floats,
    fleets: Floats,
    row: int,
    prices: Prices,
    own: Owning,
    law: Mapping[str, Legal],
) -> Option:
    chip, system = sweep.pairs[final.platform[row]]
    chips = fleets[:, row]
    per_chip_power = float(sweep.platforms.power[final.platform[row]])
    chip_row = prices.rows([chip.id])
    costs = [float(hourly_cost(ask, prices, own, chip_row, np.array([chips[1]]), np.array([chips[1] * per_chip_power]), each).total[0]) for each in range(3)]
    ratio = (chips[0] / chips[1], chips[2] / chips[1])
    low, high = combined_interval(costs[1], ratio, (costs[0] / costs[1], costs[2] / costs[1]))
    tokens = ask.rate * ask.output_length
    million = 1e6 / (tokens * 3600)
    share = ask.assumptions["power_share"]
    power = np.array([chips[0] * share.low, chips[1] * share.value, chips[2] * share.value]) * per_chip_power
    footprint = energy_and_carbon(power, ask.place.pue, ask.place.carbon, tokens)

    def band(values: Floats) -> Band:
        return Band(*(float(each) for each in values[:, row]))

    return Option(
        chip=chip,
        system=system,
        precision=SCHEMES[final.scheme[row]],
        tp=int(final.tp[row]),
        pp=int(final.pp[row]),
        dp=int(final.dp[row]),
        ep=int(final.ep[row]),
        decode=int(final.replicas[row]),
        prefill=int(final.prefill_replicas[row]),
        concurrency=int(final.concurrency[row]),
        replicas=Band(*(float(each) for each in needed[:, row])),
        chips=Band(*(float(each) for each in chips)),
        ttft=band(full.ttft),
        tpot=band(full.tpot),
        tokens_rate_per_chip=band(full.tokens_rate_per_chip),
        cost_per_hour=Band(float(low), costs[1], float(high)),
        cost_per_million=Band(float(low) * million, costs[1] * million, float(high) * million),
        power=Band(*(float(each) for each in power)),
        kilowatt_hours_per_million=float(footprint.kwh_per_million_tokens[1]),
        carbon_per_million=Band(*(float(each) for each in footprint.kg_per_million_tokens)),
        bound_by=BOUNDS[full.bound_by[row]],
        tier=int(full.tier[row]),
        price_tier=int(prices.tier[chip_row[0]]),
        price_estimated=bool(prices.estimated[chip_row[0]]),
        price_sources=prices.sources[chip_row[0]],
        price_newest=prices.newest[chip_row[0]],
        law=law[chip.id],
        assumed=sweep.platforms.assumed[final.platform[row]],
    )


def _pareto(cost: Floats, tpot: Floats, power: Floats) -> NDArray[np.int64]:
    """Rows that no other row beats in one of cost, time per token and power without losing in another; an unknown power is the worst."""
    columns = np.stack([cost, tpot, np.nan_to_num(power, nan=np.inf)], axis=1)
    rows = np.lexsort((columns[:, 2], columns[:, 1], columns[:, 0]))
    kept: list[int] = []
    for row in rows:  # in order of cost only a row before can dominate
        if not kept or not np.any(np.all(columns[kept] <= columns[row], axis=1)):
            kept.append(int(row))
    return np.array(kept, np.int64)


def _marked(front: list[Option]) -> list[Option]:
    """The Pareto set with what each member is best at."""
    if not front:
        return front
    columns = np.array([[o.cost_per_hour.mid, o.tpot.mid, np.nan_to_num(o.power.mid, nan=np.inf)] for o in front])
    best = columns.argmin(axis=0)
    names = ("cost", "latency", "power")
    return [replace(o, best_at=(*(name for name, place in zip(names, best, strict=True) if place == row), "pareto")) for row, o in enumerate(front)]


def _among(options: list[Option], front: Sequence[Option]) -> list[Option]:
    """Options with the marks they have in the Pareto set."""
    marks = {_identity(option): option.best_at for option in front}
    return [replace(option, best_at=marks.get(_identity(option), ())) for option in options]


def _identity(option: Option) -> tuple[object, ...]:
    system = option.system.id if option.system else ""
    return option.chip.id, system, option.precision, option.tp, option.pp, option.dp, option.ep, option.decode, option.prefill, option.concurrency


def _left_out(
    chips: Mapping[str, Chip], barred: Mapping[str, Reason], options: Sequence[Option], nearest: Mapping[str, Reason], law: Mapping[str, Legal]
) -> list[LeftOut]:
    kept = {option.chip.id for option in options}
    left = []
    for name, chip in chips.items():
        if name in kept:
            continue
        # a chip without one configuration to try lacks the facts to make one from
        reason = barred[name] or nearest.get(name, Reason.NONE) or Reason.UNKNOWN_FACTS
        # where the model's own context is too short no chip's memory matters
        reason = Reason.CONTEXT if reason & Reason.CONTEXT else reason
        left.append(LeftOut(chip, tuple(reason.names()), law[name] if reason & BY_LAW else None))
    return left


def _summary(left: Sequence[LeftOut]) -> tuple[Phrase, ...]:
    """The reasons with how many chips have each, commonest first; of chips that were tried, where any was."""
    counts: dict[str, int] = {}
    for each in left:
        counts[each.reason] = counts.get(each.reason, 0) + 1
    tried = [name for name in counts if name not in BEFORE_TRYING]
    if tried:
        counts = {name: counts[name] for name in tried}
    ordered = sorted(counts.items(), key=lambda pair: -pair[1])
    return tuple(Phrase("planning.reason_count", {"reason": f"@performance.reasons.{name}", "count": count}) for name, count in ordered)


def _currency(catalogue: Catalogue, ask: Ask) -> tuple[str, float]:
    from suanli.facts.prices import exchange_rate

    currency = ask.place.currency or "USD"
    rate = 1.0 if currency == "USD" else exchange_rate(catalogue, currency, ask.on)
    return ("USD", 1.0) if np.isnan(rate) else (currency, float(rate))
