"""Charts of outlooks: the trend of compute with its fan, market series by vintage, a maker's accounts, what moves a chip's break-even."""

from __future__ import annotations

import datetime
import math

from suanli.economics.silicon import MARKET
from suanli.errors import BadInput
from suanli.outlook import Company, Growth, Market
from suanli.planning.frontier import FrontierRun
from suanli.planning.silicon import Silicon
from suanli.reporting.amounts import cell
from suanli.reporting.charts import COLOURS, MORE_COLOURS, Spec, framed
from suanli.reporting.tongue import Tongue

WIDTH, HEIGHT = 620, 380
#: years that a fan reaches beyond the sample, and its points a year
AHEAD, STEPS = 4, 4
MILLION = 1e6
_POWERS = "datum.value == 0 ? '0' : '1e' + round(log(datum.value) / log(10))"


def compute_chart(growth: Growth, run: FrontierRun | None, say: Tongue) -> Spec:
    """Models of the sample on a logarithmic axis, the trend and its 80 % fan, and the run asked about."""
    points = [
        {
            "model": each.name,
            "organisation": ", ".join(each.organisations),
            "country": ", ".join(each.countries),
            "published": each.published.isoformat(),
            "compute": each.compute,
        }
        for each in growth.models
    ]
    last = growth.last.year + AHEAD if run is None else max(growth.last.year + AHEAD, run.day.year + 1)
    days = [datetime.date(growth.first.year + step // STEPS, 1 + 12 // STEPS * (step % STEPS), 1) for step in range((last - growth.first.year) * STEPS + 1)]
    fan = growth.fan(days)
    band = [{"published": day.isoformat(), "low": low, "mid": mid, "high": high} for day, low, mid, high in zip(days, *fan.tolist(), strict=True)]
    x = {"field": "published", "type": "temporal", "title": None}
    axis = {"labelExpr": _POWERS, "tickCount": 8}
    y = {"field": "compute", "type": "quantitative", "title": say("outlook.chart.compute"), "scale": {"type": "log"}, "axis": axis}
    tips = [{"field": name, "type": "nominal", "title": say(f"outlook.chart.{name}")} for name in ("model", "organisation", "country", "published")]
    tips.append({"field": "compute", "type": "quantitative", "format": ".2e", "title": say("outlook.chart.compute")})
    layers: list[Spec] = [
        {
            "data": {"values": band},
            "mark": {"type": "area", "opacity": 0.2, "color": COLOURS[0], "aria": False},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
        },
        {"data": {"values": band}, "mark": {"type": "line", "color": COLOURS[0], "aria": False}, "encoding": {"x": x, "y": y | {"field": "mid"}}},
        {
            "mark": {"type": "point", "filled": True, "size": 40, "color": COLOURS[1], "opacity": 0.8, "aria": False},
            "encoding": {"x": x, "y": y, "tooltip": tips},
        },
    ]
    if run is not None:
        asked = [{"published": run.day.isoformat(), "compute": run.compute[1], "label": str(run.day.year)}]
        mark = {"type": "point", "shape": "diamond", "filled": True, "size": 120, "color": COLOURS[6], "aria": False}
        layers.append({"data": {"values": asked}, "mark": mark, "encoding": {"x": x, "y": y}})
    rule = say(f"outlook.rule.{growth.rule}")
    factor, months = cell(growth.factor[1], digits=2), cell(growth.doubling_months[1], digits=2)
    lines = [say("outlook.chart.compute_note", factor=factor, months=months, models=growth.fit.points), say("outlook.epoch")]
    return framed(say("outlook.chart.compute_title", rule=rule), lines, points, {"layer": layers, "width": WIDTH, "height": HEIGHT})


def market_chart(found: Market, say: Tongue) -> Spec:
    """Figures by period, a line a publisher, scope and vintage; forecasts hollow. ``BadInput`` for several units at once."""
    units = {each.base for each in found.points}
    if len(units) > 1:
        raise BadInput("outlook.several_units", units=", ".join(sorted(units)))
    points = []
    for each in found.points:
        title = found.titles[each.series]
        name = title.name_zh if say.language == "zh" else title.name
        said = each.vintage_text
        points.append(
            {
                "line": " ".join(filter(None, (each.publisher, each.scope[:40] if len({p.scope for p in found.points}) > 1 else "", said))),
                "series": name,
                "year": each.period.middle,
                "period": each.period_text,
                "value": each.value,
                "kind": say(f"outlook.kind.{each.kind}"),
                "ahead": each.kind in ("forecast", "guidance"),
            }
        )
    x = {"field": "year", "type": "quantitative", "title": None, "scale": {"zero": False}, "axis": {"format": "d", "tickMinStep": 1}}
    y = {"field": "value", "type": "quantitative", "title": units.pop(), "axis": {"labelExpr": "replace(format(datum.value, '~s'), 'G', ' bn')"}}
    legend = {"columns": 2, "labelLimit": 300, "symbolFillColor": "white"}
    colour = {"field": "line", "type": "nominal", "title": None, "scale": {"range": [*COLOURS, *MORE_COLOURS]}, "legend": legend}
    tips = [{"field": name, "type": "nominal", "title": say(f"outlook.chart.{name}")} for name in ("line", "series", "period", "kind")]
    tips.append({"field": "value", "type": "quantitative", "format": ",.4~g", "title": say("outlook.chart.value")})
    layers: list[Spec] = [
        {"mark": {"type": "line", "aria": False}, "encoding": {"x": x, "y": y, "color": colour, "detail": {"field": "line"}}},
        {
            "mark": {"type": "point", "size": 60, "aria": False},
            "encoding": {
                "x": x,
                "y": y,
                "color": colour,
                "fillOpacity": {"condition": {"test": "datum.ahead", "value": 0}, "value": 1},
                "fill": colour | {"legend": None},
                "tooltip": tips,
            },
        },
    ]
    names = list(dict.fromkeys(each["series"] for each in points))
    head = str(names[0]) if len(names) == 1 else say("outlook.chart.market_title")
    return framed(head, [say("outlook.chart.market_note")], points, {"layer": layers, "width": WIDTH, "height": HEIGHT})


def company_chart(found: Company, say: Tongue) -> Spec:
    """Bars of revenue, profit and research by period; ``BadInput`` where there is none."""
    names = ("revenue", "net_profit", "net_profit_excluding", "research")
    points = [
        {"period": year.period_text, "figure": say(f"outlook.figure.{name}"), "value": getattr(year, name) / MILLION}
        for year in found.years
        for name in names
        if math.isfinite(getattr(year, name))
    ]
    if not points:
        raise BadInput("outlook.no_accounts", company=found.name)
    labels = [say(f"outlook.figure.{name}") for name in names]
    colour = {"field": "figure", "type": "nominal", "title": None, "scale": {"domain": labels, "range": list(COLOURS[:4])}}
    currency = next(year.currency for year in found.years if year.currency)
    encoding = {
        "x": {"field": "period", "type": "nominal", "sort": None, "title": None, "axis": {"labelAngle": 0}},
        "xOffset": {"field": "figure", "type": "nominal", "sort": labels},
        "y": {"field": "value", "type": "quantitative", "title": f"M {currency}", "axis": {"format": ",~s"}},
        "color": colour,
        "tooltip": [{"field": name, "type": "nominal", "title": say(f"outlook.chart.{name}")} for name in ("period", "figure", "value")],
    }
    body = {"mark": {"type": "bar", "aria": False}, "encoding": encoding, "width": WIDTH, "height": HEIGHT}
    return framed(say("outlook.chart.company_title", company=found.name), [say("outlook.chart.company_note")], points, body)


def silicon_chart(found: Silicon, say: Tongue) -> Spec:
    """The units that pay the design back with each factor at its ends, the strongest on top; a factor at which a unit loses money has an open end."""
    middle = float(found.economy.break_even[0])
    ends = [value for each in found.moved for value in (each.at_low, each.at_high) if math.isfinite(value)]
    if not ends or not math.isfinite(middle):
        raise BadInput("outlook.no_break_even")
    edge = max([*ends, middle]) * 1.5
    points = []
    for each in found.moved:
        low, high = sorted(value if math.isfinite(value) else edge for value in (each.at_low, each.at_high))
        leg = say("outlook.leg.market" if each.factor in MARKET else "outlook.leg.design")
        points.append({"factor": say(f"outlook.factor.{each.factor}"), "low": low, "high": high, "leg": leg})
    legs = [say("outlook.leg.design"), say("outlook.leg.market")]
    y = {"field": "factor", "type": "nominal", "sort": None, "title": None, "axis": {"labelLimit": 0}}
    x = {"field": "low", "type": "quantitative", "title": say("outlook.chart.units"), "scale": {"type": "log"}, "axis": {"format": "~s"}}
    colour = {"field": "leg", "type": "nominal", "title": None, "scale": {"domain": legs, "range": [COLOURS[0], COLOURS[1]]}}
    tips = [{"field": name, "type": "nominal", "title": say(f"outlook.chart.{name}")} for name in ("factor", "low", "high", "leg")]
    layers: list[Spec] = [
        {"mark": {"type": "bar", "aria": False}, "encoding": {"x": x, "x2": {"field": "high"}, "y": y, "color": colour, "tooltip": tips}},
        {"data": {"values": [{"low": middle}]}, "mark": {"type": "rule", "strokeDash": [4, 3], "aria": False}, "encoding": {"x": x}},
    ]
    title = say("outlook.chart.silicon_title", chip=found.name or say("outlook.own_design"), units=cell(middle))
    return framed(title, [say("outlook.chart.silicon_note")], points, {"layer": layers, "width": WIDTH, "height": {"step": 34}})
