"""``suanli accuracy``: predicted against measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang, choice
from suanli.cli.predict import write_whole
from suanli.errors import BadFile, BadInput

if TYPE_CHECKING:
    from suanli.reporting.document import Block

#: what can be judged
KINDS = ("serving", "training", "export")
COMMAND = "suanli accuracy"


def accuracy(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="cli.accuracy.kind", metavar="KIND")],
    truth: Annotated[str, typer.Option("--truth", help="cli.accuracy.truth", metavar="FILE.csv")] = "",
    predictions: Annotated[str, typer.Option("--predictions", help="cli.accuracy.predictions", metavar="FILE.csv")] = "",
    out: Annotated[str, typer.Option("-o", "--out", help="cli.accuracy.out", metavar="CHART")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """How far predictions are from measurements: tables, worst rows, a chart."""
    face = Face(context.find_root().obj, json, tuple(data or ()))
    choice(kind, "KIND", KINDS)
    if not truth:
        return _stored(face, kind, predictions, out)
    if out:
        from suanli.reporting.draw import SUFFIXES

        choice(Path(out).suffix.lower(), "-o", SUFFIXES)
        if not Path(out).resolve().parent.is_dir():
            raise BadFile("cli.no_folder", folder=str(Path(out).parent))
    from suanli import api
    from suanli.reporting import accuracy, accuracy_export, accuracy_training, charts, export_charts
    from suanli.reporting.document import report

    of: dict[str, tuple[Callable[..., Any], ...]] = {
        "serving": (api.accuracy_serving, charts.accuracy_chart, accuracy.accuracy_json, accuracy.accuracy_report),
        "training": (api.accuracy_training, charts.training_chart, accuracy_training.training_json, accuracy_training.training_report),
        "export": (api.accuracy_export, export_charts.accuracy_chart, accuracy_export.export_accuracy_json, accuracy_export.export_accuracy_report),
    }
    judge, chart, as_json, as_report = of[kind]
    found = judge(face.catalogue(), truth, predictions or None)
    said = draw_chart(face, chart(found, face.say), out) if out else []
    return face.print(as_json(found)) if face.json else face.show(report(as_report(found, face.say), said))


def _stored(face: Face, kind: str, predictions: str, out: str) -> None:
    """The errors stored with the calibration; what needs measured rows needs ``--truth``."""
    if predictions or out or kind == "export":  # nothing is fitted to export cases, so nothing is stored
        _missing_truth()
    from suanli import api
    from suanli.reporting import accuracy, accuracy_training

    of: dict[str, tuple[Callable[..., Any], ...]] = {
        "serving": (api.accuracy_summary, accuracy.summary_json, accuracy.summary_report),
        "training": (api.training_accuracy_summary, accuracy_training.training_summary_json, accuracy_training.training_summary_report),
    }
    read, as_json, as_report = of[kind]
    stored = read(face.catalogue())
    return face.print(as_json(stored)) if face.json else face.show(as_report(stored, face.say))


def _missing_truth() -> NoReturn:
    raise BadInput("cli.missing", what="--truth", command=COMMAND)


def draw_chart(face: Face, chart: dict[str, Any], out: str) -> list[Block]:
    """Write the chart; the lines that say so."""
    from suanli.reporting.document import Line
    from suanli.reporting.draw import chinese_font, drawn

    suffix = Path(out).suffix.lower()
    write_whole(Path(out), drawn(chart, out, face.language))
    lines: list[Block] = [Line(face.say("accuracy.written", out=out))]
    if face.language == "zh" and suffix == ".svg" and not chinese_font():
        lines.append(Line(face.say("accuracy.font_of_viewer", out=out)))
    return lines
