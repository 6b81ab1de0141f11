"""Tables of cases and of predictions, as files."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from suanli.errors import BadFile


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of a case file; ``BadFile`` where it is missing, empty or has no id column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise BadFile("errors.file_missing", file=str(path)) from None
    except (UnicodeDecodeError, IsADirectoryError, PermissionError) as error:
        raise BadFile("errors.file_syntax", file=str(path), detail=str(error)) from None
    reader = csv.DictReader(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
    if not reader.fieldnames or not {"id", "case_id"} & set(reader.fieldnames):
        raise BadFile("errors.file_missing_key", file=str(path), key="id")
    yield from reader


def answers_of(rows: Sequence[Mapping[str, str]], truth: str | Path, predictions: str | Path, figures: Sequence[str]) -> list[dict[str, str]]:
    """Predictions made elsewhere of ``rows``; ``BadFile`` where they have none of ``figures`` or are of other rows."""
    answers = list(read_rows(Path(predictions)))
    if not answers or not set(figures) & answers[0].keys():
        raise BadFile("errors.file_missing_key", file=str(predictions), key=figures[0])
    if not {each.get("id") or each.get("case_id") for each in answers} & {row.get("id") or row.get("case_id") for row in rows}:
        raise BadFile("accuracy.other_rows", file=str(predictions), truth=str(truth))
    return answers
