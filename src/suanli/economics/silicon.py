"""What a chip costs to make and how many must be sold: wafers, yield, memory, package, design, masks, break-even; and what moves it most.

Figures: ``data/market/silicon.csv``, press and analyst estimates of confidential prices, so every factor is a range. The middle of a range is
the median of its rows, its ends the lowest and the highest that a row gives.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from suanli.errors import BadInput, nearest
from suanli.facts import Catalogue, Schema, Tier
from suanli.formulas.yield_ import break_even_volume, cost_per_good_die, dies_per_wafer, negative_binomial_yield
from suanli.units import factor

Floats = npt.NDArray[np.float64]

#: wafers of all the rows
DIAMETER = 300.0
#: the factors of a chip's economy, and the leg each belongs to
FACTORS = ("wafer_price", "defects", "memory_price", "packaging", "test", "design_cost", "mask_set", "price")
MARKET = ("price",)
#: rows of a figure that are parts of another, or of other things
_PARTS = ("of which", "complex GPU-class")


class _Row(Schema):
    figure: str
    item: str
    node: str = ""
    year: int
    low: float | None = None
    mid: float | None = None
    high: float | None = None
    unit: str
    tier: Literal["measured", "official", "reported", "derived", "estimated", "assumed"]
    source: str = ""
    url: str = ""
    note: str = ""


@dataclass(frozen=True)
class CostRow:
    """One row of the table as read."""

    figure: str
    item: str
    node: str
    year: int
    low: float
    mid: float
    high: float
    unit: str
    tier: Tier
    source: str
    urls: tuple[str, ...]
    note: str


@dataclass(frozen=True)
class Range:
    """Low, mid and high of a factor, the worst tier of its rows, and the rows; no rows: given by the user."""

    low: float
    mid: float
    high: float
    tier: Tier = Tier.ASSUMED
    rows: tuple[CostRow, ...] = ()

    @classmethod
    def given(cls, value: float) -> Range:
        """A value that the user gave."""
        return cls(value, value, value)


@dataclass(frozen=True)
class Design:
    """A chip to be made: ``dies`` of ``die_area`` [mm2] on ``node``, ``memory`` [byte] of a type, at a ``price`` [USD]."""

    node: str
    die_area: float
    dies: int
    memory: float
    memory_type: str
    price: Range
    process: str = ""


@dataclass(frozen=True)
class Economy:
    """What follows, each (K,): dies on a wafer, share that works, USD of the dies, of the memory, of package and test, of a whole unit, of design
    and masks, and the units that pay them back.
    """

    dies_per_wafer: Floats
    working: Floats
    die_cost: Floats
    memory_cost: Floats
    package_cost: Floats
    unit_cost: Floats
    fixed_cost: Floats
    margin: Floats
    break_even: Floats


@dataclass(frozen=True)
class Moved:
    """One factor at its low and its high end, the others in the middle: the units that pay the design back."""

    factor: str
    range: Range
    at_low: float
    at_high: float

    @property
    def swing(self) -> float:
        """How far it moves the answer: the ratio of the larger to the smaller; infinite where a unit loses money at one end."""
        low, high = sorted((self.at_low, self.at_high))
        return high / low if low > 0 else math.inf


def load_costs(catalogue: Catalogue) -> tuple[CostRow, ...]:
    """Every row of the table."""
    found = []
    for row in catalogue.table("market", "silicon", _Row):
        known = [each for each in (row.low, row.mid, row.high) if each is not None]
        low, high = (known[0] if row.low is None else row.low), (known[-1] if row.high is None else row.high)
        mid = (low + high) / 2 if row.mid is None else row.mid
        urls = tuple(filter(None, row.url.split("|")))
        found.append(CostRow(row.figure, row.item, row.node, row.year, low, mid, high, row.unit, Tier.of(row.tier), row.source, urls, row.note))
    return tuple(found)


def ranged(rows: Iterable[CostRow]) -> Range:
    """The range of several rows: lowest low, median middle, highest high."""
    kept = tuple(rows)
    return Range(min(r.low for r in kept), float(np.median([r.mid for r in kept])), max(r.high for r in kept), max(r.tier for r in kept), kept)


def nodes(rows: Sequence[CostRow]) -> tuple[str, ...]:
    """The foundry nodes with a wafer price, largest first."""
    return tuple(sorted({row.node for row in rows if row.figure == "wafer_price"}, key=lambda node: -float(node.removesuffix("nm"))))


def processes(rows: Sequence[CostRow], node: str) -> tuple[str, ...]:
    """The foundries whose defects on a node are in the table: the first word of each row's item."""
    return tuple(dict.fromkeys(row.item.split(" ")[0] for row in rows if row.figure == "defect_density" and row.node == node))


def factors(rows: Sequence[CostRow], design: Design, **given: float) -> dict[str, Range]:
    """The range of every factor of a design (``FACTORS``); ``given`` values stand in for the table's.

    What is not known of a node (defects, design, masks) is that of the nearest node that has it, and counts as assumed. Raises ``BadInput`` for a
    node or a memory the table does not have.
    """
    known = nodes(rows)
    if design.node not in known:
        raise BadInput("outlook.no_node", node=design.node, nearest=", ".join(nearest(design.node, known) or known))
    found = {
        "wafer_price": ranged(r for r in rows if r.figure == "wafer_price" and r.node == design.node),
        "defects": _defects(rows, design),
        "memory_price": _memory(rows, design),
        "packaging": ranged(r for r in rows if r.figure == "packaging") if design.memory else Range.given(0.0),
        "test": ranged(r for r in rows if r.figure == "bom" and r.item.endswith("test+assembly")),
        "design_cost": _design_cost(rows, design),
        "mask_set": _masks(rows, design),
        "price": design.price,
    }
    return found | {name: Range.given(value) for name, value in given.items() if not math.isnan(value)}


def _design_cost(rows: Sequence[CostRow], design: Design) -> Range:
    whole = [row for row in rows if row.figure == "design_cost" and not row.item.startswith(_PARTS)]
    return _scaled(_of_node(whole, design), factor("M", "1"))


def _scaled(of: Range, scale: float) -> Range:
    return Range(of.low * scale, of.mid * scale, of.high * scale, of.tier, of.rows)


def _of_node(rows: Sequence[CostRow], design: Design) -> Range:
    """The range of the design's node, else that of the nearest node, which then is an assumption."""
    size = float(design.node.removesuffix("nm"))
    gap = min(abs(math.log(float(row.node.removesuffix("nm")) / size)) for row in rows)
    found = ranged(row for row in rows if abs(math.log(float(row.node.removesuffix("nm")) / size)) == gap)
    return found if gap == 0 else Range(found.low, found.mid, found.high, Tier.ASSUMED, found.rows)


def _defects(rows: Sequence[CostRow], design: Design) -> Range:
    mine = [row for row in rows if row.figure == "defect_density"]
    if design.process:
        wanted = [row for row in mine if row.item.lower().startswith(design.process.lower())]
        if not wanted:
            makers = sorted({row.item.split(" ")[0] for row in mine})
            raise BadInput("outlook.no_process", process=design.process, nearest=", ".join(makers))
        mine = wanted
    else:
        mine = [row for row in mine if not row.item.startswith("SMIC")]
    return _scaled(_of_node(mine, design), 1 / factor("cm2", "mm2"))


def _memory(rows: Sequence[CostRow], design: Design) -> Range:
    if not design.memory:
        return Range.given(0.0)
    kept = [row for row in rows if row.figure == "hbm_price" and row.unit == "USD/GB" and row.node.upper() == design.memory_type.upper()]
    if not kept:
        known = sorted({row.node for row in rows if row.figure == "hbm_price" and row.unit == "USD/GB"})
        raise BadInput("outlook.no_memory", memory=design.memory_type or "-", nearest=", ".join(nearest(design.memory_type, known) or known))
    return _scaled(ranged(kept), 1 / factor("GB", "byte"))


def _masks(rows: Sequence[CostRow], design: Design) -> Range:
    return _scaled(_of_node([row for row in rows if row.figure == "mask_set"], design), factor("M", "1"))


def economy(design: Design, values: Mapping[str, Floats]) -> Economy:
    """The economy of a design for values of the factors, each (K,)."""
    per_wafer = np.broadcast_to(dies_per_wafer(DIAMETER, design.die_area), np.shape(values["price"])).astype(float)
    working = negative_binomial_yield(values["defects"], design.die_area)
    die = cost_per_good_die(values["wafer_price"], per_wafer, working) * design.dies
    memory = values["memory_price"] * design.memory
    package = values["packaging"] + values["test"]
    unit, fixed = die + memory + package, values["design_cost"] + values["mask_set"]
    return Economy(per_wafer, working, die, memory, package, unit, fixed, values["price"] - unit, break_even_volume(fixed, values["price"], unit))


def scenarios(found: Mapping[str, Range]) -> dict[str, Floats]:
    """Middle, everything good, everything bad for who makes the chip, (3,)."""
    cheap = {name: (each.mid, each.low, each.high) for name, each in found.items()}
    cheap["price"] = (found["price"].mid, found["price"].high, found["price"].low)
    return {name: np.array(each) for name, each in cheap.items()}


def moved(design: Design, found: Mapping[str, Range]) -> tuple[Moved, ...]:
    """Every factor with a range at both its ends, the strongest first."""
    names = [name for name in FACTORS if found[name].low < found[name].high]
    count = len(names)
    values = {name: np.full(2 * count, found[name].mid) for name in FACTORS}
    for place, name in enumerate(names):
        values[name][2 * place : 2 * place + 2] = found[name].low, found[name].high
    sold = economy(design, values).break_even
    made = [Moved(name, found[name], float(sold[2 * place]), float(sold[2 * place + 1])) for place, name in enumerate(names)]
    return tuple(sorted(made, key=lambda each: -each.swing))
