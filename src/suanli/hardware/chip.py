"""One chip of the catalogue.

A *chip* is what software counts and addresses as one device unless ``unit`` says otherwise (an Atlas A3 card holds two 910C dies
and is two devices). Rates are dense unless ``sparse``. Link rates are halved to one direction when the sheet sums both.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import Field, model_validator

from suanli.facts import Catalogue, Fact, Record, Schema
from suanli.facts.reader import Day, Name, PlannedDay, SourceFile, quantity

#: precisions of a peak rate, widest first
PRECISIONS = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4", "int4")
Precision = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp6", "fp4", "int4"]
ChipClass = Literal["gpu", "npu", "tpu", "asic", "dataflow", "wafer", "fpga", "neuromorphic", "soc", "cpu"]
Segment = Literal["datacenter", "workstation", "consumer", "edge", "automotive", "mobile"]


class Peak(Schema):
    """One peak rate of the sheet; a precision computed on wider units names them in ``note``."""

    precision: Precision
    sparse: bool = False
    rate: quantity("flop/s")  # type: ignore[valid-type]


class Memory(Schema):
    type: str = ""
    capacity: quantity("byte") | None = None  # type: ignore[valid-type]
    bandwidth: quantity("byte/s") | None = None  # type: ignore[valid-type]
    on_chip: quantity("byte") | None = None  # type: ignore[valid-type]


class Link(Schema):
    """The chip's own scale-up ports, all together; ``direction = "both"`` when ``rate`` sums both directions."""

    name: str = ""
    rate: quantity("byte/s") | None = None  # type: ignore[valid-type]
    direction: Literal["both", "each"] = "both"
    domain: int | None = Field(default=None, ge=1)


class Host(Schema):
    interface: str = ""


class Power(Schema):
    board: quantity("watt") | None = None  # type: ignore[valid-type]


class Silicon(Schema):
    """``die_area`` sums the logic dies of one package (the applicable die area of export rules where all are non-planar)."""

    process: quantity("nm") | None = None  # type: ignore[valid-type]
    foundry: str = ""
    die_area: quantity("mm2") | None = None  # type: ignore[valid-type]
    transistors: quantity("1") | None = None  # type: ignore[valid-type]


class Price(Schema):
    street: quantity("money") | None = None  # type: ignore[valid-type]


class ChipFile(Schema):
    """``data/chips/<vendor>/<id>.toml``; ``dies`` counts the compute dies of the ``unit`` the numbers are for."""

    id: Name
    vendor: str
    vendor_zh: str = ""
    name: str
    name_zh: str = ""
    aliases: tuple[str, ...] = ()
    kind: ChipClass = Field(alias="class")
    segment: Segment
    architecture: str = ""
    unit: Literal["die", "package", "card", "board", "wafer", "system", "ip"] = "package"
    dies: int | None = Field(default=None, ge=1)
    announced: Day | None = None
    released: PlannedDay | None = None
    hq_country: str = ""
    offered: Literal["", "merchant", "cloud", "internal"] = ""  # to anyone, only in its maker's cloud, to nobody; blank: not stated
    note: str = ""
    sources: dict[str, SourceFile]
    peak: tuple[Peak, ...] = ()
    memory: Memory = Memory()
    scale_up: Link = Link()
    host: Host = Host()
    power: Power = Power()
    silicon: Silicon = Silicon()
    price: Price = Price()

    @model_validator(mode="after")
    def _invariants(self) -> ChipFile:
        keys = [(each.precision, each.sparse) for each in self.peak]
        if len(set(keys)) != len(keys):
            raise ValueError("@hardware.two_peaks")
        if any(each.rate.value <= 0 for each in self.peak):
            raise ValueError("@hardware.peak_not_positive")
        # parts made for one's own halls, or kept quiet, ship a year or two before the world is told
        if self.announced and self.released and int(self.announced[:4]) - int(self.released[:4]) > 2:
            raise ValueError("@hardware.released_early")
        return self


@dataclass(frozen=True)
class Chip:
    """A frozen view of one chip in SI; NaN where the catalogue does not know.

    ``peaks[precision]`` is the dense rate [flop/s]; ``link_bandwidth`` [byte/s] is one direction, all ports;
    ``link_domain`` the chips one scale-up domain joins (0 = unknown).
    """

    id: str
    vendor: str
    vendor_zh: str
    name: str
    name_zh: str
    aliases: tuple[str, ...]
    kind: str
    segment: str
    architecture: str
    unit: str
    dies: int | None
    announced: str
    released: str
    hq_country: str
    offered: str
    note: str
    peaks: Mapping[str, float]
    memory_type: str
    memory_capacity: float
    memory_bandwidth: float
    on_chip_memory: float
    link_name: str
    link_bandwidth: float
    link_domain: int
    host_interface: str
    power: float
    process: float
    die_area: float
    transistors: float
    price: float
    price_currency: str
    own: bool = False
    facts: Mapping[str, Fact] = field(default_factory=dict, repr=False, compare=False)

    def fact(self, key: str) -> Fact | None:
        """The fact behind a number: ``memory.bandwidth``, ``peak.bf16``, ``scale_up.rate`` (as stated), ``power.board`` ..."""
        return self.facts.get(key)


def chip_of(record: Record[ChipFile]) -> Chip:
    """The view of one record."""
    file, facts = record.content, dict(record.facts)
    for index, each in enumerate(file.peak):
        facts[f"peak.{each.precision}" + (".sparse" if each.sparse else "")] = facts.pop(f"peak.{index}.rate")

    def value(key: str) -> float:
        return facts[key].value if key in facts else math.nan

    halved = 2.0 if file.scale_up.direction == "both" else 1.0
    return Chip(
        id=file.id, vendor=file.vendor, vendor_zh=file.vendor_zh, name=file.name, name_zh=file.name_zh, aliases=file.aliases,
        kind=file.kind, segment=file.segment, architecture=file.architecture, unit=file.unit, dies=file.dies,
        announced=file.announced or "", released=file.released or "", hq_country=file.hq_country, offered=file.offered, note=file.note,
        peaks={p: value(f"peak.{p}") for p in PRECISIONS if f"peak.{p}" in facts},
        memory_type=file.memory.type, memory_capacity=value("memory.capacity"), memory_bandwidth=value("memory.bandwidth"),
        on_chip_memory=value("memory.on_chip"), link_name=file.scale_up.name, link_bandwidth=value("scale_up.rate") / halved,
        link_domain=file.scale_up.domain or 0, host_interface=file.host.interface, power=value("power.board"),
        process=value("silicon.process"), die_area=value("silicon.die_area"), transistors=value("silicon.transistors"),
        price=value("price.street"), price_currency=file.price.street.unit if file.price.street else "", own=record.own, facts=facts,
    )  # fmt: skip


def load_chips(catalogue: Catalogue) -> dict[str, Chip]:
    """Every chip by id."""
    return {name: chip_of(record) for name, record in catalogue.records("chips", ChipFile).items()}
