"""Many export answers as documents: over the years, over the catalogue, over destinations; and what a new design may be."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from suanli.hardware import Chip
from suanli.reporting.amounts import cell
from suanli.reporting.document import Block, Heading, Headline, Line, Report, report, table
from suanli.reporting.export import NOTHING, columns, eccn_of, licence_of, review_of, short_outcome
from suanli.reporting.tongue import Tongue
from suanli.rules import OUTCOMES, Fastest, Item, Screen, Stretch, Verdict
from suanli.rules.book import Country
from suanli.rules.item import metrics

#: bit lengths that a limit on TPP is told in as a rate
BITS = (16, 8)


def _end(say: Tongue) -> list[Block]:
    return [Line(say("reporting.not_legal_advice"))]


def timeline_report(item: Item, stretches: Sequence[Stretch], say: Tongue) -> Report:
    """A line a stretch of days with one answer: what it was, and which rules came and went."""
    rows = []
    for each in stretches:
        v = each.verdict
        came = [f"+{rule}" for rule in each.new] + [f"-{rule}" for rule in each.gone]
        others = [f"{say(f'rules.layer.{layer.layer}')}: {licence_of(layer.licence, say)}" for layer in v.layers[1:] if layer.licence not in NOTHING]
        rows.append(
            (
                each.since.isoformat(),
                each.until.isoformat(),
                short_outcome(v.outcome, v.licence, say),
                eccn_of(v.eccn, say),
                licence_of(v.licence, say),
                review_of(v.review, say),
                say("reporting.joiner").join(others),
                " ".join(came),
            )
        )
    last = stretches[-1]
    names = columns(say, since="id", until="id", outcome="text", eccn="text", licence="text", review="text", others="text", changed="text")
    destination = say.named(last.verdict.destination)
    return report(
        Headline(
            say(
                "export.timeline_headline",
                chip=item.name,
                destination=destination,
                changes=len(stretches) - 1,
                since=stretches[0].since.isoformat(),
                verdict=last.verdict.headline(say.language),
            )
        ),
        [table(names, rows)],
        Line(say("export.timeline_note")),
        _end(say),
    )


def all_report(chips: Sequence[Chip], items: Sequence[Item], found: Screen, destination: Country, on: str, say: Tongue, only: str = "") -> Report:
    """Every chip with its values and its answer, the freest first and inside that the fastest; ``only``: one outcome."""
    counts = Counter(OUTCOMES[code] for code in found.outcome)
    order = sorted(range(len(chips)), key=lambda row: (int(found.outcome[row]), -_or_zero(items[row].tpp)))
    rows = []
    for row in order:
        outcome = OUTCOMES[found.outcome[row]]
        if only and outcome != only:
            continue
        values = metrics(items[row])
        density = values["performance_density"]
        rows.append(
            (
                chips[row].id,
                cell(items[row].tpp, digits=5),
                "" if density is None else cell(float(density)),
                cell(items[row].memory_bandwidth, digits=4),
                cell(items[row].io_bandwidth, digits=4),
                eccn_of(str(found.eccn[row]), say),
                short_outcome(outcome, str(found.licence[row]), say),
                licence_of(str(found.licence[row]), say),
                review_of(str(found.review[row]), say),
            )
        )
    names = columns(say, chip="id", tpp="number", density="number", memory="number", io="number", eccn="text", outcome="text", licence="text", review="text")
    told = say("reporting.joiner").join(say("export.count_of", outcome=f"@rules.outcome_short.{each}", count=counts[each]) for each in OUTCOMES if counts[each])
    return report(
        Headline(say("export.all_headline", destination=say.named(destination), on=on, counts=told, chips=len(chips))),
        [table(names, rows)] if rows else [Line(say("export.none_such"))],
        Line(say("export.all_note")),
        _end(say),
    )


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value


def destinations_report(item: Item, verdicts: Sequence[Verdict], say: Tongue) -> Report:
    """One chip, many countries: the strictest first."""
    order = sorted(verdicts, key=lambda each: (-OUTCOMES.index(each.outcome), each.destination.code))
    rows = [
        (
            each.destination.code,
            say.named(each.destination),
            " ".join(sorted(each.destination.groups)),
            short_outcome(each.outcome, each.licence, say),
            licence_of(each.licence, say),
            review_of(each.review, say),
            " ".join(dict.fromkeys(one.rule for one in each.clauses)),
        )
        for each in order
    ]
    counts = Counter(each.outcome for each in verdicts)
    told = say("reporting.joiner").join(say("export.count_of", outcome=f"@rules.outcome_short.{each}", count=counts[each]) for each in OUTCOMES if counts[each])
    names = columns(say, code="id", country="text", groups="text", outcome="text", licence="text", review="text", rules="text")
    return report(
        Headline(say("export.destinations_headline", chip=item.name, eccn=eccn_of(verdicts[0].eccn, say), on=verdicts[0].as_of, counts=told)),
        [table(names, rows)],
        _end(say),
    )


def design_report(found: Fastest, destination: Country, on: str, goal: str, existing: Sequence[str], say: Tongue) -> Report:
    """The limits of compute by die area, the limits of bandwidth, and existing law behind them."""
    kind = say(f"export.kind.{'datacentre' if found.datacentre else 'other'}")
    rows = []
    for each in found.compute:
        limit = say("export.below", value=cell(each.below_to, digits=5)) if math.isfinite(each.below_to) else say("export.no_limit")
        if math.isfinite(each.density):
            limit = say("export.below_density", density=cell(each.density), low=cell(each.below_from, digits=5), high=cell(each.below_to, digits=5))
        rates = [cell(each.below_to / bits, digits=3) if math.isfinite(each.below_to) else "" for bits in BITS]
        area = say("export.area_from", start=cell(each.area_from)) if math.isinf(each.area_to) else f"{cell(each.area_from)} - {cell(each.area_to)}"
        rows.append((area, limit, *rates))
    corners = [say("export.corner", memory=_limit(each.memory_below, say), io=_limit(each.io_below, say)) for each in found.bandwidth]
    return report(
        Headline(say(f"export.design_headline_{goal}", kind=kind, destination=say.named(destination), on=on, limit=_top(found, say))),
        [Heading(say("export.design_compute")), table(columns(say, area="text", tpp_limit="text", peak_16="number", peak_8="number"), rows)],
        [Heading(say("export.design_bandwidth")), *(Line(each, "-") for each in corners)],
        [Heading(say("export.design_existing")), Line(", ".join(existing) if existing else say("export.none_such"))],
        Line(say("export.design_rules", rules=", ".join(found.rules))),
        Line(say("export.design_note")),
        _end(say),
    )


def _limit(value: float, say: Tongue) -> str:
    return say("export.no_limit") if math.isinf(value) else say("export.below_rate", value=cell(value))


def _top(found: Fastest, say: Tongue) -> str:
    best = max(each.below_to for each in found.compute)
    return say("export.no_limit") if math.isinf(best) else say("export.top", value=cell(best, digits=5), rate=cell(best / BITS[0]))
