"""Charts of export answers: bars over the years, and the map of compute against density with the lines of the law."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from suanli.errors import BadInput
from suanli.hardware import Chip
from suanli.reporting.amounts import cell
from suanli.reporting.charts import COLOURS, MARGIN, Spec, decades, framed
from suanli.reporting.export import NOTHING, eccn_of, licence_of, review_of, short_outcome
from suanli.reporting.tongue import Tongue
from suanli.rules import OUTCOMES, Item, Margin, Screen, Stretch
from suanli.rules.accuracy import ExportAccuracy
from suanli.rules.book import Country
from suanli.rules.item import metrics

#: free, free but, unclear, licence, barred, in colours that all kinds of eyes tell apart
SHADES = {"allowed": COLOURS[2], "but": "#A6DBA0", "unknown": "#999999", "licence": COLOURS[4], "prohibited": COLOURS[1]}
WIDTH, ROW, SIDE = 620, 46, 460
#: a bar shorter than this share of the whole has no room for its label; longer than that, for the review as well
NARROW, LONG = 0.09, 0.16
_DASHES = {"total_processing_performance": "x", "performance_density": "y"}


def timeline_chart(item: Item, stretches: Sequence[Stretch], say: Tongue) -> Spec:
    """A row a layer that ever asked for something (the first always), a bar a stretch, coloured by its outcome."""
    bars: list[dict[str, Any]] = []
    days = (stretches[-1].until - stretches[0].since).days or 1
    kept = {layer for place, layer in enumerate(_layers(stretches)) if place == 0 or any(_asks(each, layer) for each in stretches)}
    for layer in (each for each in _layers(stretches) if each in kept):
        for each in _runs(stretches, layer):
            bars.append(
                {
                    "layer": say(f"rules.layer.{layer}"),
                    "since": each["since"],
                    "until": f"{each['until']}T23:59:59",
                    "outcome": short_outcome(each["outcome"], each["licence"], say),
                    "licence": licence_of(each["licence"], say),
                    "review": review_of(each["review"], say),
                    "label": _label(each, each["days"] / days, say),
                    "rules": each["rules"],
                }
            )
    x = {"field": "since", "type": "temporal", "title": None, "axis": {"format": "%Y-%m", "tickCount": 10}}
    y = {"field": "layer", "type": "nominal", "sort": None, "title": None}
    colour = _colour(say)
    tips = [{"field": name, "type": "nominal", "title": say(f"export.chart.{name}")} for name in ("since", "until", "outcome", "licence", "review", "rules")]
    last = stretches[-1].verdict
    layers: list[Spec] = [
        {
            "mark": {"type": "bar", "height": ROW * 2 // 3, "stroke": "white", "aria": False},
            "encoding": {"x": x, "x2": {"field": "until"}, "y": y, "color": colour, "tooltip": tips},
        },
        {"mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 10, "limit": WIDTH // 4}, "encoding": {"x": x, "y": y, "text": {"field": "label"}}},
    ]
    title = say("export.chart.timeline", chip=item.name, destination=say.named(last.destination))
    return framed(
        title, [say("export.chart.timeline_note"), say("reporting.not_legal_advice")], bars, {"layer": layers, "width": WIDTH, "height": {"step": ROW}}
    )


def _colour(say: Tongue) -> Spec:
    names = [say(f"rules.outcome_short.{each}") for each in SHADES]
    return {"field": "outcome", "type": "nominal", "scale": {"domain": names, "range": list(SHADES.values())}, "title": say("export.chart.outcome")}


def _label(run: dict[str, Any], share: float, say: Tongue) -> str:
    """What a bar has room for: what is asked for, and by which review."""
    licence, review = f"export.short.{run['licence']}", f"export.short_review.{run['review']}"
    if share < NARROW or not say.known(licence):
        return ""
    return say("export.chart.bar", licence=say(licence), review=say(review)) if share > LONG and say.known(review) else say(licence)


def _layers(stretches: Sequence[Stretch]) -> list[str]:
    return [each.layer for each in stretches[0].verdict.layers]


def _asks(stretch: Stretch, layer: str) -> bool:
    return any(each.layer == layer and each.licence not in NOTHING for each in stretch.verdict.layers)


def _runs(stretches: Sequence[Stretch], layer: str) -> list[dict[str, Any]]:
    """The stretches of one layer, neighbours with one answer together."""
    runs: list[dict[str, Any]] = []
    for each in stretches:
        answer = next(one for one in each.verdict.layers if one.layer == layer)
        rules = " ".join(dict.fromkeys(one.rule for one in each.verdict.clauses))
        key = {"outcome": answer.outcome, "licence": answer.licence, "review": answer.review}
        if runs and all(runs[-1][name] == value for name, value in key.items()):
            runs[-1]["until"] = each.until.isoformat()
            runs[-1]["days"] += (each.until - each.since).days + 1
        else:
            runs.append(key | {"since": each.since.isoformat(), "until": each.until.isoformat(), "days": (each.until - each.since).days + 1, "rules": rules})
    return runs


def map_chart(chips: Sequence[Chip], items: Sequence[Item], found: Screen, lines: Sequence[Margin], destination: Country, on: str, say: Tongue) -> Spec:
    """Every chip whose performance and density are known, both logarithmic, coloured by its answer, and the lines of the rules in force."""
    points: list[dict[str, Any]] = []
    for row, (chip, item) in enumerate(zip(chips, items, strict=True)):
        density = metrics(item)["performance_density"]
        if not density or not item.tpp > 0:
            continue
        points.append(
            {
                "chip": say.named(chip),
                "id": chip.id,
                "x": float(item.tpp),
                "y": float(density),
                "outcome": short_outcome(OUTCOMES[found.outcome[row]], str(found.licence[row]), say),
                "eccn": eccn_of(str(found.eccn[row]), say),
                "licence": licence_of(str(found.licence[row]), say),
                "review": review_of(str(found.review[row]), say),
            }
        )
    axes: dict[str, Spec] = {}
    for name, metric in (("x", "total_processing_performance"), ("y", "performance_density")):
        values = [each[name] for each in points] or [1.0, 10.0]
        low, high = min(values) / MARGIN, max(values) * MARGIN
        axes[name] = {
            "field": name, "type": "quantitative", "title": say(f"rules.metric.{metric}"), "scale": {"type": "log", "domain": [low, high], "nice": False},
            "axis": {"values": decades(low, high), "labelExpr": "datum.value < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"},
        }
    colour = _colour(say)
    tips = [{"field": name, "type": "nominal", "title": say(f"export.chart.{name}")} for name in ("chip", "eccn", "outcome", "licence", "review")]
    tips += [{"field": name, "type": "quantitative", "format": ",.4~g", "title": str(axes[name]["title"])} for name in axes]
    rules: list[Spec] = []
    for metric, axis in _DASHES.items():
        drawn = sorted({each.threshold for each in lines if each.metric == metric})
        at = {"values": [{axis: each, "label": cell(each), "place": 10 + 14 * (place % 2)} for place, each in enumerate(drawn)]}
        edge = {"y": {"field": "place", "type": "quantitative", "scale": None}} if axis == "x" else {"x": {"value": SIDE - 4}}
        rules.append({"data": at, "mark": {"type": "rule", "strokeDash": [4, 3], "color": "#666666", "aria": False}, "encoding": {axis: axes[axis]}})
        align = {"align": "left", "dx": 3} if axis == "x" else {"align": "right", "dy": -6}
        rules.append(
            {
                "data": at,
                "mark": {"type": "text", "fontSize": 10, "color": "#444444", **align},
                "encoding": {axis: axes[axis], **edge, "text": {"field": "label"}},
            }
        )
    dots: Spec = {"mark": {"type": "point", "filled": True, "size": 36, "opacity": 0.8, "aria": False}, "encoding": {**axes, "color": colour, "tooltip": tips}}
    title = say("export.chart.map", destination=say.named(destination), on=on)
    note = say("export.chart.map_note", shown=cell(len(points)), chips=cell(len(chips)))
    return framed(title, [note, say("reporting.not_legal_advice")], points, {"layer": [*rules, dots], "width": SIDE, "height": SIDE})


def accuracy_chart(a: ExportAccuracy, say: Tongue) -> Spec:
    """How often each licence label was expected and answered, as squares; the diagonal is right. ``BadInput`` where no label was expected."""
    pairs, table = a.pairs, PurePath(a.table).name
    if not pairs:
        raise BadInput("accuracy.no_points", file=a.table)
    right = f"{sum(count for one, other, count in pairs if one == other)}/{sum(count for *_, count in pairs)}"
    names = sorted({name for one, other, _ in pairs for name in (one, other)})
    rows = [
        {"expected": one, "answered": other or say("export.unknown"), "count": count, "right": say(f"export.answer.{'yes' if one == other else 'no'}")}
        for one, other, count in pairs
    ]
    x = {"field": "answered", "type": "nominal", "title": say("export.chart.answered"), "sort": names, "axis": {"labelAngle": -40, "labelLimit": 0}}
    y = {"field": "expected", "type": "nominal", "title": say("export.chart.expected"), "sort": names, "axis": {"labelLimit": 0}}
    domain = [say("export.answer.yes"), say("export.answer.no")]
    colour = {"field": "right", "type": "nominal", "title": say("export.chart.right"), "scale": {"domain": domain, "range": [COLOURS[2], COLOURS[1]]}}
    tips = [{"field": name, "type": "nominal", "title": say(f"export.chart.{name}")} for name in ("expected", "answered", "count")]
    layers: list[Spec] = [
        {"mark": {"type": "rect", "opacity": 0.75, "aria": False}, "encoding": {"x": x, "y": y, "color": colour, "tooltip": tips}},
        {"mark": {"type": "text", "fontSize": 12}, "encoding": {"x": x, "y": y, "text": {"field": "count"}}},
    ]
    step = {"width": {"step": ROW}, "height": {"step": ROW * 2 // 3}}
    return framed(say("export.chart.pairs"), [say("export.chart.pairs_note", table=table, right=right)], rows, {"layer": layers, **step})
