"""Charts as Vega-Lite 5 specifications (plain dicts): one description for the page, the picture and the file. Drawing them is ``draw``'s."""

from __future__ import annotations

import math
from pathlib import PurePath
from typing import Any

import numpy as np

from suanli.errors import BadInput
from suanli.performance.accuracy.serving import FIGURES, Accuracy
from suanli.performance.accuracy.training import RATES, TIME_TO_TRAIN, WHOLE, TrainingAccuracy
from suanli.reporting.amounts import cell
from suanli.reporting.tongue import Tongue

Spec = dict[str, Any]

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
#: Okabe and Ito's colours, told apart by all kinds of eyes, then five more
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8B5A2B", "#8C8C00", "#6A3D9A", "#7BC142", "#800000")
#: where there are more than those
MORE_COLOURS = ("#7F7F7F", "#FF6F91", "#2F4B7C", "#A05195", "#66C2A5", "#B3B300", "#5C3A21", "#00B7C7")
SHAPES = {"agg": "circle", "disagg": "triangle-up"}
OTHER_SHAPE = "square"
KINDS = {"pretraining": "circle", "finetuning": "triangle-up", "lora": "square"}
#: what points of training are coloured by, the first unless somebody chooses
COLOURED = ("chip", "model", "framework", "precision", "kind")
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
    shown = _evenly(points, most)
    scores = {each.figure: each for each in a.of("all")}
    tips = [("id", "row"), *((each, each) for each in ("chip", "model", "framework", "precision", "mode", "concurrency"))]
    panels = []
    for figure in (each for each in FIGURES if any(each in point for point in points)):
        key = "accuracy.chart.panel" if math.isfinite(scores[figure].inside) else "accuracy.chart.panel_no_interval"
        said = say(key, median=cell(scores[figure].median, 0.01, 2), inside=cell(scores[figure].inside, 0.01, 2))
        panels.append(_panel(figure, say(f"accuracy.chart.figure.{figure}"), said, tips, points, say))
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
    lines = subtitle + ([" ".join(notes)] if notes else [])
    return _whole(say("accuracy.chart.title"), lines, shown, {"hconcat": panels, "spacing": 30}, legend)


def training_chart(a: TrainingAccuracy, say: Tongue, most: int | None = None) -> Spec:
    """Predicted against measured, logarithmic: a panel for each column that rows are judged by, colour = chip (on a page of its own: chosen among chip,
    model, framework, precision, kind), shape = kind; ``BadInput`` where no row has both. ``most`` as in ``accuracy_chart``.
    """
    points = training_points(a, say)
    if not points:
        raise BadInput("accuracy.no_points", file=a.table)
    shown = _evenly(points, most)
    tips = [("id", "row"), *((each, each) for each in ("group", *COLOURED, "chips"))]
    scores = {each.name or TIME_TO_TRAIN: each for each in (*a.of("basis"), *(one for one in a.of("all") if one.figure == WHOLE))}
    panels = []
    for column in (each for each in (*RATES, TIME_TO_TRAIN) if any(each in point for point in points)):
        key = "accuracy.chart.training_panel" if math.isfinite(scores[column].inside) else "accuracy.chart.training_panel_no_interval"
        said = say(key, mean=cell(scores[column].group_mean, 0.01, 2), groups=scores[column].groups, inside=cell(scores[column].inside, 0.01, 2))
        panels.append(_panel(column, say(f"accuracy.basis.{column}"), said, tips, points, say))
    kinds = [say(f"accuracy.kind.{each}") for each in KINDS]
    encoding = {
        "color": {"field": "coloured", "type": "nominal", "title": None, "scale": {"range": [*COLOURS, *MORE_COLOURS]}, "legend": {"symbolLimit": 0}},
        "shape": {
            "field": "kind",
            "type": "nominal",
            "title": say("accuracy.chart.kind"),
            "scale": {"domain": kinds, "range": list(KINDS.values())},
        },
    }
    for panel in panels:
        panel["layer"][-1]["encoding"] |= encoding
        panel["layer"][-1]["transform"].append({"calculate": "datum[coloured_by]", "as": "coloured"})
    names = {"labels": [say(f"accuracy.chart.{each}") for each in COLOURED], "name": say("accuracy.chart.coloured_by")}
    chosen = {"name": "coloured_by", "value": COLOURED[0], "bind": {"input": "select", "options": list(COLOURED), **names}}
    wide = 2 * len(panels[:2])
    legend: Spec = {"orient": "bottom", "columns": wide, "layout": {"bottom": {"anchor": "start", "direction": "vertical", "margin": 20}}}
    lines = [say("accuracy.chart.subtitle", table=PurePath(a.table).name, rows=cell(len(points)))]
    notes = [say("accuracy.chart.sampled", shown=cell(len(shown)), rows=cell(len(points)))] if len(shown) < len(points) else []
    notes += [say("accuracy.chart.subtitle_in_fit")] if a.in_fit else []
    notes += [say("accuracy.chart.subtitle_file", file=PurePath(a.predictions).name)] if a.predictions else []
    body: Spec = {"params": [chosen], "concat": panels, "columns": 2, "spacing": 30}
    return _whole(say("accuracy.chart.training_title"), lines + ([" ".join(notes)] if notes else []), shown, body, legend)


def training_points(a: TrainingAccuracy, say: Tongue) -> list[dict[str, Any]]:
    """A dict a scored row with a measured and a predicted figure: under the name of each column ``[measured, predicted]``, and what the row is."""
    pairs = a.pairs
    both = pairs.scored & np.isfinite(pairs.ratios)
    points = []
    for row in np.flatnonzero(both.any(axis=0)):
        of = pairs.rows[row]
        point: dict[str, Any] = {
            "id": of.get("id") or of.get("case_id") or "",
            **{name: str(pairs.labels[name][row]) or say("accuracy.not_stated") for name in ("group", "chip", "model", "framework", "precision")},
            "kind": say(f"accuracy.kind.{pairs.labels['kind'][row]}"),
            "chips": of.get("n_chips") or say("accuracy.not_stated"),
        }
        for place in np.flatnonzero(both[:, row]):
            column = str(pairs.columns[place, row])
            low, mid, high = pairs.predicted[:, place, row]
            point[column] = _short(float(pairs.measured[place, row])), _short(float(mid))
            point[column + "_interval"] = f"{cell(float(low))}-{cell(float(high))}" if math.isfinite(low) and math.isfinite(high) else ""
        points.append(point)
    return points


def _evenly(points: list[dict[str, Any]], most: int | None) -> list[dict[str, Any]]:
    """At most so many, evenly taken through them."""
    return points if most is None or len(points) <= most else [points[place * len(points) // most] for place in range(most)]


def _whole(title: str, lines: list[str], rows: list[dict[str, Any]], panels: Spec, legend: Spec) -> Spec:
    """The specification around ``panels``."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": lines, "anchor": "start", "offset": 16},
        "datasets": {"rows": rows},
        **panels,
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


def _panel(figure: str, name: str, said: str, tips: list[tuple[str, str]], points: list[dict[str, Any]], say: Tongue) -> Spec:
    """One figure: the band, the line, the points; both axes over the same range, so that the line is the diagonal. ``tips``: field, its word."""
    values = [value for each in points if figure in each for value in each[figure]]
    low, high = min(values) / MARGIN, max(values) * MARGIN
    scale = {"type": "log", "domain": [low, high], "nice": False}
    axis = {"values": decades(low, high), "labelExpr": "datum.value < 1 ? format(datum.value, '~g') : format(datum.value, '~s')"}
    x = {"field": "x", "type": "quantitative", "scale": scale, "title": say("accuracy.chart.measured"), "axis": axis}
    y = {"field": "y", "type": "quantitative", "scale": scale, "title": say("accuracy.chart.predicted"), "axis": axis}
    ends = [{"x": each, "y": each, "low": each * (1 - NEAR), "high": each * (1 + NEAR)} for each in (low, high)]
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
    marks = [[each * digit for each in powers for digit in digits if low <= each * digit <= high] for digits in ((1, 2, 5), range(1, DECADE))]
    return marks[0] if len(marks[0]) > 1 else marks[1]


def _mode(mode: str, say: Tongue) -> str:
    return say(f"accuracy.mode.{mode}") if say.known(f"accuracy.mode.{mode}") else mode or say("accuracy.not_stated")


def _short(value: float) -> float:
    return float(f"{value:.4g}")

def framed(title: str, lines: list[str], rows: list[dict[str, Any]], body: Spec) -> Spec:
    """A specification of one panel over ``rows``, with its title and the lines under it."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": lines, "anchor": "start", "offset": 16},
        "data": {"values": rows},
        **body,
        "config": {
            "font": FONT,
            "background": "white",
            "view": {"stroke": "#cccccc"},
            "axis": {"gridColor": "#e6e6e6", "labelFontSize": 11, "titleFontSize": 12},
            "legend": {"orient": "bottom", "labelLimit": 0, "symbolOpacity": 1},
            "title": {"fontSize": 16, "subtitleFontSize": 12, "subtitlePadding": 6},
        },
    }
