"""The stored summaries of left-out errors, ``data/calibration/{serving,training}_accuracy.csv``: written by the scripts that fit, never by hand.

Columns: ``left_out`` (what a fit did not see a part of: chip, model, scenario, group), ``axis`` and ``name`` (the rows it is of, blank name = all, or
not stated), then the fields of ``serving.Score`` or ``training.TrainingScore``: errors as shares, blank = not known.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from suanli.facts.reader import Schema, read_rows
from suanli.performance.accuracy.serving import Accuracy, Score
from suanli.performance.accuracy.training import TrainingAccuracy, TrainingScore

#: the axes that are stored, of serving or of training
STORED = ("all", "mark", "mode", "kind", "shape", "basis", "chip", "model", "framework", "precision")
#: of MLPerf's rows, where the file is of another table of training
STORED_MLPERF = ("mark",)
#: the columns of the file of serving
COLUMNS = ("left_out", *(each.name for each in dataclasses.fields(Score)))

T = TypeVar("T", Score, TrainingScore)


class SummaryRow(Schema):
    """One row of the file of serving."""

    left_out: Literal["chip", "model", "scenario"]
    axis: str
    name: str = ""
    figure: str
    rows: int
    answered: int
    bias: float = math.nan
    median: float = math.nan
    mean: float = math.nan
    p90: float = math.nan
    inside: float = math.nan
    spearman: float = math.nan
    groups: int = 0


class TrainingSummaryRow(Schema):
    """One row of the file of training."""

    left_out: Literal["group", "chip", "model"]
    axis: str
    name: str = ""
    figure: str
    rows: int
    answered: int
    groups: int
    group_mean: float = math.nan
    bias: float = math.nan
    median: float = math.nan
    mean: float = math.nan
    p90: float = math.nan
    inside: float = math.nan


def summary_rows(left_out: str, accuracy: Accuracy | TrainingAccuracy, axes: Sequence[str] = STORED) -> list[dict[str, str]]:
    """The scores of ``axes`` as rows of the file; ``left_out``: what the predictions' fits did not see a part of."""
    return [
        {"left_out": left_out} | {field.name: _cell(getattr(each, field.name)) for field in dataclasses.fields(each)}
        for each in accuracy.scores
        if each.axis in axes
    ]


def summary_text(rows: Iterable[dict[str, str]], script: str = "fit_serving.py") -> str:
    """The rows as the text of the file that ``script`` writes."""
    found = list(rows)
    file = io.StringIO()
    file.write(f"# Written by scripts/{script}; do not edit.\n")
    writer = csv.DictWriter(file, list(found[0]) if found else ["left_out"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return file.getvalue()


def write_summary(path: Path, rows: Iterable[dict[str, str]], script: str = "fit_serving.py") -> None:
    """Write the file."""
    path.write_text(summary_text(rows, script), encoding="utf-8")


def read_summary(path: Path) -> dict[str, tuple[Score, ...]]:
    """What was left out -> its scores of serving; ``BadFile`` where a row is not as ``SummaryRow`` says."""
    return _by_way(((row.left_out, row) for row in read_rows(path, SummaryRow)), Score)


def read_training_summary(path: Path) -> dict[str, tuple[TrainingScore, ...]]:
    """What was left out -> its scores of training; ``BadFile`` where a row is not as ``TrainingSummaryRow`` says."""
    return _by_way(((row.left_out, row) for row in read_rows(path, TrainingSummaryRow)), TrainingScore)


def _by_way(rows: Iterable[tuple[str, Schema]], of: type[T]) -> dict[str, tuple[T, ...]]:
    found: dict[str, list[T]] = {}
    for left_out, row in rows:
        found.setdefault(left_out, []).append(of(**row.model_dump(exclude={"left_out"})))
    return {left_out: tuple(each) for left_out, each in found.items()}


def _cell(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else ""
    return str(value)
