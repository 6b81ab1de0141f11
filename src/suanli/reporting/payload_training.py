"""A training plan as JSON: the same keys in every language, SI values, the unit of each in ``units``."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from suanli.facts import Tier
from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import METHODS, PARTS, RECOMPUTES, SHARDINGS, TrainingConfigs, TrainingEstimate, TrainingMemory
from suanli.performance.training.layouts import Found, Layouts
from suanli.planning.run import Run, RunBand
from suanli.planning.training import TrainAsk, Training, TrainingPlan
from suanli.reporting.json_ import dumps, plain
from suanli.reporting.launch.command import Launch
from suanli.words import say

UNITS = {
    "tokens": "token",
    "length": "token",
    "global_batch": "sequence",
    "step_time": "second",
    "tokens_rate_per_chip": "token/second",
    "flop_rate_per_chip": "flop/s of the model, per chip",
    "mfu": "1",
    "parts": "second of a step",
    "memory": "byte on the fullest chip",
    "capacity": "byte",
    "power": "watt, all chips with their share of the servers, at most",
    "startup_time": "second",
    "productive_time": "second",
    "evaluation_time": "second",
    "checkpoint_time": "second",
    "lost_time": "second",
    "wall_time": "second",
    "mtbf": "second",
    "interval": "second of work between checkpoints",
    "goodput": "1",
    "chip_hours": "h",
    "cost": "USD",
    "cost_local": "currency",
    "currency_rate": "currency per USD",
    "kilowatt_hours": "kWh at the building's meter",
    "carbon": "kg CO2",
    "forward": "second of a micro-batch",
    "backward": "second of a micro-batch",
}
_CODES = {"sharding": SHARDINGS, "recompute": RECOMPUTES, "method": METHODS}
_LEFT_OUT = ("platform", "scheme", "stack")


def train_json(plan: TrainingPlan, launch: Launch | None = None) -> str:
    """A plan, complete; ``launch`` is the command that starts its best option."""
    content = {
        "ask": ask_object(plan.ask),
        "interval": "80 %",
        "currency": plan.currency,
        "currency_rate": plan.currency_rate,
        "options": [_option(each, plan) for each in plan.options],
        "refused": [_refused(each) for each in plan.refused],
        "law": plain(plan.law),
        "launch": {"target": launch.target, "command": launch.command, "notes": launch.notes} if launch else None,
    }
    return dumps("train", content, UNITS)


def ask_object(ask: TrainAsk) -> dict[str, Any]:
    """The question with every default filled in, and what was filled; ``global_batch`` null where it goes by the cluster."""
    place = ask.run.place
    layout = {name: _CODES[name][int(value)] if name in _CODES else value for name, value in ask.layout.items()}
    filled = [{"name": each.name, "value": each.value, "source": say(each.source[1:]) if each.source.startswith("@") else each.source} for each in ask.filled]
    return {
        "model": ask.model.id,
        "precision": SCHEMES[ask.scheme],
        "method": ask.method,
        "tokens": ask.run.tokens,
        "length": ask.length,
        "global_batch": ask.global_batch or None,
        "stack": ask.stack or None,
        "layout": layout,
        "ideal": ask.ideal,
        "on": ask.run.on,
        "start": ask.run.start,
        "deadline": ask.run.deadline,
        "acquire": ask.run.acquire,
        "place": {"id": place.id, "jurisdiction": place.jurisdiction, "inherited": place.inherited, "facts": place.facts},
        "filled": filled,
        "assumptions": ask.run.assumptions,
    }


def _option(option: Training, plan: TrainingPlan) -> dict[str, Any]:
    run, band = option.run, option.band
    assert run is not None
    assert band is not None
    expected = {each.name: getattr(run, each.name)[0, 0].item() for each in dataclasses.fields(Run)}
    bands = {each.name: _three(getattr(band, each.name)[:, 0]) for each in dataclasses.fields(RunBand)}
    keys = ("memory.capacity", "memory.bandwidth", "peak.bf16", "peak.fp16", f"peak.{SCHEMES[plan.ask.scheme]}", "power.board")
    return {
        "chip": option.chip.id,
        "system": option.system.id if option.system else None,
        "chips": option.chips,
        "stack": option.stack or None,
        "layout": layout_object(option.configs, 0),
        "estimate": estimate_object(option.estimate, 0),
        "capacity": option.platforms.capacity[0].item(),
        "run": {**expected, **bands, "cost_local": _three(band.cost[:, 0] * plan.currency_rate)},
        "finishes": option.finishes,
        "knowledge": option.knowledge,
        "measured": option.measured,
        "price": {"tier": Tier(option.price_tier).name.lower(), "estimated": option.price_estimated, "sources": option.price_sources},
        "assumed": option.platforms.assumed[0],
        "search": _search(option.found),
        "operators": [
            {"name": each.name, "kind": each.kind, "count": each.count, **{way: np.ravel(getattr(each, way))[0].item() for way in ("forward", "backward")}}
            for each in option.lines
        ],
        "facts": {key: option.chip.facts[key] for key in keys if key in option.chip.facts},
    }


def _refused(option: Training) -> dict[str, Any]:
    nearest = {"layout": layout_object(option.configs, 0), "memory": memory_object(option.estimate.memory, 0)} if option.row is not None else None
    return {
        "chip": option.chip.id,
        "chips": option.chips,
        "reasons": option.why_not,
        "nearest": nearest,
        "capacity": option.platforms.capacity[0].item(),
        "search": _search(option.found),
    }


def _search(found: Found) -> dict[str, Any]:
    def rows(layouts: Layouts | None) -> list[dict[str, Any]]:
        if layouts is None:
            return []
        e = layouts.estimate
        return [
            {"layout": layout_object(layouts.configs, row), "step_time": e.step_time[0, row].item(), "memory": e.memory.total[row].item()}
            for row in range(len(layouts))
        ]

    return {"tried": found.tried, "running": found.running, "reasons": dict(found.reasons), "best": rows(found.best), "front": rows(found.front)}


def layout_object(configs: TrainingConfigs, row: int) -> dict[str, Any]:
    """One layout; codes as their names, and how many micro-batches a pipeline runs in a step."""
    values = {each.name: getattr(configs, each.name)[row].item() for each in dataclasses.fields(TrainingConfigs) if each.name not in _LEFT_OUT}
    named = {name: _CODES[name][int(value)] if name in _CODES else value for name, value in values.items()}
    return named | {"chips": configs.chips[row].item(), "micro_batches": configs.micro_batches[row].item()}


def estimate_object(estimate: TrainingEstimate, row: int) -> dict[str, Any]:
    """The figures with low, mid and high, each its own (the low rate is that of the long step); parts add up to the mid step."""
    figures = {name: _three(np.sort(getattr(estimate, name)[:, row])) for name in ("step_time", "tokens_rate_per_chip", "flop_rate_per_chip", "mfu")}
    return {
        **figures,
        "parts": dict(zip(PARTS, estimate.parts[:, row].tolist(), strict=True)),
        "memory": memory_object(estimate.memory, row),
        "power": estimate.power[row].item(),
        "bound_by": PARTS[estimate.bound_by[row]],
        "tier": Tier(int(estimate.tier[row])).name.lower(),
    }


def memory_object(memory: TrainingMemory, row: int) -> dict[str, float]:
    """Bytes by part, and their total."""
    return {each.name: getattr(memory, each.name)[row].item() for each in dataclasses.fields(TrainingMemory)} | {"total": memory.total[row].item()}


def _three(values: Any) -> dict[str, float]:
    return dict(zip(("low", "mid", "high"), (float(each) for each in values), strict=True))
