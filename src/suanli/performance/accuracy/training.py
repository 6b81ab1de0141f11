"""How predictions of training stand to what was measured: one figure a row, judged as a rate, averaged over groups of rows of one source.

Pure functions on the columns of a table of measurements (``../shared/truth/training.csv``, ``mlperf_training.csv``) and of ``suanli predict training``.
The figure of a row is its step time, else its tokens/s per chip, FLOP/s per chip or MFU, whichever is stated first. Errors are of the rate:
predicted / measured - 1 of steps, tokens or operations a second, so that a step (or a whole run) predicted to take too long counts as too slow:
+0.10 is a prediction 10 % too fast, whatever the figure.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from suanli.performance.accuracy import errors
from suanli.performance.accuracy.errors import SUFFIXES, Floats, Mask, Names, Row, names_of, positive
from suanli.performance.accuracy.training_reasons import likely_reasons
from suanli.performance.cases import number
from suanli.performance.training.cases import BENCHMARKS
from suanli.performance.training.stacks import stack_name

#: what is judged: the rate (of whichever column the row has) and, of MLPerf rows, the time to train
FIGURES = RATE, WHOLE = ("rate", "time_to_train")
#: columns of a row and of a prediction that say how fast a step is, the one to judge first
RATES = ("iter_time_s", "tokens_per_s_per_chip", "tflops_per_chip", "mfu")
STEP_TIME, TIME_TO_TRAIN = "iter_time_s", "time_to_train_min"
#: columns that are times: more is slower
TIMES = (STEP_TIME, TIME_TO_TRAIN)
#: columns of MLPerf's tables that hold the step time, the first goes first
LOGGED = ("step_time_s_logged", "step_time_s_derived")
#: what rows are told apart by; "all" has one name, "mark" holds the sets that marks were set for (``MARKED``), "basis" is the column that is judged
AXES = ("all", "mark", "kind", "shape", "basis", "chip", "model", "framework", "precision", "tier", "group")
#: groups of the papers whose tables other models of training are usually compared on
PAPERS = ("narayanan", "megascale", "korthikanti")
#: how many of the worst rows of each figure are kept
WORST = 20

_FINETUNE = re.compile(r"\bsft\b|finetun|/ft_")
_MIXTURE = re.compile(r"moe|mixtral|grok|kimi|maverick|scout|gpt.?oss|deepseek|\ba\d+b|_a\d+b")
_VERSION = re.compile(r"(?:\s*\d{2}\.\d{2}|\s+v?\d+\.\d)[\w.+-]*")


@dataclass(frozen=True)
class TrainingPairs:
    """Measurements beside predictions, N rows: ``measured`` (F, N) and ``predicted`` (3, F, N: low, mid, high) in the units of ``columns`` (F, N), the
    name of the column that is judged; NaN = not there; ``labels`` axis -> (N,) names, blank = not stated; ``outside`` (N,) benchmarks that are no
    language models, ``duplicate`` logs posted again, ``marked`` set of rows -> (N,).
    """

    rows: tuple[Row, ...]
    answers: tuple[Row, ...]
    columns: Names
    measured: Floats
    predicted: Floats
    labels: Mapping[str, Names]
    marked: Mapping[str, Mask]
    outside: Mask
    duplicate: Mask

    @property
    def scored(self) -> Mask:
        """Rows that count."""
        return ~(self.outside | self.duplicate) & np.isfinite(self.measured).any(axis=0)

    @property
    def ratios(self) -> Floats:
        """(F, N): predicted over measured rate; of times the other way round."""
        ratio: Floats = self.predicted[1] / self.measured
        ratio[np.isin(self.columns, TIMES)] **= -1
        return ratio


@dataclass(frozen=True)
class TrainingScore:
    """One figure over the rows of one name; errors are shares (0.1 = 10 %), plus = predicted too fast.

    ``rows`` measured, ``answered`` of them predicted, from ``groups`` groups; over those: ``group_mean`` mean over groups of the group's mean
    absolute error (the headline), ``bias`` median of the error, ``median``, ``mean`` and ``p90`` (90 % quantile) of its absolute value,
    ``inside`` share within the 80 % interval (NaN without one).
    """

    axis: str
    name: str
    figure: str
    rows: int
    answered: int
    groups: int
    group_mean: float
    bias: float
    median: float
    mean: float
    p90: float
    inside: float


@dataclass(frozen=True)
class WorstTraining:
    """One figure of one row: ``measured`` and ``predicted`` in the unit of ``column``, ``ratio`` of the rates, and what can be seen of the reason
    (keys of ``accuracy.training_reason``)."""

    id: str
    group: str
    chip: str
    chips: str
    model: str
    framework: str
    figure: str
    column: str
    measured: float
    predicted: float
    ratio: float
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class WorstGroup:
    """The score of one group of rows, and the reasons that hold for at least half of them."""

    score: TrainingScore
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class TrainingAccuracy:
    """A table of measurements judged. ``rows`` in it; ``outside`` (no language models), ``duplicate`` (logs posted again) and ``unmeasured`` ones are not
    scored; ``answered`` of the scored; ``why_not`` reason -> scored rows without an answer. ``in_fit``: the constants were fitted on this very table.
    ``predictions``: the file of predictions made elsewhere, blank where they were made now.
    """

    table: str
    predictions: str
    in_fit: bool
    rows: int
    outside: int
    duplicate: int
    unmeasured: int
    scored: int
    answered: int
    why_not: Mapping[str, int]
    scores: tuple[TrainingScore, ...]
    worst: tuple[WorstTraining, ...]
    worst_groups: tuple[WorstGroup, ...]
    pairs: TrainingPairs

    def of(self, axis: str, name: str | None = None) -> list[TrainingScore]:
        """The scores of an axis (of one of its names), largest first, figures in order."""
        return [each for each in self.scores if each.axis == axis and name in (None, each.name)]


def accuracy_of_training(rows: Sequence[Row], answers: Sequence[Row], *, table: str = "", predictions: str = "", in_fit: bool = False) -> TrainingAccuracy:
    """Judge ``answers`` (rows of ``suanli predict training``) by ``rows`` (of a measured table), joined by position where the ids agree, else by id.

    A row without an answer row counts as not answered. A row may say its ``shape`` ("dense", "mixture"); else it is read off its model's name.
    """
    pairs = pair(rows, answers)
    scored = pairs.scored
    answered = np.isfinite(pairs.ratios).any(axis=0)
    found = tuple(scores(pairs))
    return TrainingAccuracy(
        table=table,
        predictions=predictions,
        in_fit=in_fit,
        rows=len(rows),
        outside=int(pairs.outside.sum()),
        duplicate=int((pairs.duplicate & ~pairs.outside).sum()),
        unmeasured=int((~scored & ~pairs.outside & ~pairs.duplicate).sum()),
        scored=int(scored.sum()),
        answered=int((scored & answered).sum()),
        why_not=errors.why_not(pairs.answers, scored & ~answered),
        scores=found,
        worst=tuple(worst_rows(pairs)),
        worst_groups=tuple(worst_groups(pairs, found)),
        pairs=pairs,
    )


def pair(rows: Sequence[Row], answers: Sequence[Row]) -> TrainingPairs:
    """The rows beside their answers as arrays."""
    answers = errors.joined(rows, answers)
    judged = [judged_column(row) for row in rows]
    columns = names_of([*judged, *[TIME_TO_TRAIN] * len(rows)]).reshape(len(FIGURES), len(rows))
    labels = {
        "all": names_of("" for _ in rows),
        "kind": names_of(kind_of(row) for row in rows),
        "shape": names_of(shape_of(row) for row in rows),
        "basis": names_of(judged),
        "chip": names_of((row.get("chip") or "").strip() for row in rows),
        "model": names_of(_model(row) for row in rows),
        "framework": names_of(_stack(row.get("framework") or "") for row in rows),
        "precision": names_of((row.get("precision") or "").strip().lower() for row in rows),
        "tier": names_of(each.get("tier") or "" for each in answers),
        "group": names_of(group_of(row) for row in rows),
    }
    mlperf = np.array([bool(row.get("benchmark")) for row in rows], dtype=bool)
    return TrainingPairs(
        rows=tuple(rows),
        answers=tuple(answers),
        columns=columns,
        measured=positive([[measured_of(row, name) for row, name in zip(rows, of, strict=True)] for of in columns]),
        predicted=positive([[[number(row, name + end) for row, name in zip(answers, of, strict=True)] for of in columns] for end in SUFFIXES]),
        labels=labels,
        marked=_marked(labels, mlperf),
        outside=np.array([bool(row.get("benchmark")) and row["benchmark"] not in BENCHMARKS for row in rows], dtype=bool),
        duplicate=np.array([bool(row.get("duplicate_of_round")) for row in rows], dtype=bool),
    )


def judged_column(row: Row) -> str:
    """The column of ``RATES`` that the row is judged by; blank where it has none."""
    stated = [name for name in RATES if measured_of(row, name) > 0]
    # the step of a batch that nobody stated cannot be foretold; its rate can
    open_batch = STEP_TIME in stated[:1] and len(stated) > 1 and not number(row, "global_batch") > 0
    return next(iter(stated[open_batch:]), "")


def measured_of(row: Row, column: str) -> float:
    """The measured value of a column; MLPerf's rows have their step time under other names, and only that of ``RATES`` counts. NaN where blank."""
    if row.get("benchmark") and column in RATES:
        return next((value for value in (number(row, name) for name in LOGGED) if value > 0), math.nan) if column == STEP_TIME else math.nan
    return number(row, column)


def group_of(row: Row) -> str:
    """The group of a row: its own, or the MLPerf round, submitter, benchmark and chip."""
    own = (row.get("group") or "").strip()
    return own or ("/".join((row.get(name) or "").strip() for name in ("round", "submitter", "benchmark", "chip")) if row.get("benchmark") else "")


def kind_of(row: Row) -> str:
    """``pretraining``, ``finetuning`` (all weights) or ``lora`` (adapters), read off the row's words."""
    text = " ".join(row.get(name) or "" for name in ("model", "group", "benchmark", "notes")).lower()
    return "lora" if "lora" in text else "finetuning" if _FINETUNE.search(text) else "pretraining"


def shape_of(row: Row) -> str:
    """``dense`` or ``mixture`` (of experts): as the row says, else by its model's name and whether it divides experts."""
    if row.get("shape"):
        return str(row["shape"])
    return "mixture" if _MIXTURE.search((row.get("model") or "").lower()) or number(row, "ep") > 1 else "dense"


def _model(row: Row) -> str:
    benchmark = row.get("benchmark") or ""
    return (row.get("model") or "").strip() or (BENCHMARKS[benchmark][0] if benchmark in BENCHMARKS else benchmark)


def _stack(framework: str) -> str:
    first = framework.split(",")[0].split(":")[0]
    return stack_name(framework) or _VERSION.sub("", first).lower().replace(" release", "").strip()


def _marked(labels: Mapping[str, Names], mlperf: Mask) -> dict[str, Mask]:
    """The sets of rows that marks were set for; MLPerf's are a set of their own."""

    def holds(axis: str, *words: str) -> Mask:
        return np.array([any(word in each.lower() for word in words) for each in labels[axis].tolist()], dtype=bool) & ~mlperf

    return {
        "all": ~mlperf,
        "papers": np.array([each.lower().startswith(PAPERS) for each in labels["group"].tolist()], dtype=bool) & ~mlperf,
        "fp8": holds("precision", "fp8"),
        "mixture": holds("shape", "mixture"),
        "tpu": holds("chip", "tpu"),
        "mlperf": mlperf,
    }


def scores(pairs: TrainingPairs) -> list[TrainingScore]:
    """Every figure over all rows and over each name of each axis, the largest first; figures that nobody measured are left out."""
    found = []
    for axis in AXES:
        sets = pairs.marked if axis == "mark" else {name: pairs.labels[axis] == name for name in errors.by_size(pairs.labels[axis], pairs.scored)}
        for name, rows in sets.items():
            found += _scores(pairs, axis, name, rows & pairs.scored)
    return [each for each in found if each.axis != "basis" or each.figure == RATE]


def _scores(pairs: TrainingPairs, axis: str, name: str, rows: Mask) -> list[TrainingScore]:
    found, ratios = [], pairs.ratios
    for place, figure in enumerate(FIGURES):
        measured = rows & np.isfinite(pairs.measured[place])
        both = measured & np.isfinite(ratios[place])
        if not measured.any():
            continue
        ratio = ratios[place, both]
        group_mean, groups = errors.mean_of_groups(ratio - 1, pairs.labels["group"][both])
        bias, median, mean, p90 = errors.error_summary(ratio, np.ones(len(ratio)))
        inside = errors.coverage(pairs.predicted[0, place, both], pairs.predicted[2, place, both], pairs.measured[place, both])
        found.append(TrainingScore(axis, name, figure, int(measured.sum()), len(ratio), groups, group_mean, bias, median, mean, p90, inside))
    return found


def worst_rows(pairs: TrainingPairs, count: int = WORST) -> list[WorstTraining]:
    """Of each figure the ``count`` scored rows that are the furthest off (by factor, high or low alike), with the reasons that can be seen."""
    found = errors.furthest(pairs.predicted[1], pairs.measured, pairs.scored, count)
    ratios = pairs.ratios
    return [
        WorstTraining(
            id=errors.id_of(pairs.rows[row]),
            group=str(pairs.labels["group"][row]),
            chip=str(pairs.labels["chip"][row]),
            chips=pairs.rows[row].get("n_chips") or "",
            model=str(pairs.labels["model"][row]),
            framework=" ".join((pairs.rows[row].get("framework") or "").split()),
            figure=FIGURES[place],
            column=str(pairs.columns[place, row]),
            measured=float(pairs.measured[place, row]),
            predicted=float(pairs.predicted[1, place, row]),
            ratio=float(ratios[place, row]),
            reasons=_reasons(pairs, row, place),
        )
        for place, row in found
    ]


def worst_groups(pairs: TrainingPairs, found: Sequence[TrainingScore], count: int = WORST) -> list[WorstGroup]:
    """The groups with the largest mean absolute error of any figure, one line each, with the reasons that hold for at least half of their rows."""
    worst: dict[str, TrainingScore] = {}
    for each in found:
        if each.axis == "group" and each.answered and (each.name not in worst or each.group_mean > worst[each.name].group_mean):
            worst[each.name] = each
    first = sorted(worst.values(), key=lambda each: -each.group_mean)[:count]
    return [WorstGroup(each, _common_reasons(pairs, each)) for each in first]


def _common_reasons(pairs: TrainingPairs, score: TrainingScore) -> tuple[str, ...]:
    place = FIGURES.index(score.figure)
    rows = np.flatnonzero((pairs.labels["group"] == score.name) & pairs.scored & np.isfinite(pairs.ratios[place]))
    held = Counter(name for row in rows for name in _reasons(pairs, int(row), place))
    return tuple(name for name, times in held.items() if 2 * times >= len(rows))


def _reasons(pairs: TrainingPairs, row: int, place: int) -> tuple[str, ...]:
    about = {axis: str(pairs.labels[axis][row]) for axis in ("kind", "shape", "precision", "group")}
    return likely_reasons(pairs.rows[row], pairs.answers[row], str(pairs.columns[place, row]), bool(pairs.ratios[place, row] > 1), about)
