"""``suanli accuracy``: predicted against measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang, choice
from suanli.cli.predict import write_whole
from suanli.errors import BadFile, BadInput

if TYPE_CHECKING:
    from suanli.performance.accuracy import Accuracy
    from suanli.reporting.document import Block

#: what can be judged
KINDS = ("serving",)
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
        return _stored(face, predictions, out)
    if out:
        from suanli.reporting.draw import SUFFIXES

        choice(Path(out).suffix.lower(), "-o", SUFFIXES)
        if not Path(out).resolve().parent.is_dir():
            raise BadFile("cli.no_folder", folder=str(Path(out).parent))
    from suanli import api

    found = api.accuracy_serving(face.catalogue(), truth, predictions or None)
    said = _draw(face, found, out) if out else []
    if face.json:
        from suanli.reporting.accuracy import accuracy_json

        return face.print(accuracy_json(found))
    from suanli.reporting.accuracy import accuracy_report
    from suanli.reporting.document import report

    return face.show(report(accuracy_report(found, face.say), said))


def _stored(face: Face, predictions: str, out: str) -> None:
    """The errors stored with the calibration; what needs measured rows needs ``--truth``."""
    if predictions or out:
        _missing_truth()
    from suanli import api
    from suanli.reporting.accuracy import summary_json, summary_report

    stored = api.accuracy_summary(face.catalogue())
    return face.print(summary_json(stored)) if face.json else face.show(summary_report(stored, face.say))


def _missing_truth() -> NoReturn:
    raise BadInput("cli.missing", what="--truth", command=COMMAND)


def _draw(face: Face, found: Accuracy, out: str) -> list[Block]:
    """Write the chart; the lines that say so."""
    from suanli.reporting.charts import accuracy_chart
    from suanli.reporting.document import Line
    from suanli.reporting.draw import chinese_font, drawn

    suffix = Path(out).suffix.lower()
    write_whole(Path(out), drawn(accuracy_chart(found, face.say), out, face.language))
    lines: list[Block] = [Line(face.say("accuracy.written", out=out))]
    if face.language == "zh" and suffix == ".svg" and not chinese_font():
        lines.append(Line(face.say("accuracy.font_of_viewer", out=out)))
    return lines
