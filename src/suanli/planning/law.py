"""What the export and import rules say of the chips of a plan."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from suanli.facts import Catalogue
from suanli.hardware import Chip
from suanli.performance.reasons import Reason
from suanli.places import Place
from suanli.planning.ask import Licence
from suanli.rules import OUTCOMES, default_book, item_of, load_book, screen

#: reasons that the law gives
BY_LAW = Reason.LICENCE | Reason.PROHIBITED | Reason.NOT_FREE


@dataclass(frozen=True)
class Legal:
    """What the rule book says of a chip at the place on the day: outcome and, of the US layers, entry, licence label and review policy;
    ``free``: no layer asks for anything, whatever is unknown.
    """

    outcome: str
    eccn: str
    licence: str
    review: str
    free: bool


def legal(catalogue: Catalogue, chips: Iterable[Chip], place: Place, on: datetime.date, **case: Any) -> dict[str, Legal]:
    """What the law of the day says of each chip at the place, by chip id; ``case`` as in ``rules.Asked``."""
    book = load_book(catalogue) if catalogue.overlays else default_book()
    asked = tuple(chips)
    found = screen([item_of(chip, book) for chip in asked], place.jurisdiction or book.terms.home, on, book=book, **case)
    columns = (found.eccn.tolist(), found.licence.tolist(), found.review.tolist(), found.free.tolist())
    return {chip.id: Legal(OUTCOMES[code], *row) for chip, code, row in zip(asked, found.outcome, zip(*columns, strict=True), strict=True)}


def by_law(found: Legal, licence: Licence) -> Reason:
    """Barred is barred; a licence can be had, but not where it is excluded; ``only-free`` keeps what is surely free alone."""
    if found.outcome == "prohibited":
        return Reason.PROHIBITED
    if licence == "allow":
        return Reason.NONE
    if found.outcome == "licence":
        return Reason.LICENCE
    return Reason.NOT_FREE if licence == "only-free" and not found.free else Reason.NONE
