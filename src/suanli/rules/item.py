"""What is shipped, in the units the law is written in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np

from suanli.facts.reader import first_day
from suanli.formulas.thresholds import (
    aggregate_bidirectional_rate,
    memory_bandwidth_density,
    performance_density,
    total_processing_performance,
)
from suanli.hardware import Chip
from suanli.rules.book import RuleBook, default_book
from suanli.rules.files import Terms
from suanli.units import factor


@dataclass(frozen=True)
class Item:
    """One integrated circuit (or memory stack) as a rule sees it; NaN, ``None`` or blank is unknown and stays unknown.

    ``tpp`` [TOPS x bit, dense], ``die_area`` [mm2, logic dies on non-planar nodes; 0 where all are planar], ``memory_bandwidth`` and
    ``dram_bandwidth`` [GB/s], ``io_bandwidth`` [GB/s, links and host, both directions], ``package_area`` [mm2, memory only],
    ``transistors`` [bn, aggregated approximated], ``process`` [nm]. ``hq_country`` is the maker's seat; unknown is taken as the United
    States, that is as subject to US rules, and said so. ``memory_device`` is bare HBM; ``foundry_shipment`` a logic IC shipped by its
    fabricator or packager, with ``designer`` approved, authorised or blank. ``fp64`` and ``fp32`` [PFLOP/s] are one circuit's rates, ``count``
    how many are shipped; ``planar``: every logic die is on a planar node. ``assumed`` names notices on how the numbers were found.
    """

    name: str
    vendor: str = ""
    hq_country: str = ""
    tpp: float = math.nan
    die_area: float = math.nan
    memory_bandwidth: float = math.nan
    io_bandwidth: float = math.nan
    dram_bandwidth: float = math.nan
    package_area: float = math.nan
    transistors: float = math.nan
    process: float = math.nan
    fp64: float = math.nan
    fp32: float = math.nan
    count: float = math.nan
    has_hbm: bool | None = None
    datacentre: bool | None = None
    planar: bool | None = None
    memory_device: bool = False
    foundry_shipment: bool = False
    designer: str = ""
    released: str = ""
    assumed: tuple[str, ...] = ()


def exact(value: float) -> Fraction | None:
    """The decimal number a float stands for, to 12 significant digits; ``None`` where unknown.

    >>> exact(5.92) == Fraction(592, 100), exact(0.1 + 0.2) == Fraction(3, 10), exact(math.nan)
    (True, True, None)
    """
    return None if math.isnan(value) else Fraction(f"{value:.12g}")


def metrics(item: Item) -> dict[str, Fraction | None]:
    """Every metric of an item that a rule may name, exact."""
    performance, area, memory, links = exact(item.tpp), exact(item.die_area), exact(item.memory_bandwidth), exact(item.io_bandwidth)
    package = exact(item.package_area)
    return {
        "total_processing_performance": performance,
        "performance_density": Fraction(0) if area == 0 else _scalar(performance_density, performance, area),
        "io_bandwidth": links,
        "memory_bandwidth": memory,
        "dram_bandwidth": exact(item.dram_bandwidth),
        "memory_and_io_bandwidth": None if memory is None or links is None else memory + links,
        "memory_bandwidth_density": _scalar(memory_bandwidth_density, memory, package),
        "transistors": exact(item.transistors),
        "process": exact(item.process),
        "cluster_fp64": _scalar(_together, exact(item.fp64), exact(item.count)),
        "cluster_fp32": _scalar(_together, exact(item.fp32), exact(item.count)),
    }


def _scalar(formula: Any, *values: Fraction | None) -> Fraction | None:
    if None in values:
        return None
    return Fraction(np.asarray(formula(*values), dtype=object).item())


def _together(rate: Fraction, count: Fraction) -> Fraction:
    return rate * count


@cache
def tokens(name: str) -> tuple[str, ...]:
    """The words of a product or party name, lower case.

    >>> tokens("GeForce RTX 5090 D (China)")
    ('geforce', 'rtx', '5090', 'd', 'china')
    """
    return tuple(re.findall(r"[a-z0-9]+|[\u4e00-\u9fff]+", name.lower()))


@cache
def named(name: str, phrase: str) -> bool:
    """Whether a name contains a phrase as whole words (Chinese: as text).

    >>> named("H200 SXM", "H20"), named("RTX PRO 6000D", "6000D"), named("国有数据中心", "国有")
    (False, True, True)
    """
    words, part = tokens(name), tokens(phrase)
    if not phrase.isascii():
        return phrase in name
    return any(words[start : start + len(part)] == part for start in range(len(words)))


def host_bandwidth(interface: str, lanes: Mapping[str, float]) -> float:
    """GB/s per direction of a host interface such as ``PCIe 5.0 x16``; NaN where the text does not say generation and lanes.

    >>> host_bandwidth("PCIe 5.0 x16", {"5": 4.0}), host_bandwidth("PCIe", {"5": 4.0})
    (64.0, nan)
    """
    match = re.search(r"PCIe (\d)(?:\.\d)? x(\d+)", interface)
    return lanes[match[1]] * int(match[2]) if match and match[1] in lanes else math.nan


def item_of(chip: Chip, book: RuleBook | None = None) -> Item:
    """The item a chip of the catalogue is.

    TPP from its dense peaks; I/O from its links and host port, both directions (a sheet that states a host port with lanes and no
    link has no link); data centre from its segment; dies on planar nodes count as no area.
    """
    terms = (book or default_book()).terms
    tera, peta, giga, billion = factor("TOP/s", "flop/s"), factor("PFLOP/s", "flop/s"), factor("GB/s", "byte/s"), factor("bn", "1")
    peaks = [(rate / tera, terms.bit_lengths[precision]) for precision, rate in chip.peaks.items()]
    rates, bits = np.array(peaks, dtype=float).T if peaks else (np.array([math.nan]), np.array([1]))
    host = host_bandwidth(chip.host_interface, terms.pcie.lane)
    no_link = math.isnan(chip.link_bandwidth) and not chip.link_name and not math.isnan(host)
    per_board = chip.unit in ("card", "board", "system")
    bandwidth = chip.memory_bandwidth / giga
    return Item(
        name=chip.name, vendor=chip.vendor, hq_country=chip.hq_country,
        tpp=float(total_processing_performance(rates, bits)), die_area=0.0 if planar_of(chip.process, chip.vendor, terms) else chip.die_area,
        planar=planar_of(chip.process, chip.vendor, terms),
        memory_bandwidth=bandwidth, io_bandwidth=float(aggregate_bidirectional_rate(0.0 if no_link else chip.link_bandwidth / giga, host)),
        dram_bandwidth=bandwidth, transistors=chip.transistors / billion, process=chip.process,
        fp64=chip.peaks.get("fp64", math.nan) / peta, fp32=chip.peaks.get("fp32", math.nan) / peta,
        has_hbm="hbm" in chip.memory_type.lower() if chip.memory_type else None, datacentre=chip.segment == "datacenter",
        released=first_day(chip.released).isoformat() if chip.released else "",
        assumed=("no_link",) * no_link + ("per_board",) * per_board,
    )  # fmt: skip


def planar_of(process: float, maker: str, terms: Terms) -> bool | None:
    """Whether a logic die of ``process`` [nm] is on a planar node; ``None`` where the process is unknown."""
    if math.isnan(process):
        return None
    return process >= terms.planar.process_from and not any(named(maker, each) for each in terms.planar.except_foundries)
