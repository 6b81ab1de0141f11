"""Each thing of the catalogue as a card: its figures in comparable units, each with the fact behind it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from suanli.facts import Fact
from suanli.hardware import Chip, System
from suanli.models import Model, cache_elements, state_elements
from suanli.places import Place
from suanli.reporting.amounts import cell
from suanli.reporting.tongue import Tongue
from suanli.units import factor
from suanli.workloads import Workload

#: significant digits of a figure on a card
DIGITS = 5


@dataclass(frozen=True)
class Entry:
    """One figure: ``key`` (the same in every card of a kind), its label, unit and text; ``fact`` where it has a source of its own."""

    key: str
    label: str
    unit: str
    text: str
    fact: Fact | None = None


@dataclass(frozen=True)
class Card:
    """A thing: who it is, what is said of it, its figures."""

    id: str
    name: str
    note: str
    entries: tuple[Entry, ...]


#: fact -> the unit it is shown in
SHOWN = {
    "memory.capacity": "GB",
    "memory.bandwidth": "GB/s",
    "memory.on_chip": "MB",
    "scale_up.rate": "GB/s",
    "scale_out.rate": "GB/s",
    "power.board": "W",
    "node.power": "kW",
    "rack.power": "kW",
    "scale_up.power": "kW",
    "silicon.process": "nm",
    "silicon.die_area": "mm2",
    "silicon.transistors": "bn",
    "peak": "TFLOP/s",
    "pue": "",
    "carbon": "gCO2/kWh",
    "requests": "",
    "rate": "/s",
    "duty": "%",
    "mean_context": "token",
    "input_length.mean": "token",
    "output_length.mean": "token",
    "arrivals.burstiness": "",
    "arrivals.peak_to_mean": "",
    "joint.pearson": "",
    "joint.spearman": "",
    "prefix.hit": "%",
    "slo.ttft": "s",
    "slo.tpot": "ms",
    "published.chips": "",
    "published.parameters": "bn",
    "published.active": "bn",
}


def fact_entry(key: str, fact: Fact, say: Tongue) -> Entry:
    """A fact in the unit of its kind; money keeps its currency."""
    unit = fact.unit if fact.dimension.startswith("money") else SHOWN["peak" if key.startswith("peak.") else key]
    scale = factor(unit, fact.dimension)
    text = cell(fact.value, scale, DIGITS)
    if fact.low != fact.high:
        text += f" ({cell(fact.low, scale, 4)}-{cell(fact.high, scale, 4)})"
    return Entry(key, label_of(key, say), unit, text, fact)


def label_of(key: str, say: Tongue) -> str:
    """The words of a figure; ``peak.fp8.sparse`` -> "fp8 peak, sparse"."""
    if key.startswith("peak."):
        _, precision, *sparse = key.split(".")
        return say("reporting.fact.peak_sparse" if sparse else "reporting.fact.peak", precision=precision)
    return say("reporting.fact." + key.replace(".", "_"))


def _facts(facts: Any, order: Iterable[str], say: Tongue) -> list[Entry]:
    return [fact_entry(key, facts[key], say) for key in order if key in facts]


def _plain(pairs: Iterable[tuple[str, str, str]], say: Tongue) -> list[Entry]:
    return [Entry(key, say(f"reporting.fact.{key}"), unit, text) for key, unit, text in pairs if text]


CHIP_ORDER = (
    "memory.capacity",
    "memory.bandwidth",
    "memory.on_chip",
    "scale_up.rate",
    "power.board",
    "silicon.process",
    "silicon.die_area",
    "silicon.transistors",
    "price.street",
)


def chip_card(chip: Chip, say: Tongue) -> Card:
    """A chip: what it is, its peaks widest first, memory, link, power, silicon, price."""
    from suanli.hardware import PRECISIONS

    vendor = chip.vendor_zh if say.language == "zh" and chip.vendor_zh else chip.vendor
    what = _plain(
        [
            ("vendor", "", vendor),
            ("kind", "", say(f"reporting.kind.{chip.kind}")),
            ("segment", "", say(f"reporting.segment.{chip.segment}")),
            ("offered", "", say(f"reporting.offered.{chip.offered}") if chip.offered else ""),
            ("architecture", "", chip.architecture),
            ("unit", "", say(f"reporting.unit.{chip.unit}")),
            ("dies", "", str(chip.dies or "")),
            ("announced", "", chip.announced),
            ("released", "", chip.released),
            ("hq_country", "", chip.hq_country),
            ("memory_type", "", chip.memory_type),
            ("link_name", "", chip.link_name),
            ("link_domain", "", str(chip.link_domain or "")),
            ("host", "", chip.host_interface),
        ],
        say,
    )
    peaks = [f"peak.{precision}{sparse}" for precision in PRECISIONS for sparse in ("", ".sparse")]
    return Card(chip.id, say.named(chip), chip.note, (*what, *_facts(chip.facts, (*peaks, *CHIP_ORDER), say)))


def system_card(system: System, say: Tongue) -> Card:
    """A system: its chip, sizes, links, power and price."""
    what = _plain(
        [
            ("vendor", "", system.vendor),
            ("chip", "", system.chip),
            ("released", "", system.released),
            ("node_chips", "", str(system.node_chips)),
            ("domain_chips", "", str(system.domain_chips)),
            ("topology", "", say(f"reporting.topology.{system.topology}")),
            ("rack_chips", "", str(system.rack_chips or "")),
        ],
        say,
    )
    order = ("scale_up.rate", "scale_out.rate", "node.power", "scale_up.power", "rack.power")
    price = system.fact("price.purchase")
    cost = []
    if price is not None:
        label = say("reporting.fact.price_of", chips=cell(price.value / system.price))
        cost = [Entry(f"price.purchase.{label}", label, price.unit, cell(price.value, digits=DIGITS), price)]
    return Card(system.id, say.named(system), system.note, (*what, *_facts(system.facts, order, say), *cost))


def place_card(place: Place, say: Tongue) -> Card:
    """A place: its law, currency, power price, PUE and carbon, borrowed figures included."""
    what = _plain(
        [
            ("level", "", say(f"places.level.{place.level}")),
            ("jurisdiction", "", place.jurisdiction),
            ("parent", "", place.parent),
            ("currency", "", place.currency),
        ],
        say,
    )
    return Card(place.id, say.named(place), place.note, (*what, *_facts(place.facts, ("power_price", "pue", "carbon"), say)))


def workload_card(workload: Workload, say: Tongue) -> Card:
    """A workload: rate, lengths with their tails, bursts, targets."""
    order = (
        "requests",
        "rate",
        "duty",
        "input_length.mean",
        "output_length.mean",
        "mean_context",
        "arrivals.burstiness",
        "arrivals.peak_to_mean",
        "joint.spearman",
        "prefix.hit",
        "slo.ttft",
        "slo.tpot",
        "published.chips",
    )
    tails = [
        (f"{side}_{name}", "token", cell(getattr(lengths, name), digits=DIGITS))
        for side, lengths in (("input", workload.input_length), ("output", workload.output_length))
        for name in ("p50", "p90", "p99")
        if len(lengths.values) > 2
    ]
    return Card(
        workload.id,
        say.named(workload),
        workload.note,
        (*_facts(workload.facts, order, say), *_plain([*tails, ("kv_precision", "", workload.kv_precision)], say)),
    )


def model_card(model: Model, say: Tongue) -> Card:
    """A model: size as counted and as published, shape, cache."""
    arch = model.architecture
    billion = factor("bn", "1")
    cache = cache_elements(model.ops)
    precision = model.weights.default + (f" ({say('reporting.fact.experts')} {model.weights.experts})" if model.weights.experts else "")
    mixture: Any = next((ffn for ffn in arch.ffns.values() if ffn.kind == "mixture"), None)
    state = state_elements(model.ops)
    what = _plain(
        [
            ("developer", "", model.developer),
            ("model_released", "", model.released),
            ("parameters", "bn", cell(model.parameters, billion, DIGITS)),
            ("active", "bn", cell(model.active, billion, DIGITS)),
            ("layers", "", cell(arch.layers)),
            ("hidden", "", cell(arch.hidden)),
            ("vocabulary", "", cell(arch.vocabulary)),
            ("context", "token", cell(arch.context or math.nan)),
            ("mixers", "", ", ".join(dict.fromkeys(say(f"reporting.mixer.{each.kind}") for each in arch.mixers.values()))),
            ("experts_of", "", say("reporting.fact.experts_value", active=mixture.active, experts=mixture.experts) if mixture else ""),
            ("precision", "", precision),
            ("cache", "kB/token", cell(cache.per_token_in_window * 2, factor("kB", "byte"), 4) if cache.per_token_in_window else ""),
            ("state", "MB", cell(state * 2 * 2, factor("MB", "byte"), 4) if state else ""),
        ],
        say,
    )
    return Card(model.id, say.named(model), model.note, (*what, *_facts(model.facts, ("published.parameters", "published.active"), say)))


CARDS: dict[str, Callable[[Any, Tongue], Card]] = {
    "chip": chip_card,
    "system": system_card,
    "place": place_card,
    "workload": workload_card,
    "model": model_card,
}
