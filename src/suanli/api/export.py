"""May a chip go there?"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from suanli.api.finding import find_chip, find_system
from suanli.api.tables import answers_of, read_rows
from suanli.errors import BadInput, UnknownName
from suanli.facts import Catalogue
from suanli.facts.reader import first_day
from suanli.hardware import Chip, System, load_chips
from suanli.rules import (
    Fastest,
    Goal,
    Item,
    Margin,
    RuleBook,
    Screen,
    Stretch,
    Verdict,
    answer_of,
    check,
    default_book,
    fastest,
    item_of,
    load_book,
    reached,
    screen,
    timeline,
)
from suanli.rules.accuracy import ExportAccuracy, accuracy_of
from suanli.rules.cases import seats_of
from suanli.rules.item import planar_of
from suanli.rules.predict import PREDICTED

#: the name of goods with numbers of the user's own
OWN = "own chip"
#: what may be said of a chip without making it another
CIRCUMSTANTIAL = {"count", "vendor", "hq_country", "foundry_shipment", "designer"}
#: existing chips that are told beside a new design
EXISTING = 12
#: the markets that they are from
SERVER_SEGMENTS = ("datacenter", "workstation")


@dataclass(frozen=True)
class Goods:
    """What is to be shipped: the item, the chip or system of the catalogue that it is (``None``: the user's own numbers), and the parameters
    that the user gave instead of the catalogue's.
    """

    item: Item
    thing: Chip | System | None
    given: tuple[str, ...] = ()


def book_of(catalogue: Catalogue) -> RuleBook:
    """The rule book of a catalogue, ours under the user's; read once where it is ours alone."""
    return load_book(catalogue) if catalogue.overlays else default_book()


def find_goods(catalogue: Catalogue, name: str, **own: Any) -> Goods:
    """The chip or system called ``name`` (blank: none) with its numbers as the law counts them, and ``own`` fields of ``rules.Item`` in their
    place. Raises ``BadInput`` where neither a name nor a number is given.
    """
    said = {key: value for key, value in own.items() if value is not None and value != "" and not (isinstance(value, float) and math.isnan(value))}
    if not name:
        if not said:
            raise BadInput("rules.error.no_item")
        return Goods(_with(Item(OWN), said), None, tuple(said))
    thing, chip = _thing(catalogue, name)
    item = item_of(chip)
    if isinstance(thing, System):
        item = replace(item, name=f"{thing.name}: {item.name}")
    # other numbers make it another product, which rules that name a product do not name
    return Goods(_with(replace(item, name=OWN) if set(said) - CIRCUMSTANTIAL else item, said), thing, tuple(said))


def _with(item: Item, said: Mapping[str, Any]) -> Item:
    item = replace(item, **said)
    if "memory_bandwidth" in said and "dram_bandwidth" not in said and not item.memory_device:
        item = replace(item, dram_bandwidth=item.memory_bandwidth)
    if item.foundry_shipment and item.planar is None:
        planar = planar_of(item.process, item.vendor, default_book().terms)
        item = replace(item, planar=planar, die_area=0.0 if planar else item.die_area)
    return item


def _thing(catalogue: Catalogue, name: str) -> tuple[Chip | System, Chip]:
    try:
        chip = find_chip(catalogue, name)
    except UnknownName as error:
        try:
            system = find_system(catalogue, name)
        except UnknownName:
            raise error from None
        return system, load_chips(catalogue)[system.chip]
    return chip, chip


def check_export(catalogue: Catalogue, chip: str, to: str, on: datetime.date | None = None, **case: Any) -> tuple[Goods, Verdict]:
    """May ``chip`` (or a system) go to ``to`` on a day (today): what is shipped and the verdict; ``case`` as in ``rules.Asked``."""
    goods = find_goods(catalogue, chip)
    return goods, check(goods.item, to, on or datetime.date.today(), book=book_of(catalogue), **case)


def export_verdict(catalogue: Catalogue, goods: Goods, to: str, on: datetime.date | None = None, **case: Any) -> Verdict:
    """The verdict on ``goods``."""
    return check(goods.item, to, on or datetime.date.today(), book=book_of(catalogue), **case)


def export_timeline(catalogue: Catalogue, goods: Goods, to: str, first: datetime.date, last: datetime.date | None = None, **case: Any) -> tuple[Stretch, ...]:
    """How the answer changed from ``first`` to ``last`` (today)."""
    return timeline(goods.item, to, first, last or datetime.date.today(), book=book_of(catalogue), **case)


def export_all(catalogue: Catalogue, to: str, on: datetime.date | None = None, **case: Any) -> tuple[tuple[Chip, ...], tuple[Item, ...], Screen]:
    """Every chip of the catalogue, as items, and the answers."""
    day = on or datetime.date.today()
    chips = tuple(load_chips(catalogue).values())
    items = tuple(item_of(chip) for chip in chips)
    return chips, items, screen(items, to, day, book=book_of(catalogue), **case)


def export_lines(catalogue: Catalogue, to: str, on: datetime.date | None = None, **case: Any) -> tuple[Margin, ...]:
    """The lines of the US item rules in force for a data-centre chip of a US maker, whatever its values."""
    item = Item("", hq_country="US", datacentre=True, planar=False)
    return check(item, to, on or datetime.date.today(), book=book_of(catalogue), **(case | {"layers": ("US",)})).margins


def existing(chips: Sequence[Chip], items: Sequence[Item], found: Screen, on: datetime.date, goal: Goal = "free", count: int = EXISTING) -> tuple[str, ...]:
    """The chips for servers and workstations, released by ``on``, that reach a goal, the ``count`` with the highest TPP."""
    kept = [each.released != "" and first_day(each.released) <= on and each.segment in SERVER_SEGMENTS for each in chips]
    rows: list[int] = [row for row in np.flatnonzero(reached(found, goal)).tolist() if not math.isnan(items[row].tpp) and kept[row]]
    return tuple(chips[row].id for row in sorted(rows, key=lambda row: -items[row].tpp)[:count])


def export_design(catalogue: Catalogue, to: str, on: datetime.date | None = None, **wanted: Any) -> Fastest:
    """The fastest new design that may go to ``to`` on a day; ``wanted`` as in ``rules.fastest``."""
    return fastest(to, on or datetime.date.today(), book=book_of(catalogue), **wanted)


def predict_export(catalogue: Catalogue, path: str | Path) -> list[dict[str, str]]:
    """One answered row a case of a CSV file with the columns of the rule book."""
    book = book_of(catalogue)
    seats = seats_of(catalogue, book)
    return [answer_of(row, seats, book) for row in read_rows(Path(path))]


def accuracy_export(catalogue: Catalogue, truth: str | Path, predictions: str | Path | None = None) -> ExportAccuracy:
    """Answers against a table's ``expected_*`` columns: made now, or read from a file of predictions."""
    rows: Sequence[Mapping[str, str]] = list(read_rows(Path(truth)))
    if predictions is None:
        return accuracy_of(rows, predict_export(catalogue, truth), str(truth))
    answers = {each.get("case_id") or each.get("id") or "": each for each in answers_of(rows, truth, predictions, PREDICTED)}
    return accuracy_of(rows, [answers.get(row.get("case_id") or row.get("id") or "", {}) for row in rows], str(truth), str(predictions))
