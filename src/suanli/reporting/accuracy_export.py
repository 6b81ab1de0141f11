"""How many export answers are right, as a document and as JSON."""

from __future__ import annotations

from pathlib import PurePath

from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.export import columns
from suanli.reporting.json_ import dumps, plain
from suanli.reporting.tongue import Tongue
from suanli.rules.accuracy import AXES, Count, ExportAccuracy

_ROWS_OF_AXIS = 12


def export_accuracy_report(a: ExportAccuracy, say: Tongue, *, public: bool = False) -> Report:
    """Headline; right answers by column, by layer, destination, vendor and how sure the source is; every miss with the rule that decided.
    ``public``: for a page that must not hold the table: misses by their case alone.
    """
    by = {axis: [each for each in a.counts if each.axis == axis] for axis in ("all", *AXES)}
    parts = [Headline(say("export.accuracy.headline", table=PurePath(a.table).name, whole=a.whole, cases=a.cases, columns=_columns(by["all"], say)))]
    blocks: list[Block] = []
    for axis in AXES:
        if len({each.name for each in by[axis]}) > 1:
            blocks += [Heading(say(f"export.accuracy.by_{axis}")), _table(by[axis], say)]
    misses = [
        Line(
            say(
                "export.accuracy.miss",
                case=each.case,
                chip=each.chip,
                destination=each.destination,
                on=each.on,
                column=f"@export.accuracy.column.{each.column}",
                expected="" if public else each.expected,
                answered=each.answered or say("export.unknown"),
                rule=each.bound_by or "-",
            ),
            "-",
        )
        for each in a.misses
    ]
    return report(
        parts,
        [Line(say("export.accuracy.unanswered", count=a.unanswered))],
        blocks,
        Heading(say("export.accuracy.misses")),
        misses or [Line(say("export.accuracy.no_miss"))],
        [Line(say("export.accuracy.from_file", file=PurePath(a.predictions).name))] if a.predictions else None,
        [Line(say("export.accuracy.reading"))],
    )


def _columns(counts: list[Count], say: Tongue) -> str:
    return say("reporting.joiner").join(
        say("export.accuracy.of", column=f"@export.accuracy.column.{each.column}", right=each.right, stated=each.stated) for each in counts
    )


def _table(counts: list[Count], say: Tongue) -> Table:
    groups: dict[str, dict[str, Count]] = {}
    for each in counts:
        groups.setdefault(each.name, {})[each.column] = each
    order = sorted(groups, key=lambda name: (-max(each.stated for each in groups[name].values()), name))
    rows = [
        (
            name or say("accuracy.not_stated"),
            *(f"{groups[name][column].right}/{groups[name][column].stated}" if column in groups[name] else "" for column in ("eccn", "licence", "review")),
        )
        for name in order[:_ROWS_OF_AXIS]
    ]
    return table(columns(say, group="text", eccn="number", licence="number", review="number"), rows)


def export_accuracy_json(a: ExportAccuracy) -> str:
    """The judged table for machines."""
    content = plain(a)
    return dumps("accuracy_export", content, {"right": "cases", "stated": "cases"})
