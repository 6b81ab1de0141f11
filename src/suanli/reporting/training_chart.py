"""The chart of a training plan: step time against memory for one chip and size, days against cost for several."""

from __future__ import annotations

from typing import Any

import numpy as np

from suanli.performance.precision import SCHEMES
from suanli.planning.training import Training, TrainingPlan
from suanli.reporting.amounts import cell
from suanli.reporting.charts import COLOURS, FONT, MARGIN, SCHEMA, Spec, decades
from suanli.reporting.tongue import Tongue
from suanli.reporting.training_layouts import GIGABYTE, layout_of, near_front, recompute_of, sharding_of, tokens_of
from suanli.units import factor

WIDTH, HEIGHT = 560, 360
DAY, MILLION = factor("day", "second"), 1e6
#: room around a linear axis, as a share of what is drawn
ROOM = 0.06


def plan_chart(plan: TrainingPlan, say: Tongue) -> Spec:
    """One Vega-Lite specification."""
    return _options_chart(plan, say) if len(plan.options) > 1 else _front_chart(plan, plan.options[0], say)


def front_points(option: Training, say: Tongue) -> list[dict[str, Any]]:
    """A dict a layout of the front: memory [GB] of a chip, seconds of a step, and what it is."""
    front = near_front(option.found)
    assert front is not None
    c, e = front.configs, front.estimate
    return [
        {
            "memory": _short(float(e.memory.total[row]) / GIGABYTE),
            "step": _short(float(e.step_time[0, row])),
            "layout": layout_of(c, row),
            "micro_batch": cell(float(c.micro_batch[row])),
            "recompute": recompute_of(c, row, say),
            "sharding": sharding_of(c, row, say),
        }
        for row in range(len(front))
    ]


def _front_chart(plan: TrainingPlan, option: Training, say: Tongue) -> Spec:
    points = front_points(option, say)
    capacity = _short(float(option.platforms.capacity[0]) / GIGABYTE)
    x = {
        "field": "memory",
        "type": "quantitative",
        "title": say("reporting.train_chart.memory"),
        "scale": {"domain": [0, capacity * (1 + ROOM)], "nice": False},
    }
    steps = [each["step"] for each in points]
    right = points[0]["memory"] > capacity / 2  # the fastest layout holds the most: its name goes where no other point is
    room = (max(steps) - min(steps)) * ROOM or max(steps) * ROOM
    y = {
        "field": "step",
        "type": "quantitative",
        "title": say("reporting.train_chart.step"),
        "scale": {"domain": [max(min(steps) - 2 * room, 0), max(steps) + room], "zero": False, "nice": False},
    }
    tips = [_tip(name, say) for name in ("layout", "micro_batch", "recompute", "sharding")]
    tips += [{"field": each["field"], "type": "quantitative", "format": ",.4~g", "title": each["title"]} for each in (x, y)]
    lines: list[Spec] = [
        {"mark": {"type": "line", "interpolate": "step-after", "color": "#999999", "strokeWidth": 1, "aria": False}, "encoding": {"x": x, "y": y}},
        {"mark": {"type": "point", "filled": True, "size": 45, "color": COLOURS[0], "opacity": 0.8}, "encoding": {"x": x, "y": y, "tooltip": tips}},
        {
            "data": {"values": [points[0] | {"label": points[0]["layout"]}]},
            "mark": {"type": "text", "align": "right" if right else "left", "dx": 4 if right else 10, "dy": 14 if right else 0, "fontSize": 12},
            "encoding": {"x": x, "y": y, "text": {"field": "label"}},
        },
        {
            "data": {"values": [{"memory": capacity, "label": say("reporting.train_chart.capacity", capacity=cell(capacity))}]},
            "layer": [
                {"mark": {"type": "rule", "color": COLOURS[1], "strokeDash": [4, 3]}, "encoding": {"x": x}},
                {
                    "mark": {"type": "text", "align": "right", "baseline": "top", "dx": -6, "dy": 6, "color": COLOURS[1]},
                    "encoding": {"x": x, "y": {"value": 0}, "text": {"field": "label"}},
                },
            ],
        },
    ]
    name = {"model": say.named(plan.ask.model), "chip": say.named(option.chip), "chips": cell(option.chips), "precision": SCHEMES[plan.ask.scheme]}
    subtitle = [say("reporting.train_chart.front_note", tried=cell(option.found.tried), running=cell(option.found.running), front=cell(len(points)))]
    return _framed(say("reporting.train_chart.front", **name), subtitle, points, lines)


def option_points(plan: TrainingPlan, say: Tongue) -> list[dict[str, Any]]:
    """A dict an option whose cost is known: days and millions of the place's currency, each with its interval."""
    points = []
    for option in plan.options:
        assert option.band is not None
        days, cost = option.band.wall_time[:, 0] / DAY, option.band.cost[:, 0] * plan.currency_rate / MILLION
        if not np.isfinite([*days, *cost]).all():
            continue
        both = (("days", days), ("cost", cost))
        values = {f"{name}{end}": _short(float(of[place])) for name, of in both for end, place in (("_low", 0), ("", 1), ("_high", 2))}
        finishes = say(f"reporting.train.{'in_time' if option.finishes else 'too_late'}") if plan.ask.run.deadline else ""
        points.append({"chip": option.chip.id, "chips": cell(option.chips), "layout": layout_of(option.configs, 0), "in_time": finishes, **values})
    return points


def _options_chart(plan: TrainingPlan, say: Tongue) -> Spec:
    points = option_points(plan, say)
    axes = {}
    for name, title in (("days", say("reporting.train_chart.days")), ("cost", say("reporting.train_chart.cost", currency=plan.currency))):
        ends = [each[f"{name}{end}"] for each in points for end in ("_low", "_high")]
        low, high = (min(ends) / MARGIN, max(ends) * MARGIN) if ends else (1.0, 10.0)
        axes[name] = {
            "field": name,
            "type": "quantitative",
            "title": title,
            "scale": {"type": "log", "domain": [low, high], "nice": False},
            "axis": {"values": decades(low, high), "format": "~s"},
        }
    chips = list(dict.fromkeys(each["chip"] for each in points))
    colour = {
        "field": "chip",
        "type": "nominal",
        "title": None,
        "scale": {"domain": chips, "range": [COLOURS[place % len(COLOURS)] for place in range(len(chips))]},
    }
    x, y = axes["days"], axes["cost"]
    tips = [_tip(name, say) for name in ("chip", "chips", "layout", *(["in_time"] if plan.ask.run.deadline else []))]
    tips += [
        {"field": f"{of}{end}", "type": "quantitative", "format": ",.4~g", "title": f"{axes[of]['title']}{mark}"}
        for of in axes
        for end, mark in (("_low", f" ({say('reporting.column.low')})"), ("", ""), ("_high", f" ({say('reporting.column.high')})"))
    ]
    rule = {"type": "rule", "opacity": 0.45, "strokeWidth": 1.5}
    lines: list[Spec] = [
        {"mark": rule, "encoding": {"x": x | {"field": "days_low"}, "x2": {"field": "days_high"}, "y": y, "color": colour}},
        {"mark": rule, "encoding": {"x": x, "y": y | {"field": "cost_low"}, "y2": {"field": "cost_high"}, "color": colour}},
        {"mark": {"type": "point", "filled": True, "size": 70, "opacity": 1}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": tips}},
        {"mark": {"type": "text", "align": "left", "dx": 8, "dy": -8}, "encoding": {"x": x, "y": y, "text": {"field": "chips"}, "color": colour}},
    ]
    title = say("reporting.train_chart.options", model=say.named(plan.ask.model), precision=SCHEMES[plan.ask.scheme], tokens=tokens_of(plan.ask.run.tokens))
    return _framed(title, [say("reporting.train_chart.options_note", place=say.named(plan.ask.run.place))], points, lines)


def _tip(name: str, say: Tongue) -> Spec:
    return {"field": name, "type": "nominal", "title": say(f"reporting.column.{'layout_only' if name == 'layout' else name}")}


def _framed(title: str, subtitle: list[str], rows: list[dict[str, Any]], layer: list[Spec]) -> Spec:
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": subtitle, "anchor": "start", "offset": 16},
        "data": {"values": rows},
        "width": WIDTH,
        "height": HEIGHT,
        "layer": layer,
        "config": {
            "font": FONT,
            "background": "white",
            "view": {"stroke": "#999999"},
            "axis": {"gridColor": "#e6e6e6", "labelFontSize": 11, "titleFontSize": 12},
            "legend": {"labelLimit": 0, "labelFontSize": 11, "orient": "bottom", "columns": 3},
            "title": {"fontSize": 16, "subtitleFontSize": 12, "subtitlePadding": 6},
        },
    }


def _short(value: float) -> float:
    return float(f"{value:.4g}")
