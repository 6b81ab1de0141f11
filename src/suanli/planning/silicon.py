"""The economy of a chip of the catalogue or of a design, with what the export rules leave of its price."""

from __future__ import annotations

import datetime
import math
from dataclasses import dataclass, replace

from suanli.economics.silicon import Design, Economy, Moved, Range, economy, factors, load_costs, moved, processes, scenarios
from suanli.errors import BadInput
from suanli.facts import Catalogue, Tier
from suanli.facts.names import index, resolve
from suanli.facts.prices import load_exchange, load_purchases, purchase_band
from suanli.hardware import Chip, load_chips
from suanli.outlook import load_outlook
from suanli.rules import default_book, fastest, item_of, load_book


@dataclass(frozen=True)
class Silicon:
    """The economy of a chip: its factors, three scenarios (middle, good, bad for its maker), what moves it, other foundries of the node, and with a
    destination what the export rules leave of its performance and price.
    """

    design: Design
    name: str
    ranges: dict[str, Range]
    economy: Economy
    moved: tuple[Moved, ...]
    others: tuple[tuple[str, Economy], ...]
    limit: Limit | None


@dataclass(frozen=True)
class Limit:
    """What may go to a destination without a licence: the performance there (TPP), the chip's own, and the economy at a price in proportion."""

    destination: str
    allowed: float
    own: float
    economy: Economy


def silicon_of(
    catalogue: Catalogue, *, chip: str = "", node: str = "", die_area: float = math.nan, dies: int = 1, memory: float = math.nan, memory_type: str = "",
    price: float = math.nan, process: str = "", performance: float = math.nan, to: str = "", on: datetime.date | None = None, **given: float,
) -> Silicon:  # fmt: skip
    """The economy of a chip of the catalogue or of a design of one's own; what is given stands in for the catalogue's, ``given`` for the table's.

    Raises ``BadInput`` where the node, the die area or the price is neither given nor known.
    """
    day = on or datetime.date.today()
    found = resolve("chip", chip, index(load_chips(catalogue).values())) if chip else None
    if found is not None:
        node = node or ("" if math.isnan(found.process) else f"{found.process:g}nm")
        die_area = found.die_area / dies if math.isnan(die_area) else die_area
        memory = found.memory_capacity if math.isnan(memory) and "HBM" in found.memory_type.upper() else memory
        memory_type = memory_type or found.memory_type
        performance = item_of(found).tpp if math.isnan(performance) else performance
    sold = _sold(catalogue, found, day) if math.isnan(price) else Range.given(price)
    if sold is not None and sold.low == sold.high:  # one number: a price that somebody names may be missed
        spread = load_outlook(catalogue)["price_spread"].value
        sold = Range(sold.mid * (1 - spread), sold.mid, sold.mid * (1 + spread), sold.tier)
    for name, missing in (("--node", not node), ("--die-area", math.isnan(die_area)), ("--price", sold is None)):
        if missing:
            raise BadInput("cli.missing", what=name, command="suanli outlook chip")
    assert sold is not None
    memory = 0.0 if math.isnan(memory) else memory
    design = Design(node, die_area, dies, memory, memory_type, sold, process)
    rows = load_costs(catalogue)
    ranges = factors(rows, design, **given)
    others = tuple((each, economy(design, scenarios(factors(rows, replace(design, process=each), **given)))) for each in processes(rows, node))
    return Silicon(
        design, found.name if found else "", ranges, economy(design, scenarios(ranges)), moved(design, ranges), others if len(others) > 1 else (),
        _limit(catalogue, design, ranges, performance, to, day) if to else None,
    )  # fmt: skip


def _sold(catalogue: Catalogue, chip: Chip | None, on: datetime.date) -> Range | None:
    if chip is None:
        return None
    band = purchase_band(load_purchases(catalogue), chip.id, on, load_exchange(catalogue))
    low, mid, high = float(band.low), float(band.mid), float(band.high)
    return None if math.isnan(low + mid + high) else Range(low, mid, high, Tier.REPORTED)


def _limit(catalogue: Catalogue, design: Design, ranges: dict[str, Range], performance: float, to: str, on: datetime.date) -> Limit:
    if math.isnan(performance):
        raise BadInput("cli.missing", what="--tpp", command="suanli outlook chip --to")
    area = design.die_area * design.dies
    book = load_book(catalogue) if catalogue.overlays else default_book()
    allowed = fastest(to, on, largest_area=area, layers=("US", "US-EL"), book=book).compute[-1].below_to
    share = min(allowed / performance, 1.0)
    price = Range(ranges["price"].low * share, ranges["price"].mid * share, ranges["price"].high * share, Tier.ASSUMED)
    return Limit(to, allowed, performance, economy(design, scenarios(ranges | {"price": price})))
