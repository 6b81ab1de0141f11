"""What the rules do to a plan: why a chip is kept out, and what that costs."""

from __future__ import annotations

from suanli.planning import LeftOut, Plan
from suanli.reporting.amounts import cell, percent, span
from suanli.reporting.document import Block, Heading, Line, table
from suanli.reporting.export import NOTHING, columns, eccn_of, licence_of, review_of
from suanli.reporting.tongue import Tongue

#: chips that the law keeps out whose cost is shown
SHOWN_BARRED = 6


def because(left: LeftOut, say: Tongue) -> str:
    """The reasons of a chip; where the law is one, what it asks for and how it is reviewed."""
    law = left.law
    said = [licence_of(law.licence, say), review_of(law.review, say)] if law and law.licence not in NOTHING else []
    parts = [
        each
        for reason in left.reasons
        for each in (said if said and reason in ("licence", "prohibited", "not_free") else [say(f"performance.reasons.{reason}")])
    ]
    return say("reporting.joiner").join(filter(None, parts))


def rules_cost(plan: Plan, say: Tongue) -> list[Block]:
    """What the rules cost: the cheapest with them and without, and what the cheapest chips that need a licence would cost."""
    kept_out = [*plan.barred, *(option for option in plan.options if option.law.outcome != "allowed")]
    if plan.ask.ideal or not kept_out:
        return []
    lines: list[Block] = [Heading(say("reporting.plan.rules_cost"))]
    with_, without = plan.best_free or plan.best, plan.best_without_rules
    if plan.best_free is None:
        lines.append(Line(say("reporting.plan.rules_none_free")))
    elif without is with_:
        nearest = min(kept_out, key=lambda option: option.cost_per_hour.mid)
        gap = nearest.cost_per_hour.mid / with_.cost_per_hour.mid - 1
        lines.append(Line(say("reporting.plan.rules_free", chip=say.named(nearest.chip), percent=percent(gap))))
    else:
        gap = with_.cost_per_hour.mid / without.cost_per_hour.mid - 1
        apart = without.cost_per_million.high < with_.cost_per_million.low
        overlap = "@reporting.plan.rules_apart" if apart else "@reporting.plan.rules_overlap"
        lines.append(Line(say("reporting.plan.rules_dearer", free=say.named(with_.chip), percent=percent(gap), chip=say.named(without.chip), overlap=overlap)))
    shown = sorted(kept_out, key=lambda option: option.cost_per_hour.mid)[:SHOWN_BARRED]
    rows = [
        (
            option.chip.id,
            cell(option.chips.mid),
            cell(option.cost_per_million.mid * plan.currency_rate, digits=2),
            span(option.cost_per_million, 1 / plan.currency_rate),
            eccn_of(option.law.eccn, say),
            licence_of(option.law.licence, say),
            review_of(option.law.review, say),
        )
        for option in shown
    ]
    money = f"{plan.currency}/M"
    names = [
        (say("reporting.column.chip"), "id"),
        (say("reporting.column.chips"), "number"),
        (f"{money} {say('reporting.column.mid')}", "number"),
        (f"{money} {say('reporting.column.range')}", "number"),
        *columns(say, eccn="text", licence="text", review="text"),
    ]
    more = [Line(say("reporting.plan.rules_more", shown=len(shown), count=len(kept_out)))] if len(kept_out) > len(shown) else []
    return [*lines, table(names, rows), *more]  # type: ignore[arg-type]
