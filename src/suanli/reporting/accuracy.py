"""How right the predictions of serving are, as a document and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from suanli.performance.accuracy.errors import NO_PREDICTION
from suanli.performance.accuracy.serving import ENOUGH, FIGURES, RATE, Accuracy, Score, WorstRow, worst_families
from suanli.reporting.amounts import cell
from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.json_ import dumps
from suanli.reporting.tongue import Tongue

#: of each figure, how many of the worst rows; how many of the worst families
WORST_ROWS = 4
WORST_FAMILIES = 8
#: the axes with a table of their own, after the modes
TABLES = ("chip", "model", "framework")
UNITS = {
    "ttft_ms": "ms",
    "tpot_ms": "ms",
    "tokens_per_s_per_chip": "token/s",
    **dict.fromkeys(("bias", "median", "mean", "p90"), "share: predicted / measured - 1"),
    "inside": "share of rows inside the 80 % interval",
}


def accuracy_report(a: Accuracy, say: Tongue, *, worst: int = WORST_ROWS, families: int = WORST_FAMILIES, public: bool = False) -> Report:
    """Headline; what was judged; tables by mode, chip, model, engine; coverage, order; worst families and rows; how to read it.

    ``public``: for a page that many reports share and that must not hold the table: single rows without their measured values, no reading.
    """
    return report(
        Headline(_headline(a.of("all"), say, PurePath(a.table).name)),
        [Line(each) for each in judged(a, say)],
        score_blocks(a.scores, say),
        _worst_families(a, families, say),
        _worst(a.worst, worst, say, public),
        None if public else reading(say, left_out=False),
    )


def summary_report(stored: Mapping[str, Sequence[Score]], say: Tongue) -> Report:
    """The stored errors on what the fits had not seen: a headline, then the tables of each way of leaving out."""
    ways = list(stored.items())
    heads = [Headline(_headline([each for each in found if each.axis == "all"], say, left_out=say(f"accuracy.left_out_{way}"))) for way, found in ways]
    parts: list[Block] = []
    for way, found in ways:
        parts += [Heading(say("accuracy.left_out_heading", left_out=say(f"accuracy.left_out_{way}"))), *score_blocks(found, say)]
    return report(heads, parts, reading(say, left_out=True))


def score_blocks(scores: Sequence[Score], say: Tongue) -> list[Block]:
    """The tables of scores, then coverage and order over all rows."""
    of = [each for each in scores if each.axis == "all"]
    blocks: list[Block] = [Heading(say("accuracy.by_mode")), full_table([*of, *(each for each in scores if each.axis == "mode")], say)]
    for axis in TABLES:
        found = [each for each in scores if each.axis == axis]
        if found:
            blocks += [Heading(say(f"accuracy.by_{axis}")), short_table(found, say)]
    return [*blocks, *coverage_and_order(of, say)]


def full_table(scores: Sequence[Score], say: Tongue) -> Table:
    """One line a group and figure with everything."""
    names = ("group", "figure", "rows", "answered", "bias", "median", "mean", "p90", "inside", "spearman")
    rows = [
        (
            name_of(each, say),
            say(f"accuracy.figure.{each.figure}"),
            cell(each.rows),
            cell(each.answered),
            signed_percent(each.bias),
            *(rounded(value) for value in (each.median, each.mean, each.p90, each.inside)),
            cell(each.spearman, digits=3),
        )
        for each in scores
    ]
    return table([(say(f"accuracy.column.{name}"), "text" if name in ("group", "figure") else "number") for name in names], rows)


def short_table(scores: Sequence[Score], say: Tongue) -> Table:
    """One line a group: rows, and of each figure the median error and the share inside the interval."""
    groups: dict[str, dict[str, Score]] = {}
    for each in scores:
        groups.setdefault(each.name, {})[each.figure] = each
    rows = []
    for found in groups.values():
        first = next(iter(found.values()))
        shares = [rounded(value) for figure in FIGURES for value in ((found[figure].median, found[figure].inside) if figure in found else (math.nan, math.nan))]
        rows.append((name_of(first, say), cell(max(each.rows for each in found.values())), *shares))
    titles = [say(f"accuracy.column.{which}", figure=say(f"accuracy.figure.{figure}")) for figure in FIGURES for which in ("error_of", "inside_of")]
    return table([(say("accuracy.column.group"), "text"), (say("accuracy.column.rows"), "number"), *((title, "number") for title in titles)], rows)


def coverage_and_order(scores: Iterable[Score], say: Tongue) -> list[Block]:
    """Two sentences: the share inside the intervals, and the rank correlation."""
    found = list(scores)
    inside = [
        say("accuracy.coverage_each", figure=say(f"accuracy.figure.{each.figure}"), inside=rounded(each.inside)) for each in found if math.isfinite(each.inside)
    ]
    lines: list[Block] = [Line(say("accuracy.coverage", each=say("accuracy.joiner").join(inside)))] if inside else []
    order = next((each for each in found if each.figure == RATE), None)
    if order and order.groups:
        lines.append(Line(say("accuracy.spearman", value=cell(order.spearman, digits=3), groups=order.groups)))
    elif order:
        lines.append(Line(say("accuracy.no_spearman", enough=ENOUGH)))
    return lines


def _headline(scores: Sequence[Score], say: Tongue, name: str = "", left_out: str = "") -> str:
    told = [each for each in scores if math.isfinite(each.median)]
    if not told:
        return say("accuracy.headline_none", table=name or left_out)
    figures = say("accuracy.joiner").join(
        say("accuracy.headline_figure", figure=say(f"accuracy.figure.{each.figure}"), median=rounded(each.median)) for each in told
    )
    inside = sorted(each.inside for each in told if math.isfinite(each.inside))
    low, high = (rounded(inside[0]), rounded(inside[-1])) if inside else ("?", "?")
    shown = say("accuracy.inside_one", low=low) if low == high else say("accuracy.inside_range", low=low, high=high)
    if left_out:
        return say("accuracy.summary_headline", left_out=left_out, figures=figures, inside=shown)
    return say("accuracy.headline", table=name, figures=figures, inside=shown)


def judged(a: Accuracy, say: Tongue) -> list[str]:
    """What was judged, what has no answer and why, and whether the fit had seen it."""
    lines = [say("accuracy.rows", rows=cell(a.rows), scored=cell(a.scored), suspect=a.suspect, speculative=a.speculative, answered=cell(a.answered))]
    lines += not_answered(a.why_not, say)
    how = "accuracy.from_file" if a.predictions else "accuracy.in_fit" if a.in_fit else "accuracy.now"
    return [*lines, say(how, file=PurePath(a.predictions).name)]


def not_answered(why_not: Mapping[str, int], say: Tongue) -> list[str]:
    """Why rows have no answer, as a sentence; none where all have one."""
    reasons = [
        say("accuracy.reason_count", reason=say("accuracy.no_prediction" if name == NO_PREDICTION else f"performance.reasons.{name}"), count=count)
        for name, count in why_not.items()
    ]
    return [say("accuracy.not_answered", reasons=say("accuracy.joiner_long").join(reasons))] if reasons else []


def _worst_families(a: Accuracy, count: int, say: Tongue) -> list[Block]:
    found = worst_families(a, count)
    if not found:
        return []
    rows = [
        (name_of(each, say), say(f"accuracy.figure.{each.figure}"), cell(each.rows), signed_percent(each.bias), rounded(each.median), rounded(each.inside))
        for each in found
    ]
    names = ("family", "figure", "rows", "bias", "median", "inside")
    columns = [(say(f"accuracy.column.{name}"), "text" if name in ("family", "figure") else "number") for name in names]
    return [Heading(say("accuracy.families", enough=ENOUGH)), table(columns, rows)]  # type: ignore[arg-type]


def _worst(worst: Sequence[WorstRow], count: int, say: Tongue, public: bool) -> list[Block]:
    kept = [each for figure in FIGURES for each in [one for one in worst if one.figure == figure][:count]]
    if not kept:
        return []
    lines = [
        Line(
            say(
                "accuracy.worst_row_public" if public else "accuracy.worst_row",
                figure=say(f"accuracy.figure.{each.figure}"),
                times=cell(each.predicted / each.measured, digits=2),
                predicted=cell(each.predicted),
                measured=cell(each.measured),
                unit=UNITS[each.figure],
                row=each.id,
                of=say("accuracy.joiner").join(filter(None, (each.chip, each.model, each.framework, each.mode))),
                reasons=say("accuracy.joiner_long").join(say(f"accuracy.reason.{name}") for name in each.reasons),
            ),
            "-",
        )
        for each in kept
    ]
    return [Heading(say("accuracy.worst")), *lines]


def reading(say: Tongue, *, left_out: bool) -> list[Block]:
    """How to read the tables; ``left_out``: they hold errors on rows the fit had not seen, without single rows."""
    names = ["error", "interval", "noise"] + ([] if left_out else ["left_out", "reasons"])
    return [Heading(say("accuracy.reading")), *(Line(say(f"accuracy.reading_{name}"), "-") for name in names)]


def name_of(score: Score, say: Tongue) -> str:
    """The group of a score in words."""
    if score.axis == "all" or score.axis == "mode":
        key = f"accuracy.mode.{'all' if score.axis == 'all' else score.name}"
        return say(key) if say.known(key) else score.name or say("accuracy.not_stated")
    if score.axis == "tier" and score.name:
        return say(f"tiers.name.{score.name}")
    return score.name or say("accuracy.not_stated")


def signed_percent(share: float) -> str:
    """A share as percent with its sign; blank where unknown.

    >>> signed_percent(0.104), signed_percent(-0.31), signed_percent(0.0)
    ('+10', '-31', '0')
    """
    text = rounded(share)
    if text.lstrip("-") == "0.0":
        return "0"
    return f"+{text}" if share > 0 else text


def rounded(share: float) -> str:
    """Whole percents; one decimal place where the number is small.

    >>> rounded(0.347), rounded(0.0213), rounded(float("nan"))
    ('35', '2.1', '')
    """
    if not math.isfinite(share):
        return ""
    return f"{share * 100:,.0f}" if abs(share) >= 0.1 or share == 0 else f"{share * 100:.1f}"


def accuracy_json(a: Accuracy) -> str:
    """Everything but the pairs: counts, scores of every axis, worst rows with all their reasons."""
    names = ("table", "predictions", "in_fit", "rows", "suspect", "speculative", "scored", "answered", "why_not", "scores", "worst")
    content: dict[str, Any] = {name: getattr(a, name) for name in names}
    return dumps("accuracy", {"of": "serving", "left_out": None, **content, "worst_families": worst_families(a, WORST_FAMILIES)}, UNITS)


def summary_json(stored: Mapping[str, Sequence[Score]]) -> str:
    """The stored errors by what was left out."""
    return dumps("accuracy", {"of": "serving", "left_out": dict(stored)}, UNITS)
