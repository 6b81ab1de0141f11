"""Lists, cards and comparisons of the things in the catalogue."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from suanli.facts.prices import PriceBand
from suanli.hardware import Chip, System
from suanli.models import Model
from suanli.places import Place
from suanli.reporting.amounts import cell, span
from suanli.reporting.cards import CARDS, Card, Entry
from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.tongue import Sources, Tongue
from suanli.units import factor
from suanli.workloads import Workload

#: things beside each other in one table of a comparison
ABREAST = 5
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def show_report(kind: str, thing: Any, say: Tongue, extra: Sequence[Block] = ()) -> Report:
    """One thing: every figure with unit, tier and source; then ``extra``, then the sources."""
    card = CARDS[kind](thing, say)
    cited = Sources()
    plain = [(each.label, each.text, each.unit) for each in card.entries if each.fact is None]
    known = [
        (each.label, each.text, each.unit, say.tier(each.fact.tier), cited.cite(each.fact.sources), each.fact.since, each.fact.note)
        for each in card.entries
        if each.fact is not None
    ]
    names = ("figure", "value", "unit", "tier", "source", "since", "note")
    columns = [(say(f"reporting.column.{name}"), "number" if name == "value" else "text") for name in names]
    return report(
        Headline(f"{card.name} [{card.id}]"),
        Line(card.note) if card.note else None,
        table([("", "text"), ("", "text"), ("", "text")], plain) if plain else None,
        table(columns, known) if known else None,  # type: ignore[arg-type]
        extra,
        [Heading(say("reporting.sources")), *cited.lines(say)] if known else None,
    )


def compare_report(kind: str, things: Sequence[Any], say: Tongue) -> Report:
    """A column a thing, a row a figure; each figure with the letter of its tier and the number of its source."""
    cited = Sources()
    cards = [CARDS[kind](thing, say) for thing in things]
    blocks: list[Block] = [Headline(say("reporting.compare.headline", count=len(cards)))]
    blocks += [Line(f"{card.name} [{card.id}]", LETTERS[place % len(LETTERS)]) for place, card in enumerate(cards)]
    for start in range(0, len(cards), ABREAST):
        blocks.append(_abreast(cards[start : start + ABREAST], LETTERS[start : start + ABREAST], cited, say))
    marks = ", ".join(
        f"{say(f'tiers.mark.{name}')} = {say(f'tiers.name.{name}')}" for name in ("measured", "official", "reported", "derived", "estimated", "assumed")
    )
    return report(blocks, Line(say("reporting.compare.marks", marks=marks)), Heading(say("reporting.sources")), cited.lines(say))


def _abreast(cards: Sequence[Card], letters: str, cited: Sources, say: Tongue) -> Table:
    entries = [{entry.key: entry for entry in card.entries} for card in cards]
    keys = list(dict.fromkeys(entry.key for card in cards for entry in card.entries))
    # a figure that the first thing lacks still stands where the others have it
    order = {entry.key: place for card in reversed(cards) for place, entry in enumerate(card.entries)}
    rows = []
    for key in sorted(keys, key=lambda each: (next(c[each] for c in entries if each in c).fact is not None, order[each])):
        found = [each[key] for each in entries if key in each]
        units = {each.unit for each in found}
        unit = found[0].unit if len(units) == 1 else ""
        rows.append((found[0].label, unit, *(_compared(each.get(key), not unit, cited, say) for each in entries)))
    columns = [(say("reporting.column.figure"), "text"), (say("reporting.column.unit"), "text")] + [(letter, "text") for letter in letters[: len(cards)]]
    return Table(table(columns, rows).columns, table(columns, rows).rows)  # type: ignore[arg-type]


def _compared(entry: Entry | None, with_unit: bool, cited: Sources, say: Tongue) -> str:
    if entry is None:
        return ""
    text = f"{entry.text} {entry.unit}".rstrip() if with_unit else entry.text
    if entry.fact is None:
        return text
    return f"{text} {say(f'tiers.mark.{entry.fact.tier.name.lower()}')}[{cited.cite(entry.fact.sources).replace(' ', ',')}]"


def chip_extra(chip: Chip, systems: Sequence[System], rent: PriceBand, bought: PriceBand, export: str, say: Tongue) -> list[Block]:
    """What is known of a chip outside its file: systems, prices, export."""
    blocks: list[Block] = []
    if systems:
        blocks.append(Line(say("reporting.chip.systems", systems=", ".join(system.id for system in systems))))
    for name, band in (("rent", rent), ("bought", bought)):
        if band.count:
            values = {
                "span": span(band, digits=3),
                "mid": cell(band.mid),
                "count": band.count,
                "newest": band.newest,
                "tier": say.tier(band.tier),
            }
            blocks.append(Line(say(f"reporting.chip.{name}", **values)))
    if not rent.count and not bought.count:
        blocks.append(Line(say("reporting.chip.no_price")))
    return [*blocks, Line(export)] if export else blocks


def model_extra(model: Model, say: Tongue) -> list[Block]:
    """The operators of a model."""
    billion = factor("bn", "1")
    rows = [
        (
            op.name,
            say(f"reporting.op.{op.kind}"),
            cell(op.count),
            cell(op.inner or math.nan),
            cell(op.outer or math.nan),
            cell(op.count * op.weights or math.nan, billion, 4),
            cell(op.count * op.active_weights or math.nan, billion, 4),
        )
        for op in model.ops
    ]
    names = (
        ("op", "id"),
        ("kind", "text"),
        ("times", "number"),
        ("inner", "number"),
        ("outer", "number"),
        ("weights_bn", "number"),
        ("active_bn", "number"),
    )
    return [Heading(say("reporting.model.ops")), table([(say(f"reporting.column.{name}"), kind) for name, kind in names], rows)]  # type: ignore[misc]


def chips_list(chips: Sequence[Chip], say: Tongue) -> Report:
    """One row a chip."""
    rows = [
        (
            chip.id,
            say(f"reporting.kind.{chip.kind}"),
            say(f"reporting.segment.{chip.segment}"),
            chip.released,
            cell(chip.memory_capacity, factor("GB", "byte"), 4),
            cell(chip.memory_bandwidth, factor("TB/s", "byte/s")),
            cell(_sixteen(chip), factor("TFLOP/s", "flop/s"), 4),
            cell(_eight(chip), factor("TOP/s", "flop/s"), 4),
            cell(chip.power, digits=4),
        )
        for chip in chips
    ]
    columns = [
        (say("reporting.column.chip"), "id"),
        (say("reporting.column.kind"), "text"),
        (say("reporting.column.segment"), "text"),
        (say("reporting.column.released"), "text"),
        (say("reporting.column.memory"), "number"),
        (say("reporting.column.bandwidth"), "number"),
        (say("reporting.column.peak_16"), "number"),
        (say("reporting.column.peak_8"), "number"),
        ("W", "number"),
    ]
    return _listed("chips", columns, rows, say)


def _sixteen(chip: Chip) -> float:
    return max((chip.peaks[each] for each in ("bf16", "fp16") if each in chip.peaks), default=math.nan)


def _eight(chip: Chip) -> float:
    return max((chip.peaks[each] for each in ("fp8", "int8") if each in chip.peaks), default=math.nan)


def models_list(models: Sequence[Model], say: Tongue) -> Report:
    """One row a model."""
    billion = factor("bn", "1")
    rows = [
        (
            model.id,
            model.developer,
            model.released,
            cell(model.parameters, billion, 4),
            cell(model.active, billion, 4),
            cell(model.architecture.layers),
            cell(model.architecture.context or math.nan),
            model.weights.experts or model.weights.default,
        )
        for model in models
    ]
    names = (
        ("model", "id"),
        ("developer", "text"),
        ("released", "text"),
        ("parameters_bn", "number"),
        ("active_bn", "number"),
        ("layers", "number"),
        ("context", "number"),
        ("precision", "text"),
    )
    return _listed("models", [(say(f"reporting.column.{name}"), kind) for name, kind in names], rows, say)


def systems_list(systems: Sequence[System], say: Tongue) -> Report:
    """One row a system."""
    rows = [
        (
            each.id,
            each.chip,
            str(each.node_chips),
            str(each.domain_chips),
            cell(each.domain_bandwidth, factor("GB/s", "byte/s"), 4),
            cell(each.node_power, factor("kW", "watt"), 3),
            each.released,
        )
        for each in systems
    ]
    names = (
        ("system", "id"),
        ("chip", "id"),
        ("node_chips", "number"),
        ("domain_chips", "number"),
        ("link_gb", "number"),
        ("node_kw", "number"),
        ("released", "text"),
    )
    return _listed("systems", [(say(f"reporting.column.{name}"), kind) for name, kind in names], rows, say)


def places_list(places: Sequence[Place], say: Tongue) -> Report:
    """One row a place; borrowed figures are blank (``show`` has them)."""

    def own(place: Place, key: str, value: float) -> str:
        return "" if key in place.inherited else cell(value, digits=4)

    rows = [
        (
            each.id,
            say.named(each),
            say(f"places.level.{each.level}"),
            each.jurisdiction,
            own(each, "power_price", each.power_price),
            each.price_currency,
            own(each, "pue", each.pue),
            own(each, "carbon", each.carbon),
        )
        for each in places
    ]
    names = (
        ("place", "id"),
        ("name", "text"),
        ("level", "text"),
        ("jurisdiction", "text"),
        ("price_kwh", "number"),
        ("currency", "text"),
        ("pue", "number"),
        ("carbon", "number"),
    )
    return _listed("places", [(say(f"reporting.column.{name}"), kind) for name, kind in names], rows, say)


def workloads_list(workloads: Sequence[Workload], say: Tongue) -> Report:
    """One row a workload."""
    rows = [
        (
            each.id,
            say.named(each),
            cell(each.rate),
            cell(each.input_length.mean),
            cell(each.output_length.mean),
            cell(each.ttft),
            cell(each.tpot, factor("ms", "second")),
        )
        for each in workloads
    ]
    names = (("workload", "id"), ("name", "text"), ("rate_s", "number"), ("input", "number"), ("output", "number"))
    columns = [(say(f"reporting.column.{name}"), kind) for name, kind in names] + [("TTFT s", "number"), ("TPOT ms", "number")]
    return _listed("workloads", columns, rows, say)


LISTS: dict[str, Any] = {"chip": chips_list, "model": models_list, "system": systems_list, "place": places_list, "workload": workloads_list}


def _listed(kind: str, columns: Any, rows: Sequence[Sequence[str]], say: Tongue) -> Report:
    hint = Line(say("reporting.list.hint", kind=kind))
    return report(Headline(say(f"reporting.list.{kind}", count=len(rows))), table(columns, rows) if rows else None, hint)
