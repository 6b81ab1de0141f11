"""Export answers as JSON: labels of the rule book, clauses with their English sentences, and the same notice everywhere."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from suanli.hardware import Chip
from suanli.reporting.json_ import dumps, plain
from suanli.rules import OUTCOMES, Clause, Fastest, Item, Screen, Stretch, Verdict
from suanli.rules.book import Country
from suanli.rules.item import metrics
from suanli.words import say

UNITS = {
    "ratio": "value / threshold",
    "total_processing_performance": "TOPS x bit",
    "performance_density": "TOPS x bit / mm2",
    "memory_bandwidth": "GB/s",
    "dram_bandwidth": "GB/s",
    "io_bandwidth": "GB/s, both directions",
    "memory_and_io_bandwidth": "GB/s",
    "memory_bandwidth_density": "GB/s / mm2",
    "transistors": "bn",
    "process": "nm",
    "owner_share": "percent",
}


def verdict_json(item: Item, verdict: Verdict, given: Sequence[str] = ()) -> str:
    """One verdict."""
    return _dumps("export", {"item": item_object(item), "given": list(given), **verdict_object(verdict)})


def timeline_json(item: Item, stretches: Sequence[Stretch]) -> str:
    """The stretches of days with one answer."""
    found = [{"since": each.since, "until": each.until, "came": each.new, "went": each.gone, **verdict_object(each.verdict)} for each in stretches]
    return _dumps("export_timeline", {"item": item_object(item), "stretches": found})


def all_json(chips: Sequence[Chip], items: Sequence[Item], found: Screen, destination: Country, on: datetime.date, only: str) -> str:
    """A row a chip."""
    rows = [
        {
            "chip": chip.id,
            **item_object(item),
            "outcome": OUTCOMES[found.outcome[row]],
            "eccn": found.eccn[row],
            "licence": found.licence[row],
            "review": found.review[row],
            "free": found.free[row],
        }
        for row, (chip, item) in enumerate(zip(chips, items, strict=True))
        if not only or OUTCOMES[found.outcome[row]] == only
    ]
    return _dumps("export_all", {"destination": country_object(destination), "as_of": on, "rows": rows})


def destinations_json(item: Item, verdicts: Sequence[Verdict]) -> str:
    """A verdict a country."""
    return _dumps("export_destinations", {"item": item_object(item), "verdicts": [verdict_object(each) for each in verdicts]})


def design_json(found: Fastest, destination: Country, on: datetime.date, goal: str, existing: Sequence[str]) -> str:
    """The limits of a new design; null where there is none."""
    return _dumps("export_design", {"destination": country_object(destination), "as_of": on, "goal": goal, **plain(found), "existing": list(existing)})


def item_object(item: Item) -> dict[str, Any]:
    """The values that the rules looked at; null where unknown."""
    values = {name: None if value is None else float(value) for name, value in metrics(item).items()}
    return {"name": item.name, "vendor": item.vendor, "maker_country": item.hq_country, "datacentre": item.datacentre, "metrics": values}


def country_object(country: Country) -> dict[str, Any]:
    """A country on the day."""
    return {"code": country.code, "name": country.name, "name_zh": country.name_zh, "counts_as": country.counts_as, "groups": sorted(country.groups)}


def verdict_object(verdict: Verdict) -> dict[str, Any]:
    """A verdict as plain data."""
    content: dict[str, Any] = plain(verdict)
    content["destination"], content["headquarters"] = country_object(verdict.destination), country_object(verdict.headquarters)
    for name in ("clauses", "notices"):
        content[name] = [_clause(each) for each in getattr(verdict, name)]
    for each, hypothesis in zip(content["hypotheses"], verdict.hypotheses, strict=True):
        each["clause"] = _clause(hypothesis.clause)
    return content


def _clause(clause: Clause) -> dict[str, Any]:
    return {**plain(clause), "sentence": clause.say()}


def _dumps(kind: str, content: Mapping[str, Any]) -> str:
    return dumps(kind, {**content, "notice": say("reporting.not_legal_advice")}, UNITS)
