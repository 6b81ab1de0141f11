"""Rows of an export case table (columns as in the rule book) as questions to ``check``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from suanli.errors import BadInput
from suanli.facts import Catalogue
from suanli.hardware import load_chips
from suanli.rules.book import RuleBook
from suanli.rules.files import Terms
from suanli.rules.item import Item, named, planar_of

_TRUTHS = {"yes": True, "no": False}


def seats_of(catalogue: Catalogue, book: RuleBook) -> dict[str, str]:
    """Seat of every company by lower-case name: those of the chips' makers, then those of the rule book's own table."""
    return {chip.vendor.lower(): chip.hq_country for chip in load_chips(catalogue).values() if chip.hq_country} | book.company_seats


def question_of(row: Mapping[str, str], seats: Mapping[str, str], terms: Terms) -> tuple[Item, dict[str, Any]]:
    """The item of a row and the other arguments of ``check``; blank cells are unknown.

    Three things stand in words only: ``foundry`` or ``OSAT`` as vendor is a foundry shipment, whose chip column says the process and who
    designed it; a memory device is one whose data-centre cell is ``n/a`` beside a package area; ``planar`` in the chip's name means that
    no die counts.
    """
    name, vendor = row.get("chip", ""), row.get("vendor", "") or ""
    foundry = named(vendor, "foundry") or named(vendor, "OSAT")
    memory = _number(row, "mem_bw_gbs")
    area = _number(row, "applicable_die_area_mm2")
    density, tpp = _number(row, "perf_density"), _number(row, "tpp")
    if math.isnan(area) and density > 0:
        area = tpp / density
    process = _process(name) if foundry else math.nan
    planar = True if named(name, "planar") and not named(name, "non planar") else planar_of(process, name, terms)
    if planar:
        area = 0.0
    package = _number(row, "package_area_mm2")
    item = Item(
        name=name, vendor=vendor, hq_country=seats.get(vendor.lower(), ""), tpp=tpp, die_area=area, memory_bandwidth=memory,
        io_bandwidth=_number(row, "io_bw_gbs"), dram_bandwidth=memory, package_area=package, transistors=_number(row, "transistors_bn"),
        process=process, designer=_designer(name) if foundry else "", foundry_shipment=foundry,
        has_hbm=_TRUTHS.get(row.get("has_hbm", "")), datacentre=_TRUTHS.get(row.get("dc_marketed", "")),
        planar=planar,
        memory_device=row.get("dc_marketed") == "n/a" and not math.isnan(package),
    )  # fmt: skip
    return item, {
        "destination": row.get("destination", ""), "on": row.get("date", ""), "buyer_hq": row.get("enduser_hq") or "",
        "party": row.get("party", "") or "", "owner": row.get("owner", "") or "", "owner_share": _number(row, "owner_pct"),
        "transaction": row.get("transaction") or "", "layers": (row.get("layer") or "US",), "ahead": True,
    }  # fmt: skip


def _number(row: Mapping[str, str], column: str) -> float:
    text = row.get(column) or ""
    try:
        return float(text) if text else math.nan
    except ValueError:
        raise BadInput("rules.error.number", column=column, text=text) from None


def _process(name: str) -> float:
    match = re.search(r"(\d+(?:\.\d+)?)\s*nm\b", name)
    return float(match[1]) if match else math.nan


def _designer(name: str) -> str:
    return next((kind for kind in ("approved", "authorised") if named(name, kind) or named(name, kind.replace("s", "z"))), "")
