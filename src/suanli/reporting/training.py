"""A training plan as a document: headline, side by side, the step, its memory, the run, layouts, why, how sure, what was assumed, sources."""

from __future__ import annotations

import datetime
import math

import numpy as np
from numpy.typing import NDArray

from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import PARTS
from suanli.planning.run import DAY
from suanli.planning.training import Training, TrainingPlan
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Block, Heading, Headline, Line, Report, Table, report, table
from suanli.reporting.export import licence_of, review_of
from suanli.reporting.tongue import Tongue
from suanli.reporting.training_grounds import assumptions, how_sure, sources, why
from suanli.reporting.training_layouts import layout_of, recompute_of, searched, sharding_of, tokens_of
from suanli.reporting.training_options import refused, side_by_side
from suanli.units import factor, show

Floats = NDArray[np.float64]

BAR, SHARE_BAR = 60, 40
#: parts of the memory of a chip, each with the letter of its bar
MEMORY = {"weights": "█", "gradients": "▓", "optimizer": "▒", "activations": "▞", "other": "▚"}
FREE = "░"
THOUSAND, MILLION = 1e3, 1e6
#: kWh and kg from which on MWh and t are said
MANY = 10 * THOUSAND


def training_report(plan: TrainingPlan, say: Tongue, *, chain: Report | None = None) -> Report:
    """The whole plan, the best option in detail; ``chain`` is its replayed arithmetic."""
    best = plan.options[0]
    several = len(plan.options) + len(plan.refused) > 1
    return report(
        Headline(headline(plan, best, say)),
        _asked(plan, say),
        _ends(plan, best, say),
        _law(plan, say),
        side_by_side(plan, say),
        refused(plan, say),
        Heading(say("reporting.train.detail", chips=cell(best.chips), chip=say.named(best.chip))) if several else None,
        figures(best, say),
        where_time_goes(best, say),
        memory(best, say),
        run_table(plan, best, say),
        searched(best.found, say),
        chain,
        why(plan, say),
        how_sure(plan, say),
        assumptions(plan, say),
        sources(plan, say),
    )


def headline(plan: TrainingPlan, option: Training, say: Tongue) -> str:
    """Model, chips, layout and precision; the step with its interval; the run's days and cost with theirs."""
    e, band = option.estimate, option.band
    assert band is not None
    unit, scale = unit_of_time(float(band.wall_time[1, 0]))
    cost = band.cost[:, 0] * plan.currency_rate
    prefix, thousand = unit_of_money(float(cost[1]))
    paid = say("reporting.train.paid", cost=cell(float(cost[1]), thousand), span=_span(cost, thousand), currency=f"{prefix}{plan.currency}")
    return say(
        "reporting.train.headline",
        model=say.named(plan.ask.model),
        chips=cell(option.chips),
        chip=say.placed(option.chip, option.system),
        precision=SCHEMES[plan.ask.scheme],
        layout=full_layout(option, say),
        step=show(float(e.step_time[1, 0]), "second"),
        span=_span(e.step_time[:, 0], _scale_of_step(float(e.step_time[1, 0]))),
        rate=cell(float(e.tokens_rate_per_chip[1, 0])),
        mfu=percent(float(e.mfu[1, 0]), 3),
        time=cell(float(band.wall_time[1, 0]), scale),
        unit=f"@reporting.time.{unit}",
        time_span=_span(band.wall_time[:, 0], scale),
        paid=paid if math.isfinite(float(cost[1])) else say("reporting.train.unpaid"),
    )


def full_layout(option: Training, say: Tongue) -> str:
    """The ways, micro-batch, sharding and recomputation of the layout in use."""
    c = option.configs
    return say(
        "reporting.train.layout",
        layout=layout_of(c, 0),
        micro=cell(float(c.micro_batch[0])),
        sharding=sharding_of(c, 0, say),
        recompute=recompute_of(c, 0, say),
    )


def unit_of_time(seconds: float) -> tuple[str, float]:
    """The unit a duration is said in, and its seconds.

    >>> unit_of_time(86400 * 3), unit_of_time(100)
    (('days', 86400.0), ('seconds', 1.0))
    """
    for name, unit in (("days", DAY), ("hours", factor("h", "second")), ("minutes", factor("min", "second"))):
        if seconds >= 2 * unit:
            return name, unit
    return "seconds", 1.0


def unit_of_money(amount: float) -> tuple[str, float]:
    """What stands before the currency of an amount, and its scale: millions from one million on."""
    return ("M ", MILLION) if amount >= MILLION else ("", 1.0)


def _scale_of_step(seconds: float) -> float:
    return 1.0 if seconds >= 1 else 1 / THOUSAND


def _span(values: Floats, scale: float = 1.0) -> str:
    """Low to high."""
    return f"{cell(float(np.min(values)), scale)}-{cell(float(np.max(values)), scale)}"


def _asked(plan: TrainingPlan, say: Tongue) -> Line:
    ask = plan.ask
    said = say("reporting.train.by", deadline=ask.run.deadline.isoformat()) if ask.run.deadline else ""
    return Line(
        say(
            "reporting.train.asked",
            tokens=tokens_of(ask.run.tokens),
            length=cell(ask.length),
            batch=cell(plan.options[0].global_batch),
            method=f"@reporting.train_method.{ask.method}",
            place=say.named(ask.run.place),
            on=ask.run.on.isoformat(),
            start=ask.run.start.isoformat(),
            by=said,
            acquire=f"@reporting.acquire.{ask.run.acquire}",
            mode="@reporting.train.ideal" if ask.ideal else "",
        )
    )


def _ends(plan: TrainingPlan, option: Training, say: Tongue) -> Line | None:
    """When the run ends, and whether that is in time over its whole interval."""
    ask = plan.ask.run
    assert option.band is not None
    low, mid, high = (ends_on(ask.start, float(each)) for each in option.band.wall_time[:, 0])
    if not (low and mid and high):
        return None
    verdict = ""
    if ask.deadline is not None:
        left = (ask.deadline - ask.start).days * DAY
        verdict = say(f"reporting.train.{'firm' if option.band.wall_time[2, 0] <= left else 'middle' if option.finishes else 'late'}")
    return Line(say("reporting.train.ends", mid=mid, low=low, high=high, verdict=verdict))


def _law(plan: TrainingPlan, say: Tongue) -> list[Line]:
    """What the export rules ask for, of the chips that are not free."""
    if plan.ask.ideal:
        return []
    chips = {option.chip.id: option.chip for option in (*plan.options, *plan.refused)}
    lines = []
    for name, law in plan.law.items():
        if law.outcome != "allowed" and name in chips:
            told = [say(f"rules.outcome.{law.outcome}"), licence_of(law.licence, say), review_of(law.review, say)]
            what = say("reporting.joiner").join(dict.fromkeys(filter(None, told)))
            run = plan.ask.run
            lines.append(Line(say("reporting.train.law", chip=say.named(chips[name]), place=say.named(run.place), on=run.on.isoformat(), what=what)))
    return lines


def ends_on(start: datetime.date, seconds: float) -> str:
    """The day on which so long a run ends; blank where it never does."""
    try:
        return (start + datetime.timedelta(days=int(seconds // DAY))).isoformat()
    except (OverflowError, ValueError):  # infinite, unknown, or beyond the calendar
        return ""


def figures(option: Training, say: Tongue) -> Table:
    """Step time, rate, arithmetic and MFU with low, mid and high, each figure's own."""
    e = option.estimate
    shown = (
        ("step_time", "s", e.step_time),
        ("tokens_rate_per_chip", "token/s", e.tokens_rate_per_chip),
        ("flop_rate_per_chip", "TFLOP/s", e.flop_rate_per_chip / 1e12),
        ("mfu", "%", e.mfu * 100),
    )
    rows = [(say(f"reporting.train_figure.{name}"), unit, *(cell(float(each)) for each in np.sort(values[:, 0]))) for name, unit, values in shown]
    return _three(rows, say)


def _three(rows: list[tuple[str, ...]], say: Tongue) -> Table:
    columns = [(say("reporting.column.figure"), "text"), (say("reporting.column.unit"), "text")]
    columns += [(say(f"reporting.column.{name}"), "number") for name in ("low", "mid", "high")]
    return table(columns, rows)  # type: ignore[arg-type]


def where_time_goes(option: Training, say: Tongue) -> list[Block]:
    """Seconds and share of each part of the step, those that take none left out."""
    parts = option.estimate.parts[:, 0]
    whole = float(parts.sum())
    rows = [
        (say(f"reporting.train_part.{name}"), cell(float(seconds)), percent(float(seconds) / whole), "█" * round(SHARE_BAR * float(seconds) / whole))
        for name, seconds in zip(PARTS, parts, strict=True)
        if seconds > 0
    ]
    rows.append((say("reporting.train_part.whole"), cell(whole), "100", ""))
    columns = [(say("reporting.column.part"), "text"), ("s", "number"), ("%", "number"), ("", "id")]
    return [Heading(say("reporting.train.where")), table(columns, rows), Line(say("reporting.train.hidden"))]  # type: ignore[arg-type]


def memory(option: Training, say: Tongue) -> list[Block]:
    """What the fullest chip holds, by part, as a bar of its capacity."""
    held, capacity = option.estimate.memory, float(option.platforms.capacity[0])
    sizes = {name: float(getattr(held, name)[0]) for name in MEMORY}
    ends = np.rint(BAR * np.cumsum([0.0, *sizes.values()]) / capacity).astype(int).clip(0, BAR)
    bar = "".join(letter * int(after - before) for letter, before, after in zip(MEMORY.values(), ends, ends[1:], strict=False))
    shown = [f"{MEMORY[name]} {say(f'reporting.train_memory.{name}')} {show(size, 'byte')}" for name, size in sizes.items()]
    shown.append(f"{FREE} {say('reporting.train_memory.free')} {show(max(capacity - sum(sizes.values()), 0.0), 'byte')}")
    return [
        Heading(say("reporting.train.memory", capacity=show(capacity, "byte"), total=show(sum(sizes.values()), "byte"))),
        Line(bar + FREE * (BAR - len(bar))),
        *(Line("   ".join(shown[half : half + 3])) for half in (0, 3)),
    ]


def run_table(plan: TrainingPlan, option: Training, say: Tongue) -> list[Block]:
    """The run from steps to carbon; low and high where there is a band."""
    run, band = option.run, option.band
    assert run is not None
    assert band is not None
    unit, scale = unit_of_time(float(run.wall_time[0, 0]))
    word = say(f"reporting.time.{unit}")
    cost = band.cost[:, 0] * plan.currency_rate
    prefix, thousand = unit_of_money(float(cost[1]))
    energy = ("MWh", THOUSAND) if band.kilowatt_hours[1, 0] >= MANY else ("kWh", 1.0)
    carbon = ("t CO2", THOUSAND) if band.carbon[1, 0] >= MANY else ("kg CO2", 1.0)

    def one(name: str, measure: str, value: Floats, by: float = 1.0) -> tuple[str, ...]:
        return say(f"reporting.train_run.{name}"), measure, "", cell(float(value[0, 0]), by), ""

    def three(name: str, measure: str, values: Floats, by: float = 1.0) -> tuple[str, ...]:
        return say(f"reporting.train_run.{name}"), measure, *(cell(float(each), by) for each in values)

    unit_mtbf, scale_mtbf = unit_of_time(float(run.mtbf[0, 0]))
    unit_saved, scale_saved = unit_of_time(float(run.interval[0, 0]))
    rows = [
        one("steps", "", run.steps),
        one("productive", word, run.productive_time, scale),
        one("evaluation", word, run.evaluation_time, scale),
        one("checkpoints", word, run.checkpoint_time, scale),
        one("lost", word, run.lost_time, scale),
        one("startup", word, run.startup_time, scale),
        three("wall_time", word, band.wall_time[:, 0], scale),
        one("failures", "", run.failures),
        one("mtbf", say(f"reporting.time.{unit_mtbf}"), run.mtbf, scale_mtbf),
        one("interval", say(f"reporting.time.{unit_saved}"), run.interval, scale_saved),
        one("goodput", "%", run.goodput, 0.01),
        one("chip_hours", "h", run.chip_hours),
        three("cost", f"{prefix}{plan.currency}", cost, thousand),
        three("energy", energy[0], band.kilowatt_hours[:, 0], energy[1]),
        three("carbon", carbon[0], band.carbon[:, 0], carbon[1]),
    ]
    return [Heading(say("reporting.train.run")), _three(rows, say)]
