"""How many cases of a table are answered as their sources say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suanli.rules.predict import PREDICTED

Row = Mapping[str, str]

#: an expectation that is not to be scored
NOT_TESTED = "not_tested"
#: columns of the table that answers are counted by
AXES = ("layer", "destination", "vendor", "confidence")


@dataclass(frozen=True)
class Count:
    """Of the cases called ``name`` on an axis: how many of a column's stated answers are right."""

    axis: str
    name: str
    column: str
    stated: int
    right: int


@dataclass(frozen=True)
class Miss:
    """One answer that is not what its source says."""

    case: str
    chip: str
    destination: str
    on: str
    column: str
    expected: str
    answered: str
    bound_by: str
    why_not: str
    source: str


@dataclass(frozen=True)
class ExportAccuracy:
    """A judged table: ``cases`` in it, ``whole`` of them right in every stated column, ``unanswered`` without a label; ``pairs`` counts how often
    a licence label was expected and answered.
    """

    table: str
    predictions: str
    cases: int
    whole: int
    unanswered: int
    counts: tuple[Count, ...]
    misses: tuple[Miss, ...]
    pairs: tuple[tuple[str, str, int], ...]


def accuracy_of(rows: Sequence[Row], answers: Sequence[Row], table: str, predictions: str = "") -> ExportAccuracy:
    """Judge ``answers``, one a row, against the ``expected_*`` columns of ``rows``; blank and ``not_tested`` expectations do not count."""
    misses, counted, pairs = [], Counter[tuple[tuple[str, str, str], bool]](), Counter[tuple[str, str]]()
    whole = 0
    for row, answer in zip(rows, answers, strict=True):
        wrong = False
        for column in PREDICTED:
            expected, answered = row.get(f"expected_{column}", ""), answer.get(column, "")
            if not expected or expected == NOT_TESTED:
                continue
            right = expected == answered
            wrong = wrong or not right
            for axis in ("all", *AXES):
                counted[(axis, "all" if axis == "all" else row.get(axis, ""), column), right] += 1
            if column == "licence":
                pairs[expected, answered] += 1
            if not right:
                misses.append(
                    Miss(
                        row.get("case_id") or row.get("id") or "",
                        row.get("chip", ""),
                        row.get("destination", ""),
                        row.get("date", ""),
                        column,
                        expected,
                        answered,
                        answer.get("bound_by", ""),
                        answer.get("why_not", ""),
                        row.get("source_url", ""),
                    )
                )
        whole += not wrong
    keys = sorted({key for key, _ in counted}, key=lambda key: (("all", *AXES).index(key[0]), key[1], PREDICTED.index(key[2])))
    counts = tuple(Count(*key, counted[key, True] + counted[key, False], counted[key, True]) for key in keys)
    unanswered = sum(not any(answer.get(column) for column in PREDICTED) for answer in answers)
    return ExportAccuracy(table, predictions, len(rows), whole, unanswered, counts, tuple(misses), tuple((*pair, count) for pair, count in pairs.items()))
