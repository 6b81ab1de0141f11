"""How predictions of serving stand to what was measured: errors, interval coverage and rank correlation, over all rows and by what they are of.

Pure functions on the columns of a table of measurements (``../shared/truth/serving_*.csv``) and of ``suanli predict serving``, joined by
position or by id. The error of a row is ``predicted / measured - 1``: +0.10 is a prediction 10 % too high.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suanli.performance.accuracy import errors
from suanli.performance.accuracy.errors import SUFFIXES, Floats, Mask, Names, Row, names_of, positive
from suanli.performance.accuracy.serving_reasons import likely_reasons
from suanli.performance.cases import number
from suanli.performance.engines import engine_name

#: time to first token [ms], time per output token [ms], output tokens [token/s] per chip
FIGURES = ("ttft_ms", "tpot_ms", "tokens_per_s_per_chip")
RATE = "tokens_per_s_per_chip"
#: what rows are told apart by; "all" has one group, "family" is chip, model, engine and mode together
AXES = ("all", "mode", "chip", "model", "framework", "precision", "tier", "family")
FAMILY_JOINER = " / "
#: rows that a group must have for a rank correlation, and a family to be called the worst
ENOUGH = 5
#: how many of the worst rows of each figure are kept
WORST = 10


@dataclass(frozen=True)
class Pairs:
    """Measurements beside predictions, N rows: ``measured`` (F, N) and ``predicted`` (3, F, N: low, mid, high) in the units of ``FIGURES``,
    NaN = not there; ``labels`` axis -> (N,) names, blank = not stated; ``scored`` (N,): neither marked suspect nor multi-token prediction.
    """

    rows: tuple[Row, ...]
    answers: tuple[Row, ...]
    measured: Floats
    predicted: Floats
    labels: Mapping[str, Names]
    suspect: Mask
    speculative: Mask

    @property
    def scored(self) -> Mask:
        """Rows that count."""
        return ~(self.suspect | self.speculative)


@dataclass(frozen=True)
class Score:
    """One figure over the rows of one group; errors are shares (0.1 = 10 %).

    ``rows`` measured, ``answered`` of them predicted; over those: ``bias`` median of the error, ``median``, ``mean`` and ``p90`` (90 %
    quantile) of its absolute value, ``inside`` share within the 80 % interval (NaN without one). ``spearman``: median rank correlation of
    measured and predicted over ``groups`` groups of one chip, model, precision and lengths with at least ``ENOUGH`` rows (rate only, else NaN, 0).
    """

    axis: str
    name: str
    figure: str
    rows: int
    answered: int
    bias: float
    median: float
    mean: float
    p90: float
    inside: float
    spearman: float = math.nan
    groups: int = 0


@dataclass(frozen=True)
class WorstRow:
    """One figure of one row: ``measured`` and ``predicted`` in the figure's unit, and what can be seen of the reason (keys of ``accuracy.reason``)."""

    id: str
    chip: str
    model: str
    framework: str
    mode: str
    figure: str
    measured: float
    predicted: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Accuracy:
    """A table of measurements judged. ``rows`` in it; ``suspect`` and ``speculative`` (the rest) are not scored; ``answered`` of the scored;
    ``why_not`` reason -> scored rows without an answer. ``in_fit``: the constants were fitted on this very table. ``predictions``: the file
    of predictions made elsewhere, blank where they were made now.
    """

    table: str
    predictions: str
    in_fit: bool
    rows: int
    suspect: int
    speculative: int
    scored: int
    answered: int
    why_not: Mapping[str, int]
    scores: tuple[Score, ...]
    worst: tuple[WorstRow, ...]
    pairs: Pairs

    def of(self, axis: str, name: str | None = None) -> list[Score]:
        """The scores of an axis (of one of its groups), largest group first, figures in order."""
        return [each for each in self.scores if each.axis == axis and name in (None, each.name)]


def accuracy_of(
    rows: Sequence[Row],
    answers: Sequence[Row],
    *,
    table: str = "",
    predictions: str = "",
    in_fit: bool = False,
    engines: Collection[str] = (),
) -> Accuracy:
    """Judge ``answers`` (rows of ``suanli predict serving``) by ``rows`` (of a measured table), joined by position where the ids agree, else by id.

    A row without an answer row counts as not answered. ``engines``: names and versions that the fit knows ("vllm 0.12.0"), for the reasons.
    """
    pairs = pair(rows, answers)
    scored = pairs.scored
    answered = np.isfinite(pairs.predicted[1]).any(axis=0)
    return Accuracy(
        table=table,
        predictions=predictions,
        in_fit=in_fit,
        rows=len(rows),
        suspect=int(pairs.suspect.sum()),
        speculative=int((pairs.speculative & ~pairs.suspect).sum()),
        scored=int(scored.sum()),
        answered=int((scored & answered).sum()),
        why_not=errors.why_not(pairs.answers, scored & ~answered),
        scores=tuple(scores(pairs)),
        worst=tuple(worst_rows(pairs, engines)),
        pairs=pairs,
    )


def pair(rows: Sequence[Row], answers: Sequence[Row]) -> Pairs:
    """The rows beside their answers as arrays."""
    answers = errors.joined(rows, answers)
    labels = {
        "all": np.full(len(rows), "", dtype="<U1"),
        **{axis: names_of([(row.get(axis) or "").strip() for row in rows]) for axis in ("mode", "chip", "model")},
        "framework": names_of([engine_name(row.get("framework") or "") for row in rows]),
        "precision": names_of([(row.get("precision") or "").strip().lower() for row in rows]),
        "tier": names_of([each.get("tier") or "" for each in answers]),
    }
    together = zip(*(labels[axis] for axis in ("chip", "model", "framework", "mode")), strict=True)
    return Pairs(
        rows=tuple(rows),
        answers=tuple(answers),
        measured=positive([[measured_of(row, figure) for row in rows] for figure in FIGURES]),
        predicted=positive([[[number(each, figure + suffix) for each in answers] for figure in FIGURES] for suffix in SUFFIXES]),
        labels=labels | {"family": names_of([FAMILY_JOINER.join(each) for each in together])},
        suspect=np.array([row.get("quality") == "suspect" for row in rows], dtype=bool),
        speculative=np.array(["mtp" in (row.get("spec_decode") or "").lower() for row in rows], dtype=bool),
    )


def measured_of(row: Row, figure: str) -> float:
    """The measured figure of a row; the rate per chip is that of all chips over their number where the table has only that. NaN where blank."""
    value = number(row, figure)
    if math.isnan(value) and figure == RATE:
        chips = number(row, "n_chips")
        value = number(row, "tokens_per_s_total") / chips if chips > 0 else math.nan
    return value


def scores(pairs: Pairs) -> list[Score]:
    """Every figure over all rows and over each group of each axis, the largest group first; figures that nobody measured are left out."""
    found = []
    for axis in AXES:
        for name in errors.by_size(pairs.labels[axis], pairs.scored):
            found += _scores(pairs, axis, name)
    return found


def _scores(pairs: Pairs, axis: str, name: str) -> list[Score]:
    found = []
    for place, figure in enumerate(FIGURES):
        rows = pairs.scored & (pairs.labels[axis] == name) & np.isfinite(pairs.measured[place])
        both = rows & np.isfinite(pairs.predicted[1, place])
        if not rows.any():
            continue
        low, mid, high = pairs.predicted[:, place, both]
        of = pairs.measured[place, both]
        found.append(
            Score(
                axis,
                name,
                figure,
                int(rows.sum()),
                int(both.sum()),
                *errors.error_summary(mid, of),
                errors.coverage(low, high, of),
                *(median_rank_correlation(pairs, both, place) if figure == RATE else (math.nan, 0)),
            )
        )
    return found


def median_rank_correlation(pairs: Pairs, rows: Mask, place: int) -> tuple[float, int]:
    """Median over groups of one chip, model, precision, input and output length, of at least ``ENOUGH`` of ``rows``; and how many groups there were."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for row in np.flatnonzero(rows):
        key = (*(str(pairs.labels[axis][row]) for axis in ("chip", "model", "precision")), *(pairs.rows[row].get(name) or "" for name in ("isl", "osl")))
        groups.setdefault(key, []).append(int(row))
    found = [errors.rank_correlation(pairs.measured[place, each], pairs.predicted[1, place, each]) for each in groups.values() if len(each) >= ENOUGH]
    known = [each for each in found if math.isfinite(each)]
    return (float(np.median(known)), len(known)) if known else (math.nan, 0)


def worst_rows(pairs: Pairs, engines: Collection[str] = (), count: int = WORST) -> list[WorstRow]:
    """Of each figure the ``count`` scored rows that are the furthest off (by factor, high or low alike), with the reasons that can be seen."""
    found = errors.furthest(pairs.predicted[1], pairs.measured, pairs.scored, count)
    return [_worst(pairs, row, place, engines) for place, row in found]


def _worst(pairs: Pairs, row: int, place: int, engines: Collection[str]) -> WorstRow:
    measured, predicted = float(pairs.measured[place, row]), float(pairs.predicted[1, place, row])
    names = {axis: str(pairs.labels[axis][row]) for axis in ("chip", "model", "mode")}
    framework = " ".join((pairs.rows[row].get("framework") or "").split())
    reasons = likely_reasons(pairs.rows[row], pairs.answers[row], FIGURES[place], predicted > measured, engines)
    return WorstRow(errors.id_of(pairs.rows[row]), **names, framework=framework, figure=FIGURES[place], measured=measured, predicted=predicted, reasons=reasons)


def worst_families(accuracy: Accuracy, count: int) -> list[Score]:
    """The families (chip, model, engine, mode; at least ``ENOUGH`` answered rows) with the largest median error of any figure, one line each."""
    worst: dict[str, Score] = {}
    for each in accuracy.of("family"):
        if each.answered >= ENOUGH and (each.name not in worst or each.median > worst[each.name].median):
            worst[each.name] = each
    return sorted(worst.values(), key=lambda each: -each.median)[:count]
