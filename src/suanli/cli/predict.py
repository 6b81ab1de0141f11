"""``suanli predict``: one estimate a row of a file."""

from __future__ import annotations

import csv
import io
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from suanli.cli.face import Face
from suanli.cli.options import Data, Json, Lang
from suanli.errors import BadFile

if TYPE_CHECKING:
    from suanli.facts import Catalogue

Row = dict[str, str]


def serving(
    context: typer.Context,
    cases: Annotated[str, typer.Argument(help="cli.predict.cases", metavar="CASES.csv")],
    out: Annotated[str, typer.Option("-o", "--out", help="cli.predict.out", metavar="OUT.csv")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """Speed of every case of a file, with its interval."""
    from suanli import api

    units = {"ttft_ms": "ms", "tpot_ms": "ms", "tokens_per_s_total": "token/s", "tokens_per_s_per_chip": "token/s"}
    _predict(Face(context.find_root().obj, json, tuple(data or ())), api.predict_serving, cases, out, units)


def training(
    context: typer.Context,
    cases: Annotated[str, typer.Argument(help="cli.predict.training_cases", metavar="CASES.csv")],
    out: Annotated[str, typer.Option("-o", "--out", help="cli.predict.out", metavar="OUT.csv")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """Speed of every training case of a file, with its interval."""
    from suanli import api

    units = {"iter_time_s": "s", "tokens_per_s_per_chip": "token/s", "tflops_per_chip": "TFLOP/s", "mfu": "1", "time_to_train_min": "min"}
    _predict(Face(context.find_root().obj, json, tuple(data or ())), api.predict_training, cases, out, units)


def export(
    context: typer.Context,
    cases: Annotated[str, typer.Argument(help="cli.predict.export_cases", metavar="CASES.csv")],
    out: Annotated[str, typer.Option("-o", "--out", help="cli.predict.out", metavar="OUT.csv")] = "",
    json: Json = False,
    lang: Lang = "",
    data: Data = None,
) -> None:
    """Control-list entry, licence and review of every case of a file."""
    from suanli import api

    _predict(Face(context.find_root().obj, json, tuple(data or ())), api.predict_export, cases, out, {})


def _predict(face: Face, predict: Callable[[Catalogue, str], list[Row]], cases: str, out: str, units: Mapping[str, str]) -> None:
    """Predict the cases of a file; print the rows, or write them and say what became of them."""
    if out and not Path(out).resolve().parent.is_dir():
        raise BadFile("cli.no_folder", folder=str(Path(out).parent))
    with _working(face):
        rows = predict(face.catalogue(), cases)
    if face.json:
        from suanli.reporting.json_ import dumps

        text = dumps("predictions", {"rows": rows}, units) + "\n"
    else:
        text = csv_text(rows)
    if not out:
        sys.stdout.write(text)
        return
    write_whole(Path(out), text)
    face.show(_summary(rows, out, face))


def csv_text(rows: list[Row]) -> str:
    """The rows as CSV; no rows, no text."""
    if not rows:
        return ""
    file = io.StringIO()
    writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def write_whole(path: Path, content: str | bytes) -> None:
    """Write ``content`` to ``path`` wholly or not at all."""
    try:
        descriptor, name = tempfile.mkstemp(dir=path.resolve().parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadFile("errors.file_syntax", file=str(path), detail=str(error)) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(name, 0o666 & ~mask)
        os.replace(name, path)
    except OSError as error:
        Path(name).unlink(missing_ok=True)
        raise BadFile("errors.file_syntax", file=str(path), detail=str(error)) from None
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _summary(rows: list[Row], out: str, face: Face):  # type: ignore[no-untyped-def]
    from suanli.reporting.predict import summary_report

    reasons = Counter(reason for row in rows for reason in row["why_not"].split(";") if reason)
    tiers = Counter(row["tier"] for row in rows if row["tier"])
    return summary_report(len(rows), sum(not row["why_not"] for row in rows), reasons, tiers, out, face.say)


def _working(face: Face):  # type: ignore[no-untyped-def]
    """A turning sign on a terminal while a long file is worked on; nothing elsewhere."""
    from contextlib import nullcontext

    if not sys.stderr.isatty():
        return nullcontext()
    from rich.console import Console

    return Console(stderr=True).status(face.say("cli.predict.working"))
