"""An export verdict as a document."""

from __future__ import annotations

import math

from suanli.hardware import Chip
from suanli.reporting.amounts import cell
from suanli.reporting.document import Block, Heading, Headline, Line, Report, report, table
from suanli.reporting.tongue import Tongue
from suanli.rules.verdict import Clause, Verdict


def export_report(chip: Chip, destination: str, verdict: Verdict, say: Tongue) -> Report:
    """Headline; answer of each layer; clauses with date, citation and address; what is missing; margins; notices."""
    return report(
        Headline(
            say(
                "reporting.export.headline",
                chip=say.named(chip),
                destination=destination,
                on=verdict.as_of,
                verdict=verdict.headline(say.language),
            )
        ),
        _layers(verdict, say),
        _clauses(verdict, say),
        _open(verdict, say),
        _margins(verdict, say),
        _notices(verdict, say),
        Line(say("reporting.export.as_of", date=verdict.as_of)),
        Line(say("reporting.not_legal_advice")),
    )


def _layers(verdict: Verdict, say: Tongue) -> list[Block]:
    rows = [
        (
            say(f"rules.layer.{each.layer}"),
            say(f"rules.outcome.{each.outcome}"),
            say(f"rules.licence.{each.licence}"),
            "" if each.review == "n/a" else say(f"rules.review.{each.review}"),
        )
        for each in verdict.layers
    ]
    return [table([(say(f"reporting.column.{name}"), "text") for name in ("layer", "outcome", "licence", "review")], rows)]


def _clauses(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.clauses:
        return [Heading(say("reporting.export.clauses")), Line(say("reporting.export.no_clause"))]
    return [Heading(say("reporting.export.clauses")), *(line for each in verdict.clauses for line in _clause(each, say))]


def _clause(clause: Clause, say: Tongue) -> list[Line]:
    effect = say(f"rules.effect.{clause.effect}")
    confidence = say(f"reporting.confidence.{clause.confidence}") if clause.confidence else ""
    details = say("reporting.joiner").join(filter(None, (clause.date if clause.rule else "", clause.citation, confidence)))
    sentence = clause.say(say.language)
    head = say("reporting.export.clause", rule=clause.rule, effect=effect, sentence=sentence) if clause.rule else sentence
    return [Line(head, "-"), *([Line(details, " ")] if details else []), *([Line(clause.url, " ")] if clause.url else [])]


def _open(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.missing and not verdict.branches:
        return []
    lines = [Line(say(f"rules.metric.{each}") if say.known(f"rules.metric.{each}") else each, "-") for each in verdict.missing]
    lines += [
        Line(
            say(
                "reporting.export.branch",
                eccn=each.eccn,
                outcome=f"@rules.outcome.{each.outcome}",
                licence=f"@rules.licence.{each.licence}",
                review=f"@rules.review.{each.review}",
            ),
            "-",
        )
        for each in verdict.branches
    ]
    return [Heading(say("reporting.export.open")), *lines]


def _margins(verdict: Verdict, say: Tongue) -> list[Block]:
    rows = [
        (
            say(f"rules.metric.{each.metric}"),
            cell(each.value, digits=5),
            f"{each.operator} {cell(each.threshold, digits=5)}",
            cell(each.ratio),
            each.rule,
        )
        for each in verdict.margins
        if not math.isnan(each.value)
    ]
    if not rows:
        return []
    names = (("figure", "text"), ("value", "number"), ("line", "number"), ("ratio", "number"), ("rule", "id"))
    return [Heading(say("reporting.export.margins")), table([(say(f"reporting.column.{name}"), kind) for name, kind in names], rows)]  # type: ignore[misc]


def _notices(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.notices:
        return []
    return [Heading(say("reporting.export.notices")), *(line for each in verdict.notices for line in _clause(each, say))]
