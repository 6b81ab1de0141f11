"""A system: the server, rack or pod a chip is sold in, with the links of each level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from suanli.facts import Catalogue, Fact, Record, Schema
from suanli.facts.reader import Day, Name, PlannedDay, SourceFile, quantity
from suanli.hardware.chip import Chip


class Node(Schema):
    """One server: ``power`` is the maximum of the whole server, chips included."""

    chips: int = Field(ge=1)
    power: quantity("watt") | None = None  # type: ignore[valid-type]


class ScaleUp(Schema):
    """The fast domain: ``chips`` it joins (may span nodes), bandwidth per chip; ``power`` of the whole domain, its switches included."""

    name: str = ""
    chips: int = Field(ge=1)
    topology: Literal["switched", "mesh", "ring", "torus2d", "torus3d", "tree", "none"]
    rate: quantity("byte/s") | None = None  # type: ignore[valid-type]
    direction: Literal["both", "each"] = "both"
    power: quantity("watt") | None = None  # type: ignore[valid-type]


class Rack(Schema):
    chips: int = Field(ge=1)
    power: quantity("watt") | None = None  # type: ignore[valid-type]


class ScaleOut(Schema):
    """The network between domains, per chip and direction."""

    name: str = ""
    rate: quantity("byte/s") | None = None  # type: ignore[valid-type]


class SystemPrice(Schema):
    """Price of one whole node, rack or scale-up domain."""

    purchase: quantity("money")  # type: ignore[valid-type]
    per: Literal["node", "rack", "domain"] = "node"


class SystemFile(Schema):
    """``data/systems/<id>.toml``."""

    id: Name
    name: str
    name_zh: str = ""
    vendor: str
    chip: str
    announced: Day | None = None
    released: PlannedDay | None = None
    note: str = ""
    sources: dict[str, SourceFile]
    node: Node
    scale_up: ScaleUp
    rack: Rack | None = None
    scale_out: ScaleOut = ScaleOut()
    price: SystemPrice | None = None

    @model_validator(mode="after")
    def _invariants(self) -> SystemFile:
        if self.price and self.price.per == "rack" and self.rack is None:
            raise ValueError("a price per rack, but no [rack]")
        if self.scale_up.topology == "none" and self.scale_up.chips > 1:
            raise ValueError("several chips in a scale-up domain without topology")
        return self


@dataclass(frozen=True)
class System:
    """A frozen view of one system in SI; bandwidths [byte/s] per chip and direction, NaN where unknown.

    ``node_power`` [W] is the whole server at maximum load, ``domain_power`` the whole scale-up domain with its switches; ``price`` is per
    chip with its share of the server, in ``price_currency``.
    """

    id: str
    name: str
    name_zh: str
    vendor: str
    chip: str
    released: str
    note: str
    node_chips: int
    node_power: float
    domain_chips: int
    domain_bandwidth: float
    topology: str
    rack_chips: int
    rack_power: float
    fabric_bandwidth: float
    price: float
    price_currency: str
    price_since: str
    domain_power: float = math.nan
    own: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict, repr=False, compare=False)

    @property
    def aliases(self) -> tuple[str, ...]:
        """Systems are found by id and name alone."""
        return ()

    def fact(self, key: str) -> Fact | None:
        """The fact behind a number: ``node.power``, ``scale_up.rate`` (as stated), ``scale_out.rate`` ..."""
        return self.facts.get(key)


def system_of(record: Record[SystemFile]) -> System:
    """The view of one record."""
    file, facts = record.content, record.facts

    def value(key: str) -> float:
        return facts[key].value if key in facts else math.nan

    halved = 2.0 if file.scale_up.direction == "both" else 1.0
    rack_chips = file.rack.chips if file.rack else 0
    price = file.price
    priced = {"node": file.node.chips, "rack": rack_chips, "domain": file.scale_up.chips}
    return System(
        id=file.id, name=file.name, name_zh=file.name_zh, vendor=file.vendor, chip=file.chip, released=file.released or "", note=file.note,
        node_chips=file.node.chips, node_power=value("node.power"), domain_chips=file.scale_up.chips,
        domain_bandwidth=value("scale_up.rate") / halved, topology=file.scale_up.topology,
        rack_chips=rack_chips, rack_power=value("rack.power"),
        fabric_bandwidth=value("scale_out.rate"),
        price=price.purchase.value / priced[price.per] if price else math.nan,
        price_currency=price.purchase.unit if price else "", price_since=(price.purchase.since or "") if price else "",
        domain_power=value("scale_up.power"), own=record.own, facts=facts,
    )  # fmt: skip


def load_systems(catalogue: Catalogue) -> dict[str, System]:
    """Every system by id."""
    return {name: system_of(record) for name, record in catalogue.records("systems", SystemFile).items()}


def usual_system(chip: Chip, systems: Iterable[System]) -> System | None:
    """The system a chip is usually bought in: the smallest released one that holds it; ``None`` where the catalogue has none."""
    holding = [system for system in systems if system.chip == chip.id]
    return min(holding, key=lambda system: (system.released == "", system.domain_chips, system.id), default=None)
