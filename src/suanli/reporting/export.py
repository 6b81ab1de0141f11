"""An export verdict as a document."""

from __future__ import annotations

import math

from suanli.reporting.amounts import cell
from suanli.reporting.document import Block, Heading, Headline, Kind, Line, Report, report, table
from suanli.reporting.tongue import Tongue
from suanli.rules import Clause, Item, Margin, Verdict
from suanli.rules.item import metrics

#: a ratio from which "times" reads better than "percent over"
TIMES = 2
#: labels that ask for nothing
NOTHING = ("NOT_REQUIRED", "NO_TARIFF_BAND", "n/a")
#: what is told of an item, in this order
TOLD = ("total_processing_performance", "performance_density", "memory_bandwidth", "io_bandwidth", "memory_bandwidth_density", "transistors", "process")


def export_report(item: Item, verdict: Verdict, say: Tongue, given: tuple[str, ...] = (), like: str = "") -> Report:
    """Headline; answer of each layer; what was counted; how far from each line; clauses with date, citation and address; what is missing; what
    is written but no law; notices. ``given``: the user's own parameters; the others are those of the chip called ``like`` (blank: there are none).
    """
    return report(
        Headline(say("export.headline", chip=item.name, destination=say.named(verdict.destination), on=verdict.as_of, verdict=verdict.headline(say.language))),
        [Line(say("export.assembly", eccn=verdict.assembly))] if verdict.assembly else None,
        _layers(verdict, say),
        _counted(item, say, given, like),
        _margins(verdict, say),
        _clauses(verdict, say),
        _open(verdict, say),
        _hypotheses(verdict, say),
        _notices(verdict, say),
        Line(say("export.as_of", date=verdict.as_of)),
        Line(say("reporting.not_legal_advice")),
    )


def _layers(verdict: Verdict, say: Tongue) -> list[Block]:
    """The first layer and those that ask for something; the others in a line."""
    asking = [each for place, each in enumerate(verdict.layers) if place == 0 or each.licence not in NOTHING]
    rows = [
        (say(f"rules.layer.{each.layer}"), say(f"rules.outcome.{each.outcome}"), licence_of(each.licence, say), review_of(each.review, say)) for each in asking
    ]
    silent = [f"@rules.layer.{each.layer}" for each in verdict.layers if each not in asking]
    return [
        table(columns(say, layer="text", outcome="text", licence="text", review="text"), rows),
        *([Line(say("export.silent", layers=tuple(silent)))] if silent else []),
    ]


def columns(say: Tongue, **kinds: Kind) -> list[tuple[str, Kind]]:
    """Columns by the names of their titles."""
    return [(say(f"export.column.{name}"), kind) for name, kind in kinds.items()]


def licence_of(label: str, say: Tongue) -> str:
    """A licence label in words."""
    return say(f"rules.licence.{label}")


def short_outcome(outcome: str, label: str, say: Tongue) -> str:
    """The answer in a word or two; a free chip of which the law still says something is "free, but"."""
    return say("rules.outcome_short.but" if outcome == "allowed" and label not in NOTHING else f"rules.outcome_short.{outcome}")


def review_of(policy: str, say: Tongue) -> str:
    """A review policy in words; blank where none applies."""
    return "" if policy in ("n/a", "not_applicable") else say(f"rules.review.{policy}")


def eccn_of(code: str, say: Tongue) -> str:
    """A control-list entry; in words where there is none."""
    return say(f"rules.eccn.{code}") if say.known(f"rules.eccn.{code}") else code


def _counted(item: Item, say: Tongue, given: tuple[str, ...], like: str) -> list[Block]:
    """The values that the rules looked at, unknown ones named as such."""
    values = metrics(item)
    told = [(name, values[name]) for name in TOLD if values[name] is not None or name in TOLD[:4]]
    parts = [
        say("export.counted", figure=f"@rules.metric.{name}", value=say("export.unknown") if value is None else cell(float(value), digits=5))
        for name, value in told
    ]
    centre = "unknown" if item.datacentre is None else "yes" if item.datacentre else "no"
    parts.append(say("export.counted", figure="@rules.metric.datacentre", value=f"@export.answer.{centre}"))
    lines: list[Block] = [Line(say("export.counts", what=say("reporting.joiner").join(parts)))]
    if given:
        lines.append(Line(say("export.given_on" if like else "export.given", names=", ".join(given), **({"chip": like} if like else {}))))
    return lines


def _clauses(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.clauses:
        return [Heading(say("export.clauses")), Line(say("export.no_clause"))]
    return [Heading(say("export.clauses")), *(line for each in verdict.clauses for line in clause_lines(each, say))]


def clause_lines(clause: Clause, say: Tongue) -> list[Line]:
    """A clause: the sentence, then since when, by which section and document, how sure, what kind of rule, when last checked; the address."""
    effect = say(f"rules.effect.{clause.effect}")
    sentence = clause.say(say.language)
    if not clause.rule:
        return [Line(sentence, "-")]
    details = (
        clause.title.get(say.language, ""),
        say("export.since", date=clause.date),
        clause.clause,
        clause.citation,
        say(f"export.binding.{clause.binding}") if clause.binding else "",
        say(f"reporting.confidence.{clause.confidence}") if clause.confidence else "",
        say("export.checked", date=clause.still_valid_on) if clause.still_valid_on else "",
    )
    head = say("export.clause", rule=clause.rule, effect=effect, sentence=sentence)
    return [Line(head, "-"), Line(say("reporting.joiner").join(filter(None, details)), " "), *([Line(clause.url, " ")] if clause.url else [])]


def _open(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.missing and not verdict.branches:
        return []
    lines = [Line(say(f"rules.metric.{each}"), "-") for each in verdict.missing]
    lines += [
        Line(
            say(
                "export.branch",
                eccn=eccn_of(each.eccn, say),
                outcome=f"@rules.outcome.{each.outcome}",
                licence=f"@rules.licence.{each.licence}",
                review=f"@rules.review.{each.review}",
            ),
            "-",
        )
        for each in verdict.branches
    ]
    return [Heading(say("export.open")), *lines]


def margin_of(margin: Margin, say: Tongue) -> str:
    """How far a value is from a line.

    >>> from suanli.reporting.tongue import Tongue
    >>> margin_of(Margin("process", 2400.0, ">=", 2368.0, 2368 / 2400, "X"), Tongue("en"))
    '1.3 % under'
    """
    ratio = margin.ratio
    if ratio == 1:
        return say("export.margin.on")
    if ratio >= TIMES:
        return say("export.margin.times", times=cell(ratio, digits=2))
    return say("export.margin.over" if ratio > 1 else "export.margin.under", percent=cell(abs(ratio - 1), 0.01, 2))


def _margins(verdict: Verdict, say: Tongue) -> list[Block]:
    known = [each for each in verdict.margins if math.isfinite(each.ratio)]
    if not known:
        return []
    rows = [
        (say(f"rules.metric.{each.metric}"), cell(each.value, digits=5), f"{each.operator} {cell(each.threshold, digits=5)}", margin_of(each, say), each.rule)
        for each in sorted(known, key=lambda each: abs(math.log(each.ratio)) if each.ratio > 0 else math.inf)
    ]
    return [Heading(say("export.margins")), table(columns(say, figure="text", value="number", line="number", distance="number", rule="id"), rows)]


def _hypotheses(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.hypotheses:
        return []
    lines: list[Block] = [Heading(say("export.hypotheses")), Line(say("export.hypotheses_note"))]
    for each in verdict.hypotheses:
        lines += clause_lines(each.clause, say)
        if not each.outcome:
            continue
        review = review_of(each.review, say)
        key = "export.supposed_review" if review else "export.supposed"
        lines.append(Line(say(key, outcome=f"@rules.outcome.{each.outcome}", licence=f"@rules.licence.{each.licence}", review=review), " "))
    return lines


def _notices(verdict: Verdict, say: Tongue) -> list[Block]:
    if not verdict.notices:
        return []
    return [Heading(say("export.notices")), *(line for each in verdict.notices for line in clause_lines(each, say))]
