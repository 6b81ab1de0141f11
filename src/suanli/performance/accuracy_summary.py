"""The stored summary of left-out errors, ``data/calibration/serving_accuracy.csv``: written by ``scripts/fit_serving.py``, never by hand.

Columns: ``left_out`` (what a fit did not see a group of: chip, model, scenario), ``axis`` and ``name`` (the group of rows, blank name = all, or not
stated), then the fields of ``accuracy.Score``: errors as shares, blank = not known.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from suanli.facts.reader import Schema, read_rows
from suanli.performance.accuracy import Accuracy, Score

#: the axes that are stored
STORED = ("all", "mode", "chip", "model", "framework", "precision")
COLUMNS = ("left_out", *(each.name for each in dataclasses.fields(Score)))


class SummaryRow(Schema):
    """One row of the file."""

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


def summary_rows(left_out: str, accuracy: Accuracy, axes: Sequence[str] = STORED) -> list[dict[str, str]]:
    """The scores of ``axes`` as rows of the file; ``left_out``: what the predictions' fits did not see a group of ("chip", "model", "scenario")."""
    return [{"left_out": left_out} | {name: _cell(getattr(each, name)) for name in COLUMNS[1:]} for each in accuracy.scores if each.axis in axes]


def summary_text(rows: Iterable[dict[str, str]]) -> str:
    """The rows as the text of the file."""
    file = io.StringIO()
    file.write("# Written by scripts/fit_serving.py; do not edit.\n")
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def write_summary(path: Path, rows: Iterable[dict[str, str]]) -> None:
    """Write the file."""
    path.write_text(summary_text(rows), encoding="utf-8")


def read_summary(path: Path) -> dict[str, tuple[Score, ...]]:
    """What was left out -> its scores; ``BadFile`` where a row is not as ``SummaryRow`` says."""
    found: dict[str, list[Score]] = {}
    for row in read_rows(path, SummaryRow):
        found.setdefault(row.left_out, []).append(Score(**{name: getattr(row, name) for name in COLUMNS[1:]}))
    return {left_out: tuple(each) for left_out, each in found.items()}


def _cell(value: str | float) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else ""
    return str(value)
