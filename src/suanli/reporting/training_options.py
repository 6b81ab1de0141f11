"""The chips and sizes of a training plan side by side, and those that cannot do it."""

from __future__ import annotations

from suanli.planning.run import DAY
from suanli.planning.training import TrainingPlan
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Block, Heading, Line, table
from suanli.reporting.tongue import Tongue
from suanli.reporting.training_layouts import GIGABYTE, layout_of

THOUSAND, MILLION = 1e3, 1e6


def side_by_side(plan: TrainingPlan, say: Tongue) -> list[Block]:
    """Every chip and size that runs: layout, step, days, cost, energy, in time or not."""
    if len(plan.options) < 2:
        return []
    rows = []
    for option in plan.options:
        assert option.band is not None
        rows.append(
            (
                option.chip.id,
                cell(option.chips),
                layout_of(option.configs, 0),
                cell(float(option.estimate.step_time[1, 0])),
                percent(float(option.estimate.mfu[1, 0])),
                cell(float(option.band.wall_time[1, 0]), DAY),
                cell(float(option.band.cost[1, 0]) * plan.currency_rate, MILLION) + ("*" if option.price_estimated else ""),
                cell(float(option.band.kilowatt_hours[1, 0]), THOUSAND),
                say(f"reporting.train.{'in_time' if option.finishes else 'too_late'}") if plan.ask.run.deadline else "",
            )
        )
    columns = [
        (say("reporting.column.chip"), "id"),
        (say("reporting.column.chips"), "number"),
        (say("reporting.column.layout_only"), "text"),
        (say("reporting.column.step_s"), "number"),
        ("MFU %", "number"),
        (say("reporting.column.days"), "number"),
        (f"M {plan.currency}", "number"),
        ("MWh", "number"),
        (say("reporting.column.in_time"), "text"),
    ]
    estimated = any(option.price_estimated for option in plan.options)
    return [
        Heading(say("reporting.train.which")),
        table(columns, rows),  # type: ignore[arg-type]
        *([Line(say("reporting.plan.estimated"))] if estimated else []),
    ]


def refused(plan: TrainingPlan, say: Tongue) -> list[Block]:
    """Chips and sizes that cannot do it, with what they lack."""
    if not plan.refused:
        return []
    rows = []
    for option in plan.refused:
        needs = cell(float(option.estimate.memory.total[0]), GIGABYTE) if option.row is not None else ""
        reasons = say("reporting.joiner").join(say(f"performance.reasons.{name}") for name in option.why_not)
        rows.append((option.chip.id, cell(option.chips), reasons, needs, cell(float(option.platforms.capacity[0]), GIGABYTE)))
    columns = [
        (say("reporting.column.chip"), "id"),
        (say("reporting.column.chips"), "number"),
        (say("reporting.column.reason"), "text"),
        (say("reporting.column.needs_gb"), "number"),
        (say("reporting.column.has_gb"), "number"),
    ]
    return [Heading(say("reporting.train.refused", count=len(plan.refused))), table(columns, rows)]  # type: ignore[arg-type]
