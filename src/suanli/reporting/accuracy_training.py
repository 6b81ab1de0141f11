"""How right the predictions of training are, as a document and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from suanli.performance.accuracy.marks import MARKS, Mark, Marked, marked
from suanli.performance.accuracy.training import FIGURES, TIME_TO_TRAIN, TrainingAccuracy, TrainingScore, WorstGroup, WorstTraining
from suanli.reporting.accuracy import not_answered, rounded, signed_percent
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.json_ import dumps
from suanli.reporting.tongue import Tongue

#: of each figure, how many of the worst rows; how many of the worst groups
WORST_ROWS = 6
WORST_GROUPS = 10
#: the axes of the first table, and those with a table of their own
FIRST = ("all", "kind", "shape", "basis")
TABLES = ("chip", "model", "framework", "precision")
#: the unit of each column that can be judged
UNITS = {"iter_time_s": "s", "tokens_per_s_per_chip": "token/s", "tflops_per_chip": "TFLOP/s", "mfu": "", TIME_TO_TRAIN: "min"}
SHARES = dict.fromkeys(("group_mean", "bias", "median", "mean", "p90"), "share: predicted / measured rate - 1")


def training_report(
    a: TrainingAccuracy, say: Tongue, *, worst: int = WORST_ROWS, groups: int = WORST_GROUPS, public: bool = False, way: str = "", marks: bool = True
) -> Report:
    """Headline; what was judged; marks; tables by kind, chip, model, framework, precision; worst groups and rows; how to read it.

    ``public``: for a page that many reports share and that must not hold the table: single rows without their measured values, no reading. ``way``: what
    the fit behind the predictions had not seen a part of ("group", "chip", "model"), if known.
    """
    return report(
        Headline(_headline(a.of("all"), say, PurePath(a.table).name)),
        [Line(each) for each in judged(a, say)],
        marks_blocks({way: marked(a.scores, way)}, say) if marks else None,
        training_blocks(a.scores, say),
        _worst_groups(a.worst_groups[:groups], say),
        _worst(a.worst, worst, say, public),
        None if public else training_reading(say, left_out=False),
    )


def training_summary_report(stored: Mapping[str, Sequence[TrainingScore]], say: Tongue) -> Report:
    """The stored errors on what the fits had not seen: a headline a way of leaving out, the marks, then the tables of each way."""
    heads = [Headline(_headline(_of(found, "all"), say, left_out=say(f"accuracy.left_out_{way}"))) for way, found in stored.items()]
    parts: list[Block] = []
    for way, found in stored.items():
        parts += [Heading(say("accuracy.left_out_heading", left_out=say(f"accuracy.left_out_{way}"))), *training_blocks(found, say)]
    marks = marks_blocks({way: marked(found, way) for way, found in stored.items()}, say)
    return report(heads, marks, parts, training_reading(say, left_out=True))


def training_blocks(scores: Sequence[TrainingScore], say: Tongue) -> list[Block]:
    """The tables of scores."""
    blocks: list[Block] = [Heading(say("accuracy.by_kind")), score_table([each for axis in FIRST for each in _of(scores, axis)], say)]
    for axis in TABLES:
        found = _of(scores, axis)
        if found:
            blocks += [Heading(say("accuracy.by_stack" if axis == "framework" else f"accuracy.by_{axis}")), score_table(found, say)]
    return blocks


def score_table(scores: Sequence[TrainingScore], say: Tongue) -> Table:
    """One line a name and figure with everything; the figure is named where there are several."""
    names = ("group", "figure", "rows", "answered", "groups", "group_mean", "bias", "median", "p90", "inside")
    several = len({each.figure for each in scores}) > 1
    rows = [
        (
            training_name(each, say),
            say(f"accuracy.figure.{each.figure}") if several else "",
            cell(each.rows),
            cell(each.answered),
            cell(each.groups),
            rounded(each.group_mean),
            signed_percent(each.bias),
            *(rounded(value) for value in (each.median, each.p90, each.inside)),
        )
        for each in scores
    ]
    return table([(say(f"accuracy.column.{name}"), "text" if name in ("group", "figure") else "number") for name in names], rows)


def marks_blocks(ways: Mapping[str, Sequence[Marked]], say: Tongue) -> list[Block]:
    """The marks that were set, and for each way of leaving out what was reached; nothing where no mark is touched."""
    marks = [each for each in MARKS if any(each == one.mark for found in ways.values() for one in found)]
    if not marks:
        return []
    reached = {way: {each.mark: each for each in found} for way, found in ways.items()}
    rows = []
    for mark in marks:
        first = next(found[mark] for found in reached.values() if mark in found)
        rows.append((say(f"accuracy.mark.{mark.name}"), cell(first.rows), _asked(mark, say), *(_reached(found.get(mark), say) for found in reached.values())))
    heads = [say(f"accuracy.left_out_{way}") if way else say("accuracy.column.reached") for way in ways]
    named = [(say(f"accuracy.column.{name}"), "number" if name == "rows" else "text") for name in ("mark", "rows", "asked")]
    return [Heading(say("accuracy.marks")), table([*named, *((head, "text") for head in heads)], rows)]  # type: ignore[list-item]


def _asked(mark: Mark, say: Tongue) -> str:
    if mark.low == mark.high:
        return say("accuracy.asked_all")
    aim = say("accuracy.aim", aim=percent(mark.aim)) if math.isfinite(mark.aim) else ""
    return say("accuracy.asked_range" if mark.low else "accuracy.asked", low=percent(mark.low), high=percent(mark.high)) + aim


def _reached(found: Marked | None, say: Tongue) -> str:
    if found is None or not math.isfinite(found.value):
        return ""
    return say("accuracy.met" if found.met else "accuracy.missed", value=f"{found.value * 100:.1f}")


def _headline(scores: Sequence[TrainingScore], say: Tongue, name: str = "", left_out: str = "") -> str:
    told = [each for each in scores if math.isfinite(each.group_mean)]
    if not told:
        return say("accuracy.headline_none", table=name or left_out)
    figures = say("accuracy.joiner").join(
        say("accuracy.headline_mean", figure=say(f"accuracy.figure.{each.figure}"), mean=rounded(each.group_mean), groups=each.groups) for each in told
    )
    inside = [each.inside for each in told if math.isfinite(each.inside)]
    low, high = (rounded(min(inside)), rounded(max(inside))) if inside else ("?", "?")
    held = say("accuracy.inside_one", low=low) if low == high else say("accuracy.inside_range", low=low, high=high)
    key = "accuracy.training_summary_headline" if left_out else "accuracy.training_headline"
    return say(key, table=name, left_out=left_out, figures=figures, inside=held)


def judged(a: TrainingAccuracy, say: Tongue) -> list[str]:
    """What was judged, what has no answer and why, and whether the fit had seen it."""
    left = [say(f"accuracy.{name}_rows", count=getattr(a, name)) for name in ("outside", "duplicate", "unmeasured") if getattr(a, name)]
    counts = {"rows": cell(a.rows), "scored": cell(a.scored), "answered": cell(a.answered)}
    lines = [say("accuracy.training_rows", **counts)]
    lines += [say("accuracy.not_judged", reasons=say("accuracy.joiner_long").join(left))] if left else []
    how = "accuracy.from_file" if a.predictions else "accuracy.training_in_fit" if a.in_fit else "accuracy.now"
    return [*lines, *not_answered(a.why_not, say), say(how, file=PurePath(a.predictions).name)]


def _worst_groups(worst: Sequence[WorstGroup], say: Tongue) -> list[Block]:
    if not worst:
        return []
    several = len({each.score.figure for each in worst}) > 1
    rows = [
        (
            each.score.name or say("accuracy.not_stated"),
            say(f"accuracy.figure.{each.score.figure}") if several else "",
            cell(each.score.answered),
            rounded(each.score.group_mean),
            signed_percent(each.score.bias),
            _reasons(each.reasons[:2], say),
        )
        for each in worst
    ]
    names = ("group_name", "figure", "rows", "mean", "bias", "reasons")
    kinds = [(say(f"accuracy.column.{name}"), "number" if name in ("rows", "mean", "bias") else "text") for name in names]
    return [Heading(say("accuracy.worst_groups")), table(kinds, rows)]  # type: ignore[arg-type]


def _worst(worst: Sequence[WorstTraining], count: int, say: Tongue, public: bool) -> list[Block]:
    kept = [each for figure in FIGURES for each in [one for one in worst if one.figure == figure][:count]]
    if not kept:
        return []
    lines = [
        Line(
            say(
                "accuracy.training_worst_row_public" if public else "accuracy.training_worst_row",
                column=say(f"accuracy.basis.{each.column}"),
                times=cell(each.ratio, digits=2),
                predicted=cell(each.predicted),
                measured=cell(each.measured),
                unit=UNITS[each.column],
                row=each.id,
                of=say("accuracy.joiner").join(filter(None, (f"{each.chips} x {each.chip}" if each.chips else each.chip, each.model, each.framework))),
                reasons=_reasons(each.reasons, say),
            ).replace(" )", ")"),
            "-",
        )
        for each in kept
    ]
    return [Heading(say("accuracy.worst")), *lines]


def _reasons(reasons: Sequence[str], say: Tongue) -> str:
    return say("accuracy.joiner_long").join(say(f"accuracy.training_reason.{name}") for name in reasons)


def training_reading(say: Tongue, *, left_out: bool) -> list[Block]:
    """How to read the tables; ``left_out``: they hold errors on rows the fit had not seen, without single rows."""
    names = ["training_error", "group_mean", "interval", "training_noise"] + ([] if left_out else ["left_out", "reasons"])
    return [Heading(say("accuracy.reading")), *(Line(say(f"accuracy.reading_{name}"), "-") for name in names)]


def training_name(score: TrainingScore, say: Tongue) -> str:
    """What the rows of a score are, in words."""
    if score.axis == "all":
        return say("accuracy.mode.all")
    if score.axis in ("kind", "shape", "basis") and score.name:
        return say(f"accuracy.{score.axis}.{score.name}")
    return score.name or say("accuracy.not_stated")


def _of(scores: Sequence[TrainingScore], axis: str) -> list[TrainingScore]:
    return [each for each in scores if each.axis == axis]


def training_json(a: TrainingAccuracy) -> str:
    """Everything but the pairs: counts, marks, scores of every axis, worst groups and rows with all their reasons."""
    names = ("table", "predictions", "in_fit", "rows", "outside", "duplicate", "unmeasured", "scored", "answered", "why_not", "scores")
    content: dict[str, Any] = {name: getattr(a, name) for name in names}
    content |= {"marks": marked(a.scores), "worst_groups": a.worst_groups, "worst": a.worst}
    return dumps("accuracy", {"of": "training", "left_out": None, **content}, _units())


def training_summary_json(stored: Mapping[str, Sequence[TrainingScore]]) -> str:
    """The stored errors by what was left out, and the marks."""
    marks = {way: marked(found, way) for way, found in stored.items()}
    return dumps("accuracy", {"of": "training", "left_out": dict(stored), "marks": marks}, _units())


def _units() -> dict[str, str]:
    return UNITS | SHARES | {"inside": "share of rows inside the 80 % interval"}
