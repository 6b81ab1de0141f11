"""One place of the catalogue: power price, PUE, grid carbon and the jurisdiction whose export rules apply.

A place has a ``parent`` (a province its country, a country its continent, all of them ``world`` in the end). Only the PUE is taken
from the parent without being asked, because a facility always has one; its fact says from where and its tier is never better than
estimated, and assumed where it comes from ``world``. Power price and carbon stay unknown (NaN) unless ``filled`` is called.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import Field, model_validator

from suanli.errors import BadFile, UnknownName
from suanli.facts import Catalogue, Fact, Record, Schema, Tier
from suanli.facts.names import index, resolve
from suanli.facts.reader import Name, SourceFile, quantity
from suanli.words import say

Level = Literal["world", "continent", "union", "country", "province", "state", "zone", "cloud"]

#: the root of all places: what is inherited from it is assumed
WORLD = "world"

#: the numbers a place may take from its parent
INHERITABLE = ("power_price", "pue", "carbon")


class PlaceFile(Schema):
    """``data/places/<id>.toml``; ``jurisdiction`` is an ISO 3166 two-letter code (or EU), blank where no single law holds."""

    id: Name
    name: str
    name_zh: str
    level: Level
    jurisdiction: str = Field(pattern=r"^([A-Z]{2})?$")
    parent: Name | None = None
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    aliases: tuple[str, ...] = ()
    note: str = ""
    sources: dict[str, SourceFile]
    power_price: quantity("money/kWh") | None = None  # type: ignore[valid-type]
    pue: quantity("1") | None = None  # type: ignore[valid-type]
    carbon: quantity("gCO2/kWh") | None = None  # type: ignore[valid-type]

    @model_validator(mode="after")
    def _invariants(self) -> PlaceFile:
        if self.pue is not None and self.pue.value < 1:
            raise ValueError("pue is below 1: a facility draws at least what its servers draw")
        if self.carbon is not None and self.carbon.value < 0:
            raise ValueError("carbon is negative")
        if (self.parent is None) != (self.id == WORLD):
            raise ValueError(f'every place but "{WORLD}" has a parent')
        return self


@dataclass(frozen=True)
class Place:
    """A frozen view of one place; NaN where the catalogue does not know.

    ``power_price`` is in ``price_currency`` per kWh (industrial, taxes as its source has them), ``pue`` total facility power over
    IT power, ``carbon`` in gCO2 per kWh of the grid. ``inherited`` names the place each borrowed number comes from.
    """

    id: str
    name: str
    name_zh: str
    aliases: tuple[str, ...]
    level: str
    jurisdiction: str
    parent: str
    currency: str
    note: str
    power_price: float
    price_currency: str
    pue: float
    carbon: float
    inherited: Mapping[str, str] = field(default_factory=dict)
    own: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict, repr=False, compare=False)

    def fact(self, key: str) -> Fact | None:
        """The fact behind a number: ``power_price``, ``pue`` or ``carbon``."""
        return self.facts.get(key)


def place_of(record: Record[PlaceFile]) -> Place:
    """The view of one record as it stands, nothing inherited."""
    file, facts = record.content, record.facts
    return Place(
        id=file.id, name=file.name, name_zh=file.name_zh, aliases=file.aliases, level=file.level, jurisdiction=file.jurisdiction,
        parent=file.parent or "", currency=file.currency, note=file.note, power_price=_value(facts, "power_price"),
        price_currency=_currency(facts), pue=_value(facts, "pue"), carbon=_value(facts, "carbon"), own=record.own, facts=facts,
    )  # fmt: skip


def _value(facts: Mapping[str, Fact], key: str) -> float:
    return facts[key].value if key in facts else math.nan


def _currency(facts: Mapping[str, Fact]) -> str:
    return facts["power_price"].unit.partition("/")[0] if "power_price" in facts else ""


def load_places(catalogue: Catalogue) -> dict[str, Place]:
    """Every place by id, with the PUE of the nearest parent that has one where a place has none."""
    records = catalogue.records("places", PlaceFile)
    places = {name: place_of(record) for name, record in records.items()}
    for name, place in places.items():
        if place.parent and place.parent not in places:
            detail = str(UnknownName("place", place.parent, places))
            raise BadFile("errors.file_bad_value", file=str(records[name].path), key="parent", detail=detail)
    return {name: _inherit(place, places, ("pue",)) for name, place in places.items()}


def filled(place: Place, places: Mapping[str, Place]) -> Place:
    """``place`` with power price and carbon, too, from the nearest parent that knows them; each borrowed fact says so in its note.

    A province takes its country's price (estimated); what comes from the world is assumed. What no parent knows stays NaN.
    """
    return _inherit(place, places, INHERITABLE)


def _inherit(place: Place, places: Mapping[str, Place], keys: tuple[str, ...]) -> Place:
    facts, inherited = dict(place.facts), dict(place.inherited)
    for key in keys:
        giver = place
        seen = {place.id}
        while key not in giver.facts and giver.parent and giver.parent not in seen:
            giver = places[giver.parent]
            seen.add(giver.id)
        if key not in facts and key in giver.facts:
            origin = giver.inherited.get(key, giver.id)
            facts[key] = _borrowed(giver.facts[key], places[origin])
            inherited[key] = origin
    if inherited == place.inherited:
        return place
    return replace(
        place, facts=facts, inherited=inherited, price_currency=_currency(facts),
        power_price=_value(facts, "power_price"), pue=_value(facts, "pue"), carbon=_value(facts, "carbon"),
    )  # fmt: skip


def _borrowed(fact: Fact, origin: Place) -> Fact:
    tier = max(fact.tier, Tier.ASSUMED if origin.id == WORLD else Tier.ESTIMATED)
    note = say("places.inherited", place=origin.name)
    return replace(fact, tier=tier, note=f"{note} {fact.note}".rstrip())


def find(places: Mapping[str, Place], name: str) -> Place:
    """The place called ``name``: an id, a name in English or Chinese, an alias or an ISO code, whatever the case.

    Raises ``UnknownName`` with the nearest names.
    """
    return resolve("place", name, index(places.values()))
