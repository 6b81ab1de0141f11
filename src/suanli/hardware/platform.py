"""A platform: one chip in one system, with every number the performance model needs, as columns over many platforms."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suanli.facts import Catalogue, Fact, Schema, Tier
from suanli.facts.reader import SourceFile, quantity
from suanli.hardware.chip import PRECISIONS, Chip
from suanli.hardware.system import System

Floats = NDArray[np.float64]


class NodeAssumption(Schema):
    chips: quantity("1")  # type: ignore[valid-type]
    power_overhead: quantity("1")  # type: ignore[valid-type]
    fabric: quantity("byte/s")  # type: ignore[valid-type]


class PlatformAssumptions(Schema):
    """``data/assumptions/platform.toml``; ``pcie``: bytes per second, lane and direction by generation."""

    sources: dict[str, SourceFile]
    node: NodeAssumption
    pcie: dict[str, quantity("byte/s")]  # type: ignore[valid-type]


@dataclass(frozen=True)
class Platforms:
    """Columns over P platforms, SI, NaN unknown.

    ``peak`` (P, precisions) dense flop/s in the order of ``PRECISIONS``; ``link`` and ``fabric`` B/s per chip and direction inside and
    between scale-up domains of ``domain`` chips; ``node`` chips per server, ``sold`` chips of
    what is bought whole (the rack where one domain fills it); ``board_power`` one chip, ``power`` one chip with its share of
    the server at full load [W]; ``tier`` the worst tier of capacity, bandwidth and 16-bit peak; ``assumed`` (P,) what was filled in.
    """

    chip: tuple[str, ...]
    system: tuple[str, ...]
    architecture: tuple[str, ...]
    kind: tuple[str, ...]
    assumed: tuple[tuple[str, ...], ...]
    peak: Floats
    bandwidth: Floats
    capacity: Floats
    link: Floats
    domain: Floats
    fabric: Floats
    node: Floats
    sold: Floats
    board_power: Floats
    power: Floats
    tier: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.chip)

    @property
    def family(self) -> tuple[str, ...]:
        """The first word of each architecture, lower case; blank where unknown."""
        return tuple(name.split()[0].lower() if name else "" for name in self.architecture)

    @property
    def vendor(self) -> tuple[str, ...]:
        """``vendor_of`` each chip."""
        return tuple(map(vendor_of, self.chip))


def vendor_of(chip: str) -> str:
    """The maker's name as chip ids begin with it.

    >>> vendor_of("amd-mi300x")
    'amd'
    """
    return chip.partition("-")[0]


def host_bandwidth(interface: str, assumptions: Mapping[str, Fact]) -> float:
    """Bytes per second and direction of ``PCIe 5.0 x16``; NaN where the text says no generation or width."""
    match = re.search(r"PCIe (\d\.\d)(?: x(\d+))?", interface)
    if match is None or f"pcie.{match[1]}" not in assumptions:
        return math.nan
    # a part with more lanes than one slot spends the others on other devices
    return assumptions[f"pcie.{match[1]}"].value * min(int(match[2] or "16"), 16)


def platform_row(chip: Chip, system: System | None, assumptions: Mapping[str, Fact]) -> dict[str, Any]:
    """The columns of one chip in one system, or in an assumed server where there is none."""
    assumed: list[str] = []

    def fill(value: float, default: float, name: str) -> float:
        if math.isnan(value):
            assumed.append(name)
            return default
        return value

    node = float(system.node_chips) if system else math.nan
    node = fill(node, float(chip.link_domain if 1 < chip.link_domain <= 8 else assumptions["node.chips"].value), "node")
    link = system.domain_bandwidth if system and not math.isnan(system.domain_bandwidth) else chip.link_bandwidth
    link = fill(link, host_bandwidth(chip.host_interface, assumptions), "link")
    fabric = fill(system.fabric_bandwidth if system else math.nan, assumptions["node.fabric"].value, "fabric")
    link = fill(link, fabric, "link")
    board = chip.power
    share = _power_share(system)
    power = share if not math.isnan(share) else fill(math.nan, board * assumptions["node.power_overhead"].value, "power")
    sixteen = max((p for p in ("bf16", "fp16") if p in chip.peaks), key=lambda p: chip.peaks[p], default=None)
    keys = ["memory.capacity", "memory.bandwidth", f"peak.{sixteen}"]
    known = [chip.facts[key].tier for key in keys if key in chip.facts]
    return {
        "chip": chip.id, "system": system.id if system else "", "architecture": chip.architecture, "kind": chip.kind, "assumed": tuple(dict.fromkeys(assumed)),
        "peak": [chip.peaks.get(each, math.nan) for each in PRECISIONS], "bandwidth": chip.memory_bandwidth, "capacity": chip.memory_capacity,
        "link": link, "domain": float(system.domain_chips) if system else node, "fabric": fabric, "node": node,
        "sold": float(system.rack_chips) if system and system.rack_chips == system.domain_chips else node, "board_power": board, "power": power,
        "tier": int(max(known)) if len(known) == len(keys) else int(Tier.ASSUMED),
    }  # fmt: skip


def _power_share(system: System | None) -> float:
    """Watts per chip of the whole domain where it is stated (its switches included), else of the server; NaN where neither is."""
    if system is None:
        return math.nan
    share = system.domain_power / system.domain_chips
    return share if not math.isnan(share) else system.node_power / system.node_chips


def platforms_of(chips: Sequence[Chip], systems: Sequence[System | None], catalogue: Catalogue) -> Platforms:
    """The platforms of pairs of chip and system (``None``: an assumed server)."""
    assumptions = load_assumptions(catalogue)
    rows = [platform_row(chip, system, assumptions) for chip, system in zip(chips, systems, strict=True)]
    columns: dict[str, Any] = {}
    for each in fields(Platforms):
        values = [row[each.name] for row in rows]
        columns[each.name] = tuple(values) if isinstance(values[0], (str, tuple)) else np.array(values)
    return Platforms(**columns)


def load_assumptions(catalogue: Catalogue) -> Mapping[str, Fact]:
    """The platform assumptions as facts: ``node.chips``, ``node.power_overhead``, ``node.fabric``, ``pcie.5.0`` ..."""
    return catalogue.record("assumptions", "platform", PlatformAssumptions).facts
