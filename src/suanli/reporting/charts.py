"""Charts as Vega-Lite 5 specifications (plain dicts): one description for the page, the picture and the file. Drawing them is ``draw``'s."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import Any

import numpy as np

from suanli.errors import BadInput
from suanli.performance.accuracy import FIGURES, Accuracy, Score
from suanli.reporting.amounts import cell
from suanli.reporting.tongue import Tongue

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
#: Okabe and Ito's colours, told apart by all kinds of eyes, then five more
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B5A2B", "#8C8C00", "#6A3D9A", "#7BC142", "#800000")
SHAPES = {"agg": "circle", "disagg": "triangle-up"}
OTHER_SHAPE = "square"
#: the band beside the line predicted = measured
NEAR = 0.2
PANEL = 300
#: room beyond the outermost points of a logarithmic axis
MARGIN = 1.25
DECADE = 10
FONT = "Arial, Helvetica, sans-serif"
#: names beside each other in a legend under several panels, one fewer where there is a second line
WIDE = 5


def accuracy_chart(a: Accuracy, say: Tongue, most: int | None = None) -> Spec:
    """Predicted against measured, logarithmic: a panel a figure, colour = chip, shape = mode; ``BadInput`` where no row has both.

    ``most``: draw at most so many rows, evenly taken through the table (the same ones every time); the figures in the titles stay those of all rows.
    """
    points = accuracy_points(a, say)
    if not points:
        raise BadInput("accuracy.no_points", file=a.table)
    shown = points if most is None or len(points) <= most else [points[place * len(points) // most] for place in range(most)]
    scores = {each.figure: each for each in a.of("all")}
    panels = [_panel(figure, scores[figure], points, say) for figure in FIGURES if any(figure in each for each in points)]
    chips = sorted({each["chip"] for each in points})
    shapes = {
        _mode(each, say): SHAPES.get(each, OTHER_SHAPE) for each in sorted(set(a.pairs.labels["mode"].tolist()), key=lambda each: (each not in SHAPES, each))
    }
    modes = [each for each in shapes if any(each == point["mode"] for point in points)]
    colours = [COLOURS[place % len(COLOURS)] for place in range(len(chips))]
    encoding = {
        "color": {"field": "chip", "type": "nominal", "title": say("accuracy.chart.chip"), "scale": {"domain": chips, "range": colours}},
        "shape": {
            "field": "mode",
            "type": "nominal",
            "title": say("accuracy.chart.mode"),
            "scale": {"domain": modes, "range": [shapes[each] for each in modes]},
        },
    }
    for panel in panels:
        panel["layer"][-1]["encoding"] |= encoding
    legend: Spec = {"orient": "right", "columns": 1}
    if len(panels) > 1:
        legend = {
            "orient": "bottom",
            "columns": WIDE if len(chips) <= WIDE else WIDE - 1,
            "layout": {"bottom": {"anchor": "start", "direction": "horizontal", "margin": 40}},
        }
    subtitle = [say("accuracy.chart.subtitle", table=PurePath(a.table).name, rows=cell(len(points)))]
    notes = [say("accuracy.chart.sampled", shown=cell(len(shown)), rows=cell(len(points)))] if len(shown) < len(points) else []
    notes += [say("accuracy.chart.subtitle_in_fit")] if a.in_fit else []
    notes += [say("accuracy.chart.subtitle_file", file=PurePath(a.predictions).name)] if a.predictions else []
    return {
        "$schema": SCHEMA,
        "title": {"text": say("accuracy.chart.title"), "subtitle": subtitle + ([" ".join(notes)] if notes else []), "anchor": "start", "offset": 16},
        "datasets": {"rows": shown},
        "hconcat": panels,
        "spacing": 30,
        "config": {
            "font": FONT,
            "background": "white",
            "view": {"stroke": "#999999"},
            "axis": {"gridColor": "#e6e6e6", "labelFontSize": 11, "titleFontSize": 12},
            "legend": {"labelLimit": 0, "labelFontSize": 11, "titleFontSize": 12, "symbolOpacity": 1, "columnPadding": 30} | legend,
            "title": {"fontSize": 16, "subtitleFontSize": 12, "subtitlePadding": 6},
        },
    }


def accuracy_points(a: Accuracy, say: Tongue) -> list[dict[str, Any]]:
    """A dict a scored row with a measured and a predicted figure: of each figure ``[measured, predicted, low, high]``, and what the row is."""
    pairs = a.pairs
    both = pairs.scored & np.isfinite(pairs.measured) & np.isfinite(pairs.predicted[1])
    points = []
    for row in np.flatnonzero(both.any(axis=0)):
        of = pairs.rows[row]
        point: dict[str, Any] = {
            "id": of.get("id") or of.get("case_id") or "",
            **{name: str(pairs.labels[name][row]) or say("accuracy.not_stated") for name in ("chip", "model", "precision")},
            "mode": _mode(str(pairs.labels["mode"][row]), say),
            "framework": of.get("framework") or say("accuracy.not_stated"),
            "concurrency": of.get("concurrency_or_batch") or say("accuracy.not_stated"),
        }
        for place, figure in enumerate(FIGURES):
            if both[place, row]:
                low, mid, high = pairs.predicted[:, place, row]
                point[figure] = _short(float(pairs.measured[place, row])), _short(float(mid))
                point[figure + "_interval"] = f"{cell(float(low))}-{cell(float(high))}" if math.isfinite(low) and math.isfinite(high) else ""
        points.append(point)
    return points


def _panel(figure: str, score: Score, points: list[dict[str, Any]], say: Tongue) -> Spec:
    """One figure: the band, the line, the points; both axes over the same range, so that the line is the diagonal."""
    values = [value for each in points if figure in each for value in each[figure]]
    low, high = min(values) / MARGIN, max(values) * MARGIN
    scale = {"type": "log", "domain": [low, high], "nice": False}
    axis = {"values": decades(low, high), "labelExpr": "datum.value < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"}
    name = say(f"accuracy.chart.figure.{figure}")
    key = "accuracy.chart.panel" if math.isfinite(score.inside) else "accuracy.chart.panel_no_interval"
    said = say(key, median=cell(score.median, 0.01, 2), inside=cell(score.inside, 0.01, 2))
    x = {"field": "x", "type": "quantitative", "scale": scale, "title": say("accuracy.chart.measured"), "axis": axis}
    y = {"field": "y", "type": "quantitative", "scale": scale, "title": say("accuracy.chart.predicted"), "axis": axis}
    ends = [{"x": each, "y": each, "low": each * (1 - NEAR), "high": each * (1 + NEAR)} for each in (low, high)]
    tips = [("id", "row"), *((each, each) for each in ("chip", "model", "framework", "precision", "mode", "concurrency"))]
    tooltip: list[Spec] = [{"field": field, "type": "nominal", "title": say(f"accuracy.chart.{word}")} for field, word in tips]
    tooltip += [{"field": field, "type": "quantitative", "format": ",.4~g", "title": x_or_y["title"]} for field, x_or_y in (("x", x), ("y", y))]
    tooltip += [{"field": figure + "_interval", "type": "nominal", "title": say("accuracy.chart.interval")}]
    return {
        "title": {"text": name, "subtitle": said, "fontSize": 13, "subtitleFontSize": 11, "anchor": "start"},
        "width": PANEL,
        "height": PANEL,
        "layer": [
            {
                "data": {"values": ends},
                "mark": {"type": "area", "color": "#bbbbbb", "opacity": 0.4, "clip": True, "aria": False},
                "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}},
            },
            {"data": {"values": ends}, "mark": {"type": "line", "color": "#444444", "strokeWidth": 1, "aria": False}, "encoding": {"x": x, "y": y}},
            {
                "data": {"name": "rows"},
                "transform": [
                    {"filter": f"isValid(datum.{figure})"},
                    {"calculate": f"datum.{figure}[0]", "as": "x"},
                    {"calculate": f"datum.{figure}[1]", "as": "y"},
                ],
                "mark": {"type": "point", "filled": True, "size": 18, "opacity": 0.55, "aria": False},
                "encoding": {"x": x, "y": y, "tooltip": tooltip},
            },
        ],
    }


def decades(low: float, high: float) -> list[float]:
    """Where an axis from ``low`` to ``high`` has its marks: powers of ten, and twos and fives where those are few.

    >>> decades(3, 2000), decades(8, 90)
    ([10.0, 100.0, 1000.0], [10.0, 20.0, 50.0])
    """
    powers = [float(DECADE) ** power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    tens = [each for each in powers if low <= each <= high]
    if len(tens) > 2:
        return tens
    return [each * digit for each in powers for digit in (1, 2, 5) if low <= each * digit <= high]


def _mode(mode: str, say: Tongue) -> str:
    return say(f"accuracy.mode.{mode}") if say.known(f"accuracy.mode.{mode}") else mode or say("accuracy.not_stated")


def _short(value: float) -> float:
    return float(f"{value:.4g}")
