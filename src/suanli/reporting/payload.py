"""Results as JSON objects: the same keys in every language, SI values, the unit of each in ``units``."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from suanli.facts import Tier
from suanli.performance.configs import BOUNDS, Configs, Estimate
from suanli.performance.explain import Explanation
from suanli.performance.precision import SCHEMES
from suanli.planning import Ask, Option, Plan, Serving
from suanli.reporting.json_ import dumps, plain
from suanli.words import say
from suanli.workloads import Workload

PLAN_UNITS = {
    "rate": "1/second",
    "input_length": "token",
    "output_length": "token",
    "ttft": "second",
    "tpot": "second",
    "tokens_rate_per_chip": "token/second",
    "cost_per_hour": "USD/h",
    "cost_per_million": "USD per million output tokens",
    "power": "watt at the servers",
    "power_at_meter": "watt, PUE included",
    "carbon_per_million": "kgCO2 per million output tokens",
    "kilowatt_hours_per_million": "kWh",
    "currency_rate": "currency per USD",
    "cost_per_million_local": "currency per million output tokens",
    "seconds": "second",
}
SERVING_UNITS = {
    "ttft": "second",
    "tpot": "second",
    "tokens_rate": "token/second",
    "tokens_rate_per_chip": "token/second",
    "power": "watt",
    "weight_bytes": "byte",
    "cache_bytes": "byte",
    "capacity": "byte",
    "prefill_time": "second",
    "waiting": "second",
    "step_time": "second",
    "energy": "joule/token",
    "flop_time": "second",
    "byte_time": "second",
    "bandwidth": "byte/s",
}
CHIP_UNITS = {
    "peaks": "flop/s",
    "memory_capacity": "byte",
    "memory_bandwidth": "byte/s",
    "on_chip_memory": "byte",
    "link_bandwidth": "byte/s per direction",
    "power": "watt",
    "process": "nm",
    "die_area": "mm2",
    "transistors": "1",
}


def plan_json(plan: Plan, workload: Workload | None = None, explanation: Explanation | None = None) -> str:
    """A plan, complete."""
    content: dict[str, Any] = {
        "ask": ask_object(plan.ask),
        "currency": plan.currency,
        "currency_rate": plan.currency_rate,
        "interval": "80 %",
        "options": [_option(each, plan) for each in plan.options],
        "front": [_option(each, plan) for each in plan.front],
        "barred": [_option(each, plan) for each in plan.barred],
        "best_free": plan.best_free.chip.id if plan.best_free else None,
        "best_without_rules": plan.best_without_rules.chip.id,
        "left_out": [{"chip": each.chip.id, "reasons": list(each.reasons), "law": plain(each.law)} for each in plan.left_out],
        "tried": plan.tried,
        "seconds": plan.seconds,
        "published": None,
        "explanation": explanation_object(explanation) if explanation else None,
        "notice": say("reporting.not_legal_advice"),
    }
    if workload and workload.fact("published.chips"):
        content["published"] = {"chips": workload.fact("published.chips"), "chip": workload.published_chip}
    return dumps("plan", content, PLAN_UNITS)


def ask_object(ask: Ask) -> dict[str, Any]:
    """The question with every default filled in, and what was filled."""
    names = (
        "workload",
        "rate",
        "input_length",
        "output_length",
        "ttft",
        "tpot",
        "peak_to_mean",
        "service_variation",
        "duty",
        "cache_bits",
        "on",
        "chips",
        "layout",
        "acquire",
        "licence",
        "buyer",
        "buyer_hq",
        "ideal",
    )
    place = ask.place
    return {
        "model": ask.model.id,
        **{name: getattr(ask, name) for name in names},
        "precisions": [SCHEMES[code] for code in ask.precisions],
        "place": {"id": place.id, "jurisdiction": place.jurisdiction, "inherited": place.inherited, "facts": place.facts},
        "filled": [
            {"name": each.name, "value": each.value, "source": say(each.source[1:]) if each.source.startswith("@") else each.source} for each in ask.filled
        ],
        "assumptions": ask.assumptions,
    }


def _option(option: Option, plan: Plan) -> dict[str, Any]:
    kept = {each.name: getattr(option, each.name) for each in dataclasses.fields(Option) if each.name not in ("chip", "system", "tier", "price_tier")}
    rate = plan.currency_rate
    local = option.cost_per_million
    return {
        "chip": option.chip.id,
        "system": option.system.id if option.system else None,
        **kept,
        "tier": Tier(option.tier).name.lower(),
        "price_tier": Tier(option.price_tier).name.lower(),
        "power_at_meter": {each: getattr(option.power, each) * plan.ask.place.pue for each in ("low", "mid", "high")},
        "cost_per_million_local": {"low": local.low * rate, "mid": local.mid * rate, "high": local.high * rate},
        "facts": {
            key: option.chip.facts[key]
            for key in ("memory.capacity", "memory.bandwidth", "peak.bf16", "peak.fp16", f"peak.{option.precision}")
            if key in option.chip.facts
        },
    }


def serving_json(serving: Serving) -> str:
    """One deployment with its interval, the compared layouts and the replay."""
    s = serving
    return dumps(
        "serve",
        {
            "model": s.model.id,
            "chip": s.chip.id,
            "system": s.system.id if s.system else None,
            "precision": s.precision,
            "layout": _row(s.row, 0),
            "interval": "80 %",
            "estimate": _estimate(s.estimate, 0),
            "assumed": s.assumed,
            "facts": s.chip.facts,
            "explanation": explanation_object(s.explanation),
            "compared": [{"layout": _row(s.compared, row), **_estimate(s.compared_estimate, row)} for row in range(len(s.compared))],
        },
        SERVING_UNITS,
    )


def _row(configs: Configs, row: int) -> dict[str, Any]:
    values = {each.name: getattr(configs, each.name)[row].item() for each in dataclasses.fields(Configs) if each.name not in ("platform", "scheme")}
    return values | {"chips": configs.chips[row].item()}


def _estimate(estimate: Estimate, row: int) -> dict[str, Any]:
    def value(values: Any) -> Any:
        if values.ndim == 1:
            return values[row].item()
        return dict(zip(("low", "mid", "high"), values[:, row].tolist(), strict=True)) if len(values) == len(("low", "mid", "high")) else values[0, row].item()

    named = {each.name: value(getattr(estimate, each.name)) for each in dataclasses.fields(Estimate) if each.name not in ("why_not", "bound_by", "tier")}
    return named | {"bound_by": BOUNDS[estimate.bound_by[row]], "tier": Tier(int(estimate.tier[row])).name.lower()}


def explanation_object(explanation: Explanation) -> dict[str, Any]:
    """The replay with each operator's line; scalars, not arrays of one."""

    def flat(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.item() if value.size == 1 else value.tolist()
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {each.name: flat(getattr(value, each.name)) for each in dataclasses.fields(value)}
        return [flat(each) for each in value] if isinstance(value, tuple) else value

    return {each.name: flat(getattr(explanation, each.name)) for each in dataclasses.fields(Explanation) if each.name != "estimate"}


def thing_object(kind: str, thing: Any) -> dict[str, Any]:
    """One thing of the catalogue: its fields in SI, and ``facts`` with unit, tier and sources."""
    fields = {each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)}
    if kind == "model":
        fields |= {"parameters": thing.parameters, "active": thing.active}
        fields.pop("draft_ops")
    return {"kind": kind, **plain(fields)}


def things_json(kind: str, things: Sequence[Any], **extra: Any) -> str:
    """One or several things."""
    units = CHIP_UNITS if kind == "chip" else {}
    return dumps(f"{kind}s", {f"{kind}s": [thing_object(kind, each) for each in things], **extra}, units)


def error_json(key: str, message: str, code: int, values: dict[str, Any]) -> str:
    """An error for machines: its key, its sentence, and what filled it."""
    left = values.pop("left_out", ())
    shown = {name: plain(value) for name, value in values.items() if not isinstance(value, float) or math.isfinite(value)}
    content = {
        "key": key,
        "message": message,
        "exit_code": code,
        "values": shown,
        "left_out": [{"chip": each.chip.id, "reasons": list(each.reasons)} for each in left],
    }
    return dumps("error", content)
