"""Outlooks as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from suanli.outlook import Company, CompanyYear, Group, Growth, Market, TrainedModel
from suanli.planning.frontier import FrontierRun
from suanli.planning.silicon import Silicon
from suanli.reporting.json_ import dumps, plain
from suanli.words import say

UNITS = {
    "compute": "flop",
    "factor": "1/year, +-2 standard errors",
    "grouped": "1/year, +-2 standard errors, models of a year together",
    "doubling_months": "month",
    "cost": "USD",
    "power": "watt",
    "die_cost": "USD",
    "unit_cost": "USD",
    "fixed_cost": "USD",
    "break_even": "units: middle, good, bad for the maker",
    "self_funding": "share of its research that the business earned itself",
}


def compute_json(growth: Growth, rules: Sequence[Growth], groups: Mapping[str, Sequence[Group]], run: FrontierRun | None) -> str:
    """A growth with its models, the same by the other rules, groups, and the run asked about."""
    content = {
        "growth": {**_growth(growth), "models": [_model(each) for each in growth.models]},
        "rules": [_growth(each) for each in rules],
        "groups": {by: [_group(each) for each in found] for by, found in groups.items()},
        "run": _run(run) if run else None,
        "attribution": say("outlook.epoch"),
    }
    return dumps("outlook_compute", content, UNITS)


def _growth(each: Growth) -> dict[str, Any]:
    return {
        "rule": each.rule, "first": each.first, "last": each.last, "count": each.fit.points, "factor": each.factor, "grouped": each.grouped,
        "doubling_months": each.doubling_months, "fit": plain(each.fit), "break": plain(each.broke),
    }  # fmt: skip


def _model(each: TrainedModel) -> dict[str, Any]:
    content: dict[str, Any] = plain(each)
    return content


def _group(each: Group) -> dict[str, Any]:
    growth = _growth(each.growth) if each.growth else None
    return {"name": each.name, "count": each.count, "largest": [_model(one) for one in each.largest], "growth": growth}


def _run(run: FrontierRun) -> dict[str, Any]:
    needs = [{"chip": each.chip.id, "chips": each.chips, "cost": each.cost, "power": each.power, "mfu": each.option.estimate.mfu[:, 0]} for each in run.needs]
    return {
        "day": run.day, "compute": run.compute, "parameters": run.parameters, "tokens": run.tokens, "days": run.days, "needs": plain(needs),
        "assumptions": plain(run.assumptions),
    }  # fmt: skip


def market_json(found: Market) -> str:
    """Series, growth and judged forecasts."""
    return dumps("outlook_market", plain(found), UNITS)


def company_json(found: Company) -> str:
    """A maker; its chips by id."""
    content = {
        **{name: plain(getattr(found, name)) for name in ("name", "ticker", "years", "announced", "points", "ranked")},
        "chips": [each.id for each in found.chips],
    }
    return dumps("outlook_company", content, UNITS)


def makers_json(makers: Sequence[tuple[str, CompanyYear]]) -> str:
    """Every maker with its newest period."""
    return dumps("outlook_makers", {"makers": [{"company": name, **plain(year)} for name, year in makers]}, UNITS)


def silicon_json(found: Silicon) -> str:
    """The economy of a chip."""
    return dumps("outlook_chip", plain(found), UNITS)
