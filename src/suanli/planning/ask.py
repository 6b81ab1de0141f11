"""What is wanted: an Ask with every default filled in and listed."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from suanli.errors import BadInput
from suanli.facts import Catalogue, Fact, Schema, Tier
from suanli.facts.reader import SourceFile, quantity
from suanli.models import Model
from suanli.performance.precision import SCHEMES, precision_code
from suanli.places import Place
from suanli.workloads import Workload


class PlanningAssumptions(Schema):
    """``data/assumptions/planning.toml``."""

    sources: dict[str, SourceFile]
    ttft: quantity("second")  # type: ignore[valid-type]
    tpot: quantity("second")  # type: ignore[valid-type]
    cache_share: quantity("1")  # type: ignore[valid-type]
    wait_share: quantity("1")  # type: ignore[valid-type]
    peak_to_mean: quantity("1")  # type: ignore[valid-type]
    service_variation: quantity("1")  # type: ignore[valid-type]
    power_share: quantity("1")  # type: ignore[valid-type]
    capital_rate: quantity("1")  # type: ignore[valid-type]


Acquire = Literal["rent", "buy"]
Licence = Literal["exclude", "allow", "only-free"]


@dataclass(frozen=True)
class Filled:
    """One default that the ask left open: the sentence key ``planning.defaults.<name>``, the value shown, where it is from (a title, a
    workload's id, or ``@`` and a sentence key)."""

    name: str
    value: str
    source: str


@dataclass(frozen=True)
class Ask:
    """Traffic of one model, its targets, where and when, and what may be used. SI; every field filled, ``filled`` lists what was not asked.

    ``rate`` [1/s] mean, ``peak_to_mean`` its busiest minute; lengths [tokens]; ``ttft``, ``tpot`` [s] targets (infinite = none);
    ``precisions`` scheme codes allowed (``precisions_named``: by the user); ``duty`` the busy share of a fleet (its idle share covers
    the peaks); ``layout`` fixed tp/pp/dp/ep; ``ideal`` = every efficiency 1 and no queueing.
    """

    model: Model
    workload: str
    rate: float
    input_length: float
    output_length: float
    ttft: float
    tpot: float
    peak_to_mean: float
    service_variation: float
    duty: float
    cache_bits: float
    place: Place
    on: datetime.date
    chips: tuple[str, ...]
    precisions: tuple[int, ...]
    precisions_named: bool
    layout: Mapping[str, float]
    acquire: Acquire
    licence: Licence
    buyer: str
    buyer_hq: str
    ideal: bool
    assumptions: Mapping[str, Fact]
    filled: tuple[Filled, ...] = field(default=(), compare=False)


def load_planning(catalogue: Catalogue) -> Mapping[str, Fact]:
    """The planning defaults as facts."""
    return catalogue.record("assumptions", "planning", PlanningAssumptions).facts


def make_ask(
    catalogue: Catalogue,
    model: Model,
    place: Place,
    *,
    workload: Workload | None = None,
    rate: float | None = None,
    input_length: float | None = None,
    output_length: float | None = None,
    ttft: float | None = None,
    tpot: float | None = None,
    on: datetime.date | None = None,
    chips: tuple[str, ...] = (),
    precision: str | None = None,
    layout: Mapping[str, float] | None = None,
    acquire: Acquire = "rent",
    licence: Licence = "exclude",
    buyer: str = "",
    buyer_hq: str = "",
    ideal: bool = False,
) -> Ask:
    """An Ask from what the user said; raises ``BadInput`` for a negative number, a future date or an open traffic."""
    defaults = load_planning(catalogue)
    notes: list[Filled] = []

    def pick(name: str, said: float | None, known: float, source: str, *, unit: str = "") -> float:
        if said is not None:
            if not said > 0:
                raise BadInput("planning.not_positive", option="--" + name, value=f"{said:g}")
            return said
        if not math.isnan(known):
            notes.append(Filled(name, f"{known:g}{unit}", source))
            return known
        fact = defaults[name]
        ours = fact.tier == Tier.ASSUMED
        notes.append(Filled(name, f"{fact.stated:g} {fact.unit}".removesuffix(" 1"), "@planning.from.suanli" if ours else fact.sources[0].title))
        return fact.value

    traffic = workload.id if workload else ""
    rate = _needed("rate", rate, workload.rate if workload else math.nan)
    input_length = _needed("input", input_length, workload.input_length.mean if workload else math.nan)
    output_length = _needed("output", output_length, workload.output_length.mean if workload else math.nan)
    today = datetime.date.today()
    if on is None:
        on = today
        notes.append(Filled("on", on.isoformat(), "@planning.from.today"))
    if on > today:
        raise BadInput("planning.future_date", date=on.isoformat(), today=today.isoformat())
    cache_bits = math.nan
    if workload and workload.kv_precision:
        cache_bits = {"bf16": 16.0, "fp16": 16.0, "fp8": 8.0, "int8": 8.0, "fp4": 4.0, "int4": 4.0}[workload.kv_precision]
    codes = _precisions(model, precision, notes)
    return Ask(
        model=model,
        workload=traffic,
        rate=rate,
        input_length=input_length,
        output_length=output_length,
        ttft=math.inf if ideal and ttft is None else pick("ttft", ttft, workload.ttft if workload else math.nan, traffic, unit=" s"),
        tpot=math.inf if ideal and tpot is None else pick("tpot", tpot, workload.tpot if workload else math.nan, traffic, unit=" s"),
        peak_to_mean=1.0
        if ideal or (workload and not math.isnan(workload.duty))
        else pick("peak_to_mean", None, workload.peak_to_mean if workload else math.nan, traffic),
        service_variation=_variation(workload, defaults),
        duty=1.0 if workload is None or math.isnan(workload.duty) else workload.duty,
        cache_bits=cache_bits,
        place=place,
        on=on,
        chips=chips,
        precisions=codes,
        precisions_named=precision is not None,
        layout=_whole(layout),
        acquire=acquire,
        licence=licence,
        buyer=buyer,
        buyer_hq=buyer_hq,
        ideal=ideal,
        assumptions=defaults,
        filled=tuple(notes),
    )


def _whole(layout: Mapping[str, float] | None) -> Mapping[str, float]:
    """A layout that fixes one of tp, pp and dp fixes all three, the others to 1; ep stays free."""
    for name, value in (layout or {}).items():
        if not value >= 1:
            raise BadInput("planning.not_positive", option="--" + name, value=f"{value:g}")
    return {"tp": 1, "pp": 1, "dp": 1, **layout} if layout else {}


def _needed(name: str, said: float | None, known: float) -> float:
    value = known if said is None else said
    if math.isnan(value):
        raise BadInput("planning.missing_traffic", option="--" + name)
    floor = 0.0 if name == "input" else np.nextafter(0, 1)
    if not floor <= value < math.inf:
        raise BadInput("planning.not_positive", option="--" + name, value=f"{value:g}")
    return value


def _precisions(model: Model, said: str | None, notes: list[Filled]) -> tuple[int, ...]:
    """Asked for, or the published checkpoint's and everything wider down to 8 bit: narrower weights change the answers."""
    if said:
        return tuple(precision_code(each) for each in said.split(","))
    native = {precision_code(each) for each in (model.weights.default, model.weights.experts) if each}
    codes = tuple(sorted({SCHEMES.index("bf16"), SCHEMES.index("fp8"), SCHEMES.index("int8"), *native}))
    notes.append(Filled("precision", ", ".join(SCHEMES[code] for code in codes), "@planning.from.suanli"))
    return codes


def _variation(workload: Workload | None, defaults: Mapping[str, Fact]) -> float:
    """Squared coefficient of variation of output lengths (which set service times), from the distribution's quantiles."""
    lengths = workload.output_length if workload else None
    if lengths is None or len(lengths.values) < 3:
        return defaults["service_variation"].value
    steps = np.linspace(0.005, 0.995, 100)
    values = np.array([lengths.quantile(step) for step in steps])
    return float(values.var() / values.mean() ** 2)
