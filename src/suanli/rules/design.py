"""The reverse question: the fastest chip that may go somewhere, found by asking the engine on both sides of every line of its rules."""

from __future__ import annotations

import datetime
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from suanli.errors import BadInput
from suanli.rules.book import RuleBook, default_book
from suanli.rules.engine import check, screen
from suanli.rules.item import Item, exact
from suanli.rules.verdict import OUTCOMES, UNKNOWN, Screen, Verdict

Goal = Literal["free", "reviewed"]
#: whether each of some items reaches the goal
Judge = Callable[[Sequence[Item]], list[bool]]

#: just under a line, as a share of it; no rule has finer lines
HAIR = float(np.finfo(np.float32).eps)
#: what is written where no line limits a value
NO_LIMIT = math.inf


@dataclass(frozen=True)
class Reach:
    """From one applicable die area to another [mm2]: the TPP at both ends that a design must stay below; equal where the area does not matter,
    infinite where no line limits it. ``density`` is the limit over the area where it grows with it, else NaN.
    """

    area_from: float
    area_to: float
    below_from: float
    below_to: float

    @property
    def density(self) -> float:
        """The performance density that the design must stay below, where that is what limits it."""
        return self.below_to / self.area_to if self.below_from != self.below_to else math.nan


@dataclass(frozen=True)
class Corner:
    """Memory and I/O bandwidth [GB/s] that a design must stay below together; infinite where no line limits one."""

    memory_below: float
    io_below: float


@dataclass(frozen=True)
class Fastest:
    """What a new design may be: ``compute`` by die area, with bandwidths so low that no line is near; ``bandwidth``, the largest pairs, for a
    design with the compute that the largest die allows; ``rules`` that a design on its limits runs into.
    """

    datacentre: bool
    compute: tuple[Reach, ...]
    bandwidth: tuple[Corner, ...]
    rules: tuple[str, ...]


def fastest(
    destination: str, on: datetime.date | str, *, datacentre: bool = True, vendor: str = "", hq_country: str = "", goal: Goal = "free",
    largest_area: float = math.nan, book: RuleBook | None = None, **case: Any,
) -> Fastest:  # fmt: skip
    """The fastest design that goes to ``destination`` on a day without a licence (``goal`` "reviewed": without a presumption of denial).

    ``largest_area`` [mm2] ends the table (unknown: where the area no longer matters). Raises ``BadInput`` where nothing at all may go.
    """
    book = book or default_book()
    weak = Item("", vendor, hq_country, tpp=1, die_area=1, memory_bandwidth=1, dram_bandwidth=1, io_bandwidth=1, datacentre=datacentre)
    verdict = check(weak, destination, on, book=book, **case)
    if not reached(screen([weak], destination, on, book=book, **case), goal)[0]:
        raise BadInput("rules.error.nothing_free", destination=destination, on=verdict.as_of, verdict=f"@rules.licence.{verdict.licence}")
    lines: dict[str, set[float]] = {}
    for each in verdict.margins:
        lines.setdefault(each.metric, set()).add(each.threshold)

    def ok(items: Sequence[Item]) -> list[bool]:
        return [bool(each) for each in reached(screen(items, destination, on, book=book, **case), goal)]

    compute = tuple(_compute(weak, lines, largest_area, ok))
    top = compute[-1]
    # the bandwidths of a design that uses what compute it may have
    widest = 2 * top.below_to if math.isinf(top.area_to) else top.area_to
    strong = weak if math.isinf(top.below_to) else replace(weak, tpp=_under(top.below_to), die_area=widest)
    bandwidth = tuple(_bandwidth(strong, lines, ok))
    return Fastest(datacentre, compute, bandwidth, tuple(_rules(weak, compute, bandwidth, lambda item: check(item, destination, on, book=book, **case))))


def _rules(weak: Item, compute: Sequence[Reach], bandwidth: Sequence[Corner], judge: Callable[[Item], Verdict]) -> Iterable[str]:
    """The rules that a design on its limits runs into."""
    over = [replace(weak, tpp=each.below_to, die_area=each.area_from or 1) for each in compute if math.isfinite(each.below_to)]
    for each in bandwidth:
        over += [replace(weak, memory_bandwidth=each.memory_below, dram_bandwidth=each.memory_below)] if math.isfinite(each.memory_below) else []
        over += [replace(weak, io_bandwidth=each.io_below)] if math.isfinite(each.io_below) else []
    return dict.fromkeys(clause.rule for item in over for clause in judge(item).clauses)


def reached(found: Screen, goal: Goal) -> Any:
    """Which items (N,) reach a goal."""
    allowed = found.outcome == OUTCOMES.index("allowed")
    if goal == "free":
        return allowed
    open_ = (found.review != "presumption_of_denial") & (found.review != UNKNOWN)
    return allowed | ((found.outcome == OUTCOMES.index("licence")) & open_)


def _under(line: float) -> float:
    return line * (1 - HAIR)


def _compute(weak: Item, lines: dict[str, set[float]], largest: float, ok: Judge) -> Iterable[Reach]:
    performance, density = lines.get("total_processing_performance", set()), lines.get("performance_density", set())
    turns = sorted({_quotient(line, per) for line in performance for per in density if per})
    ends = [each for each in turns if math.isnan(largest) or each < largest]
    ends += [max([*turns, 1]) * 2 if math.isnan(largest) else largest]
    limits = {}
    for area in ends:
        grown = {_product(per, area) for per in density}
        tried = sorted(performance | {each for each in grown if not any(_near(each, line) for line in performance)})
        items = [replace(weak, tpp=_under(line), die_area=area) for line in tried]
        items.append(replace(weak, tpp=2 * max(tried, default=1), die_area=area))
        good = [line for line, free in zip([*tried, NO_LIMIT], ok(items), strict=True) if free]
        limits[area] = max(good, default=0.0)
    yield from _joined([Reach(0.0 if start is None else start, end, limits[end if start is None else start], limits[end]) for start, end in _pairs(ends)])


def _pairs(ends: Sequence[float]) -> Iterable[tuple[float | None, float]]:
    return zip([None, *ends[:-1]], ends, strict=True)


def _joined(reaches: Sequence[Reach]) -> Iterable[Reach]:
    """Neighbours with the same limit as one; the last goes on for ever where its limit does not grow."""
    held: Reach | None = None
    for each in reaches:
        flat = each.below_from == each.below_to
        if held and flat and held.below_from == held.below_to == each.below_from:
            held = replace(held, area_to=each.area_to)
        elif held and not flat and _near(held.density, each.density):
            held = replace(held, area_to=each.area_to, below_to=each.below_to)
        else:
            if held:
                yield held
            held = each
    if held:
        yield replace(held, area_to=NO_LIMIT) if held.below_from == held.below_to else held


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= HAIR * abs(other)


def _bandwidth(weak: Item, lines: dict[str, set[float]], ok: Judge) -> Iterable[Corner]:
    memory = lines.get("memory_bandwidth", set()) | lines.get("dram_bandwidth", set())
    links, both = lines.get("io_bandwidth", set()), lines.get("memory_and_io_bandwidth", set())
    io = sorted({*links, *(total - line for total in both for line in memory if total > line), *both})
    stores = sorted({*memory, *(total - line for total in both for line in links if total > line), *both})
    beyond = 2 * max([*io, *stores, 1])
    pairs = list(itertools.product([*stores, NO_LIMIT], [*io, NO_LIMIT]))
    values = [tuple(beyond if each == NO_LIMIT else _under(each) for each in pair) for pair in pairs]
    items = [replace(weak, memory_bandwidth=one, dram_bandwidth=one, io_bandwidth=other) for one, other in values]
    good = [pair for pair, free in zip(pairs, ok(items), strict=True) if free]
    best = [pair for pair in good if not any(other != pair and other[0] >= pair[0] and other[1] >= pair[1] for other in good)]
    return [Corner(*pair) for pair in sorted(best, reverse=True)]


def _quotient(line: float, per: float) -> float:
    one, other = exact(line), exact(per)
    assert one is not None
    assert other
    return float(one / other)


def _product(per: float, area: float) -> float:
    one, other = exact(per), exact(area)
    assert one is not None
    assert other is not None
    return float(one * other)
