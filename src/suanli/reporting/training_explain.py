"""The arithmetic behind the best option of a training plan: from the batch to the step, the run, its cost and energy; then every operator."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from suanli.performance.precision import SCHEMES
from suanli.performance.training.configs import PARTS
from suanli.planning.training import Training, TrainingPlan
from suanli.reporting.amounts import cell, percent
from suanli.reporting.document import Heading, Line, Report, Table, report, table
from suanli.reporting.tongue import Tongue
from suanli.reporting.training_layouts import layout_of, tokens_of
from suanli.units import factor, show

DAY, HOUR, MILLI = factor("day", "second"), factor("h", "second"), 1e-3


def chain_report(plan: TrainingPlan, say: Tongue) -> Report:
    """Numbered lines that lead to the step and the run, then the operators of one micro-batch."""
    option = plan.options[0]
    lines = [*_step(plan, option, say), *_run(plan, option, say)]
    return report(
        Heading(say("reporting.train_explain.heading", chip=option.chip.id, chips=cell(option.chips), layout=layout_of(option.configs, 0))),
        [Line(text, f"{number:>2}.") for number, text in enumerate(lines, 1)],
        Heading(say("reporting.train_explain.ops", micro=cell(float(option.configs.micro_batch[0])))),
        ops_table(option, say),
    )


def operators(option: Training) -> tuple[float, float]:
    """Seconds of all operators of one micro-batch, forward and backward."""
    return tuple(sum(float(np.ravel(getattr(line, name))[0]) for line in option.lines) for name in ("forward", "backward"))  # type: ignore[return-value]


def _step(plan: TrainingPlan, option: Training, say: Tongue) -> Iterator[str]:
    c, e, run = option.configs, option.estimate, option.run
    assert run is not None
    step, tokens, chips = float(e.step_time[1, 0]), float(c.tokens[0]), float(option.chips)
    pp, count = float(c.pp[0]), float(c.micro_batches[0])
    batch = {"batch": cell(float(c.global_batch[0])), "length": cell(float(c.length[0])), "tokens": cell(tokens)}
    yield say("reporting.train_explain.tokens", **batch, all=tokens_of(plan.ask.run.tokens, 4), steps=cell(float(run.steps[0, 0])))
    yield say(
        "reporting.train_explain.micro",
        batch=cell(float(c.global_batch[0])),
        dp=cell(float(c.dp[0])),
        micro=cell(float(c.micro_batch[0])),
        count=cell(count),
        pp=cell(pp),
    )
    rate, mfu = float(e.flop_rate_per_chip[1, 0]), float(e.mfu[1, 0])
    peak = {"peak": show(rate / mfu, "flop/s", 4), "precision": SCHEMES[plan.ask.scheme]}
    yield say("reporting.train_explain.floor", flop=show(rate * chips * step, "flop", 4), chips=cell(chips), **peak, floor=show(step * mfu, "second", 4))
    forward, backward = operators(option)
    work = (forward + backward) * count / pp
    compute = float(e.parts[PARTS.index("compute"), 0])
    both = {"forward": cell(forward, MILLI, 4), "backward": cell(backward, MILLI, 4)}
    yield say("reporting.train_explain.operators", **both, count=cell(count), pp=cell(pp), work=show(work, "second", 4))
    yield say("reporting.train_explain.compute", factor=cell(compute / work), work=show(work, "second", 4), compute=show(compute, "second", 4))
    if option.measured != 1:
        yield say("reporting.train_explain.measured", factor=cell(option.measured, digits=3))
    terms = [f"{say(f'reporting.train_term.{name}')} {cell(float(value), digits=4)}" for name, value in zip(PARTS, e.parts[:, 0], strict=True) if value > 0]
    yield say("reporting.train_explain.sum", terms=" + ".join(terms), step=cell(step, digits=4))
    yield say(
        "reporting.train_explain.rate",
        tokens=cell(tokens),
        chips=cell(chips),
        step=cell(step, digits=4),
        rate=cell(float(e.tokens_rate_per_chip[1, 0]), digits=4),
        floor=show(step * mfu, "second", 4),
        mfu=percent(mfu, 3),
    )


def _run(plan: TrainingPlan, option: Training, say: Tongue) -> Iterator[str]:
    run, ask = option.run, plan.ask.run
    assert run is not None
    value = {name: float(getattr(run, name)[0, 0]) for name in run.__dataclass_fields__}
    days = {name: cell(value[name], DAY, 4) for name in ("productive_time", "evaluation_time", "checkpoint_time", "lost_time", "startup_time", "wall_time")}
    yield say("reporting.train_explain.run", steps=cell(value["steps"]), step=cell(float(option.estimate.step_time[1, 0]), digits=4), **days)
    yield say(
        "reporting.train_explain.failures",
        chips=cell(option.chips),
        each=cell(1 / ask.assumptions["failure_rate"].value, factor("year", "second")),
        mtbf=cell(value["mtbf"], HOUR),
        interval=cell(value["interval"], factor("min", "second")),
        failures=cell(value["failures"]),
    )
    cost, hours = value["cost"] * plan.currency_rate, value["chip_hours"]
    yield say(
        "reporting.train_explain.cost",
        hours=cell(hours, digits=4),
        each=cell(cost / hours, digits=4),
        currency=plan.currency,
        acquire=f"@reporting.acquire.{ask.acquire}",
        cost=cell(cost, digits=4),
    )
    share = ask.assumptions["power_share"].value
    yield say(
        "reporting.train_explain.energy",
        power=show(float(option.estimate.power[0]), "watt"),
        share=cell(share),
        pue=cell(ask.place.pue),
        hours=cell(value["wall_time"], HOUR, 4),
        energy=cell(value["kilowatt_hours"], 1e3, 4),
        grams=cell(ask.place.carbon),
        carbon=cell(value["carbon"], 1e3, 4),
    )


def ops_table(option: Training, say: Tongue) -> Table:
    """One row an operator: how often, forward and backward time of all its applications to one micro-batch, share of both."""
    total = sum(operators(option))
    rows = []
    for line in option.lines:
        forward, backward = (float(np.ravel(each)[0]) for each in (line.forward, line.backward))
        shares = percent((forward + backward) / total) if total else ""
        rows.append((line.name, cell(line.count), cell(forward, MILLI), cell(backward, MILLI), shares))
    columns = [
        (say("reporting.column.op"), "id"),
        (say("reporting.column.times"), "number"),
        (say("reporting.column.forward_ms"), "number"),
        (say("reporting.column.backward_ms"), "number"),
        ("%", "number"),
    ]
    return table(columns, rows)  # type: ignore[arg-type]
